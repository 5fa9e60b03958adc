// ONNX Runtime's mixtures of experts: MoE, and QMoE, whose weights are integers of 2, 4 or 8 bits.
// Each token goes through the k experts that the router thinks best of it, two products with an
// activation in between, and is the sum of what they say, weighted.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/integer_rows.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = 0, kRouter = 1;

// Where a layer has its inputs; SIZE_MAX for what the operator does not have.
struct LayerPlaces {
  size_t weights, scales, bias, zeros;
};
struct Places {
  LayerPlaces first, second;
  size_t router_weights;
};
bool IsQuantized(const OpContext& context) { return context.op_type() == "QMoE"; }
Places PlacesOf(const OpContext& context) {
  if (IsQuantized(context)) return {{2, 3, 4, 11}, {5, 6, 7, 12}, 14};
  return {{2, SIZE_MAX, 3, SIZE_MAX}, {4, SIZE_MAX, 5, SIZE_MAX}, SIZE_MAX};
}
// Inputs that ONNX Runtime has on GPUs only, and those that its CPU kernels ignore.
Status RefuseOtherInputs(const OpContext& context) {
  const bool quantized = IsQuantized(context);
  for (size_t i = quantized ? 8 : 6; i < context.n_inputs(); ++i) {
    if (quantized && (i == 11 || i == 12 || i == 14)) continue;
    if (context.HasInput(i)) {
      return Unsupported("input " + std::to_string(i) +
                         " is not supported: ONNX Runtime has it on GPUs only");
    }
  }
  return OkStatus();
}

enum class Activation { kRelu, kGelu, kSilu, kIdentity, kSwiglu };

struct MoeNode {
  int64_t k = 1;
  Activation activation = Activation::kRelu;
  bool normalize = false;
  float alpha = 1, beta = 0;
  float limit = std::numeric_limits<float>::infinity();
  int64_t first_bits = 0, second_bits = 0;  // 0: floats
  int64_t block = 0;                        // 0: a row has one scale

  // Columns of the first layer for each that the activation leaves.
  int64_t fusion() const { return activation == Activation::kSwiglu ? 2 : 1; }
};

Status ReadQuantization(const OpContext& context, MoeNode& node) {
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(std::string_view type, a.String("quant_type", "int"));
  if (type != "int") {
    return Unsupported("attribute 'quant_type' is " + graph::Quoted(type) +
                       ", which ONNX Runtime has on GPUs only");
  }
  WNN_ASSIGN_OR_RETURN(int64_t prepacked, a.Int("weights_prepacked", -1));
  if (prepacked > 0) {
    return Unsupported("attribute 'weights_prepacked' is " + std::to_string(prepacked) +
                       ": weights in a GPU's layout are not supported");
  }
  WNN_ASSIGN_OR_RETURN(int64_t bits, a.Int("expert_weight_bits", 4));
  WNN_ASSIGN_OR_RETURN(node.first_bits, a.Int("fc1_expert_weight_bits", bits));
  WNN_ASSIGN_OR_RETURN(node.second_bits, a.Int("fc2_expert_weight_bits", bits));
  for (int64_t n : {node.first_bits, node.second_bits}) {
    if (n != 2 && n != 4 && n != 8) {
      return Unsupported("attribute 'expert_weight_bits' is " + std::to_string(n) +
                         ", not 2, 4 or 8");
    }
  }
  WNN_ASSIGN_OR_RETURN(node.block, a.Int("block_size", 0));
  const bool is_power = node.block >= 16 && (node.block & (node.block - 1)) == 0;
  if (node.block > 0 && !is_power) {
    return InvalidArgument("attribute 'block_size' is " + std::to_string(node.block) +
                           ", not a power of two of at least 16");
  }
  return OkStatus();
}

