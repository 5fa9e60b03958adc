// FlexAttention of ai.onnx.preview.
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/matmul.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

constexpr size_t kQ = 0, kK = 1, kV = 2, kY = 0;

// ---- FlexAttention: attention whose scores and probabilities may each pass through a subgraph.

// What the attribute says, or else the type of the inputs, single precision at least.
Result<DType> FlexPrecision(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("softmax_precision", 0));
  if (number == 0) {
    const DType input = context.Input(kQ).dtype;
    return input == DType::kFloat16 || input == DType::kBfloat16 ? DType::kFloat : input;
  }
  const auto dtype = DTypeFromOnnx(number);
  if (dtype && kFloatSet.Has(*dtype)) return *dtype;
  return InvalidArgument("attribute 'softmax_precision' is " + std::to_string(number) +
                         ", not a floating-point type");
}

// Extents that are not known are -1. REQUIRES: the inputs have ranks.
Result<kernels::AttentionShape> FlexShape(const OpContext& context) {
  const Fact &q = context.Input(kQ), &k = context.Input(kK), &v = context.Input(kV);
  kernels::AttentionShape s;
  s.batch = q.dims[0].value;
  s.q_heads = q.dims[1].value;
  s.q_len = q.dims[2].value;
  s.head_size = q.dims[3].value;
  s.kv_heads = k.dims[1].value;
  s.kv_len = k.dims[2].value;
  s.v_head_size = v.dims[3].value;
  WNN_RETURN_IF_ERROR(CheckExtents(context, kK, {s.batch, s.kv_heads, s.kv_len, s.head_size}));
  WNN_RETURN_IF_ERROR(CheckExtents(context, kV, {s.batch, s.kv_heads, s.kv_len, s.v_head_size}));
  if (s.q_heads >= 0 && s.kv_heads >= 0 && s.q_heads != s.kv_heads &&
      (s.kv_heads == 0 || s.q_heads % s.kv_heads != 0)) {
    return InvalidArgument(std::to_string(s.q_heads) + " heads of queries do not share " +
                           std::to_string(s.kv_heads) + " of keys");
  }
  return s;
}

Status CheckFlexInputs(const OpContext& context) {
  for (size_t i : {kQ, kK, kV}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kFloatSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 4, 4));
  }
  return OkStatus();
}

Status InferFlex(InferContext& context) {
  WNN_RETURN_IF_ERROR(CheckFlexInputs(context));
  WNN_ASSIGN_OR_RETURN(DType precision, FlexPrecision(context));
  const DType dtype = context.Input(kQ).dtype;
  Fact scores = Fact::Unranked(precision), y = Fact::Unranked(dtype);
  if (context.Input(kQ).has_rank && context.Input(kK).has_rank && context.Input(kV).has_rank) {
    WNN_ASSIGN_OR_RETURN(kernels::AttentionShape s, FlexShape(context));
    const std::vector<Dim>& q = context.Input(kQ).dims;
    scores = Fact::Ranked(precision, {q[0], q[1], q[2], context.Input(kK).dims[2]});
    y = Fact::Ranked(dtype, {q[0], q[1], q[2], MakeDim(s.v_head_size)});
  }
  for (const char* modifier : {"score_mod", "prob_mod"}) {
    if (!context.attributes().Has(modifier)) continue;
    WNN_ASSIGN_OR_RETURN(std::vector<Fact> outputs,
                         context.InferSubgraph(modifier, std::span(&scores, 1)));
    if (outputs.size() == 1) continue;
    return InvalidArgument("the graph of attribute " + graph::Quoted(modifier) + " has " +
                           std::to_string(outputs.size()) + " outputs, not one");
  }
  context.SetOutput(kY, std::move(y));
  return OkStatus();
}

// The tensor in another floating-point type; the same where it is of that type.
Result<Value> InPrecision(const EvaluateContext& context, Value value, DType dtype) {
  const Tensor& from = *value.tensor();
  if (from.dtype() == dtype) return value;
  WNN_ASSIGN_OR_RETURN(Tensor to, context.Allocate(dtype, from.shape()));
  kernels::ForRanges(context.parallel(), ShapeProduct(from.shape()), kernels::kElementsPerTask,
                     [&](int64_t begin, int64_t end) {
                       constexpr int64_t kPiece = 256;
                       double piece[kPiece];
                       for (int64_t i = begin; i < end; i += kPiece) {
                         const int64_t n = std::min(kPiece, end - i);
                         kernels::ReadNumbers(from.dtype(), from.bytes().data(), i, n, piece);
                         kernels::WriteNumbers(dtype, piece, i, n, {}, to.bytes().data());
                       }
                     });
  return Value(std::move(to));
}

