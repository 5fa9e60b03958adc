#include "engine/ops/attention_mask.h"

#include "engine/ops/attention_parts.h"

namespace wnn::ops {

Result<KeyMask> KeyMask::Read(const CompileContext& context, size_t input,
                              const kernels::AttentionShape& s) {
  KeyMask mask;
  if (!context.HasInput(input)) return mask;
  const Shape shape = context.InputShape(input);
  const int64_t total = s.total_len();
  if (shape == Shape{s.batch}) {
    mask.form = Form::kLengths;
  } else if (shape == Shape{2 * s.batch}) {
    mask.form = Form::kEnds;
  } else if (shape == Shape{s.batch, total}) {
    mask.form = Form::kKeys;
  } else if (shape == Shape{s.batch, s.q_len, total}) {
    mask.form = Form::kRows;
  } else if (shape.size() == 4 && shape[0] == s.batch && shape[1] == 1 && shape[2] == shape[3] &&
             shape[2] >= total) {
    mask.form = Form::kSquare;
    mask.side = shape[2];
  } else {
    return Unsupported("a mask of shape " + ShapeToString(shape) + " for " +
                       std::to_string(s.q_len) + " queries and " + std::to_string(total) + " keys");
  }
  return mask;
}

uint64_t KeyMask::ScratchBytes(const kernels::AttentionShape& s) const {
  switch (form) {
    case Form::kNone: return 0;
    case Form::kLengths: return ScratchPieces::Bytes<int64_t>(s.batch);
    case Form::kEnds:
    case Form::kKeys: return ScratchPieces::Bytes<uint8_t>(s.batch * s.total_len());
    case Form::kRows:
    case Form::kSquare: return ScratchPieces::Bytes<uint8_t>(s.batch * s.q_len * s.total_len());
  }
  return 0;
}

void KeyMask::Apply(const int32_t* given, std::byte* memory, kernels::AttentionArgs& args) const {
  if (form == Form::kNone || given == nullptr) return;
  const kernels::AttentionShape& s = args.shape;
  const int64_t total = s.total_len();
  if (form == Form::kLengths) {
    auto* lengths = reinterpret_cast<int64_t*>(memory);
    for (int64_t b = 0; b < s.batch; ++b) lengths[b] = given[b];
    args.lengths = lengths;
    return;
  }
  auto* bytes = reinterpret_cast<uint8_t*>(memory);
  args.mask_len = total;
  const bool by_row = form == Form::kRows || form == Form::kSquare;
  args.mask = {bytes, by_row ? s.q_len * total : total, 0, by_row ? total : 0};
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t i = 0; i < (by_row ? s.q_len : 1); ++i) {
      for (int64_t j = 0; j < total; ++j) {
        bool in = false;
        switch (form) {
          case Form::kEnds: in = j < given[b] && j >= given[s.batch + b]; break;
          case Form::kKeys: in = given[b * total + j] != 0; break;
          case Form::kRows: in = given[(b * s.q_len + i) * total + j] != 0; break;
          case Form::kSquare: in = given[(b * side + s.past_len + i) * side + j] != 0; break;
          default: break;
        }
        *bytes++ = in ? 1 : 0;
      }
    }
  }
}

Result<kernels::HeadsOf<const float>> ReadScoreBias(const CompileContext& context, size_t input,
                                                    const kernels::AttentionShape& s) {
  kernels::HeadsOf<const float> strides;
  if (!context.HasInput(input)) return strides;
  const Shape bias = context.InputShape(input);
  const Shape whole = {s.batch, s.q_heads, s.q_len, s.total_len()};
  if (bias.size() != 4) return InvalidArgument("the attention bias does not have rank 4");
  int64_t* const by_dimension[] = {&strides.batch_stride, &strides.head_stride,
                                   &strides.row_stride};
  for (size_t d = 0; d < 4; ++d) {
    if (bias[d] != whole[d] && (bias[d] != 1 || d > 1)) {
      return InvalidArgument("the attention bias does not broadcast to " + ShapeToString(whole));
    }
    if (d < 3 && bias[d] != 1) {
      *by_dimension[d] = ShapeProduct(std::span(bias).subspan(d + 1));
    }
  }
  return strides;
}

}  // namespace wnn::ops
