#include "host/abi/wit/types.h"

#include <algorithm>
#include <array>

#include "host/nn/carried_type.h"

namespace wnn::abi {
namespace {

constexpr std::array kTensorTypes = {DType::kFloat16,  DType::kFloat, DType::kDouble,
                                     DType::kBfloat16, DType::kUint8, DType::kInt32,
                                     DType::kInt64};
constexpr uint8_t kU8 = 4;
static_assert(kTensorTypes[kU8] == DType::kUint8);

constexpr std::array kEncodings = {
    nn::Encoding::kOpenvino,   nn::Encoding::kOnnx,           nn::Encoding::kTensorflow,
    nn::Encoding::kPytorch,    nn::Encoding::kTensorflowLite, nn::Encoding::kGgml,
    nn::Encoding::kAutodetect,
};

constexpr std::array kTargets = {runtimes::Target::kCpu, runtimes::Target::kGpu,
                                 runtimes::Target::kTpu};

}  // namespace

DType DTypeFromWit(uint8_t number) { return kTensorTypes[number]; }

std::span<const DType> WitTensorTypes() { return kTensorTypes; }

uint8_t WitFromDType(DType dtype) {
  const auto found = std::ranges::find(kTensorTypes, dtype);
  return found == kTensorTypes.end() ? kU8 : static_cast<uint8_t>(found - kTensorTypes.begin());
}

nn::Encoding EncodingFromWit(uint8_t number) { return kEncodings[number]; }

runtimes::Target TargetFromWit(uint8_t number) { return kTargets[number]; }

}  // namespace wnn::abi
