// What the operators on 8-bit integers share: their types, scales and zero points.
#pragma once

#include <cstdint>

#include "engine/ops/op_context.h"

namespace wnn::ops {

// The domain of ONNX Runtime's own operators.
inline constexpr std::string_view kMicrosoftDomain = "com.microsoft";

inline constexpr TypeSet kByteSet = {DType::kInt8, DType::kUint8};

// kInvalidArgument unless input i, if present and known, has one element or as many as `many`.
Status RequireCount(const OpContext& context, size_t i, const Dim& many);

// Element i of an 8-bit input; 0 if it is left out.
inline int32_t ZeroPointAt(const RunArgs& run, size_t input, int64_t i, bool is_signed) {
  if (input >= run.inputs.size() || run.inputs[input] == nullptr) return 0;
  return is_signed ? int32_t{run.in<int8_t>(input)[i]} : int32_t{run.in<uint8_t>(input)[i]};
}

}  // namespace wnn::ops
