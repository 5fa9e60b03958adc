// ONNX Runtime's fused activations and normalisations: activations with a bias, layer normalisation
// after a residual or of embeddings.
#include <algorithm>
#include <array>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/blocked/norm_rows.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// ---- Gelu, BiasGelu, FastGelu, QuickGelu: of x, or of x + a bias of its last dimension.

Status InferActivation(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  if (context.HasInput(1) && context.Input(0).has_rank && context.Input(1).has_rank) {
    const Fact &x = context.Input(0), &bias = context.Input(1);
    if (bias.rank() != 1 || x.rank() == 0 ||
        (IsKnown(bias.dims[0]) && IsKnown(x.dims.back()) &&
         bias.dims[0].value != x.dims.back().value)) {
      return InvalidArgument("bias " + bias.ToString() + " is not one of " + x.ToString());
    }
  }
  return InferSame(context);
}

// The function of x, or of x + a bias of its last dimension.
class ActivationOp final : public CompiledOp {
 public:
  ActivationOp(int64_t n_rows, int64_t row, const kernels::UnaryParams& function)
      : n_rows_(n_rows), row_(row), function_(function) {}
  Status Run(const RunArgs& args) const override {
    const float *x = args.in<float>(0), *bias = args.in<float>(1);
    float* y = args.out<float>(0);
    if (bias != nullptr) {
      const int64_t grain =
          std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(row_, 1), 1);
      kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
        for (int64_t r = begin; r < end; ++r) {
          for (int64_t i = 0; i < row_; ++i) y[r * row_ + i] = x[r * row_ + i] + bias[i];
        }
      });
      x = y;
    }
    kernels::Unary(function_, x, n_rows_ * row_, y, *args.parallel);
    return OkStatus();
  }

 private:
  const int64_t n_rows_, row_;
  const kernels::UnaryParams function_;
};

Result<CompiledPtr> CompileActivation(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileActivation);
  const Shape x = context.InputShape(0);
  const int64_t row = x.empty() ? 1 : x.back();
  const int64_t n_rows = row == 0 ? 0 : ShapeProduct(x) / row;
  kernels::UnaryParams function = {.op = kernels::UnaryOp::kGelu};
  if (context.op_type() == "FastGelu") function.op = kernels::UnaryOp::kGeluTanh;
  if (context.op_type() == "QuickGelu") {
    function.op = kernels::UnaryOp::kSwish;
    WNN_ASSIGN_OR_RETURN(function.alpha, context.attributes().Float("alpha", 1.702f));
  }
  return CompiledPtr(std::make_unique<ActivationOp>(n_rows, row, function));
}

// ---- SkipLayerNormalization (input, skip, gamma, beta, bias) and the simplified one, which only
// divides by the root of the mean square (input, skip, gamma, bias); SimplifiedLayerNormalization
// (input, gamma). Output 3 is the sum.

struct NormInputs {
  size_t skip = SIZE_MAX, gamma = 1, beta = SIZE_MAX, bias = SIZE_MAX;
  bool simplified = true;
};
NormInputs NormInputsOf(const OpContext& context) {
  if (context.op_type() == "SkipLayerNormalization") {
    return {.skip = 1, .gamma = 2, .beta = 3, .bias = 4, .simplified = false};
  }
  if (context.op_type() == "SkipSimplifiedLayerNormalization") {
    return {.skip = 1, .gamma = 2, .bias = 3};
  }
  return {};
}

Status InferNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  const Fact& x = context.Input(0);
  const NormInputs at = NormInputsOf(context);
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (context.HasOutput(i)) return Unsupported("outputs for training are not supported");
  }
  if (x.has_rank) {
    if (x.rank() == 0) return InvalidArgument("the input has no dimensions");
    for (size_t i : {at.gamma, at.beta, at.bias}) {
      if (!context.HasInput(i) || !context.Input(i).has_rank) continue;
      const Fact& f = context.Input(i);
      if (f.rank() == 1 && (!IsKnown(f.dims[0]) || !IsKnown(x.dims.back()) ||
                            f.dims[0].value == x.dims.back().value)) {
        continue;
      }
      return InvalidArgument("input " + std::to_string(i) + ", " + f.ToString() +
                             ", does not have one number for each of the last dimension of " +
                             x.ToString());
    }
  }
  Fact sum = x;
  sum.constant = nullptr;
  context.SetOutput(3, std::move(sum));
  return InferSame(context);
}

