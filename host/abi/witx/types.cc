#include "host/abi/witx/types.h"

#include <array>
#include <string>

#include "host/nn/carried_type.h"

namespace wnn::abi {
namespace {

constexpr std::array kCurrent = {DType::kFloat16, DType::kFloat, DType::kDouble,
                                 DType::kUint8,   DType::kInt32, DType::kInt64};
constexpr std::array kOld = {DType::kFloat16, DType::kFloat, DType::kUint8, DType::kInt32};

bool Fits(DType dtype, const GivenTensor& tensor) {
  return DenseBytes(dtype, tensor.n_elements) == tensor.data_bytes;
}

Status UnknownType(WitxDialect dialect, uint8_t tag) {
  const char* known = dialect == WitxDialect::kOld
                          ? "0 to 3 are f16, f32, u8, i32 in the old numbering"
                          : "0 to 5 are f16, f32, f64, u8, i32, i64";
  return InvalidArgument("tensor type " + std::to_string(tag) + " is unknown; " + known);
}

}  // namespace

std::span<const DType> TensorTypes(WitxDialect dialect) {
  if (dialect == WitxDialect::kOld) return kOld;
  return kCurrent;
}

Result<DType> DTypeFromTensorType(WitxDialect dialect, const GivenTensor& tensor, DType declared) {
  const std::span<const DType> types = TensorTypes(dialect);
  if (tensor.tag >= types.size()) return UnknownType(dialect, tensor.tag);
  const DType dtype = nn::CarriedType(types[tensor.tag], declared, types);
  if (dialect != WitxDialect::kAuto || tensor.tag >= kOld.size()) return dtype;
  const DType old = nn::CarriedType(kOld[tensor.tag], declared, types);
  if (tensor.n_elements == 0) return old == declared ? old : dtype;
  return !Fits(dtype, tensor) && Fits(old, tensor) ? old : dtype;
}

Result<nn::Encoding> EncodingFromWitx(uint32_t number) {
  switch (number) {
    case 0: return nn::Encoding::kOpenvino;
    case 1: return nn::Encoding::kOnnx;
    case 2: return nn::Encoding::kTensorflow;
    case 3: return nn::Encoding::kPytorch;
    case 4: return nn::Encoding::kTensorflowLite;
    case 5:
    case 6: return nn::Encoding::kAutodetect;
    default:
      return InvalidEncoding("graph encoding " + std::to_string(number) +
                             " is unknown; ONNX is 1, autodetect is 5");
  }
}

Result<std::optional<runtimes::Target>> TargetFromWitx(uint32_t number) {
  using Target = std::optional<runtimes::Target>;
  switch (number) {
    case 0: return Target(runtimes::Target::kCpu);
    case 1: return Target(runtimes::Target::kGpu);
    case 2: return Target(runtimes::Target::kTpu);
    case 3: return Target();
    default:
      return InvalidArgument("execution target " + std::to_string(number) +
                             " is unknown; cpu is 0, gpu 1, tpu 2, auto 3");
  }
}

}  // namespace wnn::abi
