// How ONNX Runtime's attention operators say which keys take part: `mask_index`,
// `key_padding_mask`.
#pragma once

#include <cstdint>

#include "engine/kernels/attention.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// An int32 input of one of these shapes, of B batches, S queries and T keys, past ones too.
struct KeyMask {
  enum class Form {
    kNone,
    kLengths,  // [B]: keys of each batch that are no padding
    kEnds,     // [2 B]: where each batch's keys end, then where they begin
    kKeys,     // [B, T]: 0 for a key that takes no part
    kRows,     // [B, S, T]: the same for each query
    kSquare,   // [B, 1, M, M]: the same for each position of a query and of a key
  };
  Form form = Form::kNone;
  int64_t side = 0;  // kSquare: M

  // kUnsupportedOperation for other shapes.
  static Result<KeyMask> Read(const CompileContext& context, size_t input,
                              const kernels::AttentionShape& shape);
  uint64_t ScratchBytes(const kernels::AttentionShape& shape) const;
  // Sets lengths or mask of `args`, whose shape is settled, from the input, by way of `memory`.
  void Apply(const int32_t* given, std::byte* memory, kernels::AttentionArgs& args) const;
};

// The strides of input `input`, which is added to the scores: [1 or B, 1 or heads, S, T], left out
// or not. kInvalidArgument if it does not broadcast.
Result<kernels::HeadsOf<const float>> ReadScoreBias(const CompileContext& context, size_t input,
                                                    const kernels::AttentionShape& shape);

}  // namespace wnn::ops
