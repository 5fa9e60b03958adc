// Attention, FlexAttention and RotaryEmbedding.
#include "engine/kernels/attention.h"

#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/matmul.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr TypeSet kRealSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};

// ---- Attention

constexpr size_t kQ = 0, kK = 1, kV = 2, kMask = 3, kPastK = 4, kPastV = 5, kLengths = 6;
constexpr size_t kY = 0, kPresentK = 1, kPresentV = 2, kScores = 3;

struct AttentionNode {
  kernels::AttentionShape shape;  // extents that are not known are -1
  bool is_3d = false;
  float scale = 0;  // 0: by the head's size
  float softcap = 0;
  bool causal = false;
  int64_t left = -1, right = -1;
  int64_t mode = 0;
};

Result<int64_t> Product(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return int64_t{-1};
  return a * b;
}

Result<AttentionNode> ReadAttention(const OpContext& context) {
  AttentionNode node;
  const graph::Attributes& attributes = context.attributes();
  WNN_ASSIGN_OR_RETURN(node.scale, attributes.Float("scale", 0));
  WNN_ASSIGN_OR_RETURN(node.softcap, attributes.Float("softcap", 0));
  WNN_ASSIGN_OR_RETURN(int64_t causal, attributes.Int("is_causal", 0));
  WNN_ASSIGN_OR_RETURN(node.left, attributes.Int("left_window_size", -1));
  WNN_ASSIGN_OR_RETURN(node.right, attributes.Int("right_window_size", -1));
  WNN_ASSIGN_OR_RETURN(node.mode, attributes.Int("qk_matmul_output_mode", 0));
  WNN_ASSIGN_OR_RETURN(int64_t q_heads, attributes.Int("q_num_heads", 0));
  WNN_ASSIGN_OR_RETURN(int64_t kv_heads, attributes.Int("kv_num_heads", 0));
  node.causal = causal != 0;
  if (node.mode < 0 || node.mode > 3) {
    return InvalidArgument("attribute 'qk_matmul_output_mode' is " + std::to_string(node.mode) +
                           ", not 0 to 3");
  }
  if (node.left < -1 || node.right < -1) {
    return InvalidArgument("a window's size is neither -1 nor at least 0");
  }
  const Fact &q = context.Input(kQ), &k = context.Input(kK), &v = context.Input(kV);
  if (q.rank() != k.rank() || q.rank() != v.rank() || (q.rank() != 3 && q.rank() != 4)) {
    return InvalidArgument("inputs " + q.ToString() + ", " + k.ToString() + " and " + v.ToString() +
                           " do not have the same rank of 3 or 4");
  }
  kernels::AttentionShape& s = node.shape;
  node.is_3d = q.rank() == 3;
  s.batch = q.dims[0].value;
  if (node.is_3d) {
    if (q_heads < 1 || kv_heads < 1) {
      return InvalidArgument("attributes 'q_num_heads' and 'kv_num_heads' are needed");
    }
    const auto divide = [](const Dim& dim, int64_t heads) -> Result<int64_t> {
      if (!IsKnown(dim)) return int64_t{-1};
      if (dim.value % heads != 0) {
        return InvalidArgument("a hidden size of " + std::to_string(dim.value) +
                               " does not divide into " + std::to_string(heads) + " heads");
      }
      return dim.value / heads;
    };
    s.q_heads = q_heads;
    s.kv_heads = kv_heads;
    s.q_len = q.dims[1].value;
    s.kv_len = k.dims[1].value;
    WNN_ASSIGN_OR_RETURN(s.head_size, divide(q.dims[2], q_heads));
    WNN_ASSIGN_OR_RETURN(s.v_head_size, divide(v.dims[2], kv_heads));
  } else {
    s.q_heads = q.dims[1].value;
    s.kv_heads = k.dims[1].value;
    s.q_len = q.dims[2].value;
    s.kv_len = k.dims[2].value;
    s.head_size = q.dims[3].value;
    s.v_head_size = v.dims[3].value;
  }
  if (s.q_heads >= 0 && s.kv_heads >= 0 && (s.kv_heads == 0 || s.q_heads % s.kv_heads != 0)) {
    return InvalidArgument(std::to_string(s.q_heads) + " heads of queries do not share " +
                           std::to_string(s.kv_heads) + " of keys");
  }
  if (context.HasInput(kPastK) != context.HasInput(kPastV)) {
    return InvalidArgument("past keys and past values come together");
  }
  if (context.HasInput(kPastK)) {
    if (context.HasInput(kLengths)) {
      return InvalidArgument("numbers of keys that are no padding do not go with past keys");
    }
    const Fact& past = context.Input(kPastK);
    s.past_len = past.has_rank && past.rank() == 4 ? past.dims[2].value : -1;
  }
  return node;
}