class NormOp final : public CompiledOp {
 public:
  NormOp(const NormInputs& at, int64_t n_rows, int64_t row, int64_t skip_rows, float epsilon)
      : at_(at), n_rows_(n_rows), row_(row), skip_rows_(skip_rows), epsilon_(epsilon) {}

  Status Run(const RunArgs& args) const override {
    const float* from = args.in<float>(0);
    float* y = args.out<float>(0);
    if (args.in<float>(at_.skip) != nullptr || args.in<float>(at_.bias) != nullptr) {
      AddRows(args, y);
      from = y;
    }
    if (float* sum = args.out<float>(3)) std::copy_n(from, n_rows_ * row_, sum);
    kernels::NormRows({.in = from,
                       .n_rows = n_rows_,
                       .n = row_,
                       .centered = !at_.simplified,
                       .epsilon = epsilon_,
                       .scale = args.in<float>(at_.gamma),
                       .bias = args.in<float>(at_.beta),
                       .out = y},
                      *args.parallel);
    return OkStatus();
  }

 private:
  // y = input + skip + bias, what there is of them.
  void AddRows(const RunArgs& args, float* y) const {
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / 2 / std::max<int64_t>(row_, 1), 1);
    kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float *x = args.in<float>(0) + r * row_, *bias = args.in<float>(at_.bias);
        const float* skip = args.in<float>(at_.skip);
        float* to = y + r * row_;
        if (skip != nullptr) skip += r % skip_rows_ * row_;
        for (int64_t i = 0; i < row_; ++i) {
          float value = x[i];
          if (skip != nullptr) value += skip[i];
          if (bias != nullptr) value += bias[i];
          to[i] = value;
        }
      }
    });
  }

  const NormInputs at_;
  const int64_t n_rows_, row_, skip_rows_;
  const double epsilon_;
};

Result<CompiledPtr> CompileNorm(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileNorm);
  const Shape x = context.InputShape(0);
  const NormInputs at = NormInputsOf(context);
  const float otherwise = context.op_type() == "SimplifiedLayerNormalization" ? 1e-5f : 1e-12f;
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", otherwise));
  if (IsEmpty(x)) return CompiledPtr(std::make_unique<EmptyOp>());
  const int64_t n_rows = ShapeProduct(x) / x.back();
  int64_t skip_rows = n_rows;
  if (context.HasInput(at.skip)) {
    // The skip may be the same for every batch.
    const int64_t n = ShapeProduct(context.InputShape(at.skip));
    skip_rows = n / x.back();
    const int64_t one_batch = x.size() == 3 ? x[1] : n_rows;
    if (n % x.back() != 0 || (skip_rows != n_rows && skip_rows != one_batch)) {
      return InvalidArgument("the skip " + context.Input(at.skip).ToString() + " does not fit " +
                             context.Input(0).ToString());
    }
  }
  return CompiledPtr(std::make_unique<NormOp>(at, n_rows, x.back(), skip_rows, epsilon));
}

// ---- GatedRMSNorm (x, scale, gate): groups as long as the scale, divided by the root of their
// mean square, times the scale and a function of the gate.

Result<bool> GateIsSilu(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("activation", "silu"));
  if (name == "silu" || name == "swish") return true;
  if (name == "sigmoid") return false;
  return InvalidArgument("attribute 'activation' is " + graph::Quoted(name) +
                         ", not silu, swish or sigmoid");
}

Status InferGatedNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 1, 1));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] bool silu, GateIsSilu(context));
  const Fact &x = context.Input(0), &scale = context.Input(1);
  if (x.has_rank && scale.has_rank && x.rank() > 0 && IsKnown(x.dims.back()) &&
      IsKnown(scale.dims[0])) {
    const int64_t group = scale.dims[0].value;
    if (group == 0 || x.dims.back().value % group != 0) {
      return InvalidArgument("input 1, the scale " + scale.ToString() +
                             ", does not divide rows of " + x.ToString());
    }
  }
  return InferSame(context);
}

