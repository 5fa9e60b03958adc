// ONNX Runtime's fused operators, as its optimisers write them: activations with a bias, layer
// normalisation after a residual, products and convolutions with what follows them, Attention.
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/attention.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/quantized.h"
#include "engine/ops/registry.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr TypeSet kRealSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};

Status RequireReal(const OpContext& context) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  }
  return OkStatus();
}

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

float Gelu(float x) { return 0.5f * x * (1 + std::erf(x * 0.70710678f)); }
float FastGelu(float x) {
  return 0.5f * x * (1 + std::tanh(x * (0.7978845608f + 0.0356774081f * x * x)));
}

template <typename F>
class ActivationOp final : public CompiledOp {
 public:
  ActivationOp(int64_t n_rows, int64_t row, F f) : n_rows_(n_rows), row_(row), f_(f) {}
  Status Run(const RunArgs& args) const override {
    const float* bias = args.in<float>(1);
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / 8 / std::max<int64_t>(row_, 1), 1);
    kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* x = args.in<float>(0) + r * row_;
        float* y = args.out<float>(0) + r * row_;
        for (int64_t i = 0; i < row_; ++i) y[i] = f_(bias != nullptr ? x[i] + bias[i] : x[i]);
      }
    });
    return OkStatus();
  }

 private:
  const int64_t n_rows_, row_;
  const F f_;
};

Result<CompiledPtr> CompileActivation(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileActivation);
  const Shape x = context.InputShape(0);
  const int64_t row = x.empty() ? 1 : x.back();
  const int64_t n_rows = row == 0 ? 0 : ShapeProduct(x) / row;
  const auto make = [&](auto f) -> CompiledPtr {
    return std::make_unique<ActivationOp<decltype(f)>>(n_rows, row, f);
  };
  if (context.op_type() == "QuickGelu") {
    WNN_ASSIGN_OR_RETURN(float alpha, context.attributes().Float("alpha", 1.702f));
    return make([alpha](float v) { return v / (1 + std::exp(-alpha * v)); });
  }
  if (context.op_type() == "FastGelu") return make([](float v) { return FastGelu(v); });
  return make([](float v) { return Gelu(v); });
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
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / 2 / std::max<int64_t>(row_, 1), 1);
    kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) RunRow(args, r);
    });
    return OkStatus();
  }

 private:
  void RunRow(const RunArgs& args, int64_t r) const {
    const float* x = args.in<float>(0) + r * row_;
    const float *gamma = args.in<float>(at_.gamma), *beta = args.in<float>(at_.beta),
                *bias = args.in<float>(at_.bias);
    const float* skip = args.in<float>(at_.skip);
    if (skip != nullptr) skip += r % skip_rows_ * row_;
    float* y = args.out<float>(0) + r * row_;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < row_; ++i) {
      float value = x[i];
      if (skip != nullptr) value += skip[i];
      if (bias != nullptr) value += bias[i];
      y[i] = value;
      sum += value;
    }
    if (args.out<float>(3) != nullptr) std::copy_n(y, row_, args.out<float>(3) + r * row_);
    const double mean = at_.simplified ? 0 : sum / static_cast<double>(row_);
    for (int64_t i = 0; i < row_; ++i) squares += (y[i] - mean) * (y[i] - mean);
    const double scale = 1 / std::sqrt(squares / static_cast<double>(row_) + epsilon_);
    for (int64_t i = 0; i < row_; ++i) {
      const auto normal = static_cast<float>((y[i] - mean) * scale);
      y[i] = normal * gamma[i] + (beta != nullptr ? beta[i] : 0.0f);
    }
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

// ---- FusedMatMul: alpha * op(A) * op(B), where op may swap the last two dimensions.

