// What classifiers and regressors of ai.onnx.ml share: post-transforms of scores, labels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ops/op_context.h"

namespace wnn::ops {

inline constexpr std::string_view kMlDomain = "ai.onnx.ml";

enum class PostTransform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

// Attribute `post_transform`, a name, or for TreeEnsemble a number.
Result<PostTransform> ReadPostTransform(const OpContext& context);

// Transforms the scores of one row.
void Transform(PostTransform transform, std::span<double> scores);

// The labels of a classifier's classes: integers, since the importer does without strings.
Result<std::vector<int64_t>> ReadIntegerLabels(const OpContext& context);

// [N, features] of an input of rank 1 (one row) or 2. kInvalidArgument otherwise.
struct Rows {
  int64_t n = 0, features = 0;
};
Result<Rows> RowsOf(const Shape& shape);

// Sets output `label`, if not negative, to int64[N], and output `scores` to float[N, n_scores].
Status SetScoreOutputs(InferContext& context, int label, size_t scores, int64_t n_scores,
                       DType score_type = DType::kFloat);

// The label of a model of two classes with one score, as ONNX Runtime chooses it.
// `positive_weights` says that the score is a probability of class 1.
int64_t BinaryLabel(double score, bool positive_weights, std::span<const int64_t> labels);
// The same, and scores becomes two numbers.
int64_t FinishBinary(double score, bool positive_weights, PostTransform transform,
                     std::span<const int64_t> labels, std::span<double> scores);

}  // namespace wnn::ops
