// ONNX Runtime's MultiHeadAttention: queries [batch, length, hidden], keys and values the same way
// or already as heads, [batch, heads, length, size]; or packed, queries, keys and values as
// [batch, length, heads, 3, size], keys and values as [batch, length, heads, 2, size]. Past keys
// and values come before those of this call; or with a past length they are buffers with room, into
// which those of this call are written behind that many.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "engine/ops/attention_mask.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kQ = 0, kK = 1, kV = 2, kBias = 3, kMask = 4, kScores = 5, kPastK = 6, kPastV = 7,
                 kPastLength = 8, kBeams = 9;
constexpr size_t kY = 0, kPresentK = 1, kPresentV = 2, kScoresOut = 3;

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

// What input kPastLength says; nothing if it is not known.
Result<std::optional<int64_t>> PastLength(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(const auto numbers, context.InputInts(kPastLength));
  if (!numbers) return std::optional<int64_t>();
  if (numbers->size() != 1 || numbers->front() < 0) {
    return InvalidArgument("input 8, 'past_sequence_length', is not one number from 0 up");
  }
  return std::optional(numbers->front());
}

Status InferMultiHead(InferContext& context) {
  for (size_t i : {kQ, kK, kV, kBias, kScores, kPastK, kPastV}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kMask, {DType::kInt32}));
  WNN_RETURN_IF_ERROR(context.RequireType(kPastLength, {DType::kInt32}));
  if (context.HasInput(kBeams)) {
    return Unsupported("input 9, 'cache_indirection', is not supported");
  }
  if (context.HasInput(kPastLength) && !context.HasInput(kPastK)) {
    return InvalidArgument("input 8, 'past_sequence_length', comes without past keys");
  }
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
  std::vector<Dim> scores = {y[0], graph::KnownDim(heads), y[1], present_k[2]};
  if (context.HasInput(kPastLength)) {
    const Fact& past = context.Input(kPastK);
    present_k[2] = present_v[2] = past.has_rank && past.rank() == 4 ? past.dims[2] : Dim();
    WNN_ASSIGN_OR_RETURN(const std::optional<int64_t> length, PastLength(context));
    const bool known = length && k.has_rank && k.rank() == 3 && IsKnown(k.dims[1]);
    scores[3] = known ? graph::KnownDim(*length + k.dims[1].value) : Dim();
  }
  context.SetOutput(kY, Fact::Ranked(q.dtype, std::move(y)));
  context.SetOutput(kPresentK, Fact::Ranked(q.dtype, std::move(present_k)));
  context.SetOutput(kPresentV, Fact::Ranked(q.dtype, std::move(present_v)));
  context.SetOutput(kScoresOut, Fact::Ranked(q.dtype, std::move(scores)));
  return OkStatus();
}

class MultiHeadOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::AttentionArgs args;
    Packing packing = Packing::kNone;
    bool k_is_heads = false, v_is_heads = false;
    bool has_bias = false;
    ScoreMask mask;
    int64_t room = 0;         // of buffers that past and present share; 0: they share none
    int64_t buffer_past = 0;  // what is in them
  };
  explicit MultiHeadOp(const Parameters& p) : p_(p) {}

  uint64_t ScratchBytes(int n_threads) const override {
    using Pieces = ScratchPieces;
    return Pieces::Bytes<float>(QSize()) + Pieces::Bytes<float>(KSize()) +
           Pieces::Bytes<float>(VSize()) + Pieces::Bytes<int64_t>(p_.args.shape.batch) +
           Pieces::Bytes<float>(Buffer(p_.args.shape.head_size)) +
           Pieces::Bytes<float>(Buffer(p_.args.shape.v_head_size)) +
           p_.mask.ScratchBytes(p_.args.shape) +
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
    auto* lengths = memory.Take<int64_t>(s.batch);
    auto* own_k = memory.Take<float>(Buffer(s.head_size));
    auto* own_v = memory.Take<float>(Buffer(s.v_head_size));
    float *k = run.out<float>(kPresentK), *v = run.out<float>(kPresentV);
    if (p_.room > 0) {
      args.k = Append(args.k, run.in<float>(kPastK), s.head_size, k != nullptr ? k : own_k);
      args.v = Append(args.v, run.in<float>(kPastV), s.v_head_size, v != nullptr ? v : own_v);
      std::fill_n(lengths, s.batch, s.kv_len);
      args.lengths = lengths;
      args.align_to_lengths = true;
    } else {
      args.past_k = HeadsIn(run.in<float>(kPastK), false, s.kv_heads, s.past_len, s.head_size);
      args.past_v = HeadsIn(run.in<float>(kPastV), false, s.kv_heads, s.past_len, s.v_head_size);
    }
    args.y = HeadsIn(run.out<float>(kY), true, s.q_heads, s.q_len, s.v_head_size);
    if (float* scores = run.out<float>(kScoresOut)) {
      args.scores = HeadsIn(scores, false, s.q_heads, s.q_len, s.total_len());
    }
    auto* mask = memory.Take<std::byte>(static_cast<int64_t>(p_.mask.ScratchBytes(s)));
    p_.mask.Apply(run.in<int32_t>(kMask), run.in<float>(kScores), mask, args);
    kernels::Attention(args, memory.rest(), *run.parallel);
    if (p_.room > 0) return OkStatus();
    if (k != nullptr) kernels::JoinHeads(s, args.past_k, args.k, s.head_size, k);
    if (v != nullptr) kernels::JoinHeads(s, args.past_v, args.v, s.v_head_size, v);
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
    args.k = HeadsIn(k, !p_.k_is_heads, s.kv_heads, NewKeys(), s.head_size);
    args.v = HeadsIn(v, !p_.v_is_heads, s.kv_heads, NewKeys(), s.v_head_size);
  }

  void SetPackedInputs(const RunArgs& run, kernels::AttentionArgs& args) const {
    const kernels::AttentionShape& s = args.shape;
    const bool all = p_.packing == Packing::kAll;
    const int64_t parts = all ? 3 : 2, row = s.q_heads * parts * s.head_size;
    const auto part = [&](const float* data, int64_t i) {
      return kernels::HeadsOf<const float>{data + i * s.head_size, NewKeys() * row,
                                           parts * s.head_size, row};
    };
    const float* packed = run.in<float>(all ? kQ : kK);
    args.q =
        all ? part(packed, 0) : HeadsIn(run.in<float>(kQ), true, s.q_heads, s.q_len, s.head_size);
    args.k = part(packed, parts - 2);
    args.v = part(packed, parts - 1);
  }

  // The past's buffer with what is `now` behind its past, in `to`.
  kernels::HeadsOf<const float> Append(const kernels::HeadsOf<const float>& now, const float* past,
                                       int64_t size, float* to) const {
    const kernels::AttentionShape& s = p_.args.shape;
    if (to != past) std::copy_n(past, Buffer(size), to);
    const auto into = HeadsIn(to, false, s.kv_heads, p_.room, size);
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t h = 0; h < s.kv_heads; ++h) {
        for (int64_t i = 0; i < NewKeys(); ++i) {
          std::copy_n(now.at(b, h, i), size, into.at(b, h, p_.buffer_past + i));
        }
      }
    }
    return HeadsIn<const float>(to, false, s.kv_heads, p_.room, size);
  }
  // Of this call.
  int64_t NewKeys() const { return p_.args.shape.kv_len - p_.buffer_past; }
  // Floats of a buffer.
  int64_t Buffer(int64_t size) const {
    return p_.args.shape.batch * p_.args.shape.kv_heads * p_.room * size;
  }

  // Floats of what gets a bias: 0 where there is none.
  int64_t Total(int64_t rows, int64_t size) const {
    return p_.has_bias ? p_.args.shape.batch * p_.args.shape.q_heads * rows * size : 0;
  }
  int64_t QSize() const { return Total(p_.args.shape.q_len, p_.args.shape.head_size); }
  int64_t KSize() const { return p_.k_is_heads ? 0 : Total(NewKeys(), p_.args.shape.head_size); }
  int64_t VSize() const { return p_.v_is_heads ? 0 : Total(NewKeys(), p_.args.shape.v_head_size); }

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
  kernels::AttentionShape& s = p.args.shape;
  if (context.HasInput(kPastLength)) {
    WNN_ASSIGN_OR_RETURN(const std::optional<int64_t> length, PastLength(context));
    if (!length) return Unsupported("a past length that is not known");
    p.room = s.past_len;
    if (*length > p.room || s.kv_len > p.room - *length) {
      return InvalidArgument("input 8, 'past_sequence_length': " + std::to_string(s.kv_len) +
                             " keys behind " + std::to_string(*length) + " do not fit buffers of " +
                             std::to_string(p.room));
    }
    p.buffer_past = *length;
    s.kv_len += *length;
    s.past_len = 0;
  }
  p.k_is_heads = context.HasInput(kK) && context.Input(kK).rank() == 4;
  p.v_is_heads = context.HasInput(kV) && context.Input(kV).rank() == 4;
  p.has_bias = context.HasInput(kBias);
  if (IsEmpty(context.OutputShape(0)) || s.head_size == 0) {
    return Unsupported("there are no queries or no elements");
  }
  p.args.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.causal = causal != 0;
  p.args.align_to_lengths = false;
  p.args.scores_output = kernels::ScoresOutput::kBiased;
  WNN_ASSIGN_OR_RETURN(p.mask, ScoreMask::Read(context, kMask, kScores, s));
  return CompiledPtr(std::make_unique<MultiHeadOp>(p));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "MultiHeadAttention",
     .inputs = {1, 10},
     .outputs = {1, 4},
     .infer = InferMultiHead,
     .compile = CompileMultiHead,
     .value_inputs = uint32_t{1} << kPastLength},
});

}  // namespace

std::span<const OpDef> MultiHeadAttentionOps() { return kOps; }

}  // namespace wnn::ops
