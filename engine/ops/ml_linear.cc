// ai.onnx.ml's linear models and preprocessing: LinearClassifier, LinearRegressor, Scaler,
// Normalizer, Binarizer, Imputer, OneHotEncoder, FeatureVectorizer, ArrayFeatureExtractor.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/reference/number_io.h"
#include "engine/ops/families.h"
#include "engine/ops/ml_rows.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// ---- Linear models: scores are x * coefficients' + intercepts.

struct Linear {
  std::vector<double> coefficients;  // [n_scores][features]
  std::vector<double> intercepts;    // one a score, or none
  std::vector<int64_t> labels;       // of a classifier
  PostTransform transform = PostTransform::kNone;
  int64_t n_scores = 1;   // of coefficients
  int64_t n_outputs = 1;  // two where a classifier of two classes has one score
};

Result<Linear> ReadLinear(const OpContext& context) {
  Linear linear;
  WNN_ASSIGN_OR_RETURN(linear.coefficients, ReadFloats(context, "coefficients"));
  WNN_ASSIGN_OR_RETURN(linear.intercepts, ReadFloats(context, "intercepts"));
  WNN_ASSIGN_OR_RETURN(linear.transform, ReadPostTransform(context));
  if (context.op_type() == "LinearRegressor") {
    WNN_ASSIGN_OR_RETURN(linear.n_scores, context.attributes().Int("targets", 1));
    linear.n_outputs = linear.n_scores;
  } else {
    WNN_ASSIGN_OR_RETURN(linear.labels, ReadIntegerLabels(context));
    linear.n_scores = linear.intercepts.empty() ? static_cast<int64_t>(linear.labels.size())
                                                : static_cast<int64_t>(linear.intercepts.size());
    linear.n_outputs = linear.n_scores == 1 && linear.labels.size() == 2 ? 2 : linear.n_scores;
    if (static_cast<int64_t>(linear.labels.size()) != linear.n_outputs) {
      return InvalidArgument("there are " + std::to_string(linear.labels.size()) + " labels for " +
                             std::to_string(linear.n_scores) + " scores");
    }
  }
  const auto n = static_cast<int64_t>(linear.coefficients.size());
  if (linear.n_scores < 1 || n % linear.n_scores != 0 ||
      (!linear.intercepts.empty() &&
       static_cast<int64_t>(linear.intercepts.size()) != linear.n_scores)) {
    return InvalidArgument("the coefficients and intercepts do not fit each other");
  }
  return linear;
}

Status InferLinear(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  WNN_ASSIGN_OR_RETURN(Linear linear, ReadLinear(context));
  return linear.labels.empty() ? SetScoreOutputs(context, -1, 0, linear.n_outputs)
                               : SetScoreOutputs(context, 0, 1, linear.n_outputs);
}

Result<CompiledPtr> CompileLinear(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Linear linear, ReadLinear(context));
  WNN_ASSIGN_OR_RETURN(Rows rows, RowsOf(context.InputShape(0)));
  if (static_cast<int64_t>(linear.coefficients.size()) != linear.n_scores * rows.features) {
    return InvalidArgument(std::to_string(linear.coefficients.size()) + " coefficients for " +
                           std::to_string(rows.features) + " features");
  }
  const int64_t features = rows.features, n_outputs = linear.n_outputs;
  const size_t output = linear.labels.empty() ? 0 : 1;
  const auto row_cost = static_cast<int64_t>(linear.coefficients.size());
  return MakeRowsOp(
      context, rows, n_outputs, output,
      [linear = std::move(linear), features](const double* x, double* y, int64_t row,
                                             const RunArgs& args) {
        for (int64_t s = 0; s < linear.n_scores; ++s) {
          const double* c = linear.coefficients.data() + s * features;
          double sum = 0;
          for (int64_t f = 0; f < features; ++f) sum += c[f] * x[f];
          y[s] = linear.intercepts.empty() ? sum : sum + linear.intercepts[static_cast<size_t>(s)];
        }
        const std::span<double> scores(y, static_cast<size_t>(linear.n_outputs));
        if (linear.labels.empty()) {
          Transform(linear.transform, scores);
          return;
        }
        int64_t label;
        if (linear.n_scores < linear.n_outputs) {
          label = FinishBinary(y[0], false, linear.transform, linear.labels, scores);
        } else {
          label =
              linear.labels[static_cast<size_t>(std::ranges::max_element(scores) - scores.begin())];
          Transform(linear.transform, scores);
        }
        if (args.outputs[0] != nullptr) args.out<int64_t>(0)[row] = label;
      },
      row_cost);
}