struct FusedMatMul {
  bool trans_a = false, trans_b = false;
  float alpha = 1;
};
Result<FusedMatMul> ReadFusedMatMul(const OpContext& context) {
  FusedMatMul node;
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(int64_t trans_a, a.Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t trans_b, a.Int("transB", 0));
  WNN_ASSIGN_OR_RETURN(int64_t batch_a, a.Int("transBatchA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t batch_b, a.Int("transBatchB", 0));
  WNN_ASSIGN_OR_RETURN(node.alpha, a.Float("alpha", 1));
  if (batch_a != 0 || batch_b != 0) return Unsupported("swapped batch dimensions");
  node.trans_a = trans_a != 0;
  node.trans_b = trans_b != 0;
  return node;
}

Status InferFusedMatMul(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  WNN_ASSIGN_OR_RETURN(FusedMatMul node, ReadFusedMatMul(context));
  const Fact &a = context.Input(0), &b = context.Input(1);
  if (!a.has_rank || !b.has_rank) {
    context.SetOutput(0, Fact::Unranked(a.dtype));
    return OkStatus();
  }
  if (a.rank() < 2 || b.rank() < 2) return Unsupported("an input with fewer than two dimensions");
  const Dim m = a.dims[a.rank() - (node.trans_a ? 1 : 2)],
            n = b.dims[b.rank() - (node.trans_b ? 2 : 1)];
  const Dim a_k = a.dims[a.rank() - (node.trans_a ? 2 : 1)];
  const Dim b_k = b.dims[b.rank() - (node.trans_b ? 1 : 2)];
  if (IsKnown(a_k) && IsKnown(b_k) && a_k.value != b_k.value) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not multiply: their inner dimensions differ");
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(std::span(a.dims).first(a.rank() - 2),
                                                            std::span(b.dims).first(b.rank() - 2)));
  dims.push_back(m);
  dims.push_back(n);
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileFusedMatMul(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileFusedMatMul);
  WNN_ASSIGN_OR_RETURN(FusedMatMul node, ReadFusedMatMul(context));
  return CompileMatrixProduct(context, {context.InputShape(0), context.InputShape(1), node.trans_a,
                                        node.trans_b, node.alpha});
}

// ---- FusedConv and FusedGemm: ONNX's operator, a sum (FusedConv's input 3) and an activation.

struct Activation {
  enum class Kind { kNone, kRelu, kSigmoid, kTanh, kLeakyRelu, kClip, kHardSigmoid };
  Kind kind = Kind::kNone;
  float alpha = 0, beta = 0;

  float operator()(float x) const {
    switch (kind) {
      case Kind::kNone: return x;
      case Kind::kRelu: return x < 0 ? 0 : x;
      case Kind::kSigmoid: return 1 / (1 + std::exp(-x));
      case Kind::kTanh: return std::tanh(x);
      case Kind::kLeakyRelu: return x < 0 ? alpha * x : x;
      case Kind::kClip: return x < alpha ? alpha : x > beta ? beta : x;
      case Kind::kHardSigmoid: return std::min(std::max(alpha * x + beta, 0.0f), 1.0f);
    }
    return x;
  }
};

Result<Activation> ReadActivation(const OpContext& context) {
  constexpr std::string_view kNames[] = {"",          "Relu", "Sigmoid",    "Tanh",
                                         "LeakyRelu", "Clip", "HardSigmoid"};
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("activation", ""));
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) {
    return Unsupported("attribute 'activation' is " + graph::Quoted(name));
  }
  Activation activation;
  activation.kind = static_cast<Activation::Kind>(found - std::begin(kNames));
  WNN_ASSIGN_OR_RETURN(std::span<const float> parameters,
                       context.attributes().Floats("activation_params"));
  WNN_ASSIGN_OR_RETURN(activation.alpha, context.attributes().Float("activation_alpha", 0.01f));
  WNN_ASSIGN_OR_RETURN(activation.beta, context.attributes().Float("activation_beta", 0.5f));
  if (!parameters.empty()) activation.alpha = parameters[0];
  if (parameters.size() > 1) activation.beta = parameters[1];
  if (activation.kind == Activation::Kind::kClip && parameters.size() != 2) {
    return InvalidArgument("the activation Clip needs two parameters");
  }
  return activation;
}

const OpDef* InnerOp(const OpContext& context) {
  constexpr int kVersion = 13;
  return FindOp("", context.op_type() == "FusedConv" ? "Conv" : "Gemm", kVersion);
}

Status InferFused(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Activation activation, ReadActivation(context));
  return InnerOp(context)->infer(context);
}

class FusedOp final : public CompiledOp {
 public:
  FusedOp(std::unique_ptr<const CompiledOp> op, int64_t n, const Activation& activation)
      : op_(std::move(op)), n_(n), activation_(activation) {}
  uint64_t ScratchBytes(int n_threads) const override { return op_->ScratchBytes(n_threads); }
  Status Run(const RunArgs& args) const override {
    WNN_RETURN_IF_ERROR(op_->Run(args));
    const float* sum = args.in<float>(3);
    float* y = args.out<float>(0);
    if (sum == nullptr && activation_.kind == Activation::Kind::kNone) return OkStatus();
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           y[i] = activation_(sum != nullptr ? y[i] + sum[i] : y[i]);
                         }
                       });
    return OkStatus();
  }

 private:
  const std::unique_ptr<const CompiledOp> op_;
  const int64_t n_;
  const Activation activation_;
};

