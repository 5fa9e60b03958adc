// ai.onnx.ml's support vector machines: SVMClassifier, SVMRegressor.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/ops/families.h"
#include "engine/ops/ml_rows.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// The products of a row with vectors, through a kernel.
struct SvmKernel {
  enum class Kind { kLinear, kPoly, kRbf, kSigmoid };
  Kind kind = Kind::kLinear;
  double gamma = 0, coef0 = 0, degree = 3;

  double operator()(const double* a, const double* b, int64_t n) const {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double d = a[i] - b[i];
      sum += kind == Kind::kRbf ? d * d : a[i] * b[i];
    }
    switch (kind) {
      case Kind::kLinear: return sum;
      case Kind::kPoly: return std::pow(gamma * sum + coef0, degree);
      case Kind::kRbf: return std::exp(-gamma * sum);
      case Kind::kSigmoid: return std::tanh(gamma * sum + coef0);
    }
    return sum;
  }
};

Result<SvmKernel> ReadKernel(const OpContext& context) {
  SvmKernel kernel;
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("kernel_type", "LINEAR"));
  constexpr std::string_view kKernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  const auto* found = std::find(std::begin(kKernels), std::end(kKernels), name);
  if (found == std::end(kKernels)) {
    return InvalidArgument("attribute 'kernel_type' is " + graph::Quoted(name));
  }
  kernel.kind = static_cast<SvmKernel::Kind>(found - std::begin(kKernels));
  WNN_ASSIGN_OR_RETURN(std::vector<double> parameters, ReadFloats(context, "kernel_params"));
  if (parameters.size() >= 3) {
    kernel.gamma = parameters[0];
    kernel.coef0 = parameters[1];
    kernel.degree = parameters[2];
  }
  return kernel;
}

// ---- SVMRegressor

struct Regressor {
  SvmKernel kernel;
  std::vector<double> vectors, coefficients;
  double rho = 0;
  int64_t n_vectors = 0;  // 0: a linear model
  bool one_class = false;
};

Result<Regressor> ReadRegressor(const OpContext& context) {
  Regressor svm;
  WNN_ASSIGN_OR_RETURN(svm.kernel, ReadKernel(context));
  WNN_ASSIGN_OR_RETURN(svm.vectors, ReadFloats(context, "support_vectors"));
  WNN_ASSIGN_OR_RETURN(svm.coefficients, ReadFloats(context, "coefficients"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> rho, ReadFloats(context, "rho"));
  WNN_ASSIGN_OR_RETURN(svm.n_vectors, context.attributes().Int("n_supports", 0));
  WNN_ASSIGN_OR_RETURN(int64_t one_class, context.attributes().Int("one_class", 0));
  svm.one_class = one_class != 0;
  if (!rho.empty()) svm.rho = rho[0];
  return svm;
}

Status InferRegressor(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Regressor svm, ReadRegressor(context));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] PostTransform transform, ReadPostTransform(context));
  return SetScoreOutputs(context, -1, 0, 1);
}

Result<CompiledPtr> CompileRegressor(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Regressor svm, ReadRegressor(context));
  WNN_ASSIGN_OR_RETURN(PostTransform transform, ReadPostTransform(context));
  WNN_ASSIGN_OR_RETURN(Rows rows, RowsOf(context.InputShape(0)));
  const int64_t features = rows.features;
  const auto n_vectors = static_cast<int64_t>(svm.vectors.size());
  const auto n_coefficients = static_cast<int64_t>(svm.coefficients.size());
  // Divisions, since attributes may be of any size.
  const bool fits = svm.n_vectors > 0
                        ? n_coefficients == svm.n_vectors && n_vectors % svm.n_vectors == 0 &&
                              n_vectors / svm.n_vectors == features
                        : n_coefficients == features;
  if (!fits) return InvalidArgument("the support vectors do not fit the features");
  const int64_t row_cost = n_vectors + n_coefficients;
  return MakeRowsOp(
      context, rows, 1, 0,
      [svm = std::move(svm), transform, features](const double* x, double* y, int64_t,
                                                  const RunArgs&) {
        double sum = 0;
        if (svm.n_vectors <= 0) {
          sum = svm.kernel(x, svm.coefficients.data(), features);
        }
        for (int64_t v = 0; v < svm.n_vectors; ++v) {
          sum += svm.coefficients[static_cast<size_t>(v)] *
                 svm.kernel(x, svm.vectors.data() + v * features, features);
        }
        y[0] = sum + svm.rho;
        if (svm.one_class) y[0] = y[0] > 0 ? 1 : -1;
        Transform(transform, {y, 1});
      },
      row_cost);
}

// ---- SVMClassifier: a machine for each pair of classes, whose signs are votes and whose scores
// may become probabilities; without support vectors a linear score for each class. What the
// standard leaves open (which scores there are, labels of two classes) is ONNX Runtime's choice.