// The total number of keys; -1 if it is not known.
int64_t TotalLength(const kernels::AttentionShape& s) {
  return s.past_len < 0 || s.kv_len < 0 ? -1 : s.total_len();
}

Dim MakeDim(int64_t extent) { return extent < 0 ? graph::UnknownDim() : graph::KnownDim(extent); }

// Every extent of every input must be what the shape says.
Status CheckInput(const OpContext& context, size_t i, const std::vector<int64_t>& wanted) {
  if (!context.HasInput(i) || !context.Input(i).has_rank) return OkStatus();
  const Fact& fact = context.Input(i);
  bool fits = fact.rank() == wanted.size();
  for (size_t d = 0; fits && d < wanted.size(); ++d) {
    fits = wanted[d] < 0 || !IsKnown(fact.dims[d]) || fact.dims[d].value == wanted[d];
  }
  if (fits) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + " is " + fact.ToString() + ", not " +
                         ShapeToString(wanted));
}

// The mask broadcasts to [batch, heads, queries, keys]; the last dimension may be shorter.
Status CheckMask(const InferContext& context, const kernels::AttentionShape& s) {
  if (!context.HasInput(kMask) || !context.Input(kMask).has_rank) return OkStatus();
  const Fact& mask = context.Input(kMask);
  const int64_t wanted[4] = {s.batch, s.q_heads, s.q_len, TotalLength(s)};
  bool fits = mask.rank() >= 1 && mask.rank() <= 4;
  for (size_t d = 0; fits && d < mask.rank(); ++d) {
    const int64_t extent = mask.dims[d].value, most = wanted[4 - mask.rank() + d];
    const bool is_last = d + 1 == mask.rank();
    fits = extent < 0 || most < 0 || extent == most || (is_last ? extent < most : extent == 1);
  }
  if (fits) return OkStatus();
  return InvalidArgument("the mask " + mask.ToString() + " does not broadcast to the scores");
}

