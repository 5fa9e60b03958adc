// How ONNX Runtime's attention operators say which keys take part: `mask_index`,
// `key_padding_mask`.
#pragma once

#include <cstdint>

#include "engine/kernels/attention.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// What is added to the scores: a bias, and a large negative number (the attribute
// 'mask_filter_value', -10000 unless given) for each key that an int32 input says takes no part, as
// ONNX Runtime does. So a query all of whose keys are masked attends them all. That input is of one
// of these shapes, of B batches, S queries and T keys, past ones too.
class ScoreMask {
 public:
  // Where there is none, or it is [B, 1] or [1, 1], nothing is masked.
  // kUnsupportedOperation for a mask of another shape; kInvalidArgument for a bias that does not
  // broadcast.
  static Result<ScoreMask> Read(const CompileContext& context, size_t mask_input, size_t bias_input,
                                const kernels::AttentionShape& shape);
  uint64_t ScratchBytes(const kernels::AttentionShape& shape) const;
  // Sets the bias of `args`, whose shape is settled, from the two inputs, by way of `memory`.
  void Apply(const int32_t* mask, const float* bias, std::byte* memory,
             kernels::AttentionArgs& args) const;

 private:
  enum class Form {
    kNone,
    kLengths,  // [B] or [3 B + 2]: keys of each batch that are no padding; what follows is not read
    kEnds,     // [2 B]: where each batch's keys end, then where they begin
    kKeys,     // [B, T]: at most 0 for a key that takes no part
    kRows,     // [B, S, T]: the same for each query
    kSquare,   // [B, 1, M, M]: the same for each position of a query and of a key
  };
  bool IsIn(const int32_t* mask, const kernels::AttentionShape& shape, int64_t batch, int64_t row,
            int64_t key) const;
  int64_t Heads(const kernels::AttentionShape& shape) const {
    return bias_strides_.head_stride != 0 ? shape.q_heads : 1;
  }
  int64_t Rows(const kernels::AttentionShape& shape) const {
    return has_bias_ || form_ == Form::kRows || form_ == Form::kSquare ? shape.q_len : 1;
  }

  Form form_ = Form::kNone;
  int64_t side_ = 0;  // kSquare: M
  float filter_ = 0;
  bool has_bias_ = false;
  kernels::HeadsOf<const float> bias_strides_;
};

// The strides of input `input`, which is added to the scores: [1 or B, 1 or heads, S, T], left out
// or not. kInvalidArgument if it does not broadcast.
Result<kernels::HeadsOf<const float>> ReadScoreBias(const CompileContext& context, size_t input,
                                                    const kernels::AttentionShape& shape);

}  // namespace wnn::ops