Result<MoeNode> ReadNode(const OpContext& context) {
  constexpr std::array<std::string_view, 5> kNames = {"relu", "gelu", "silu", "identity", "swiglu"};
  MoeNode node;
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(node.k, a.Int("k", 1));
  if (node.k < 1) return InvalidArgument("attribute 'k' is " + std::to_string(node.k));
  WNN_ASSIGN_OR_RETURN(std::string_view name, a.String("activation_type", "relu"));
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    return Unsupported("attribute 'activation_type' is " + graph::Quoted(name));
  }
  node.activation = static_cast<Activation>(found - kNames.begin());
  WNN_ASSIGN_OR_RETURN(int64_t fusion, a.Int("swiglu_fusion", 0));
  if (node.activation == Activation::kSwiglu && fusion != 1) {
    return Unsupported("attribute 'swiglu_fusion' is " + std::to_string(fusion) +
                       ": ONNX Runtime has other layouts than 1 on GPUs only");
  }
  WNN_ASSIGN_OR_RETURN(int64_t after, a.Int("swiglu_limit_after_activation", 0));
  if (after != 0) {
    return Unsupported("attribute 'swiglu_limit_after_activation' is not supported");
  }
  WNN_ASSIGN_OR_RETURN(int64_t sparse, a.Int("use_sparse_mixer", 0));
  if (sparse != 0) {
    return Unsupported("attribute 'use_sparse_mixer' is 1, which ONNX Runtime has on GPUs only");
  }
  WNN_ASSIGN_OR_RETURN(int64_t normalize, a.Int("normalize_routing_weights", 0));
  // Where QMoE has its shares from the scores, ONNX Runtime normalises them whatever the node says.
  const size_t weights = PlacesOf(context).router_weights;
  node.normalize = normalize != 0 || (weights != SIZE_MAX && !context.HasInput(weights));
  WNN_ASSIGN_OR_RETURN(node.alpha, a.Float("activation_alpha", 1));
  WNN_ASSIGN_OR_RETURN(node.beta, a.Float("activation_beta", 0));
  WNN_ASSIGN_OR_RETURN(node.limit, a.Float("swiglu_limit", node.limit));
  if (!(node.limit >= 0)) return InvalidArgument("attribute 'swiglu_limit' is negative");
  if (IsQuantized(context)) WNN_RETURN_IF_ERROR(ReadQuantization(context, node));
  return node;
}

Status InferMoe(InferContext& context) {
  const Places at = PlacesOf(context);
  WNN_RETURN_IF_ERROR(RefuseOtherInputs(context));
  for (size_t i : {at.second.weights, at.first.scales, at.second.scales}) {
    if (i == SIZE_MAX || context.HasInput(i)) continue;
    return InvalidArgument("input " + std::to_string(i) + " is left out");
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] MoeNode node, ReadNode(context));
  for (size_t i : {kX, kRouter, at.first.bias, at.second.bias, at.first.scales, at.second.scales,
                   at.router_weights}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
  }
  for (size_t i : {at.first.weights, at.second.weights, at.first.zeros, at.second.zeros}) {
    if (IsQuantized(context)) {
      WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kUint8}));
    } else {
      WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
    }
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kX, 2, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(kRouter, 2, 2));
  return InferSame(context);
}

// One layer of all experts.
struct Layer {
  std::vector<kernels::PackedMatrix> experts;
  size_t packed_bytes() const {
    size_t bytes = 0;
    for (const kernels::PackedMatrix& expert : experts) bytes += expert.size_bytes();
    return bytes;
  }
};

struct LayerShape {
  int64_t experts = 0, n = 0, k = 0, bits = 0, block = 0;

  int64_t blocks() const { return block > 0 ? k / block : 1; }
};

// A constant with that many elements.
Result<const std::byte*> Constant(const CompileContext& context, size_t i, int64_t n_elements) {
  if (!context.HasInput(i)) {
    return InvalidArgument("input " + std::to_string(i) + " is left out");
  }
  const TensorPtr& tensor = context.InputConstant(i);
  if (tensor == nullptr) return Unsupported("input " + std::to_string(i) + " is not constant");
  if (tensor->n_elements() == n_elements) return tensor->bytes().data();
  return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                         ", does not have " + std::to_string(n_elements) + " elements");
}

