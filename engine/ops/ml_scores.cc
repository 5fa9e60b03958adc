#include "engine/ops/ml_scores.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

// The inverse of the error function, by Winitzki's approximation, as ONNX Runtime has it: results
// are compared with models that were checked there.
double Probit(double p) {
  constexpr double kA = 0.147, kPi = 3.14159265358979323846;
  const double x = 2 * p - 1;
  const double log = std::log((1 - x) * (1 + x));
  const double v = 2 / (kPi * kA) + 0.5 * log;
  const double erf_inverse = std::copysign(std::sqrt(-v + std::sqrt(v * v - log / kA)), x);
  return 1.41421356237309504880 * erf_inverse;
}

void Softmax(std::span<double> scores, bool skip_zeros) {
  if (scores.empty()) return;
  const double largest = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& x : scores) {
    if (skip_zeros && std::abs(x) <= 1e-7) continue;
    x = std::exp(x - largest);
    sum += x;
  }
  if (sum == 0) return;
  for (double& x : scores) x /= sum;
}

}  // namespace

Result<PostTransform> ReadPostTransform(const OpContext& context) {
  constexpr auto kNames =
      std::to_array<std::string_view>({"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"});
  if (context.op_type() == "TreeEnsemble") {
    WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("post_transform", 0));
    if (number < 0 || number >= static_cast<int64_t>(kNames.size())) {
      return InvalidArgument("attribute 'post_transform' is " + std::to_string(number));
    }
    return static_cast<PostTransform>(number);
  }
  WNN_ASSIGN_OR_RETURN(std::string_view name,
                       context.attributes().String("post_transform", "NONE"));
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    return InvalidArgument("attribute 'post_transform' is " + graph::Quoted(name));
  }
  return static_cast<PostTransform>(found - kNames.begin());
}

void Transform(PostTransform transform, std::span<double> scores) {
  switch (transform) {
    case PostTransform::kNone: return;
    case PostTransform::kSoftmax: Softmax(scores, false); return;
    case PostTransform::kSoftmaxZero: Softmax(scores, true); return;
    case PostTransform::kLogistic:
      for (double& x : scores) x = Logistic(x);
      return;
    case PostTransform::kProbit:
      for (double& x : scores) x = Probit(x);
      return;
  }
}

Result<std::vector<int64_t>> ReadIntegerLabels(const OpContext& context) {
  for (const char* name : {"classlabels_int64s", "classlabels_ints"}) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> labels, context.attributes().Ints(name));
    if (!labels.empty()) return std::vector<int64_t>(labels.begin(), labels.end());
  }
  return std::vector<int64_t>();
}

Result<Rows> RowsOf(const Shape& shape) {
  if (shape.size() == 1) return Rows{1, shape[0]};
  if (shape.size() == 2) return Rows{shape[0], shape[1]};
  return InvalidArgument("the input " + ShapeToString(shape) + " is neither a row nor rows");
}

Status SetScoreOutputs(InferContext& context, int label, size_t scores, int64_t n_scores,
                       DType score_type) {
  const Fact& x = context.Input(0);
  Dim n = graph::UnknownDim();
  if (x.has_rank) {
    if (x.rank() != 1 && x.rank() != 2) {
      return InvalidArgument("the input " + x.ToString() + " is neither a row nor rows");
    }
    n = x.rank() == 2 ? x.dims[0] : graph::KnownDim(1);
  }
  if (label >= 0) context.SetOutput(static_cast<size_t>(label), Fact::Ranked(DType::kInt64, {n}));
  context.SetOutput(scores, Fact::Ranked(score_type, {n, graph::KnownDim(n_scores)}));
  return OkStatus();
}

int64_t BinaryLabel(double score, bool positive_weights, std::span<const int64_t> labels) {
  // As a float, in which scores are written: halves of single precision add up to a half.
  return static_cast<float>(score) > (positive_weights ? 0.5f : 0.0f) ? labels[1] : labels[0];
}

int64_t FinishBinary(double score, bool positive_weights, PostTransform transform,
                     std::span<const int64_t> labels, std::span<double> scores) {
  if (transform == PostTransform::kProbit) {
    double one[1] = {score};
    Transform(transform, one);
    scores[0] = 1 - one[0];
    scores[1] = one[0];
  } else if (transform == PostTransform::kLogistic) {
    scores[0] = Logistic(-score);
    scores[1] = Logistic(score);
  } else if (positive_weights) {
    scores[0] = 1 - score;
    scores[1] = score;
  } else {
    scores[0] = -score;
    scores[1] = score;
  }
  return BinaryLabel(score, positive_weights, labels);
}

}  // namespace wnn::ops
