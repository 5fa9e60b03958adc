// ONNX Runtime's Attention and QAttention: queries, keys and values are one product of the input
// [batch, length, hidden] with weights [hidden, sizes of the three]; QAttention's input and weights
// are 8-bit integers.
#include <array>
#include <cmath>
#include <optional>

#include "engine/base/checked_math.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/attention_mask.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/quad_weights.h"
#include "engine/ops/quantized.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = 0, kWeights = 1, kBias = 2, kY = 0, kPresent = 1;
// QAttention's.
constexpr size_t kXScale = 3, kWScale = 4, kXZero = 6, kWZero = 7;

// Where the inputs are that the two have at different places; SIZE_MAX where there is none.
struct Places {
  size_t mask, past, score_bias;
};
bool IsQuantized(const OpContext& context) { return context.op_type() == "QAttention"; }
Places PlacesOf(const OpContext& context) {
  return IsQuantized(context) ? Places{5, 8, SIZE_MAX} : Places{3, 4, 5};
}

struct Sizes {
  int64_t heads = 0;
  int64_t k = 0, v = 0;  // of all heads together; queries as keys. -1 while not known

  int64_t all() const { return 2 * k + v; }
};

Result<Sizes> ReadSizes(const OpContext& context) {
  Sizes sizes;
  WNN_ASSIGN_OR_RETURN(sizes.heads, context.attributes().RequiredInt("num_heads"));
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> given,
                       context.attributes().Ints("qkv_hidden_sizes"));
  const Fact& w = context.Input(kWeights);
  const int64_t width = w.has_rank ? w.dims[1].value : -1;
  if (!given.empty()) {
    if (given.size() != 3 || given[0] != given[1] || given[0] < 1 || given[2] < 1 ||
        given[0] > INT32_MAX || given[2] > INT32_MAX) {
      return InvalidArgument(
          "attribute 'qkv_hidden_sizes' is not of three sizes, the first two equal");
    }
    sizes.k = given[0];
    sizes.v = given[2];
  } else {
    sizes.k = sizes.v = width < 0 ? -1 : width / 3;
  }
  const bool fits = sizes.heads > 0 &&
                    (sizes.k < 0 || (sizes.k % sizes.heads == 0 && sizes.v % sizes.heads == 0 &&
                                     (width < 0 || width == sizes.all())));
  if (fits) return sizes;
  return InvalidArgument("weights " + w.ToString() + " do not divide into " +
                         std::to_string(sizes.heads) + " heads of queries, keys and values");
}

Status CheckTypes(const OpContext& context) {
  const Places at = PlacesOf(context);
  WNN_RETURN_IF_ERROR(context.RequireType(at.mask, {DType::kInt32}));
  if (!IsQuantized(context)) {
    for (size_t i : {kX, kWeights, kBias, at.past, at.score_bias}) {
      WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
      WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
    }
    return OkStatus();
  }
  for (size_t i : {kX, kWeights, kXZero, kWZero}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kByteSet));
  }
  for (size_t i : {kBias, kXScale, kWScale, at.past}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat}));
  }
  return OkStatus();
}