struct Classifier {
  SvmKernel kernel;
  std::vector<int64_t> labels;
  std::vector<int64_t> vectors_per_class, first_vector;
  // Of pairs: [classes - 1][vectors], the row of class j against i being j, or j - 1 from i on.
  // Linear: [classes][features].
  std::vector<double> coefficients;
  std::vector<double> vectors;  // [vectors][features]
  std::vector<double> rho;      // one a pair
  std::vector<double> prob_a, prob_b;
  PostTransform transform = PostTransform::kNone;
  int64_t n_vectors = 0;  // 0: linear
  bool positive_coefficients = false;

  int64_t n_classes() const { return static_cast<int64_t>(labels.size()); }
  int64_t n_pairs() const { return n_classes() * (n_classes() - 1) / 2; }
  bool by_pairs() const { return n_vectors > 0; }
  int64_t n_scores() const {
    if (!by_pairs() || !prob_a.empty()) return n_classes();
    return n_classes() > 2 ? n_pairs() : 2;
  }

  // Fills `scores`, n_scores() of them, and returns the label.
  int64_t Classify(const double* x, int64_t features, std::span<double> scores,
                   Parallel& parallel) const;

 private:
  // The scores of the pairs, and the class with the most votes.
  int64_t Vote(const double* x, int64_t features, std::vector<double>& pairs) const;
  void Probabilities(std::span<const double> pairs, std::span<double> scores,
                     Parallel& parallel) const;
};

int64_t Classifier::Vote(const double* x, int64_t features, std::vector<double>& pairs) const {
  std::vector<double> products(static_cast<size_t>(n_vectors));
  for (int64_t v = 0; v < n_vectors; ++v) {
    products[static_cast<size_t>(v)] = kernel(x, vectors.data() + v * features, features);
  }
  const auto part = [&](int64_t row, int64_t of) {
    const int64_t first = first_vector[static_cast<size_t>(of)];
    double sum = 0;
    for (int64_t v = first; v < first + vectors_per_class[static_cast<size_t>(of)]; ++v) {
      sum +=
          coefficients[static_cast<size_t>(row * n_vectors + v)] * products[static_cast<size_t>(v)];
    }
    return sum;
  };
  std::vector<int64_t> votes(labels.size());
  for (int64_t i = 0; i < n_classes(); ++i) {
    for (int64_t j = i + 1; j < n_classes(); ++j) {
      const double score = part(j - 1, i) + part(i, j) + rho[pairs.size()];
      pairs.push_back(score);
      ++votes[static_cast<size_t>(score > 0 ? i : j)];
    }
  }
  return std::ranges::max_element(votes) - votes.begin();
}

// Pairwise coupling: Wu, Lin and Weng, Probability Estimates for Multi-class Classification by
// Pairwise Coupling (2004), algorithm 2.
void Classifier::Probabilities(std::span<const double> pairs, std::span<double> p,
                               Parallel& parallel) const {
  StopCheck check(parallel);
  const size_t n = p.size();
  constexpr double kLeast = 1e-7;
  std::vector<double> r(n * n), q(n * n), qp(n);  // r[i][j]: that it is i where it is i or j
  size_t pair = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j, ++pair) {
      const double probability = 1 / (1 + std::exp(pairs[pair] * prob_a[pair] + prob_b[pair]));
      r[i * n + j] = std::clamp(probability, kLeast, 1 - kLeast);
      r[j * n + i] = 1 - r[i * n + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    p[i] = 1 / static_cast<double>(n);
    for (size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      q[i * n + i] += r[j * n + i] * r[j * n + i];
      q[i * n + j] = -r[j * n + i] * r[i * n + j];
    }
  }
  const double enough = 0.005 / static_cast<double>(n);
  for (size_t iteration = 0; iteration < std::max<size_t>(100, n); ++iteration) {
    double pqp = 0, worst = 0;
    for (size_t i = 0; i < n; ++i) {
      if (check.Stopped(static_cast<int64_t>(n))) return;
      qp[i] = 0;
      for (size_t j = 0; j < n; ++j) qp[i] += q[i * n + j] * p[j];
      pqp += p[i] * qp[i];
    }
    for (size_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(qp[i] - pqp));
    if (worst < enough) break;
    for (size_t i = 0; i < n; ++i) {
      if (check.Stopped(2 * static_cast<int64_t>(n))) return;
      const double step = (pqp - qp[i]) / q[i * n + i], norm = 1 + step;
      p[i] += step;
      pqp = (pqp + step * (step * q[i * n + i] + 2 * qp[i])) / (norm * norm);
      for (size_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + step * q[i * n + j]) / norm;
        p[j] /= norm;
      }
    }
  }
}

