// Of operators on reals that compute in single precision: float32 and the 16-bit floats.
#pragma once

#include "engine/ops/op_context.h"

namespace wnn::ops {

inline constexpr TypeSet kRealSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};

// Every input is of one type of kRealSet.
inline Status RequireReal(const OpContext& context) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  }
  return OkStatus();
}

}  // namespace wnn::ops