Status InferSelfAttention(InferContext& context) {
  WNN_RETURN_IF_ERROR(CheckTypes(context));
  WNN_RETURN_IF_ERROR(context.RequireRank(kX, 3, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(kWeights, 2, 2));
  WNN_ASSIGN_OR_RETURN(int64_t rotary, context.attributes().Int("do_rotary", 0));
  if (rotary != 0) {
    return Unsupported(
        "attribute 'do_rotary' is 1, which ONNX Runtime has on GPUs only: RotaryEmbedding and "
        "MultiHeadAttention say the same");
  }
  // Without a past there is no buffer to share.
  WNN_ASSIGN_OR_RETURN(int64_t shared, context.attributes().Int("past_present_share_buffer", 0));
  if (shared != 0 && context.HasInput(PlacesOf(context).past)) {
    return Unsupported(
        "attribute 'past_present_share_buffer' is 1, which ONNX Runtime has on GPUs only");
  }
  WNN_ASSIGN_OR_RETURN(Sizes sizes, ReadSizes(context));
  const Fact &x = context.Input(kX), &w = context.Input(kWeights);
  if (x.has_rank && w.has_rank && IsKnown(x.dims[2]) && IsKnown(w.dims[0]) &&
      x.dims[2].value != w.dims[0].value) {
    return InvalidArgument("inputs " + x.ToString() + " and " + w.ToString() + " do not multiply");
  }
  const DType dtype = IsQuantized(context) ? DType::kFloat : x.dtype;
  const Dim batch = x.has_rank ? x.dims[0] : Dim(), length = x.has_rank ? x.dims[1] : Dim();
  context.SetOutput(kY, Fact::Ranked(dtype, {batch, length, MakeDim(sizes.v)}));
  const size_t past = PlacesOf(context).past;
  Dim total = length;
  if (context.HasInput(past)) {
    const Fact& fact = context.Input(past);
    const bool known =
        fact.has_rank && fact.rank() == 5 && IsKnown(fact.dims[3]) && IsKnown(length);
    total = known ? graph::KnownDim(fact.dims[3].value + length.value) : Dim();
  }
  context.SetOutput(
      kPresent, Fact::Ranked(dtype, {graph::KnownDim(2), batch, graph::KnownDim(sizes.heads), total,
                                     MakeDim(sizes.k < 0 ? -1 : sizes.k / sizes.heads)}));
  return OkStatus();
}

struct ProjectionWeights {
  kernels::PackedMatrix matrix;
  size_t packed_bytes() const { return matrix.size_bytes(); }
};

class SelfAttentionOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::AttentionArgs args;
    Sizes sizes;
    int64_t inputs = 0;  // hidden size of the input
    ScoreMask mask;
    Places at = {};
    std::shared_ptr<const ProjectionWeights> weights;  // null: they are computed, or 8-bit
    std::optional<QuadWeights> quads;                  // QAttention's
    bool is_signed = false;                            // QAttention's input
  };
  explicit SelfAttentionOp(Parameters p) : p_(std::move(p)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    const auto rest = CheckedAdd(
        ScratchPieces::Bytes<float>(Rows() * Width()) + p_.mask.ScratchBytes(p_.args.shape),
        std::max<uint64_t>(ProductBytes(n_threads),
                           kernels::AttentionScratchBytes(p_.args.shape, n_threads)));
    return rest.value_or(UINT64_MAX);
  }

  Status Run(const RunArgs& run) const override {
    const kernels::AttentionShape& s = p_.args.shape;
    ScratchPieces memory(run.scratch);
    auto* qkv = memory.Take<float>(Rows() * Width());
    auto* mask = memory.Take<std::byte>(static_cast<int64_t>(p_.mask.ScratchBytes(s)));
    Project(run, qkv, memory.rest());
    kernels::AttentionArgs args = p_.args;
    const auto part = [&](int64_t first, int64_t size) {
      return kernels::HeadsOf<const float>{qkv + first, s.q_len * Width(), size, Width()};
    };
    args.q = part(0, s.head_size);
    args.k = part(p_.sizes.k, s.head_size);
    args.v = part(2 * p_.sizes.k, s.v_head_size);
    args.y = HeadsIn(run.out<float>(kY), true, s.q_heads, s.q_len, s.v_head_size);
    if (const float* past = run.in<float>(p_.at.past); past != nullptr && s.past_len > 0) {
      const int64_t keys = s.batch * s.q_heads * s.past_len * s.head_size;
      args.past_k = HeadsIn(past, false, s.q_heads, s.past_len, s.head_size);
      args.past_v = HeadsIn(past + keys, false, s.q_heads, s.past_len, s.v_head_size);
    }
    p_.mask.Apply(run.in<int32_t>(p_.at.mask), run.in<float>(p_.at.score_bias), mask, args);
    kernels::Attention(args, memory.rest(), *run.parallel);
    if (float* present = run.out<float>(kPresent)) {
      const int64_t keys = s.batch * s.q_heads * s.total_len() * s.head_size;
      kernels::JoinHeads(s, args.past_k, args.k, s.head_size, present);
      kernels::JoinHeads(s, args.past_v, args.v, s.v_head_size, present + keys);
    }
    return OkStatus();
  }

 private:
  int64_t Rows() const { return p_.args.shape.batch * p_.args.shape.q_len; }
  int64_t Width() const { return p_.sizes.all(); }
  uint64_t ProductBytes(int n_threads) const {
    if (p_.quads) return p_.quads->ScratchBytes(Rows());
    const auto bytes = p_.weights != nullptr
                           ? kernels::GemmScratchBytes(Rows(), Width(), p_.inputs, n_threads)
                           : kernels::MatMulScratchBytes(Rows(), Width(), p_.inputs, n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }

  void Project(const RunArgs& run, float* qkv, std::byte* memory) const {
    const float* bias = run.in<float>(kBias);
    if (p_.quads) {
      const QuadWeights::Rows rows = {run.inputs[kX], p_.is_signed, *run.in<float>(kXScale),
                                      ZeroPointAt(run, kXZero, 0, p_.is_signed), Rows()};
      return p_.quads->Multiply(rows, bias, qkv, memory, *run.parallel);
    }
    const float* x = run.in<float>(kX);
    const auto bytes = static_cast<size_t>(ProductBytes(run.parallel->n_threads()));
    if (p_.weights != nullptr) {
      kernels::GemmArgs product;
      product.m = Rows();
      product.a = x;
      product.lda = p_.inputs;
      product.bias = bias;
      product.c = qkv;
      product.ldc = Width();
      kernels::Gemm(product, p_.weights->matrix, {memory, bytes}, *run.parallel);
      return;
    }
    constexpr std::array<int64_t, 1> kOne = {0};
    kernels::MatMulArgs product;
    product.m = Rows();
    product.n = Width();
    product.k = p_.inputs;
    product.a = x;
    product.b = run.in<float>(kWeights);
    product.a_offsets = product.b_offsets = kOne;
    product.c = qkv;
    kernels::MatMul(product, {memory, bytes}, *run.parallel);
    for (int64_t i = 0; bias != nullptr && i < Rows() * Width(); ++i) qkv[i] += bias[i % Width()];
  }

  const Parameters p_;
};

