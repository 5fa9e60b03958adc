// ONNX Runtime's MultiHeadAttention: queries [batch, length, hidden], keys and values the same way
// or already as heads, [batch, heads, length, size].
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/attention.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr TypeSet kRealSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};
constexpr size_t kQ = 0, kK = 1, kV = 2, kBias = 3, kMask = 4, kScores = 5, kPastK = 6, kPastV = 7;

Result<int64_t> ReadHeads(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t heads, context.attributes().RequiredInt("num_heads"));
  if (heads < 1) return InvalidArgument("attribute 'num_heads' is " + std::to_string(heads));
  return heads;
}

Status InferMultiHead(InferContext& context) {
  for (size_t i : {kQ, kK, kV, kBias, kScores, kPastK, kPastV}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQ, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kMask, {DType::kInt32}));
  if (!context.HasInput(kK) || !context.HasInput(kV)) {
    return Unsupported("queries, keys and values in one tensor are not supported");
  }
  if (context.HasInput(kPastK) != context.HasInput(kPastV)) {
    return InvalidArgument("past keys and past values come together");
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kQ, 3, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(kK, 3, 4));
  WNN_RETURN_IF_ERROR(context.RequireRank(kV, 3, 4));
  WNN_ASSIGN_OR_RETURN(int64_t heads, ReadHeads(context));
  const Fact &q = context.Input(kQ), &k = context.Input(kK), &v = context.Input(kV);
  std::vector<Dim> y(3), present_k(4), present_v(4);
  present_k[1] = present_v[1] = graph::KnownDim(heads);
  const auto divided = [&](const Dim& hidden) {
    const bool whole = IsKnown(hidden) && hidden.value % heads == 0;
    return whole ? graph::KnownDim(hidden.value / heads) : graph::UnknownDim();
  };
  if (q.has_rank) {
    y[0] = present_k[0] = present_v[0] = q.dims[0];
    y[1] = q.dims[1];
    present_k[3] = divided(q.dims[2]);
  }
  if (v.has_rank) {
    present_v[3] = v.rank() == 3 ? divided(v.dims[2]) : v.dims[3];
    if (IsKnown(present_v[3])) y[2] = graph::KnownDim(present_v[3].value * heads);
  }
  if (k.has_rank) {
    Dim total = k.dims[k.rank() - 2];
    if (context.HasInput(kPastK)) {
      const Fact& past = context.Input(kPastK);
      const bool known =
          IsKnown(total) && past.has_rank && past.rank() == 4 && IsKnown(past.dims[2]);
      total = known ? graph::KnownDim(total.value + past.dims[2].value) : graph::UnknownDim();
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
    bool k_is_heads = false, v_is_heads = false;
    bool has_bias = false;
    bool has_lengths = false;  // the mask is one length a batch, else a number a key
  };
  explicit MultiHeadOp(const Parameters& p) : p_(p) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return Bytes(QSize()) + Bytes(KSize()) + Bytes(VSize()) + MaskBytes() +
           kernels::AttentionScratchBytes(p_.args.shape, n_threads);
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    std::byte* memory = run.scratch;
    const auto with_bias = [&](size_t input, int64_t at, int64_t n, int64_t row) {
      const float* from = run.in<float>(input);
      auto* to = reinterpret_cast<float*>(memory);
      memory += Bytes(n);
      if (!p_.has_bias || n == 0) return from;
      const float* bias = run.in<float>(kBias) + at;
      for (int64_t i = 0; i < n; ++i) to[i] = from[i] + bias[i % row];
      return static_cast<const float*>(to);
    };
    const int64_t hidden = s.q_heads * s.head_size, v_hidden = s.q_heads * s.v_head_size;
    kernels::AttentionArgs args = p_.args;
    args.q = Heads(with_bias(kQ, 0, QSize(), hidden), false, s.q_len, s.head_size);
    args.k = Heads(p_.k_is_heads ? run.in<float>(kK) : with_bias(kK, hidden, KSize(), hidden),
                   p_.k_is_heads, s.kv_len, s.head_size);
    args.v = Heads(p_.v_is_heads ? run.in<float>(kV) : with_bias(kV, 2 * hidden, VSize(), v_hidden),
                   p_.v_is_heads, s.kv_len, s.v_head_size);
    args.past_k = Heads(run.in<float>(kPastK), true, s.past_len, s.head_size);
    args.past_v = Heads(run.in<float>(kPastV), true, s.past_len, s.v_head_size);
    args.y = Heads(run.out<float>(0), false, s.q_len, s.v_head_size);
    args.bias.data = run.in<float>(kScores);
    if (const int32_t* mask = run.in<int32_t>(kMask); mask != nullptr) {
      auto* lengths = reinterpret_cast<int64_t*>(memory);
      auto* bytes = reinterpret_cast<uint8_t*>(memory);
      if (p_.has_lengths) {
        for (int64_t b = 0; b < s.batch; ++b) lengths[b] = mask[b];
        args.lengths = lengths;
      } else {
        for (int64_t i = 0; i < s.batch * s.total_len(); ++i) bytes[i] = mask[i] != 0 ? 1 : 0;
        args.mask = {bytes, s.total_len(), 0, 0};
      }
    }
    memory += MaskBytes();
    kernels::Attention(args, memory, *run.parallel);
    WritePresent(args.past_k, args.k, s.head_size, run.out<float>(1));
    WritePresent(args.past_v, args.v, s.v_head_size, run.out<float>(2));
    return OkStatus();
  }

 private:
  template <typename T>
  kernels::HeadsOf<T> Heads(T* data, bool is_heads, int64_t rows, int64_t size) const {
    const int64_t heads = p_.args.shape.q_heads;
    if (is_heads) return {data, heads * rows * size, rows * size, size};
    return {data, rows * heads * size, size, heads * size};
  }
  static uint64_t Bytes(int64_t floats) {
    return (static_cast<uint64_t>(floats) * sizeof(float) + 63) / 64 * 64;
  }
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
  uint64_t MaskBytes() const {
    return Bytes(2 * p_.args.shape.batch * (p_.args.shape.total_len() + 1));
  }

  void WritePresent(const kernels::HeadsOf<const float>& past,
                    const kernels::HeadsOf<const float>& now, int64_t size, float* to) const {
    if (to == nullptr) return;
    const kernels::AttentionShape& s = p_.args.shape;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t h = 0; h < s.kv_heads; ++h) {
        for (int64_t i = 0; i < s.total_len(); ++i, to += size) {
          std::memcpy(to, i < s.past_len ? past.at(b, h, i) : now.at(b, h, i - s.past_len),
                      static_cast<size_t>(size) * sizeof(float));
        }
      }
    }
  }

  const Parameters p_;
};