Result<std::unique_ptr<const Layer>> MakeLayer(const CompileContext& context, const LayerPlaces& at,
                                               const LayerShape& s) {
  auto layer = std::make_unique<Layer>();
  const int64_t size = s.n * s.k;
  const int64_t bytes = s.bits > 0 ? size * s.bits / 8 : size;
  WNN_ASSIGN_OR_RETURN(const std::byte* weights, Constant(context, at.weights, s.experts * bytes));
  IntegerRows rows;
  int64_t scales = 0, zero_bytes = 0;
  const std::byte *all_scales = nullptr, *all_zeros = nullptr;
  Tensor floats;
  if (s.bits > 0) {
    rows.n = s.n;
    rows.k = s.k;
    rows.bits = s.bits;
    rows.block = s.block > 0 ? s.block : s.k;
    scales = s.n * s.blocks();
    // Of a row of blocks, or of all rows where those have one block each.
    const int64_t row_zeros = (s.blocks() * s.bits + 7) / 8;
    zero_bytes = s.block > 0 ? s.n * row_zeros : (s.n * s.bits + 7) / 8;
    rows.zero_stride = s.block > 0 ? row_zeros * 8 / s.bits : 1;
    WNN_ASSIGN_OR_RETURN(all_scales, Constant(context, at.scales, s.experts * scales));
    if (context.HasInput(at.zeros)) {
      WNN_ASSIGN_OR_RETURN(all_zeros, Constant(context, at.zeros, s.experts * zero_bytes));
    }
    WNN_ASSIGN_OR_RETURN(floats, Tensor::Allocate(DType::kFloat, {s.n, s.k}));
  }
  for (int64_t e = 0; e < s.experts; ++e) {
    const auto* numbers = reinterpret_cast<const float*>(weights) + (s.bits > 0 ? 0 : e * size);
    if (s.bits > 0) {
      rows.data = weights + e * bytes;
      rows.scales = reinterpret_cast<const float*>(all_scales) + e * scales;
      rows.zeros = all_zeros != nullptr ? all_zeros + e * zero_bytes : nullptr;
      Dequantize(rows, reinterpret_cast<float*>(floats.bytes().data()), context.stop());
      numbers = reinterpret_cast<const float*>(floats.bytes().data());
    }
    WNN_ASSIGN_OR_RETURN(kernels::PackedMatrix matrix,
                         kernels::PackedMatrix::Create({numbers, static_cast<size_t>(size)}, s.k,
                                                       s.n, true, 1, context.stop()));
    layer->experts.push_back(std::move(matrix));
  }
  return std::unique_ptr<const Layer>(std::move(layer));
}

Result<std::shared_ptr<const Layer>> PackLayer(const CompileContext& context, const LayerPlaces& at,
                                               const LayerShape& s) {
  if (!context.HasInput(at.weights) || !context.InputConstant(at.weights)) {
    return Unsupported("input " + std::to_string(at.weights) + " is not constant");
  }
  const auto constant = [&](size_t i) {
    return context.HasInput(i) ? context.InputConstant(i).get() : nullptr;
  };
  const PackKey key = PackKey("experts").Add(s.experts, s.n, s.k, s.bits, s.block,
                                             constant(at.scales), constant(at.zeros));
  return context.PackObject<Layer>(at.weights, key.key(),
                                   [&] { return MakeLayer(context, at, s); });
}