Result<std::shared_ptr<const ProjectionWeights>> PackWeights(const CompileContext& context,
                                                             int64_t inputs, int64_t width) {
  const PackKey key = PackKey("attention").Add(inputs, width);
  return context.PackObject<ProjectionWeights>(
      kWeights, key.key(), [&]() -> Result<std::unique_ptr<const ProjectionWeights>> {
        const auto* numbers =
            reinterpret_cast<const float*>(context.InputConstant(kWeights)->bytes().data());
        WNN_ASSIGN_OR_RETURN(
            kernels::PackedMatrix matrix,
            kernels::PackedMatrix::Create(std::span(numbers, static_cast<size_t>(inputs * width)),
                                          inputs, width, false, 1, context.stop()));
        return std::unique_ptr<const ProjectionWeights>(
            std::make_unique<ProjectionWeights>(std::move(matrix)));
      });
}

Result<CompiledPtr> CompileSelfAttention(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileSelfAttention);
  const Shape x = context.InputShape(kX), out = context.OutputShape(kY);
  SelfAttentionOp::Parameters p;
  WNN_ASSIGN_OR_RETURN(p.sizes, ReadSizes(context));
  WNN_ASSIGN_OR_RETURN(int64_t causal, context.attributes().Int("unidirectional", 0));
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("scale", 0));
  p.inputs = x[2];
  p.at = PlacesOf(context);
  kernels::AttentionShape& s = p.args.shape;
  s.batch = x[0];
  s.q_len = s.kv_len = x[1];
  s.q_heads = s.kv_heads = p.sizes.heads;
  s.head_size = p.sizes.k / p.sizes.heads;
  s.v_head_size = p.sizes.v / p.sizes.heads;
  p.args.scale = scale != 0 ? scale : 1 / std::sqrt(static_cast<float>(s.head_size));
  p.args.causal = causal != 0;
  p.args.align_to_lengths = false;
  if (context.HasInput(p.at.past)) {
    const Shape past = context.InputShape(p.at.past);
    s.past_len = past.size() == 5 ? past[3] : 0;
    if (past != Shape{2, s.batch, p.sizes.heads, s.past_len, s.head_size}) {
      return InvalidArgument("past keys and values " + context.Input(p.at.past).ToString() +
                             " do not fit the input");
    }
  }
  if (s.head_size != s.v_head_size &&
      (context.HasInput(p.at.past) || context.HasOutput(kPresent))) {
    return Unsupported("past values of another size than keys");
  }
  if (IsEmpty(out) && !context.HasOutput(kPresent)) return CompiledPtr(std::make_unique<EmptyOp>());
  if (IsEmpty(out) || s.head_size == 0) return Unsupported("there are no queries or no elements");
  if (context.HasInput(kBias) && ShapeProduct(context.InputShape(kBias)) != p.sizes.all()) {
    return InvalidArgument("bias " + context.Input(kBias).ToString() + " does not fit the weights");
  }
  WNN_ASSIGN_OR_RETURN(p.mask, ScoreMask::Read(context, p.at.mask, p.at.score_bias, s));
  if (IsQuantized(context)) {
    if (ShapeProduct(context.InputShape(kXScale)) != 1 ||
        (context.HasInput(kXZero) && ShapeProduct(context.InputShape(kXZero)) != 1)) {
      return InvalidArgument("the input has more than one scale or zero point");
    }
    p.is_signed = context.InputType(kX) == DType::kInt8;
    WNN_ASSIGN_OR_RETURN(p.quads, QuadWeights::Create(context, {kWeights, kWScale, kWZero}, 0, 1,
                                                      p.inputs, p.sizes.all()));
  } else if (context.InputConstant(kWeights)) {
    WNN_ASSIGN_OR_RETURN(p.weights, PackWeights(context, p.inputs, p.sizes.all()));
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::MatMulScratchBytes(x[0] * x[1], p.sizes.all(), x[2], 1));
  return CompiledPtr(std::make_unique<SelfAttentionOp>(std::move(p)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "Attention",
     .inputs = {2, 7},
     .outputs = {1, 2},
     .infer = InferSelfAttention,
     .compile = CompileSelfAttention},
    {.domain = kMicrosoftDomain,
     .name = "QAttention",
     .inputs = {5, 9},
     .outputs = {1, 2},
     .infer = InferSelfAttention,
     .compile = CompileSelfAttention},
});

}  // namespace

std::span<const OpDef> MicrosoftAttentionOps() { return kOps; }

}  // namespace wnn::ops