Status InferAttention(InferContext& context) {
  for (size_t i : {kQ, kK, kV, kPastK, kPastV}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
  }
  WNN_RETURN_IF_ERROR(
      context.RequireType(kMask, {DType::kBool, DType::kFloat, DType::kFloat16, DType::kBfloat16}));
  WNN_RETURN_IF_ERROR(context.RequireType(kLengths, {DType::kInt64}));
  const Fact& q = context.Input(kQ);
  if (!q.has_rank || !context.Input(kK).has_rank || !context.Input(kV).has_rank) {
    for (size_t i : {kY, kPresentK, kPresentV, kScores}) {
      context.SetOutput(i, Fact::Unranked(q.dtype));
    }
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(AttentionNode node, ReadAttention(context));
  const kernels::AttentionShape& s = node.shape;
  if (node.is_3d) {
    WNN_ASSIGN_OR_RETURN(int64_t k_size, Product(s.kv_heads, s.head_size));
    WNN_RETURN_IF_ERROR(CheckInput(context, kK, {s.batch, s.kv_len, k_size}));
    WNN_RETURN_IF_ERROR(CheckInput(context, kV, {s.batch, s.kv_len, -1}));
  } else {
    WNN_RETURN_IF_ERROR(CheckInput(context, kK, {s.batch, s.kv_heads, s.kv_len, s.head_size}));
    WNN_RETURN_IF_ERROR(CheckInput(context, kV, {s.batch, s.kv_heads, s.kv_len, -1}));
  }
  WNN_RETURN_IF_ERROR(CheckInput(context, kPastK, {s.batch, s.kv_heads, s.past_len, s.head_size}));
  WNN_RETURN_IF_ERROR(
      CheckInput(context, kPastV, {s.batch, s.kv_heads, s.past_len, s.v_head_size}));
  WNN_RETURN_IF_ERROR(CheckInput(context, kLengths, {s.batch}));
  WNN_RETURN_IF_ERROR(CheckMask(context, s));
  const Dim batch = q.dims[0], total = MakeDim(TotalLength(s));
  if (node.is_3d) {
    WNN_ASSIGN_OR_RETURN(int64_t hidden, Product(s.q_heads, s.v_head_size));
    context.SetOutput(kY, Fact::Ranked(q.dtype, {batch, q.dims[1], MakeDim(hidden)}));
  } else {
    context.SetOutput(kY,
                      Fact::Ranked(q.dtype, {batch, q.dims[1], q.dims[2], MakeDim(s.v_head_size)}));
  }
  const Dim kv_heads = MakeDim(s.kv_heads), q_len = MakeDim(s.q_len);
  context.SetOutput(kPresentK,
                    Fact::Ranked(q.dtype, {batch, kv_heads, total, MakeDim(s.head_size)}));
  context.SetOutput(kPresentV,
                    Fact::Ranked(q.dtype, {batch, kv_heads, total, MakeDim(s.v_head_size)}));
  context.SetOutput(kScores, Fact::Ranked(q.dtype, {batch, MakeDim(s.q_heads), q_len, total}));
  return OkStatus();
}

// [batch, heads, rows, size], or with `is_3d` [batch, rows, heads * size].
template <typename T>
kernels::HeadsOf<T> Heads(T* data, bool is_3d, int64_t heads, int64_t rows, int64_t size) {
  if (is_3d) return {data, rows * heads * size, size, heads * size};
  return {data, heads * rows * size, rows * size, size};
}

class AttentionOp final : public CompiledOp {
 public:
  AttentionOp(const AttentionNode& node, const kernels::AttentionArgs& args, bool mask_is_bool)
      : node_(node), args_(args), mask_is_bool_(mask_is_bool) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return kernels::AttentionScratchBytes(node_.shape, n_threads);
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = node_.shape;
    kernels::AttentionArgs args = args_;
    const bool flat = node_.is_3d;
    args.q = Heads(run.in<float>(kQ), flat, s.q_heads, s.q_len, s.head_size);
    args.k = Heads(run.in<float>(kK), flat, s.kv_heads, s.kv_len, s.head_size);
    args.v = Heads(run.in<float>(kV), flat, s.kv_heads, s.kv_len, s.v_head_size);
    args.past_k = Heads(run.in<float>(kPastK), false, s.kv_heads, s.past_len, s.head_size);
    args.past_v = Heads(run.in<float>(kPastV), false, s.kv_heads, s.past_len, s.v_head_size);
    args.y = Heads(run.out<float>(kY), flat, s.q_heads, s.q_len, s.v_head_size);
    args.scores = Heads(run.out<float>(kScores), false, s.q_heads, s.q_len, s.total_len());
    args.lengths = run.in<int64_t>(kLengths);
    if (mask_is_bool_) {
      args.mask.data = run.in<uint8_t>(kMask);
    } else {
      args.bias.data = run.in<float>(kMask);
    }
    kernels::Attention(args, run.scratch, *run.parallel);
    WritePresent(args.past_k, args.k, s.head_size, run.out<float>(kPresentK));
    WritePresent(args.past_v, args.v, s.v_head_size, run.out<float>(kPresentV));
    return OkStatus();
  }

 private:
  void WritePresent(const kernels::HeadsOf<const float>& past,
                    const kernels::HeadsOf<const float>& now, int64_t size, float* to) const {
    if (to == nullptr) return;
    const kernels::AttentionShape& s = node_.shape;
    const size_t bytes = static_cast<size_t>(size) * sizeof(float);
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t h = 0; h < s.kv_heads; ++h) {
        for (int64_t i = 0; i < s.total_len(); ++i, to += size) {
          std::memcpy(to, i < s.past_len ? past.at(b, h, i) : now.at(b, h, i - s.past_len), bytes);
        }
      }
    }
  }

  const AttentionNode node_;
  const kernels::AttentionArgs args_;  // what does not depend on addresses
  const bool mask_is_bool_;
};