class MoeOp final : public CompiledOp {
 public:
  struct Parameters {
    MoeNode node;
    Places at = {};
    int64_t tokens = 0, hidden = 0, inner = 0, experts = 0;
    std::shared_ptr<const Layer> first, second;
  };
  explicit MoeOp(Parameters p) : p_(std::move(p)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    using Pieces = ScratchPieces;
    const std::optional<uint64_t> product = ProductBytes(n_threads);
    if (!product) return UINT64_MAX;
    return 2 * Pieces::Bytes<int64_t>(Shares()) + Pieces::Bytes<float>(Shares()) +
           Pieces::Bytes<int64_t>(p_.experts * n_threads) + Pieces::Bytes<int64_t>(p_.experts + 1) +
           2 * Pieces::Bytes<float>(p_.tokens * p_.hidden) +
           Pieces::Bytes<float>(p_.tokens * p_.inner * p_.node.fusion()) +
           Pieces::Bytes<float>(p_.tokens * p_.inner) + *product;
  }

  Status Run(const RunArgs& run) const override {
    ScratchPieces memory(run.scratch);
    Work w;
    w.chosen = memory.Take<int64_t>(Shares());
    w.by_expert = memory.Take<int64_t>(Shares());
    w.shares = memory.Take<float>(Shares());
    auto* order = memory.Take<int64_t>(p_.experts * run.parallel->n_threads());
    w.ends = memory.Take<int64_t>(p_.experts + 1);
    w.x = memory.Take<float>(p_.tokens * p_.hidden);
    w.y = memory.Take<float>(p_.tokens * p_.hidden);
    w.wide = memory.Take<float>(p_.tokens * p_.inner * p_.node.fusion());
    w.inner = memory.Take<float>(p_.tokens * p_.inner);
    w.rest = memory.rest();
    run.parallel->ForEach(static_cast<size_t>(p_.tokens), [&](size_t token, int thread) {
      Route(run, static_cast<int64_t>(token), order + p_.experts * thread, w);
    });
    SortByExpert(w);
    std::fill_n(run.out<float>(0), p_.tokens * p_.hidden, 0.0f);
    for (int64_t expert = 0; expert < p_.experts; ++expert) AddExpert(run, expert, w);
    return OkStatus();
  }

 private:
  struct Work {
    int64_t* chosen;              // [tokens][k]: experts
    float* shares;                // [tokens][k]
    int64_t* by_expert;           // which of the two, in the order of the experts
    int64_t* ends;                // where each expert's begin in that, and the last ends
    float *x, *wide, *inner, *y;  // of the tokens of one expert
    std::byte* rest;
  };

  int64_t Shares() const { return p_.tokens * p_.node.k; }
  std::optional<uint64_t> ProductBytes(int n_threads) const {
    const auto a =
        kernels::GemmScratchBytes(p_.tokens, p_.inner * p_.node.fusion(), p_.hidden, n_threads);
    const auto b = kernels::GemmScratchBytes(p_.tokens, p_.hidden, p_.inner, n_threads);
    if (!a || !b) return std::nullopt;
    return std::max(*a, *b);
  }

  // The best experts of a token, the first of equal ones, and the share of each. A NaN is the
  // worst.
  void Route(const RunArgs& run, int64_t token, int64_t* order, const Work& w) const {
    const int64_t k = p_.node.k;
    const float* scores = run.in<float>(kRouter) + token * p_.experts;
    const auto better = [&](int64_t a, int64_t b) {
      const float x = scores[a], y = scores[b];
      if (std::isnan(x) || std::isnan(y)) {
        return std::isnan(x) == std::isnan(y) ? a < b : std::isnan(y);
      }
      return x != y ? x > y : a < b;
    };
    std::iota(order, order + p_.experts, int64_t{0});
    std::partial_sort(order, order + k, order + p_.experts, better);
    float* shares = w.shares + token * k;
    std::copy_n(order, k, w.chosen + token * k);
    double all = 0, of_chosen = 0;
    if (const float* weights = run.in<float>(p_.at.router_weights)) {
      for (int64_t i = 0; i < k; ++i) shares[i] = weights[token * p_.experts + order[i]];
      all = 1;
    } else {
      const float most = scores[order[0]];
      for (int64_t e = 0; e < p_.experts; ++e) all += std::exp(scores[e] - most);
      for (int64_t i = 0; i < k; ++i) shares[i] = std::exp(scores[order[i]] - most);
    }
    for (int64_t i = 0; i < k; ++i) of_chosen += shares[i];
    const double sum = p_.node.normalize ? of_chosen : all;
    for (int64_t i = 0; i < k; ++i) shares[i] = static_cast<float>(shares[i] / sum);
  }

