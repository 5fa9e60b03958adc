// witx's enumerations, as numbers that a guest may get wrong, and what they mean here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "engine/base/status.h"
#include "engine/tensor/dtype.h"
#include "host/abi/witx/dialect.h"
#include "host/nn/environment.h"
#include "host/runtimes/runtime.h"

namespace wnn::abi {

// The types that guests can name, in the order of their numbers. Today's: f16, f32, f64, u8, i32,
// i64. The old ones: f16, f32, u8, i32.
std::span<const DType> TensorTypes(WitxDialect dialect);

struct GivenTensor {
  uint8_t tag;          // the number that the guest gives for the type
  int64_t n_elements;   // by its dimensions
  uint64_t data_bytes;  // that it has
};

// The element type of `tensor`, for an input that the model declares as `declared` (or kUndefined,
// which declares none). nn::CarriedType applies: u8 stands for types that have no number. Where the
// two numberings clash, on 2 and 3, kAuto takes the one that the data's length fits, today's first;
// without elements, the one that gives what the model declares, else today's. kInvalidArgument for
// an unknown number.
Result<DType> DTypeFromTensorType(WitxDialect dialect, const GivenTensor& tensor, DType declared);

// 5 and 6 both mean autodetect: 5 in the witx text, 6 in hosts that follow the WIT's order (whose
// 5, ggml, no ONNX host loads). kInvalidEncoding for an unknown number.
Result<nn::Encoding> EncodingFromWitx(uint32_t number);

// Nothing for 3, which newer bindings call auto. kInvalidArgument for an unknown number.
Result<std::optional<runtimes::Target>> TargetFromWitx(uint32_t number);

}  // namespace wnn::abi