Result<CompiledPtr> CompileFused(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileFused);
  WNN_ASSIGN_OR_RETURN(Activation activation, ReadActivation(context));
  if (context.HasInput(3) && context.InputShape(3) != context.OutputShape(0)) {
    return InvalidArgument("the sum " + context.Input(3).ToString() +
                           " is not of the output's shape");
  }
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const CompiledOp> op, InnerOp(context)->compile(context));
  if (op == nullptr) return op;
  return CompiledPtr(
      std::make_unique<FusedOp>(std::move(op), ShapeProduct(context.OutputShape(0)), activation));
}

// ---- Attention: input [batch, length, hidden], weights [hidden, 3 * size], bias [3 * size], mask.

constexpr size_t kMaskIndex = 3, kPast = 4, kAttentionBias = 5;

Status InferSelfAttention(InferContext& context) {
  for (size_t i : {size_t{0}, size_t{1}, size_t{2}, kAttentionBias}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kMaskIndex, {DType::kInt32}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 2, 2));
  if (context.HasInput(kPast) || context.HasOutput(1)) {
    return Unsupported("past keys and values are not supported");
  }
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> sizes,
                       context.attributes().Ints("qkv_hidden_sizes"));
  if (!sizes.empty()) return Unsupported("attribute 'qkv_hidden_sizes' is not supported");
  WNN_ASSIGN_OR_RETURN(int64_t rotary, context.attributes().Int("do_rotary", 0));
  if (rotary != 0) return Unsupported("attribute 'do_rotary' is not supported");
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().RequiredInt("num_heads"));
  const Fact &x = context.Input(0), &w = context.Input(1);
  std::vector<Dim> dims(3);
  if (x.has_rank) dims = {x.dims[0], x.dims[1], Dim{}};
  if (w.has_rank && IsKnown(w.dims[1])) {
    if (heads < 1 || w.dims[1].value % (3 * heads) != 0) {
      return InvalidArgument("weights " + w.ToString() + " do not divide into " +
                             std::to_string(heads) + " heads of queries, keys and values");
    }
    dims[2] = graph::KnownDim(w.dims[1].value / 3);
  }
  if (x.has_rank && w.has_rank && IsKnown(x.dims[2]) && IsKnown(w.dims[0]) &&
      x.dims[2].value != w.dims[0].value) {
    return InvalidArgument("inputs " + x.ToString() + " and " + w.ToString() + " do not multiply");
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

class SelfAttentionOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::AttentionArgs args;
    int64_t inputs = 0;        // hidden size of the input
    bool has_lengths = false;  // the mask is one length a batch, else a number a key
    int64_t bias_strides[3] = {0, 0, 0};
  };
  explicit SelfAttentionOp(const Parameters& p) : p_(p) {}

  uint64_t ScratchBytes(int n_threads) const override {
    const auto product = kernels::MatMulScratchBytes(Rows(), 3 * Size(), p_.inputs, n_threads);
    if (!product) return UINT64_MAX;
    return Aligned(static_cast<uint64_t>(Rows() * 3 * Size()) * sizeof(float)) +
           Aligned(static_cast<uint64_t>(Rows()) * sizeof(int64_t)) +
           std::max<uint64_t>(*product, kernels::AttentionScratchBytes(p_.args.shape, n_threads));
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    auto* qkv = reinterpret_cast<float*>(run.scratch);
    std::byte* memory =
        run.scratch + Aligned(static_cast<uint64_t>(Rows() * 3 * Size()) * sizeof(float));
    auto* lengths = reinterpret_cast<int64_t*>(memory);
    auto* mask = reinterpret_cast<uint8_t*>(memory);
    memory += Aligned(static_cast<uint64_t>(Rows()) * sizeof(int64_t));
    Project(run, qkv, memory);
    kernels::AttentionArgs args = p_.args;
    const int64_t row = 3 * Size();
    const auto part = [&](int64_t i) {
      return kernels::HeadsOf<const float>{qkv + i * Size(), s.q_len * row, s.head_size, row};
    };
    args.q = part(0);
    args.k = part(1);
    args.v = part(2);
    args.y = {run.out<float>(0), s.q_len * Size(), s.head_size, Size()};
    if (const int32_t* given = run.in<int32_t>(kMaskIndex); given != nullptr) {
      if (p_.has_lengths) {
        for (int64_t b = 0; b < s.batch; ++b) lengths[b] = given[b];
        args.lengths = lengths;
      } else {
        for (int64_t i = 0; i < Rows(); ++i) mask[i] = given[i] != 0 ? 1 : 0;
        args.mask = {mask, s.q_len, 0, 0};
        args.mask_len = s.q_len;
      }
    }
    if (run.in<float>(kAttentionBias) != nullptr) {
      args.bias = {run.in<float>(kAttentionBias), p_.bias_strides[0], p_.bias_strides[1],
                   p_.bias_strides[2]};
      args.mask_len = s.q_len;
    }
    kernels::Attention(args, memory, *run.parallel);
    return OkStatus();
  }

 private:
  static uint64_t Aligned(uint64_t bytes) { return (bytes + 63) / 64 * 64; }
  int64_t Rows() const { return p_.args.shape.batch * p_.args.shape.q_len; }
  int64_t Size() const { return p_.args.shape.q_heads * p_.args.shape.head_size; }

  void Project(const RunArgs& run, float* qkv, std::byte* memory) const {
    constexpr std::array<int64_t, 1> kOne = {0};
    kernels::MatMulArgs product;
    product.m = Rows();
    product.n = 3 * Size();
    product.k = p_.inputs;
    product.a = run.in<float>(0);
    product.b = run.in<float>(1);
    product.a_offsets = product.b_offsets = kOne;
    product.c = qkv;
    const auto bytes = static_cast<size_t>(
        *kernels::MatMulScratchBytes(product.m, product.n, product.k, run.parallel->n_threads()));
    kernels::MatMul(product, {memory, bytes}, *run.parallel);
    const float* bias = run.in<float>(2);
    if (bias == nullptr) return;
    kernels::ForRanges(*run.parallel, Rows(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t i = 0; i < 3 * Size(); ++i) qkv[r * 3 * Size() + i] += bias[i];
      }
    });
  }

  const Parameters p_;
};