Result<CompiledPtr> CompileMultiHead(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileMultiHead);
  MultiHeadOp::Parameters p;
  kernels::AttentionShape& s = p.args.shape;
  WNN_ASSIGN_OR_RETURN(int64_t heads, ReadHeads(context));
  WNN_ASSIGN_OR_RETURN(int64_t causal, context.attributes().Int("unidirectional", 0));
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("scale", 0));
  const Shape q = context.InputShape(kQ), k = context.InputShape(kK), v = context.InputShape(kV);
  p.k_is_heads = k.size() == 4;
  p.v_is_heads = v.size() == 4;
  s.batch = q[0];
  s.q_heads = s.kv_heads = heads;
  s.q_len = q[1];
  s.kv_len = k[k.size() - 2];
  s.head_size = q[2] / heads;
  s.v_head_size = p.v_is_heads ? v[3] : v[2] / heads;
  if (context.HasInput(kPastK)) s.past_len = context.InputShape(kPastK)[2];
  const auto tensor = [&](bool is_heads, int64_t rows, int64_t size) {
    return is_heads ? Shape{s.batch, heads, rows, size} : Shape{s.batch, rows, heads * size};
  };
  bool fits = q == tensor(false, s.q_len, s.head_size) &&
              k == tensor(p.k_is_heads, s.kv_len, s.head_size) &&
              v == tensor(p.v_is_heads, s.kv_len, s.v_head_size);
  if (context.HasInput(kPastK)) {
    fits = fits && context.InputShape(kPastK) == tensor(true, s.past_len, s.head_size) &&
           context.InputShape(kPastV) == tensor(true, s.past_len, s.v_head_size);
  }
  p.has_bias = context.HasInput(kBias);
  if (p.has_bias) {
    fits = fits &&
           ShapeProduct(context.InputShape(kBias)) == heads * (2 * s.head_size + s.v_head_size);
  }
  if (!fits) {
    return InvalidArgument("queries " + context.Input(kQ).ToString() + ", keys " +
                           context.Input(kK).ToString() + " and values " +
                           context.Input(kV).ToString() + ", their past or their bias do not fit " +
                           std::to_string(heads) + " heads");
  }
  if (IsEmpty(context.OutputShape(0)) || s.head_size == 0) {
    return Unsupported("there are no queries or no elements");
  }
  p.args.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.causal = causal != 0;
  p.args.align_to_lengths = false;
  p.args.mask_len = s.total_len();
  if (context.HasInput(kMask)) {
    const Shape mask = context.InputShape(kMask);
    p.has_lengths = mask == Shape{s.batch};
    if ((!p.has_lengths && mask != Shape{s.batch, s.total_len()}) ||
        (!p.has_lengths && context.HasInput(kScores))) {
      return Unsupported("a mask of shape " + ShapeToString(mask) + " as it is used here");
    }
  }
  if (context.HasInput(kScores)) {
    const Shape bias = context.InputShape(kScores);
    const Shape whole = {s.batch, heads, s.q_len, s.total_len()};
    if (bias.size() != 4) return InvalidArgument("the attention bias does not have rank 4");
    int64_t* const strides[] = {&p.args.bias.batch_stride, &p.args.bias.head_stride,
                                &p.args.bias.row_stride};
    for (size_t d = 0; d < 4; ++d) {
      if (bias[d] != whole[d] && (bias[d] != 1 || d > 1)) {
        return InvalidArgument("the attention bias does not broadcast to " + ShapeToString(whole));
      }
      if (d < 3 && bias[d] != 1) *strides[d] = ShapeProduct(std::span(bias).subspan(d + 1));
    }
  }
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