// ---- Preprocessing of features: outputs of the input's shape.

Status InferFloats(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  Fact fact = context.Input(0);
  fact.constant = nullptr;
  fact.dtype = DType::kFloat;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Status InferSameNumbers(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  return InferSame(context);
}

// [rows, features] of a tensor of any rank: its last dimension are the features.
Rows LastDimension(const Shape& shape) {
  if (shape.empty()) return {1, 1};
  return {ShapeProduct(std::span(shape).first(shape.size() - 1)), shape.back()};
}

Status RequireOneOrEach(const std::vector<double>& numbers, int64_t features,
                        std::string_view name) {
  const auto n = static_cast<int64_t>(numbers.size());
  if (n <= 1 || n == features) return OkStatus();
  return InvalidArgument("attribute '" + std::string(name) + "' has " + std::to_string(n) +
                         " numbers for " + std::to_string(features) + " features");
}

double OneOrEach(const std::vector<double>& numbers, int64_t i, double otherwise) {
  if (numbers.empty()) return otherwise;
  return numbers[numbers.size() == 1 ? 0 : static_cast<size_t>(i)];
}

Result<CompiledPtr> CompileScaler(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::vector<double> offset, ReadFloats(context, "offset"));
  WNN_ASSIGN_OR_RETURN(std::vector<double> scale, ReadFloats(context, "scale"));
  const Rows rows = LastDimension(context.InputShape(0));
  WNN_RETURN_IF_ERROR(RequireOneOrEach(offset, rows.features, "offset"));
  WNN_RETURN_IF_ERROR(RequireOneOrEach(scale, rows.features, "scale"));
  return MakeRowsOp(context, rows, rows.features, 0,
                    [offset = std::move(offset), scale = std::move(scale), n = rows.features](
                        const double* x, double* y, int64_t, const RunArgs& args) {
                      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) {
                          y[i] = (x[i] - OneOrEach(offset, i, 0)) * OneOrEach(scale, i, 1);
                        }
                      });
                    });
}

Result<CompiledPtr> CompileNormalizer(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view norm, context.attributes().String("norm", "MAX"));
  if (norm != "MAX" && norm != "L1" && norm != "L2") {
    return InvalidArgument("attribute 'norm' is " + graph::Quoted(norm));
  }
  const Rows rows = LastDimension(context.InputShape(0));
  return MakeRowsOp(context, rows, rows.features, 0,
                    [norm = norm[norm.size() - 1], n = rows.features](
                        const double* x, double* y, int64_t, const RunArgs& args) {
                      double size = norm == 'X' && n > 0 ? x[0] : 0;
                      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) {
                          if (norm == 'X') size = std::max(size, x[i]);
                          if (norm == '1') size += std::abs(x[i]);
                          if (norm == '2') size += x[i] * x[i];
                        }
                      });
                      if (norm == '2') size = std::sqrt(size);
                      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) y[i] = size == 0 ? x[i] : x[i] / size;
                      });
                    });
}

Result<CompiledPtr> CompileBinarizer(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float threshold, context.attributes().Float("threshold", 0));
  const Rows rows = LastDimension(context.InputShape(0));
  return MakeRowsOp(context, rows, rows.features, 0,
                    [threshold = static_cast<double>(threshold), n = rows.features](
                        const double* x, double* y, int64_t, const RunArgs& args) {
                      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) y[i] = x[i] > threshold ? 1 : 0;
                      });
                    });
}

Result<CompiledPtr> CompileImputer(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::vector<double> floats, ReadFloats(context, "imputed_value_floats"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> integers,
                       context.attributes().Ints("imputed_value_int64s"));
  WNN_ASSIGN_OR_RETURN(float replaced_float, context.attributes().Float("replaced_value_float", 0));
  WNN_ASSIGN_OR_RETURN(int64_t replaced_integer,
                       context.attributes().Int("replaced_value_int64", 0));
  std::vector<double> imputed = floats;
  double replaced = replaced_float;
  if (floats.empty()) {
    imputed.assign(integers.begin(), integers.end());
    replaced = static_cast<double>(replaced_integer);
  }
  const Rows rows = LastDimension(context.InputShape(0));
  if (imputed.empty()) return InvalidArgument("there are no values to impute");
  WNN_RETURN_IF_ERROR(RequireOneOrEach(imputed, rows.features, "imputed_value"));
  return MakeRowsOp(context, rows, rows.features, 0,
                    [imputed = std::move(imputed), replaced, n = rows.features](
                        const double* x, double* y, int64_t, const RunArgs& args) {
                      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) {
                          const bool missing =
                              replaced != replaced ? x[i] != x[i] : x[i] == replaced;
                          y[i] = missing ? OneOrEach(imputed, i, 0) : x[i];
                        }
                      });
                    });
}

