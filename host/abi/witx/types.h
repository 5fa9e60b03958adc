// witx's enumerations, as numbers that a guest may get wrong, and what they mean here.
#pragma once

#include <cstdint>

#include "engine/base/status.h"
#include "engine/tensor/dtype.h"
#include "host/nn/environment.h"
#include "host/runtimes/runtime.h"

namespace wnn::abi {

// The element type that `tag` names. Two numberings are in the field: today's (f16 0, f32 1, f64 2,
// u8 3, i32 4, i64 5) and the one before August 2023 (f16 0, f32 1, u8 2, i32 3). They differ for 2
// and 3 only, and there the bytes per element, `data_bytes` / `n_elements`, tell which is meant;
// today's reading wins when neither fits. kInvalidArgument for an unknown tag.
Result<DType> DTypeFromTensorType(uint8_t tag, int64_t n_elements, uint64_t data_bytes);

// 5 and 6 both mean autodetect: 5 in the witx text, 6 in hosts that follow the WIT's order (whose
// 5, ggml, no ONNX host loads). kInvalidEncoding for an unknown number.
Result<nn::Encoding> EncodingFromWitx(uint32_t number);

// kInvalidArgument for an unknown number.
Result<runtimes::Target> TargetFromWitx(uint32_t number);

}  // namespace wnn::abi