Result<CompiledPtr> CompileAttention(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileAttention);
  WNN_ASSIGN_OR_RETURN(AttentionNode node, ReadAttention(context));
  const kernels::AttentionShape& s = node.shape;
  kernels::AttentionArgs args;
  args.shape = s;
  args.scale = node.scale != 0
                   ? node.scale
                   : 1 / std::sqrt(static_cast<float>(std::max<int64_t>(s.head_size, 1)));
  args.softcap = node.softcap;
  args.causal = node.causal;
  args.left = node.left;
  args.right = node.right;
  args.scores_output = static_cast<kernels::ScoresOutput>(node.mode);
  bool is_bool = false;
  if (context.HasInput(kMask)) {
    Shape mask = context.InputShape(kMask);
    is_bool = context.InputType(kMask) == DType::kBool;
    args.mask_len = mask.back();
    mask.insert(mask.begin(), 4 - mask.size(), 1);
    const auto stride = [&](size_t d) {
      return mask[d] == 1 ? 0 : ShapeProduct(std::span(mask).subspan(d + 1));
    };
    args.mask.batch_stride = args.bias.batch_stride = stride(0);
    args.mask.head_stride = args.bias.head_stride = stride(1);
    args.mask.row_stride = args.bias.row_stride = stride(2);
  }
  if (IsEmpty(context.OutputShape(kY)) && !context.HasOutput(kPresentK)) {
    return CompiledPtr(std::make_unique<EmptyOp>());
  }
  return CompiledPtr(std::make_unique<AttentionOp>(node, args, is_bool));
}

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
  WNN_RETURN_IF_ERROR(CheckInput(context, kK, {s.batch, s.kv_heads, s.kv_len, s.head_size}));
  WNN_RETURN_IF_ERROR(CheckInput(context, kV, {s.batch, s.kv_heads, s.kv_len, s.v_head_size}));
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

// ---- RotaryEmbedding: pairs of a head's elements turn by an angle of their position.

constexpr size_t kX = 0, kCos = 1, kSin = 2, kPositions = 3;

struct Rotary {
  int64_t batch = 0, heads = 0, length = 0, size = 0;
  int64_t turned = 0;  // elements of a head that turn
  bool interleaved = false;
  bool is_3d = false;
  bool has_positions = false;
  int64_t cache_rows = 0;  // with positions
};

Status InferRotary(InferContext& context) {
  for (size_t i : {kX, kCos, kSin}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kPositions, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(kX, 3, 4));
  return InferSame(context);
}