// What the subgraph makes of `value`, if the node has it, both rounded to `precision`.
Result<Value> Modified(EvaluateContext& context, const char* modifier, Value value,
                       DType precision) {
  WNN_ASSIGN_OR_RETURN(value, InPrecision(context, std::move(value), precision));
  if (!context.attributes().Has(modifier)) return value;
  const Shape shape = value.tensor()->shape();
  std::vector<Value> inputs;
  inputs.push_back(std::move(value));
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                       context.RunSubgraph(modifier, std::move(inputs)));
  const Tensor* made = outputs.empty() ? nullptr : outputs[0].tensor();
  if (made != nullptr && made->dtype() == precision && made->shape() == shape) return outputs[0];
  return InvalidArgument("the graph of attribute " + graph::Quoted(modifier) +
                         " does not give a tensor of the type and shape that it is given, " +
                         Fact::Concrete(precision, shape).ToString());
}

template <typename T>
const T* Elements(const Value& value) {
  return reinterpret_cast<const T*>(value.tensor()->bytes().data());
}

// For each head of queries C[m][n] = alpha A[m][k] B, where B is its group's [k][n], or [n][k].
struct HeadProducts {
  int64_t m = 0, n = 0, k = 0;
  bool b_transposed = false;
  double alpha = 1;
};

template <typename T>
Result<Value> MultiplyHeads(const EvaluateContext& context, const kernels::AttentionShape& s,
                            const HeadProducts& p, const Value& a, const Value& b) {
  WNN_ASSIGN_OR_RETURN(Tensor product,
                       context.Allocate(kernels::DTypeOf<T>(), {s.batch, s.q_heads, p.m, p.n}));
  T* c = reinterpret_cast<T*>(product.bytes().data());
  const int64_t n_heads = s.batch * s.q_heads, size = p.m * p.n;
  if (n_heads * size == 0 || p.k == 0) {
    std::fill(c, c + n_heads * size, T{0});
    return Value(std::move(product));
  }
  std::vector<int64_t> a_offsets, b_offsets;
  for (int64_t h = 0; h < n_heads; ++h) {
    a_offsets.push_back(h * p.m * p.k);
    b_offsets.push_back(h / (s.q_heads / s.kv_heads) * p.k * p.n);
  }
  Parallel& parallel = context.parallel();
  if constexpr (std::is_same_v<T, float>) {
    WNN_ASSIGN_OR_RETURN(size_t n_bytes,
                         kernels::MatMulScratchBytes(p.m, p.n, p.k, parallel.n_threads()));
    WNN_ASSIGN_OR_RETURN(Tensor scratch,
                         context.Allocate(DType::kUint8, {static_cast<int64_t>(n_bytes)}));
    kernels::MatMulArgs args;
    args.m = p.m;
    args.n = p.n;
    args.k = p.k;
    args.a = Elements<T>(a);
    args.b = Elements<T>(b);
    args.a_offsets = a_offsets;
    args.b_offsets = b_offsets;
    args.b_transposed = p.b_transposed;
    args.alpha = static_cast<float>(p.alpha);
    args.c = c;
    kernels::MatMul(args, scratch.bytes(), parallel);
  } else {
    const kernels::MatrixProduct one{
        p.m, p.k, p.n, p.k, 1, p.b_transposed ? 1 : p.n, p.b_transposed ? p.k : 1};
    for (size_t h = 0; h < a_offsets.size(); ++h) {
      WNN_RETURN_IF_ERROR(context.stop().Check());
      T* to = c + static_cast<int64_t>(h) * size;
      kernels::MultiplyReference(one, Elements<T>(a) + a_offsets[h], Elements<T>(b) + b_offsets[h],
                                 to, parallel);
      for (int64_t i = 0; i < size; ++i) to[i] *= p.alpha;
    }
  }
  return Value(std::move(product));
}

