#include "host/nn/carried_type.h"

#include <algorithm>

namespace wnn::nn {

DType CarriedType(DType given, DType declared, std::span<const DType> nameable) {
  if (given != DType::kUint8 || declared == DType::kUndefined) return given;
  return std::ranges::find(nameable, declared) == nameable.end() ? declared : given;
}

}  // namespace wnn::nn