// ---- OneHotEncoder for numbers, which the importer makes of strings: [..., categories].

Result<std::vector<int64_t>> ReadCategories(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> integers, context.attributes().Ints("cats_int64s"));
  return std::vector<int64_t>(integers.begin(), integers.end());
}

Status InferOneHotEncoder(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> categories, ReadCategories(context));
  if (!context.Input(0).has_rank) {
    context.SetOutput(0, Fact::Unranked(DType::kFloat));
    return OkStatus();
  }
  std::vector<Dim> dims = context.Input(0).dims;
  dims.push_back(graph::KnownDim(static_cast<int64_t>(categories.size())));
  context.SetOutput(0, Fact::Ranked(DType::kFloat, std::move(dims)));
  return OkStatus();
}

class OneHotEncoderOp final : public CompiledOp {
 public:
  OneHotEncoderOp(std::vector<int64_t> categories, int64_t n, DType in, bool zeros)
      : categories_(std::move(categories)), n_(n), in_(in), zeros_(zeros) {}
  Status Run(const RunArgs& args) const override {
    float* y = args.out<float>(0);
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < n_; ++i) {
      if (check.Stopped(10 + static_cast<int64_t>(categories_.size()))) return OkStatus();
      double x;
      kernels::ReadNumbers(in_, args.inputs[0], i, 1, &x);
      bool any = false;
      for (const int64_t category : categories_) {
        const bool is = static_cast<double>(category) == std::trunc(x);
        any = any || is;
        *y++ = is ? 1.0f : 0.0f;
      }
      if (!any && !zeros_) return InvalidArgument("a value is none of the categories");
    }
    return OkStatus();
  }

 private:
  const std::vector<int64_t> categories_;
  const int64_t n_;
  const DType in_;
  const bool zeros_;
};

Result<CompiledPtr> CompileOneHotEncoder(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> categories, ReadCategories(context));
  WNN_ASSIGN_OR_RETURN(int64_t zeros, context.attributes().Int("zeros", 1));
  return CompiledPtr(std::make_unique<OneHotEncoderOp>(std::move(categories),
                                                       ShapeProduct(context.InputShape(0)),
                                                       context.InputType(0), zeros != 0));
}

// ---- FeatureVectorizer: the rows of all inputs next to each other.

Status InferFeatureVectorizer(InferContext& context) {
  Dim rows = graph::UnknownDim();
  int64_t width = 0;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kMlNumbers));
    const Fact& x = context.Input(i);
    if (x.has_rank && x.rank() != 1 && x.rank() != 2) {
      return InvalidArgument("the input " + x.ToString() + " is neither a row nor rows");
    }
    const bool known = x.has_rank && IsKnown(x.dims.back());
    width = known && width >= 0 ? width + x.dims.back().value : -1;
    if (x.has_rank) rows = x.rank() == 2 ? x.dims[0] : graph::KnownDim(1);
  }
  context.SetOutput(0, Fact::Ranked(DType::kFloat, {rows, width < 0 ? graph::UnknownDim()
                                                                    : graph::KnownDim(width)}));
  return OkStatus();
}

class FeatureVectorizerOp final : public CompiledOp {
 public:
  struct Part {
    DType dtype;
    int64_t width;
  };
  FeatureVectorizerOp(std::vector<Part> parts, int64_t rows, int64_t width)
      : parts_(std::move(parts)), rows_(rows), width_(width) {}
  Status Run(const RunArgs& args) const override {
    float* y = args.out<float>(0);
    int64_t at = 0;
    StopCheck check(*args.parallel);
    for (size_t p = 0; p < parts_.size(); ++p) {
      for (int64_t i = 0; i < rows_ * parts_[p].width; ++i) {
        if (check.Stopped(10)) return OkStatus();
        double x;
        kernels::ReadNumbers(parts_[p].dtype, args.inputs[p], i, 1, &x);
        y[i / parts_[p].width * width_ + at + i % parts_[p].width] = static_cast<float>(x);
      }
      at += parts_[p].width;
    }
    return OkStatus();
  }

