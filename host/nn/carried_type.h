// Tensors of the element types that an ABI has no name for: bool, int8, uint16, ...
#pragma once

#include <span>

#include "engine/tensor/dtype.h"

namespace wnn::nn {

// Such a tensor crosses every ABI as u8: with its own dimensions and, as data, the bytes of its
// elements, little endian and as dense as in ONNX. Nothing is converted and nothing is lost.
//
// The type of a tensor that a guest calls `given`, for an input that the model declares as
// `declared`: `declared` where `given` is u8 and the ABI can name only `nameable`, without it;
// otherwise `given`.
DType CarriedType(DType given, DType declared, std::span<const DType> nameable);

}  // namespace wnn::nn