  void SortByExpert(const Work& w) const {
    std::fill_n(w.ends, p_.experts + 1, 0);
    for (int64_t i = 0; i < Shares(); ++i) ++w.ends[w.chosen[i] + 1];
    std::partial_sum(w.ends, w.ends + p_.experts + 1, w.ends);
    for (int64_t i = 0; i < Shares(); ++i) w.by_expert[w.ends[w.chosen[i]]++] = i;
    // Each begin has become the next one's.
    std::copy_backward(w.ends, w.ends + p_.experts, w.ends + p_.experts + 1);
    w.ends[0] = 0;
  }

  void AddExpert(const RunArgs& run, int64_t expert, const Work& w) const {
    const int64_t k = p_.node.k, hidden = p_.hidden, wide = p_.inner * p_.node.fusion();
    const int64_t* const chosen = w.by_expert + w.ends[expert];
    const int64_t n = w.ends[expert + 1] - w.ends[expert];
    if (n == 0) return;
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(run.in<float>(kX) + chosen[i] / k * hidden, hidden, w.x + i * hidden);
    }
    Multiply(run, *p_.first, expert, p_.at.first.bias, n, w.x, w.wide, w.rest);
    const float* inner = Activate(run, n * wide, w.wide, w.inner);
    Multiply(run, *p_.second, expert, p_.at.second.bias, n, inner, w.y, w.rest);
    float* to = run.out<float>(0);
    for (int64_t i = 0; i < n; ++i) {
      float* row = to + chosen[i] / k * hidden;
      const float share = w.shares[chosen[i]];
      for (int64_t j = 0; j < hidden; ++j) row[j] += share * w.y[i * hidden + j];
    }
  }

  void Multiply(const RunArgs& run, const Layer& layer, int64_t expert, size_t bias, int64_t m,
                const float* a, float* c, std::byte* memory) const {
    const kernels::PackedMatrix& matrix = layer.experts[static_cast<size_t>(expert)];
    kernels::GemmArgs args;
    args.m = m;
    args.a = a;
    args.lda = matrix.k();
    if (const float* all = run.in<float>(bias)) args.bias = all + expert * matrix.n();
    args.c = c;
    args.ldc = matrix.n();
    const auto bytes = static_cast<size_t>(*ProductBytes(run.parallel->n_threads()));
    kernels::Gemm(args, matrix, {memory, bytes}, *run.parallel);
  }

  // The activation of n numbers, in place or in `to`.
  const float* Activate(const RunArgs& run, int64_t n, float* x, float* to) const {
    using kernels::UnaryOp;
    switch (p_.node.activation) {
      case Activation::kIdentity: return x;
      case Activation::kRelu:
        for (int64_t i = 0; i < n; ++i) x[i] = x[i] < 0 ? 0 : x[i];
        return x;
      case Activation::kGelu:
        kernels::Unary({.op = UnaryOp::kGeluTanh}, x, n, x, *run.parallel);
        return x;
      case Activation::kSilu:
        kernels::Unary({.op = UnaryOp::kSwish, .alpha = 1}, x, n, x, *run.parallel);
        return x;
      case Activation::kSwiglu: break;
    }
    // Gates and what they let through are neighbours.
    const MoeNode& node = p_.node;
    for (int64_t i = 0; i < n / 2; ++i) to[i] = std::min(x[2 * i], node.limit);
    kernels::Unary({.op = UnaryOp::kSwish, .alpha = node.alpha}, to, n / 2, to, *run.parallel);
    for (int64_t i = 0; i < n / 2; ++i) {
      to[i] *= std::clamp(x[2 * i + 1], -node.limit, node.limit) + node.beta;
    }
    return to;
  }

  const Parameters p_;
};