 private:
  const std::vector<Part> parts_;
  const int64_t rows_, width_;
};

Result<CompiledPtr> CompileFeatureVectorizer(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  std::vector<FeatureVectorizerOp::Part> parts;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_ASSIGN_OR_RETURN(Rows rows, RowsOf(context.InputShape(i)));
    if (rows.n != out[0]) return InvalidArgument("the inputs do not have equally many rows");
    parts.push_back({context.InputType(i), rows.features});
  }
  return CompiledPtr(std::make_unique<FeatureVectorizerOp>(std::move(parts), out[0], out[1]));
}

// ---- ArrayFeatureExtractor: columns of the last dimension, by number.

Status InferArrayFeatureExtractor(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kMlNumbers));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kInt64}));
  const Fact &x = context.Input(0), &columns = context.Input(1);
  if (!x.has_rank || x.rank() == 0 || !columns.IsConcrete()) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims = x.dims;
  if (dims.size() == 1) dims.insert(dims.begin(), graph::KnownDim(1));
  dims.back() = graph::KnownDim(ShapeProduct(columns.ConcreteShape()));
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

class ArrayFeatureExtractorOp final : public CompiledOp {
 public:
  ArrayFeatureExtractorOp(const Rows& rows, int64_t n_columns, size_t element_bytes)
      : rows_(rows), n_columns_(n_columns), element_bytes_(element_bytes) {}
  Status Run(const RunArgs& args) const override {
    const int64_t* columns = args.in<int64_t>(1);
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < n_columns_; ++i) {
      if (check.Stopped(1)) return OkStatus();
      if (columns[i] < 0 || columns[i] >= rows_.features) {
        return InvalidArgument("column " + std::to_string(columns[i]) + " of " +
                               std::to_string(rows_.features) + " does not exist");
      }
    }
    std::byte* to = args.outputs[0];
    for (int64_t row = 0; row < rows_.n; ++row) {
      for (int64_t i = 0; i < n_columns_; ++i, to += element_bytes_) {
        if (check.Stopped(4)) return OkStatus();
        const auto at = static_cast<size_t>(row * rows_.features + columns[i]) * element_bytes_;
        std::memcpy(to, args.inputs[0] + at, element_bytes_);
      }
    }
    return OkStatus();
  }

 private:
  const Rows rows_;
  const int64_t n_columns_;
  const size_t element_bytes_;
};

Result<CompiledPtr> CompileArrayFeatureExtractor(const CompileContext& context) {
  return CompiledPtr(std::make_unique<ArrayFeatureExtractorOp>(
      LastDimension(context.InputShape(0)), ShapeProduct(context.InputShape(1)),
      DTypeBits(context.InputType(0)) / 8));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMlDomain,
     .name = "ArrayFeatureExtractor",
     .inputs = {2, 2},
     .infer = InferArrayFeatureExtractor,
     .compile = CompileArrayFeatureExtractor,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.domain = kMlDomain,
     .name = "Binarizer",
     .infer = InferSameNumbers,
     .compile = CompileBinarizer},
    {.domain = kMlDomain,
     .name = "FeatureVectorizer",
     .inputs = {1, kVariadic},
     .infer = InferFeatureVectorizer,
     .compile = CompileFeatureVectorizer},
    {.domain = kMlDomain, .name = "Imputer", .infer = InferSameNumbers, .compile = CompileImputer},
    {.domain = kMlDomain,
     .name = "LinearClassifier",
     .outputs = {1, 2},
     .infer = InferLinear,
     .compile = CompileLinear},
    {.domain = kMlDomain,
     .name = "LinearRegressor",
     .infer = InferLinear,
     .compile = CompileLinear},
    {.domain = kMlDomain, .name = "Normalizer", .infer = InferFloats, .compile = CompileNormalizer},
    {.domain = kMlDomain,
     .name = "OneHotEncoder",
     .infer = InferOneHotEncoder,
     .compile = CompileOneHotEncoder},
    {.domain = kMlDomain, .name = "Scaler", .infer = InferFloats, .compile = CompileScaler},
});

}  // namespace

std::span<const OpDef> MlLinearOps() { return kOps; }

}  // namespace wnn::ops
