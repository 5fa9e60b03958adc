// Attention, of ai.onnx from version 23 on.
#include <array>
#include <cmath>

#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

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
  int64_t softmax_precision = 0;  // ONNX's number of a type; 0: that of the inputs
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
  WNN_ASSIGN_OR_RETURN(node.softmax_precision, attributes.Int("softmax_precision", 0));
  node.causal = causal != 0;
  if (node.mode < 0 || node.mode > 3) {
    return InvalidArgument("attribute 'qk_matmul_output_mode' is " + std::to_string(node.mode) +
                           ", not 0 to 3");
  }
  const auto precision = DTypeFromOnnx(node.softmax_precision);
  if (node.softmax_precision != 0 && (!precision || !kFloatSet.Has(*precision))) {
    return InvalidArgument("attribute 'softmax_precision' is " +
                           std::to_string(node.softmax_precision) + ", not a floating-point type");
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
    WNN_RETURN_IF_ERROR(context.RequireType(i, kAttentionTypes));
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
    WNN_RETURN_IF_ERROR(CheckExtents(context, kK, {s.batch, s.kv_len, k_size}));
    WNN_RETURN_IF_ERROR(CheckExtents(context, kV, {s.batch, s.kv_len, -1}));
  } else {
    WNN_RETURN_IF_ERROR(CheckExtents(context, kK, {s.batch, s.kv_heads, s.kv_len, s.head_size}));
    WNN_RETURN_IF_ERROR(CheckExtents(context, kV, {s.batch, s.kv_heads, s.kv_len, -1}));
  }
  WNN_RETURN_IF_ERROR(
      CheckExtents(context, kPastK, {s.batch, s.kv_heads, s.past_len, s.head_size}));
  WNN_RETURN_IF_ERROR(
      CheckExtents(context, kPastV, {s.batch, s.kv_heads, s.past_len, s.v_head_size}));
  WNN_RETURN_IF_ERROR(CheckExtents(context, kLengths, {s.batch}));
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
    args.q = HeadsIn(run.in<float>(kQ), flat, s.q_heads, s.q_len, s.head_size);
    args.k = HeadsIn(run.in<float>(kK), flat, s.kv_heads, s.kv_len, s.head_size);
    args.v = HeadsIn(run.in<float>(kV), flat, s.kv_heads, s.kv_len, s.v_head_size);
    args.past_k = HeadsIn(run.in<float>(kPastK), false, s.kv_heads, s.past_len, s.head_size);
    args.past_v = HeadsIn(run.in<float>(kPastV), false, s.kv_heads, s.past_len, s.v_head_size);
    args.y = HeadsIn(run.out<float>(kY), flat, s.q_heads, s.q_len, s.v_head_size);
    args.scores = HeadsIn(run.out<float>(kScores), false, s.q_heads, s.q_len, s.total_len());
    args.lengths = run.in<int64_t>(kLengths);
    if (mask_is_bool_) {
      args.mask.data = run.in<uint8_t>(kMask);
    } else {
      args.bias.data = run.in<float>(kMask);
    }
    kernels::Attention(args, run.scratch, *run.parallel);
    if (float* k = run.out<float>(kPresentK)) {
      kernels::JoinHeads(s, args.past_k, args.k, s.head_size, k);
    }
    if (float* v = run.out<float>(kPresentV)) {
      kernels::JoinHeads(s, args.past_v, args.v, s.v_head_size, v);
    }
    return OkStatus();
  }

 private:
  const AttentionNode node_;
  const kernels::AttentionArgs args_;  // what does not depend on addresses
  const bool mask_is_bool_;
};

// Of inputs in single precision, which kRounding says how to treat.
template <kernels::Rounding kRounding>
Result<CompiledPtr> CompileWithRounding(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(AttentionNode node, ReadAttention(context));
  const kernels::AttentionShape& s = node.shape;
  kernels::AttentionArgs args;
  args.shape = s;
  args.scale = node.scale != 0
                   ? node.scale
                   : 1 / std::sqrt(static_cast<float>(std::max<int64_t>(s.head_size, 1)));
  args.softcap = node.softcap;
  args.rounding = kRounding;
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

// Bfloat16 is rounded at every step, as ONNX's definition of the operator by a function does,
// unless softmax_precision asks for more: with so few bits another way would show in the results.
// Float16 is computed in single precision throughout: its scores might overflow.
Result<CompiledPtr> CompileAttention(const CompileContext& context) {
  using kernels::Rounding;
  WNN_ASSIGN_OR_RETURN(AttentionNode node, ReadAttention(context));
  CompileFn compile = CompileWithRounding<Rounding::kNone>;
  if (context.InputType(kQ) == DType::kBfloat16) {
    compile =
        node.softmax_precision == 0 || DTypeFromOnnx(node.softmax_precision) == DType::kBfloat16
            ? CompileWithRounding<Rounding::kAll>
            : CompileWithRounding<Rounding::kAllButSoftmax>;
  }
  return HasHalfInput(context) ? CompileWidened(context, compile) : compile(context);
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Attention",
     .since_version = 23,
     .inputs = {3, 7},
     .outputs = {1, 4},
     .infer = InferAttention,
     .compile = CompileAttention},
});

}  // namespace

std::span<const OpDef> AttentionOps() { return kOps; }

}  // namespace wnn::ops
