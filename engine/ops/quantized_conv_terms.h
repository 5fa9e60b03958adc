// What convolutions of 8-bit integers do to the sums of products of each output channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/aligned_buffer.h"
#include "engine/kernels/range.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// Where an operator has its inputs; kNone where it has none of the kind.
struct QuantizedConvInputs {
  static constexpr size_t kNone = SIZE_MAX;

  size_t x = 0, w = 0, bias = kNone;
  size_t x_scale = kNone, w_scale = kNone, y_scale = kNone;
  size_t x_zero = kNone, w_zero = kNone, y_zero = kNone;
};
inline constexpr QuantizedConvInputs kQLinearConvInputs = {.x = 0,
                                                           .w = 3,
                                                           .bias = 8,
                                                           .x_scale = 1,
                                                           .w_scale = 4,
                                                           .y_scale = 6,
                                                           .x_zero = 2,
                                                           .w_zero = 5,
                                                           .y_zero = 7};

// Terms by output channel, for sums of the input as unsigned bytes (+ 128 if it is signed) and of
// the weights as signed ones (- 128 if they are unsigned).
struct QuantizedConvTerms {
  const int32_t* add = nullptr;   // the bias, less the input's zero point times the weights' sum
  const int32_t* zero = nullptr;  // the weights' zero points; null if all are 0
  const float* scale = nullptr;   // null if the operator has no scales
};

// Makes the terms: once if all that they depend on is constant, in every run if not. Immutable and
// thread-safe.
class QuantizedConvTermMaker {
 public:
  // `weight_sums`: of each output channel's weights, as above; null if only runs know them. `at`
  // outlives the object. kTooLarge if there is no memory for the terms; kTimeout once
  // context.stop() is stopped.
  static Result<QuantizedConvTermMaker> Create(const CompileContext& context,
                                               const QuantizedConvInputs& at, int64_t channels,
                                               const int32_t* weight_sums);

  // That Make() needs; a multiple of a cache line.
  uint64_t ScratchBytes() const { return is_constant_ ? 0 : 3 * TermBytes(); }

  // `weight_sums` as in Create(), never null. The terms lie in this object or in `scratch`. All are
  // null once the run is stopped.
  QuantizedConvTerms Make(const RunArgs& run, const int32_t* weight_sums, std::byte* scratch) const;

 private:
  QuantizedConvTermMaker(const CompileContext& context, const QuantizedConvInputs& at,
                         int64_t channels);
  uint64_t TermBytes() const {
    return static_cast<uint64_t>(
        kernels::RoundUp(channels_ * int64_t{sizeof(int32_t)}, int64_t{kCacheLineBytes}));
  }
  QuantizedConvTerms Compute(const RunArgs& run, const int32_t* weight_sums,
                             std::byte* memory) const;

  const QuantizedConvInputs* at_;
  int64_t channels_;
  bool x_signed_, w_signed_, per_channel_scale_, per_channel_zero_;
  bool is_constant_ = false;
  AlignedBuffer memory_;  // of constant terms
  QuantizedConvTerms constant_;
};

}  // namespace wnn::ops