Result<CompiledPtr> CompileSelfAttention(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileSelfAttention);
  const Shape x = context.InputShape(0), out = context.OutputShape(0);
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  SelfAttentionOp::Parameters p;
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().RequiredInt("num_heads"));
  WNN_ASSIGN_OR_RETURN(int64_t causal, context.attributes().Int("unidirectional", 0));
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("scale", 0));
  p.inputs = x[2];
  kernels::AttentionShape& s = p.args.shape;
  s.batch = x[0];
  s.q_len = s.kv_len = x[1];
  s.q_heads = s.kv_heads = heads;
  s.head_size = s.v_head_size = out[2] / heads;
  p.args.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.causal = causal != 0;
  p.args.align_to_lengths = false;
  if (context.HasInput(2) && ShapeProduct(context.InputShape(2)) != 3 * out[2]) {
    return InvalidArgument("bias " + context.Input(2).ToString() + " does not fit the weights");
  }
  if (context.HasInput(kMaskIndex)) {
    const Shape mask = context.InputShape(kMaskIndex);
    p.has_lengths = mask == Shape{x[0]};
    if (!p.has_lengths && mask != Shape{x[0], x[1]}) {
      return Unsupported("a mask of shape " + ShapeToString(mask));
    }
    if (!p.has_lengths && context.HasInput(kAttentionBias)) {
      return Unsupported("a mask together with a bias");
    }
  }
  if (context.HasInput(kAttentionBias)) {
    const Shape bias = context.InputShape(kAttentionBias);
    const Shape whole = {x[0], heads, x[1], x[1]};
    if (bias.size() != 4) return InvalidArgument("the attention bias does not have rank 4");
    for (size_t d = 0; d < 4; ++d) {
      if (bias[d] != whole[d] && (bias[d] != 1 || d > 1)) {
        return InvalidArgument("the attention bias does not broadcast to " + ShapeToString(whole));
      }
      if (d < 3) {
        p.bias_strides[d] = bias[d] == 1 ? 0 : ShapeProduct(std::span(bias).subspan(d + 1));
      }
    }
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::MatMulScratchBytes(x[0] * x[1], 3 * out[2], x[2], 1));
  return CompiledPtr(std::make_unique<SelfAttentionOp>(p));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "SimplifiedLayerNormalization",
     .inputs = {2, 2},
     .infer = InferNorm,
     .compile = CompileNorm},
    {.domain = kMicrosoftDomain,
     .name = "Attention",
     .inputs = {3, 7},
     .outputs = {1, 2},
     .infer = InferSelfAttention,
     .compile = CompileSelfAttention},
    {.domain = kMicrosoftDomain,
     .name = "BiasGelu",
     .inputs = {2, 2},
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "FastGelu",
     .inputs = {1, 2},
     .infer = InferActivation,
     .compile = CompileActivation},
    {.domain = kMicrosoftDomain,
     .name = "FusedConv",
     .inputs = {2, 4},
     .infer = InferFused,
     .compile = CompileFused},
    {.domain = kMicrosoftDomain,
     .name = "FusedGemm",
     .inputs = {2, 3},
     .infer = InferFused,
     .compile = CompileFused},
    {.domain = kMicrosoftDomain,
     .name = "FusedMatMul",
     .inputs = {2, 2},
     .infer = InferFusedMatMul,
     .compile = CompileFusedMatMul},
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

std::span<const OpDef> MicrosoftOps() { return kOps; }

}  // namespace wnn::ops
