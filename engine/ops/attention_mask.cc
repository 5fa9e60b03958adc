#include "engine/ops/attention_mask.h"

#include "engine/ops/attention_parts.h"

namespace wnn::ops {

Result<ScoreMask> ScoreMask::Read(const CompileContext& context, size_t mask_input,
                                  size_t bias_input, const kernels::AttentionShape& s) {
  ScoreMask mask;
  WNN_ASSIGN_OR_RETURN(mask.filter_, context.attributes().Float("mask_filter_value", -10000));
  mask.has_bias_ = context.HasInput(bias_input);
  WNN_ASSIGN_OR_RETURN(mask.bias_strides_, ReadScoreBias(context, bias_input, s));
  if (!context.HasInput(mask_input)) return mask;
  const Shape shape = context.InputShape(mask_input);
  const int64_t total = s.total_len();
  if (shape == Shape{s.batch} || shape == Shape{3 * s.batch + 2}) {
    mask.form_ = Form::kLengths;
  } else if (shape == Shape{2 * s.batch}) {
    mask.form_ = Form::kEnds;
  } else if (shape == Shape{s.batch, total}) {
    mask.form_ = Form::kKeys;
  } else if (shape == Shape{s.batch, s.q_len, total}) {
    mask.form_ = Form::kRows;
  } else if (shape.size() == 4 && shape[0] == s.batch && shape[1] == 1 && shape[2] == shape[3] &&
             shape[2] >= total && s.q_len <= total) {
    mask.form_ = Form::kSquare;
    mask.side_ = shape[2];
  } else if (shape != Shape{s.batch, 1} && shape != Shape{1, 1}) {
    return Unsupported("input " + std::to_string(mask_input) + ", a mask of shape " +
                       ShapeToString(shape) + ", for " + std::to_string(s.q_len) + " queries and " +
                       std::to_string(total) + " keys");
  }
  return mask;
}

uint64_t ScoreMask::ScratchBytes(const kernels::AttentionShape& s) const {
  if (form_ == Form::kNone) return 0;
  return ScratchPieces::Bytes<float>(s.batch * Heads(s) * Rows(s) * s.total_len());
}

bool ScoreMask::IsIn(const int32_t* mask, const kernels::AttentionShape& s, int64_t batch,
                     int64_t row, int64_t key) const {
  const int64_t total = s.total_len();
  switch (form_) {
    case Form::kNone: return true;
    case Form::kLengths: return key < mask[batch];
    case Form::kEnds: return key < mask[batch] && key >= mask[s.batch + batch];
    case Form::kKeys: return mask[batch * total + key] > 0;
    case Form::kRows: return mask[(batch * s.q_len + row) * total + key] > 0;
    case Form::kSquare: return mask[(batch * side_ + total - s.q_len + row) * side_ + key] > 0;
  }
  return true;
}

void ScoreMask::Apply(const int32_t* mask, const float* bias, std::byte* memory,
                      kernels::AttentionArgs& args) const {
  const kernels::AttentionShape& s = args.shape;
  const int64_t total = s.total_len(), heads = Heads(s), rows = Rows(s);
  args.mask_len = total;
  args.bias = bias_strides_;
  args.bias.data = bias;
  if (form_ == Form::kNone || mask == nullptr) return;
  auto* const sums = reinterpret_cast<float*>(memory);
  float* to = sums;
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t i = 0; i < rows; ++i, to += total) {
        const float* add = bias != nullptr ? args.bias.at(b, h, i) : nullptr;
        for (int64_t j = 0; j < total; ++j) {
          to[j] = (add != nullptr ? add[j] : 0) + (IsIn(mask, s, b, i, j) ? 0 : filter_);
        }
      }
    }
  }
  args.bias = {sums, heads * rows * total, heads > 1 ? rows * total : 0, rows > 1 ? total : 0};
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