// Extents by the inputs' shapes. kInvalidArgument if those do not fit each other.
Status ReadExtents(const CompileContext& context, MoeOp::Parameters& p) {
  const Shape x = context.InputShape(kX), router = context.InputShape(kRouter);
  const Shape first = context.InputShape(p.at.first.weights),
              second = context.InputShape(p.at.second.weights);
  p.hidden = x.back();
  p.tokens = ShapeProduct(std::span(x).first(x.size() - 1));
  p.experts = router[1];
  const auto stored = [](int64_t n, int64_t bits) { return bits > 0 ? n * bits / 8 : n; };
  bool fits = router[0] == p.tokens && first.size() == 3 && second.size() == 3;
  if (fits) {
    p.inner = first[1] / p.node.fusion();
    fits =
        first == Shape{p.experts, p.inner * p.node.fusion(), stored(p.hidden, p.node.first_bits)} &&
        second == Shape{p.experts, p.hidden, stored(p.inner, p.node.second_bits)};
  }
  // Rows are whole bytes and whole blocks.
  const auto whole = [&](int64_t n, int64_t bits) {
    return n * bits % 8 == 0 && (p.node.block <= 0 || n % p.node.block == 0);
  };
  fits = fits && whole(p.hidden, p.node.first_bits) && whole(p.inner, p.node.second_bits);
  const auto elements = [&](size_t i, int64_t n) {
    return !context.HasInput(i) || ShapeProduct(context.InputShape(i)) == n;
  };
  fits = fits && elements(p.at.first.bias, p.experts * p.inner * p.node.fusion()) &&
         elements(p.at.second.bias, p.experts * p.hidden) &&
         elements(p.at.router_weights, p.tokens * p.experts);
  if (!fits) {
    return InvalidArgument("the input " + context.Input(kX).ToString() + ", the router's " +
                           context.Input(kRouter).ToString() + ", weights " +
                           context.Input(p.at.first.weights).ToString() + " and " +
                           context.Input(p.at.second.weights).ToString() +
                           " or biases do not fit each other");
  }
  if (p.node.k <= p.experts) return OkStatus();
  return InvalidArgument("attribute 'k' is " + std::to_string(p.node.k) + " for " +
                         std::to_string(p.experts) + " experts");
}

Result<CompiledPtr> CompileMoe(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileMoe);
  MoeOp::Parameters p;
  p.at = PlacesOf(context);
  WNN_ASSIGN_OR_RETURN(p.node, ReadNode(context));
  WNN_RETURN_IF_ERROR(ReadExtents(context, p));
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  if (p.inner == 0) return Unsupported("experts without columns");
  const int64_t wide = p.inner * p.node.fusion();
  WNN_ASSIGN_OR_RETURN(
      p.first,
      PackLayer(context, p.at.first, {p.experts, wide, p.hidden, p.node.first_bits, p.node.block}));
  WNN_ASSIGN_OR_RETURN(p.second,
                       PackLayer(context, p.at.second,
                                 {p.experts, p.hidden, p.inner, p.node.second_bits, p.node.block}));
  return CompiledPtr(std::make_unique<MoeOp>(std::move(p)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "MoE",
     .inputs = {3, 8},
     .infer = InferMoe,
     .compile = CompileMoe},
    {.domain = kMicrosoftDomain,
     .name = "QMoE",
     .inputs = {3, 21},
     .infer = InferMoe,
     .compile = CompileMoe},
});

}  // namespace

std::span<const OpDef> MicrosoftMoeOps() { return kOps; }

}  // namespace wnn::ops