class RotaryOp final : public CompiledOp {
 public:
  explicit RotaryOp(const Rotary& rotary) : r_(rotary) {}
  Status Run(const RunArgs& run) const override {
    const auto x = Heads(run.in<float>(kX), r_.is_3d, r_.heads, r_.length, r_.size);
    const auto y = Heads(run.out<float>(0), r_.is_3d, r_.heads, r_.length, r_.size);
    const int64_t* positions = run.in<int64_t>(kPositions);
    const int64_t half = r_.turned / 2, rows = r_.batch * r_.length;
    if (positions != nullptr) {
      for (int64_t i = 0; i < rows; ++i) {
        if (positions[i] >= 0 && positions[i] < r_.cache_rows) continue;
        return InvalidArgument("position " + std::to_string(positions[i]) +
                               " is outside the cache of " + std::to_string(r_.cache_rows));
      }
    }
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(r_.heads * r_.size, 1), 1);
    kernels::ForRanges(*run.parallel, rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = (positions != nullptr ? positions[i] : i) * half;
        const float *cos = run.in<float>(kCos) + at, *sin = run.in<float>(kSin) + at;
        for (int64_t h = 0; h < r_.heads; ++h) {
          Turn(x.at(i / r_.length, h, i % r_.length), cos, sin,
               y.at(i / r_.length, h, i % r_.length));
        }
      }
    });
    return OkStatus();
  }

 private:
  void Turn(const float* x, const float* cos, const float* sin, float* y) const {
    const int64_t half = r_.turned / 2;
    for (int64_t j = 0; j < half; ++j) {
      const int64_t first = r_.interleaved ? 2 * j : j;
      const int64_t second = r_.interleaved ? 2 * j + 1 : j + half;
      const float a = x[first], b = x[second];
      y[first] = cos[j] * a - sin[j] * b;
      y[second] = sin[j] * a + cos[j] * b;
    }
    if (y != x) std::copy(x + r_.turned, x + r_.size, y + r_.turned);
  }

  const Rotary r_;
};

Result<CompiledPtr> CompileRotary(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileRotary);
  const Shape x = context.InputShape(kX), cos = context.InputShape(kCos);
  Rotary r;
  WNN_ASSIGN_OR_RETURN(int64_t interleaved, context.attributes().Int("interleaved", 0));
  WNN_ASSIGN_OR_RETURN(int64_t turned, context.attributes().Int("rotary_embedding_dim", 0));
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().Int("num_heads", 0));
  r.interleaved = interleaved != 0;
  r.is_3d = x.size() == 3;
  r.batch = x[0];
  if (r.is_3d) {
    if (heads < 1 || x[2] % heads != 0) {
      return InvalidArgument("attribute 'num_heads' is " + std::to_string(heads) +
                             ", which does not divide " + std::to_string(x[2]));
    }
    r.heads = heads;
    r.length = x[1];
    r.size = x[2] / heads;
  } else {
    r.heads = x[1];
    r.length = x[2];
    r.size = x[3];
  }
  r.turned = turned > 0 ? turned : r.size;
  if (r.turned > r.size || r.turned % 2 != 0) {
    return InvalidArgument("attribute 'rotary_embedding_dim' is " + std::to_string(r.turned) +
                           " for heads of " + std::to_string(r.size));
  }
  r.has_positions = context.HasInput(kPositions);
  const int64_t rows = r.batch * r.length;
  const bool fits =
      cos == context.InputShape(kSin) && !cos.empty() && cos.back() == r.turned / 2 &&
      (r.has_positions ? cos.size() == 2 && ShapeProduct(context.InputShape(kPositions)) == rows
                       : ShapeProduct(cos) == rows * cos.back());
  if (!fits) {
    return InvalidArgument("the cache " + context.Input(kCos).ToString() + " does not fit " +
                           context.Input(kX).ToString());
  }
  r.cache_rows = cos[0];
  return CompiledPtr(std::make_unique<RotaryOp>(r));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Attention",
     .since_version = 23,
     .inputs = {3, 7},
     .outputs = {1, 4},
     .infer = InferAttention,
     .compile = CompileAttention},
    {.domain = "ai.onnx.preview",
     .name = "FlexAttention",
     .last_version = 1,
     .inputs = {3, 3},
     .infer = InferFlex,
     .evaluate = EvaluateFlex},
    {.name = "RotaryEmbedding",
     .since_version = 23,
     .inputs = {3, 4},
     .infer = InferRotary,
     .compile = CompileRotary},
});

}  // namespace

std::span<const OpDef> AttentionOps() { return kOps; }

}  // namespace wnn::ops
