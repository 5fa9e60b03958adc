#include "host/abi/witx/types.h"

#include <string>

namespace wnn::abi {
namespace {

bool HasElementSize(int64_t n_elements, uint64_t data_bytes, uint64_t element_bytes) {
  return n_elements > 0 && data_bytes / element_bytes == static_cast<uint64_t>(n_elements) &&
         data_bytes % element_bytes == 0;
}

}  // namespace

Result<DType> DTypeFromTensorType(uint8_t tag, int64_t n_elements, uint64_t data_bytes) {
  switch (tag) {
    case 0: return DType::kFloat16;
    case 1: return DType::kFloat;
    case 2: return HasElementSize(n_elements, data_bytes, 1) ? DType::kUint8 : DType::kDouble;
    case 3: return HasElementSize(n_elements, data_bytes, 4) ? DType::kInt32 : DType::kUint8;
    case 4: return DType::kInt32;
    case 5: return DType::kInt64;
    default:
      return InvalidArgument("tensor type " + std::to_string(tag) +
                             " is unknown; 0 to 5 are f16, f32, f64, u8, i32, i64");
  }
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

Result<runtimes::Target> TargetFromWitx(uint32_t number) {
  switch (number) {
    case 0: return runtimes::Target::kCpu;
    case 1: return runtimes::Target::kGpu;
    case 2: return runtimes::Target::kTpu;
    default:
      return InvalidArgument("execution target " + std::to_string(number) +
                             " is unknown; cpu is 0, gpu 1, tpu 2");
  }
}

}  // namespace wnn::abi