int64_t Classifier::Classify(const double* x, int64_t features, std::span<double> scores,
                             Parallel& parallel) const {
  if (!by_pairs()) {
    for (int64_t c = 0; c < n_classes(); ++c) {
      scores[static_cast<size_t>(c)] =
          kernel(x, coefficients.data() + c * features, features) + rho[0];
    }
    const auto best = std::ranges::max_element(scores);
    const bool second = positive_coefficients ? *best >= 0.5 : *best > 0;
    const int64_t label =
        n_classes() == 2 && second ? labels[1] : labels[static_cast<size_t>(best - scores.begin())];
    Transform(transform, scores);
    return label;
  }
  std::vector<double> pairs;
  const int64_t label = labels[static_cast<size_t>(Vote(x, features, pairs))];
  if (!prob_a.empty()) {
    Probabilities(pairs, scores, parallel);
    Transform(transform, scores);
  } else if (n_classes() > 2) {
    std::ranges::copy(pairs, scores.begin());
    Transform(transform, scores);
  } else if (transform == PostTransform::kNone || transform == PostTransform::kLogistic) {
    scores[0] = -pairs[0];
    scores[1] = pairs[0];
    Transform(transform, scores);
  } else {
    scores[0] = 1 - pairs[0];
    scores[1] = pairs[0];
  }
  return label;
}

Result<Classifier> ReadClassifier(const OpContext& context) {
  Classifier svm;
  WNN_ASSIGN_OR_RETURN(svm.kernel, ReadKernel(context));
  WNN_ASSIGN_OR_RETURN(svm.labels, ReadIntegerLabels(context));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> counts,
                       context.attributes().Ints("vectors_per_class"));
  svm.vectors_per_class.assign(counts.begin(), counts.end());
  WNN_ASSIGN_OR_RETURN(svm.vectors, ReadFloats(context, "support_vectors"));
  WNN_ASSIGN_OR_RETURN(svm.coefficients, ReadFloats(context, "coefficients"));
  WNN_ASSIGN_OR_RETURN(svm.rho, ReadFloats(context, "rho"));
  WNN_ASSIGN_OR_RETURN(svm.prob_a, ReadFloats(context, "prob_a"));
  WNN_ASSIGN_OR_RETURN(svm.prob_b, ReadFloats(context, "prob_b"));
  WNN_ASSIGN_OR_RETURN(svm.transform, ReadPostTransform(context));
  constexpr int64_t kMostVectors = int64_t{1} << 40;
  for (const int64_t count : counts) {
    if (count < 0 || count > kMostVectors - svm.n_vectors) {
      return InvalidArgument("attribute 'vectors_per_class' has " + std::to_string(count));
    }
    svm.first_vector.push_back(svm.n_vectors);
    svm.n_vectors += count;
  }
  constexpr size_t kMostClasses = 1 << 16;
  if (svm.labels.size() < 2 || svm.labels.size() > kMostClasses) {
    return InvalidArgument("it has " + std::to_string(svm.labels.size()) + " classes");
  }
  const auto n_pairs = static_cast<size_t>(svm.n_pairs());
  bool fits = svm.prob_a.size() == svm.prob_b.size() && !svm.rho.empty();
  if (svm.by_pairs()) {
    fits = fits && counts.size() == svm.labels.size() && svm.rho.size() >= n_pairs &&
           (svm.prob_a.empty() || svm.prob_a.size() >= n_pairs) &&
           svm.coefficients.size() / static_cast<size_t>(svm.n_vectors) >= svm.labels.size() - 1;
  } else {
    svm.kernel.kind = SvmKernel::Kind::kLinear;
    svm.prob_a.clear();
  }
  if (!fits) {
    return InvalidArgument(
        "its classes, coefficients, rho and probabilities do not fit each other");
  }
  svm.positive_coefficients =
      std::ranges::all_of(svm.coefficients, [](double c) { return c >= 0; });
  return svm;
}

Status InferClassifier(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  WNN_ASSIGN_OR_RETURN(Classifier svm, ReadClassifier(context));
  return SetScoreOutputs(context, 0, 1, svm.n_scores());
}

Result<CompiledPtr> CompileClassifier(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Classifier svm, ReadClassifier(context));
  WNN_ASSIGN_OR_RETURN(Rows rows, RowsOf(context.InputShape(0)));
  const int64_t features = rows.features;
  const auto& numbers = svm.by_pairs() ? svm.vectors : svm.coefficients;
  const int64_t n_rows = svm.by_pairs() ? svm.n_vectors : svm.n_classes();
  const auto n = static_cast<int64_t>(numbers.size());
  if (n % n_rows != 0 || n / n_rows != features) {
    return InvalidArgument("its vectors do not have " + std::to_string(features) + " numbers each");
  }
  const int64_t n_scores = svm.n_scores();
  const auto row_cost = static_cast<int64_t>(svm.vectors.size() + svm.coefficients.size());
  return MakeRowsOp(
      context, rows, n_scores, 1,
      [svm = std::move(svm), features, n_scores](const double* x, double* y, int64_t row,
                                                 const RunArgs& args) {
        const int64_t label =
            svm.Classify(x, features, {y, static_cast<size_t>(n_scores)}, *args.parallel);
        if (args.outputs[0] != nullptr) args.out<int64_t>(0)[row] = label;
      },
      row_cost);
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMlDomain,
     .name = "SVMClassifier",
     .outputs = {2, 2},
     .infer = InferClassifier,
     .compile = CompileClassifier},
    {.domain = kMlDomain,
     .name = "SVMRegressor",
     .infer = InferRegressor,
     .compile = CompileRegressor},
});

}  // namespace

std::span<const OpDef> MlSvmOps() { return kOps; }

}  // namespace wnn::ops