template <typename T>
Result<Value> SoftmaxOf(const EvaluateContext& context, const Value& scores) {
  WNN_ASSIGN_OR_RETURN(Tensor made,
                       context.Allocate(kernels::DTypeOf<T>(), scores.tensor()->shape()));
  const int64_t n = made.shape().back(), n_rows = n == 0 ? 0 : ShapeProduct(made.shape()) / n;
  const T* in = Elements<T>(scores);
  T* out = reinterpret_cast<T*>(made.bytes().data());
  if constexpr (std::is_same_v<T, float>) {
    kernels::SoftmaxRows(in, n_rows, n, false, out, context.parallel());
  } else {
    for (int64_t r = 0; r < n_rows; ++r, in += n, out += n) {
      const T max = *std::max_element(in, in + n);
      T sum = 0;
      for (int64_t i = 0; i < n; ++i) sum += out[i] = std::exp(in[i] - max);
      for (int64_t i = 0; i < n; ++i) out[i] /= sum;
    }
  }
  return Value(std::move(made));
}

// Computes in T and rounds to `precision` what the subgraphs are given.
template <typename T>
Status EvaluateFlexIn(EvaluateContext& context, DType precision) {
  WNN_ASSIGN_OR_RETURN(const kernels::AttentionShape s, FlexShape(context));
  WNN_ASSIGN_OR_RETURN(float given, context.attributes().Float("scale", 0));
  const double scale = context.attributes().Has("scale")
                           ? double{given}
                           : 1 / std::sqrt(static_cast<double>(std::max<int64_t>(s.head_size, 1)));
  constexpr DType kComputed = kernels::DTypeOf<T>();
  const DType dtype = context.InputTensor(kQ).dtype();
  WNN_ASSIGN_OR_RETURN(Value q, InPrecision(context, context.InputValue(kQ), kComputed));
  WNN_ASSIGN_OR_RETURN(Value k, InPrecision(context, context.InputValue(kK), kComputed));
  WNN_ASSIGN_OR_RETURN(Value v, InPrecision(context, context.InputValue(kV), kComputed));
  const HeadProducts by_keys{s.q_len, s.kv_len, s.head_size, true, scale};
  WNN_ASSIGN_OR_RETURN(Value scores, MultiplyHeads<T>(context, s, by_keys, q, k));
  WNN_ASSIGN_OR_RETURN(scores, Modified(context, "score_mod", std::move(scores), precision));
  WNN_ASSIGN_OR_RETURN(scores, InPrecision(context, std::move(scores), kComputed));
  WNN_ASSIGN_OR_RETURN(Value shares, SoftmaxOf<T>(context, scores));
  scores = Value();
  WNN_ASSIGN_OR_RETURN(shares, Modified(context, "prob_mod", std::move(shares), precision));
  WNN_ASSIGN_OR_RETURN(shares, InPrecision(context, std::move(shares), kComputed));
  const HeadProducts by_values{s.q_len, s.v_head_size, s.kv_len};
  WNN_ASSIGN_OR_RETURN(Value y, MultiplyHeads<T>(context, s, by_values, shares, v));
  WNN_ASSIGN_OR_RETURN(y, InPrecision(context, std::move(y), dtype));
  context.SetOutput(kY, std::move(y));
  return OkStatus();
}

Status EvaluateFlex(EvaluateContext& context) {
  // A node with subgraphs is not inferred again before it runs.
  for (size_t i : {kQ, kK, kV}) {
    if (context.InputValue(i).tensor() != nullptr) continue;
    return InvalidArgument("input " + std::to_string(i) + " is not a tensor of numbers");
  }
  WNN_RETURN_IF_ERROR(CheckFlexInputs(context));
  WNN_ASSIGN_OR_RETURN(const DType precision, FlexPrecision(context));
  const bool in_double =
      context.InputTensor(kQ).dtype() == DType::kDouble || precision == DType::kDouble;
  return in_double ? EvaluateFlexIn<double>(context, precision)
                   : EvaluateFlexIn<float>(context, precision);
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = "ai.onnx.preview",
     .name = "FlexAttention",
     .last_version = 1,
     .inputs = {3, 3},
     .infer = InferFlex,
     .evaluate = EvaluateFlex},
});

}  // namespace

std::span<const OpDef> FlexAttentionOps() { return kOps; }

}  // namespace wnn::ops
