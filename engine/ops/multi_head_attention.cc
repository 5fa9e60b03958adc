// ONNX Runtime's MultiHeadAttention: queries [batch, length, hidden], keys and values the same way
// or already as heads, [batch, heads, length, size]; or packed, queries, keys and values as
// [batch, length, heads, 3, size], keys and values as [batch, length, heads, 2, size].
#include <array>
#include <cmath>

#include "engine/ops/attention_mask.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kQ = 0, kK = 1, kV = 2, kBias = 3, kMask = 4, kScores = 5, kPastK = 6, kPastV = 7;

Result<int64_t> ReadHeads(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().RequiredInt("num_heads"));
  if (heads < 1) return InvalidArgument("attribute 'num_heads' is " + std::to_string(heads));
  return heads;
}

// Which of queries, keys and values lie in one tensor.
enum class Packing { kNone, kKeys, kAll };
Result<Packing> PackingOf(const OpContext& context) {
  if (context.HasInput(kK) && context.HasInput(kV)) return Packing::kNone;
  if (context.HasInput(kV)) return InvalidArgument("there are values, but no keys");
  if (context.HasInput(kBias)) return Unsupported("a bias with packed inputs");
  return context.HasInput(kK) ? Packing::kKeys : Packing::kAll;
}

Status InferMultiHead(InferContext& context) {
  for (size_t i : {kQ, kK, kV, kBias, kScores, kPastK, kPastV}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kMask, {DType::kInt32}));
  if (context.HasInput(kPastK) != context.HasInput(kPastV)) {
    return InvalidArgument("past keys and past values come together");
  }
  WNN_ASSIGN_OR_RETURN(Packing packing, PackingOf(context));
  const bool all = packing == Packing::kAll;
  WNN_RETURN_IF_ERROR(context.RequireRank(kQ, all ? 5 : 3, all ? 5 : 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(kK, packing == Packing::kKeys ? 5 : 3,
                                          packing == Packing::kKeys ? 5 : 4));
  WNN_RETURN_IF_ERROR(context.RequireRank(kV, 3, 4));
  WNN_ASSIGN_OR_RETURN(int64_t heads, ReadHeads(context));
  const Fact& q = context.Input(kQ);
  const Fact& k = all ? q : context.Input(kK);
  const Fact& v = packing == Packing::kNone ? context.Input(kV) : k;
  std::vector<Dim> y(3), present_k(4), present_v(4);
  present_k[1] = present_v[1] = graph::KnownDim(heads);
  // Of a head, by the last dimension where heads are apart.
  const auto size_of = [&](const Fact& fact) {
    if (!fact.has_rank) return Dim();
    if (fact.rank() != 3) return fact.dims.back();
    const Dim& hidden = fact.dims[2];
    const bool whole = IsKnown(hidden) && hidden.value % heads == 0;
    return whole ? graph::KnownDim(hidden.value / heads) : Dim();
  };
  if (q.has_rank) {
    y[0] = present_k[0] = present_v[0] = q.dims[0];
    y[1] = q.dims[1];
  }
  present_k[3] = size_of(q);
  present_v[3] = size_of(v);
  if (IsKnown(present_v[3])) y[2] = graph::KnownDim(present_v[3].value * heads);
  if (k.has_rank) {
    Dim total = k.rank() == 4 ? k.dims[2] : k.dims[1];
    if (context.HasInput(kPastK)) {
      const Fact& past = context.Input(kPastK);
      const bool known =
          IsKnown(total) && past.has_rank && past.rank() == 4 && IsKnown(past.dims[2]);
      total = known ? graph::KnownDim(total.value + past.dims[2].value) : Dim();
    }
    present_k[2] = present_v[2] = total;
  }
  context.SetOutput(0, Fact::Ranked(q.dtype, std::move(y)));
  context.SetOutput(1, Fact::Ranked(q.dtype, std::move(present_k)));
  context.SetOutput(2, Fact::Ranked(q.dtype, std::move(present_v)));
  return OkStatus();
}

class MultiHeadOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::AttentionArgs args;
    Packing packing = Packing::kNone;
    bool k_is_heads = false, v_is_heads = false;
    bool has_bias = false;
    KeyMask mask;
  };
  explicit MultiHeadOp(const Parameters& p) : p_(p) {}

  uint64_t ScratchBytes(int n_threads) const override {
    using Pieces = ScratchPieces;
    return Pieces::Bytes<float>(QSize()) + Pieces::Bytes<float>(KSize()) +
           Pieces::Bytes<float>(VSize()) + p_.mask.ScratchBytes(p_.args.shape) +
           kernels::AttentionScratchBytes(p_.args.shape, n_threads);
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    ScratchPieces memory(run.scratch);
    kernels::AttentionArgs args = p_.args;
    if (p_.packing == Packing::kNone) {
      SetInputs(run, memory, args);
    } else {
      SetPackedInputs(run, args);
    }
    args.past_k = HeadsIn(run.in<float>(kPastK), false, s.kv_heads, s.past_len, s.head_size);
    args.past_v = HeadsIn(run.in<float>(kPastV), false, s.kv_heads, s.past_len, s.v_head_size);
    args.y = HeadsIn(run.out<float>(0), true, s.q_heads, s.q_len, s.v_head_size);
    if (const float* bias = run.in<float>(kScores)) {
      args.bias.data = bias;
      args.mask_len = s.total_len();
    }
    auto* mask = memory.Take<std::byte>(static_cast<int64_t>(p_.mask.ScratchBytes(s)));
    p_.mask.Apply(run.in<int32_t>(kMask), mask, args);
    kernels::Attention(args, memory.rest(), *run.parallel);
    if (float* k = run.out<float>(1)) kernels::JoinHeads(s, args.past_k, args.k, s.head_size, k);
    if (float* v = run.out<float>(2)) kernels::JoinHeads(s, args.past_v, args.v, s.v_head_size, v);
    return OkStatus();
  }

 private:
  void SetInputs(const RunArgs& run, ScratchPieces& memory, kernels::AttentionArgs& args) const {
    const kernels::AttentionShape& s = args.shape;
    const auto with_bias = [&](size_t input, int64_t at, int64_t n, int64_t row) {
      const float* from = run.in<float>(input);
      auto* to = memory.Take<float>(n);
      if (n == 0) return from;
      const float* bias = run.in<float>(kBias) + at;
      for (int64_t i = 0; i < n; ++i) to[i] = from[i] + bias[i % row];
      return static_cast<const float*>(to);
    };
    const int64_t hidden = s.q_heads * s.head_size, v_hidden = s.q_heads * s.v_head_size;
    const float* q = with_bias(kQ, 0, QSize(), hidden);
    const float* k = with_bias(kK, hidden, KSize(), hidden);
    const float* v = with_bias(kV, 2 * hidden, VSize(), v_hidden);
    args.q = HeadsIn(q, true, s.q_heads, s.q_len, s.head_size);
    args.k = HeadsIn(k, !p_.k_is_heads, s.kv_heads, s.kv_len, s.head_size);
    args.v = HeadsIn(v, !p_.v_is_heads, s.kv_heads, s.kv_len, s.v_head_size);
  }

  void SetPackedInputs(const RunArgs& run, kernels::AttentionArgs& args) const {
    const kernels::AttentionShape& s = args.shape;
    const bool all = p_.packing == Packing::kAll;
    const int64_t parts = all ? 3 : 2, row = s.q_heads * parts * s.head_size;
    const auto part = [&](const float* data, int64_t i) {
      return kernels::HeadsOf<const float>{data + i * s.head_size, s.kv_len * row,
                                           parts * s.head_size, row};
    };
    const float* packed = run.in<float>(all ? kQ : kK);
    args.q =
        all ? part(packed, 0) : HeadsIn(run.in<float>(kQ), true, s.q_heads, s.q_len, s.head_size);
    args.k = part(packed, parts - 2);
    args.v = part(packed, parts - 1);
  }

  // Floats of what gets a bias: 0 where there is none.
  int64_t Total(int64_t rows, int64_t size) const {
    return p_.has_bias ? p_.args.shape.batch * p_.args.shape.q_heads * rows * size : 0;
  }
  int64_t QSize() const { return Total(p_.args.shape.q_len, p_.args.shape.head_size); }
  int64_t KSize() const {
    return p_.k_is_heads ? 0 : Total(p_.args.shape.kv_len, p_.args.shape.head_size);
  }
  int64_t VSize() const {
    return p_.v_is_heads ? 0 : Total(p_.args.shape.kv_len, p_.args.shape.v_head_size);
  }

  const Parameters p_;
};