class GatedNormOp final : public CompiledOp {
 public:
  GatedNormOp(int64_t n_rows, int64_t row, float epsilon, bool silu)
      : n_rows_(n_rows), row_(row), epsilon_(epsilon), silu_(silu) {}
  uint64_t ScratchBytes(int /*n_threads*/) const override {
    return static_cast<uint64_t>(n_rows_ * row_) * sizeof(float);
  }
  Status Run(const RunArgs& args) const override {
    float* y = args.out<float>(0);
    auto* gates = reinterpret_cast<float*>(args.scratch);
    kernels::NormRows({.in = args.in<float>(0),
                       .n_rows = n_rows_,
                       .n = row_,
                       .centered = false,
                       .epsilon = epsilon_,
                       .scale = args.in<float>(1),
                       .out = y},
                      *args.parallel);
    const kernels::UnaryOp op = silu_ ? kernels::UnaryOp::kSwish : kernels::UnaryOp::kSigmoid;
    kernels::Unary({.op = op, .alpha = 1}, args.in<float>(2), n_rows_ * row_, gates,
                   *args.parallel);
    kernels::ForRanges(*args.parallel, n_rows_ * row_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) y[i] *= gates[i];
                       });
    return OkStatus();
  }

 private:
  const int64_t n_rows_, row_;
  const double epsilon_;
  const bool silu_;
};

Result<CompiledPtr> CompileGatedNorm(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileGatedNorm);
  const Shape x = context.InputShape(0);
  const int64_t row = context.InputShape(1)[0];
  if (x.empty() || x != context.InputShape(2) || row == 0 || x.back() % row != 0) {
    return InvalidArgument("input 1, the scale " + context.Input(1).ToString() +
                           ", or input 2, the gate " + context.Input(2).ToString() +
                           ", does not fit " + context.Input(0).ToString());
  }
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  WNN_ASSIGN_OR_RETURN(bool silu, GateIsSilu(context));
  return CompiledPtr(std::make_unique<GatedNormOp>(ShapeProduct(x) / row, row, epsilon, silu));
}

// ---- EmbedLayerNormalization: the sum of the embeddings of words, positions and segments,
// normalised.

constexpr size_t kIds = 0, kSegments = 1, kWords = 2, kPositionTable = 3, kSegmentTable = 4,
                 kGamma = 5, kBeta = 6, kWordMask = 7, kPositionIds = 8;

Status InferEmbed(InferContext& context) {
  for (size_t i : {kIds, kSegments, kWordMask, kPositionIds}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kInt32}));
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 2, 2));
  }
  for (size_t i : {kWords, kPositionTable, kSegmentTable, kGamma, kBeta}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kWords, i));
    WNN_RETURN_IF_ERROR(context.RequireRank(i, i < kGamma ? 2 : 1, i < kGamma ? 2 : 1));
  }
  for (size_t i : {kWords, kPositionTable, kGamma, kBeta}) {
    if (!context.HasInput(i)) {
      return InvalidArgument("its input " + std::to_string(i) + " is left out");
    }
  }
  if (context.HasInput(kSegments) != context.HasInput(kSegmentTable)) {
    return InvalidArgument("segments and their embeddings come together");
  }
  const Fact &ids = context.Input(kIds), &words = context.Input(kWords);
  std::vector<Dim> dims(3);
  if (ids.has_rank) dims = {ids.dims[0], ids.dims[1], Dim()};
  if (words.has_rank) dims[2] = words.dims[1];
  context.SetOutput(1, Fact::Ranked(DType::kInt32, {dims[0]}));
  context.SetOutput(2, Fact::Ranked(words.dtype, dims));
  context.SetOutput(0, Fact::Ranked(words.dtype, std::move(dims)));
  return OkStatus();
}

class EmbedOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 0, length = 0, hidden = 0;
    int64_t words = 0, positions = 0, segments = 0;  // rows of the tables
    bool shared_positions = false;                   // [1, length]
    double epsilon = 0;
  };
  explicit EmbedOp(const Geometry& geometry) : g_(geometry) {}

  Status Run(const RunArgs& args) const override {
    float* y = args.out<float>(0);
    for (int64_t i = 0; i < g_.batch * g_.length; ++i) {
      const int32_t* positions = args.in<int32_t>(kPositionIds);
      const int64_t position =
          positions != nullptr ? positions[g_.shared_positions ? i % g_.length : i] : i % g_.length;
      float* row = y + i * g_.hidden;
      std::fill_n(row, g_.hidden, 0.0f);
      WNN_RETURN_IF_ERROR(Add(args, kWords, args.in<int32_t>(kIds)[i], g_.words, row));
      WNN_RETURN_IF_ERROR(Add(args, kPositionTable, position, g_.positions, row));
      if (const int32_t* segments = args.in<int32_t>(kSegments)) {
        WNN_RETURN_IF_ERROR(Add(args, kSegmentTable, segments[i], g_.segments, row));
      }
    }
    if (float* sum = args.out<float>(2)) std::copy_n(y, g_.batch * g_.length * g_.hidden, sum);
    kernels::NormRows({.in = y,
                       .n_rows = g_.batch * g_.length,
                       .n = g_.hidden,
                       .epsilon = g_.epsilon,
                       .scale = args.in<float>(kGamma),
                       .bias = args.in<float>(kBeta),
                       .out = y},
                      *args.parallel);
    if (int32_t* counts = args.out<int32_t>(1)) {
      const int32_t* mask = args.in<int32_t>(kWordMask);
      for (int64_t b = 0; b < g_.batch; ++b) {
        counts[b] = 0;
        for (int64_t i = 0; mask != nullptr && i < g_.length; ++i) {
          counts[b] += mask[b * g_.length + i] == 1 ? 1 : 0;
        }
      }
    }
    return OkStatus();
  }

 private:
  // Adds a row of a table.
  Status Add(const RunArgs& args, size_t table, int64_t at, int64_t n, float* row) const {
    if (at < 0 || at >= n) {
      return InvalidArgument("row " + std::to_string(at) + " of input " + std::to_string(table) +
                             ", which has " + std::to_string(n) + ", does not exist");
    }
    const float* from = args.in<float>(table) + at * g_.hidden;
    for (int64_t i = 0; i < g_.hidden; ++i) row[i] += from[i];
    return OkStatus();
  }

  const Geometry g_;
};

Result<CompiledPtr> CompileEmbed(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileEmbed);
  const Shape ids = context.InputShape(kIds);
  EmbedOp::Geometry g;
  g.batch = ids[0];
  g.length = ids[1];
  g.hidden = context.InputShape(kWords)[1];
  g.words = context.InputShape(kWords)[0];
  g.positions = context.InputShape(kPositionTable)[0];
  bool fits = context.InputShape(kPositionTable)[1] == g.hidden &&
              context.InputShape(kGamma)[0] == g.hidden && context.InputShape(kBeta)[0] == g.hidden;
  if (context.HasInput(kSegments)) {
    g.segments = context.InputShape(kSegmentTable)[0];
    fits = fits && context.InputShape(kSegmentTable)[1] == g.hidden &&
           context.InputShape(kSegments) == ids;
  }
  if (context.HasInput(kWordMask)) fits = fits && context.InputShape(kWordMask) == ids;
  if (context.HasInput(kPositionIds)) {
    const Shape positions = context.InputShape(kPositionIds);
    g.shared_positions = positions[0] == 1;
    fits = fits && (positions[0] == 1 || positions[0] == ids[0]) && positions[1] == ids[1];
  }
  if (!fits)
    return InvalidArgument("the embeddings, gamma, beta or identifiers do not fit each other");
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-12f));
  g.epsilon = epsilon;
  return CompiledPtr(std::make_unique<EmbedOp>(g));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "SimplifiedLayerNormalization",
     .inputs = {2, 2},
     .infer = InferNorm,
     .compile = CompileNorm},
    {.domain = kMicrosoftDomain,
     .name = "BiasGelu",
     .inputs = {2, 2},
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "EmbedLayerNormalization",
     .inputs = {1, 9},
     .outputs = {1, 3},
     .infer = InferEmbed,
     .compile = CompileEmbed},
    {.domain = kMicrosoftDomain,
     .name = "FastGelu",
     .inputs = {1, 2},
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "GatedRMSNorm",
     .inputs = {3, 3},
     .infer = InferGatedNorm,
     .compile = CompileGatedNorm},
    {.domain = kMicrosoftDomain,
     .name = "Gelu",
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "QuickGelu",
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "SkipLayerNormalization",
     .inputs = {3, 5},
     .outputs = {1, 4},
     .infer = InferNorm,
     .compile = CompileNorm},
    {.domain = kMicrosoftDomain,
     .name = "SkipSimplifiedLayerNormalization",
     .inputs = {3, 4},
     .outputs = {1, 4},
     .infer = InferNorm,
     .compile = CompileNorm},
});

}  // namespace

std::span<const OpDef> MicrosoftNormOps() { return kOps; }

}  // namespace wnn::ops