// Extents by the inputs' shapes. kInvalidArgument if those do not fit each other.
Result<kernels::AttentionShape> ReadShape(const CompileContext& context, int64_t heads,
                                          Packing packing) {
  kernels::AttentionShape s;
  const Shape q = context.InputShape(kQ);
  s.batch = q[0];
  s.q_heads = s.kv_heads = heads;
  s.q_len = q[1];
  if (context.HasInput(kPastK)) {
    const Shape past = context.InputShape(kPastK);
    s.past_len = past.size() == 4 ? past[2] : -1;
  }
  bool fits = true;
  if (packing == Packing::kAll) {
    s.kv_len = s.q_len;
    s.head_size = s.v_head_size = q[4];
    fits = q == Shape{s.batch, s.q_len, heads, 3, s.head_size};
  } else {
    const Shape k = context.InputShape(kK);
    s.head_size = q[2] / heads;
    fits = q[2] == heads * s.head_size;
    if (packing == Packing::kKeys) {
      s.kv_len = k[1];
      s.v_head_size = s.head_size;
      fits = fits && k == Shape{s.batch, s.kv_len, heads, 2, s.head_size};
    } else {
      const Shape v = context.InputShape(kV);
      s.kv_len = k[k.size() - 2];
      s.v_head_size = v.size() == 4 ? v[3] : v[2] / heads;
      const auto tensor = [&](size_t rank, int64_t size) {
        return rank == 4 ? Shape{s.batch, heads, s.kv_len, size}
                         : Shape{s.batch, s.kv_len, heads * size};
      };
      fits = fits && k == tensor(k.size(), s.head_size) && v == tensor(v.size(), s.v_head_size);
    }
  }
  if (context.HasInput(kPastK)) {
    fits = fits && context.InputShape(kPastK) == Shape{s.batch, heads, s.past_len, s.head_size} &&
           context.InputShape(kPastV) == Shape{s.batch, heads, s.past_len, s.v_head_size};
  }
  if (context.HasInput(kBias)) {
    fits = fits &&
           ShapeProduct(context.InputShape(kBias)) == heads * (2 * s.head_size + s.v_head_size);
  }
  if (fits) return s;
  return InvalidArgument("queries " + context.Input(kQ).ToString() +
                         ", keys, values, their past or their bias do not fit each other and " +
                         std::to_string(heads) + " heads");
}

Result<CompiledPtr> CompileMultiHead(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileMultiHead);
  MultiHeadOp::Parameters p;
  WNN_ASSIGN_OR_RETURN(int64_t heads, ReadHeads(context));
  WNN_ASSIGN_OR_RETURN(int64_t causal, context.attributes().Int("unidirectional", 0));
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("scale", 0));
  WNN_ASSIGN_OR_RETURN(p.packing, PackingOf(context));
  WNN_ASSIGN_OR_RETURN(p.args.shape, ReadShape(context, heads, p.packing));
  const kernels::AttentionShape& s = p.args.shape;
  p.k_is_heads = context.HasInput(kK) && context.Input(kK).rank() == 4;
  p.v_is_heads = context.HasInput(kV) && context.Input(kV).rank() == 4;
  p.has_bias = context.HasInput(kBias);
  if (IsEmpty(context.OutputShape(0)) || s.head_size == 0) {
    return Unsupported("there are no queries or no elements");
  }
  p.args.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.causal = causal != 0;
  p.args.align_to_lengths = false;
  WNN_ASSIGN_OR_RETURN(p.mask, KeyMask::Read(context, kMask, s));
  WNN_ASSIGN_OR_RETURN(p.args.bias, ReadScoreBias(context, kScores, s));
  return CompiledPtr(std::make_unique<MultiHeadOp>(p));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "MultiHeadAttention",
     .inputs = {1, 8},
     .outputs = {1, 3},
     .infer = InferMultiHead,
     .compile = CompileMultiHead},
});

}  // namespace

std::span<const OpDef> MultiHeadAttentionOps() { return kOps; }

}  // namespace wnn::ops
