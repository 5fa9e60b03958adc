// DequantizeLinear -> operator -> QuantizeLinear: the way in which quantisers write a model down.
// Products and convolutions between them become those of 8-bit integers, and so do the additions,
// averages and functions for which there is one. What only moves elements moves the integers.
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/ops/quantized.h"
#include "engine/ops/registry.h"
#include "engine/ops/shape_math.h"
#include "engine/optimizer/bounds.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// The first MaxPool of bytes.
constexpr int kFirstByteMaxPool = 12;

bool IsByte(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUint8; }

// A tensor of 8-bit integers with the scale and the zero point that make it real.
struct Quantized {
  ValueId value = kNoValue;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

class FoldQuantizationPass {
 public:
  explicit FoldQuantizationPass(PassContext& context)
      : context_(context), graph_(context.graph()), readers_(graph_) {}

  Status Run();

 private:
  // What a rule makes of the operator; nothing if it does not apply.
  struct Made {
    std::string_view domain;
    std::string_view op;
    std::vector<ValueId> inputs;
    graph::Attributes attributes;
  };
  using Rule = Result<std::optional<Made>> (FoldQuantizationPass::*)(const Node& node,
                                                                     const Quantized& y);

  Result<std::optional<Made>> Conv(const Node& node, const Quantized& y);
  Result<std::optional<Made>> MatMul(const Node& node, const Quantized& y);
  Result<std::optional<Made>> Gemm(const Node& node, const Quantized& y);
  Result<std::optional<Made>> Binary(const Node& node, const Quantized& y);
  Result<std::optional<Made>> Unary(const Node& node, const Quantized& y);
  Result<std::optional<Made>> Concat(const Node& node, const Quantized& y);
  Result<std::optional<Made>> Movement(const Node& node, const Quantized& y);
  static Rule RuleFor(const Node& node);

  std::optional<Quantized> Dequantized(ValueId real);
  // The same for weights: constant, with one scale or one for each position of `axis`.
  std::optional<Quantized> Weights(ValueId real, size_t axis);
  bool HasOneScale(const Quantized& q) const;
  // The constant `real` in units of x's scale times the weights', as int32; kNoValue if it cannot
  // be said so.
  Result<ValueId> Bias(ValueId real, const Quantized& x, const Quantized& w, int64_t n);
  Result<ValueId> ZeroOf(DType dtype, const Fact& like);
  bool IsWithin(const kernels::Clamp& bounds, const Quantized& y) const;
  Status Fold(NodeId id);
  Status QuantizeEarlier(NodeId source, NodeId quantize);

  std::span<const float> Floats(ValueId id) const { return ConstantFloats(graph_.fact(id)); }
  int32_t ZeroAt(ValueId zero, size_t i) const;

  PassContext& context_;
  graph::Graph& graph_;
  Readers readers_;
};

int32_t FoldQuantizationPass::ZeroAt(ValueId zero, size_t i) const {
  const Fact& fact = graph_.fact(zero);
  const auto byte = std::to_integer<uint8_t>(fact.constant->bytes()[i]);
  return fact.dtype == DType::kInt8 ? int32_t{static_cast<int8_t>(byte)} : int32_t{byte};
}

Result<ValueId> FoldQuantizationPass::ZeroOf(DType dtype, const Fact& like) {
  WNN_ASSIGN_OR_RETURN(Tensor zero, Tensor::Allocate(dtype, like.ConcreteShape()));
  std::memset(zero.bytes().data(), 0, zero.bytes().size());
  return AddConstant(graph_, "zero_point", std::move(zero));
}

std::optional<Quantized> FoldQuantizationPass::Dequantized(ValueId real) {
  const NodeId id = graph_.value(real).producer;
  if (id == graph::kNoNode || !IsOnnx(graph_.node(id), "DequantizeLinear")) return std::nullopt;
  const Node& node = graph_.node(id);
  Quantized q{node.inputs[0], node.inputs[1], HasInput(node, 2) ? node.inputs[2] : kNoValue};
  if (!IsByte(graph_.fact(q.value).dtype) || Floats(q.scale).empty()) return std::nullopt;
  if (q.zero == kNoValue) {
    auto zero = ZeroOf(graph_.fact(q.value).dtype, graph_.fact(q.scale));
    if (!zero) return std::nullopt;
    q.zero = *zero;
  }
  const Fact& zero = graph_.fact(q.zero);
  if (!zero.constant || zero.constant->bytes().size() != Floats(q.scale).size()) {
    return std::nullopt;
  }
  return q;
}

bool FoldQuantizationPass::HasOneScale(const Quantized& q) const {
  return Floats(q.scale).size() == 1;
}

std::optional<Quantized> FoldQuantizationPass::Weights(ValueId real, size_t axis) {
  std::optional<Quantized> q = Dequantized(real);
  if (!q || !graph_.fact(q->value).constant) return std::nullopt;
  if (HasOneScale(*q)) return q;
  const Node& node = graph_.node(graph_.value(real).producer);
  auto wanted = node.attributes.Int("axis", 1);
  const size_t rank = graph_.fact(q->value).rank();
  if (!wanted || graph_.fact(q->scale).rank() != 1) return std::nullopt;
  auto normal = ops::NormalizeAxis(*wanted, rank);
  if (!normal || *normal != axis) return std::nullopt;
  return q;
}

Result<ValueId> FoldQuantizationPass::Bias(ValueId real, const Quantized& x, const Quantized& w,
                                           int64_t n) {
  // Either floats, or dequantised integers; the latter in double, so that they come back exactly.
  std::vector<double> numbers;
  const NodeId producer = graph_.value(real).producer;
  if (const std::span<const float> floats = Floats(real); !floats.empty()) {
    numbers.assign(floats.begin(), floats.end());
  } else if (producer != graph::kNoNode && IsOnnx(graph_.node(producer), "DequantizeLinear")) {
    const Node& node = graph_.node(producer);
    const Fact& q = graph_.fact(node.inputs[0]);
    const std::span<const float> scale = Floats(node.inputs[1]);
    const size_t count = q.constant ? q.constant->bytes().size() / sizeof(int32_t) : 0;
    if (!q.constant || q.dtype != DType::kInt32 || scale.empty() ||
        (scale.size() != 1 && scale.size() != count)) {
      return kNoValue;
    }
    if (HasInput(node, 2)) {
      const Fact& zero = graph_.fact(node.inputs[2]);
      if (!zero.constant) return kNoValue;
      for (const std::byte byte : zero.constant->bytes()) {
        if (byte != std::byte{0}) return kNoValue;
      }
    }
    const auto* integers = reinterpret_cast<const int32_t*>(q.constant->bytes().data());
    for (size_t i = 0; i < count; ++i) {
      numbers.push_back(static_cast<double>(integers[i]) *
                        static_cast<double>(scale[scale.size() == 1 ? 0 : i]));
    }
  }
  if (numbers.size() != static_cast<size_t>(n)) return kNoValue;
  WNN_ASSIGN_OR_RETURN(Tensor bias, Tensor::Allocate(DType::kInt32, {n}));
  auto* to = reinterpret_cast<int32_t*>(bias.bytes().data());
  const std::span<const float> w_scale = Floats(w.scale);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double unit = static_cast<double>(Floats(x.scale)[0]) *
                        static_cast<double>(w_scale[w_scale.size() == 1 ? 0 : i]);
    const double value = std::nearbyint(numbers[i] / unit);
    if (!(std::abs(value) <= static_cast<double>(std::numeric_limits<int32_t>::max()))) {
      return kNoValue;
    }
    to[i] = static_cast<int32_t>(value);
  }
  return AddConstant(graph_, graph_.value(real).name + "/quantized", std::move(bias));
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Conv(const Node& node,
                                                                             const Quantized& y) {
  const std::optional<Quantized> x = Dequantized(node.inputs[0]);
  const std::optional<Quantized> w = Weights(node.inputs[1], 0);
  if (!x || !w || !HasOneScale(*x)) return std::optional<Made>();
  Made made{"",
            "QLinearConv",
            {x->value, x->scale, x->zero, w->value, w->scale, w->zero, y.scale, y.zero},
            node.attributes};
  if (HasInput(node, 2)) {
    const int64_t channels = graph_.fact(w->value).dims[0].value;
    WNN_ASSIGN_OR_RETURN(const ValueId bias, Bias(node.inputs[2], *x, *w, channels));
    if (bias == kNoValue) return std::optional<Made>();
    made.inputs.push_back(bias);
  }
  return std::optional(std::move(made));
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::MatMul(const Node& node,
                                                                               const Quantized& y) {
  const std::optional<Quantized> a = Dequantized(node.inputs[0]);
  std::optional<Quantized> b = Dequantized(node.inputs[1]);
  if (!a || !b || !HasOneScale(*a)) return std::optional<Made>();
  if (!HasOneScale(*b)) {
    const Fact& fact = graph_.fact(b->value);
    if (!fact.has_rank || fact.rank() != 2) return std::optional<Made>();
    b = Weights(node.inputs[1], 1);
    if (!b) return std::optional<Made>();
  }
  return std::optional(
      Made{"",
           "QLinearMatMul",
           {a->value, a->scale, a->zero, b->value, b->scale, b->zero, y.scale, y.zero},
           {}});
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Gemm(const Node& node,
                                                                             const Quantized& y) {
  auto trans_a = node.attributes.Int("transA", 0), trans_b = node.attributes.Int("transB", 0);
  auto alpha = node.attributes.Float("alpha", 1), beta = node.attributes.Float("beta", 1);
  if (!trans_a || !trans_b || !alpha || !beta || *trans_a != 0 || *alpha != 1 || *beta != 1) {
    return std::optional<Made>();
  }
  const std::optional<Quantized> a = Dequantized(node.inputs[0]);
  const size_t column_axis = *trans_b != 0 ? 0 : 1;
  const std::optional<Quantized> b = Weights(node.inputs[1], column_axis);
  if (!a || !b || !HasOneScale(*a) || graph_.fact(b->value).rank() != 2) {
    return std::optional<Made>();
  }
  ValueId bias = kNoValue;
  if (HasInput(node, 2)) {
    const Fact& c = graph_.fact(node.inputs[2]);
    if (!c.has_rank || c.rank() != 1) return std::optional<Made>();
    WNN_ASSIGN_OR_RETURN(
        bias, Bias(node.inputs[2], *a, *b, graph_.fact(b->value).dims[column_axis].value));
    if (bias == kNoValue) return std::optional<Made>();
  }
  Made made{ops::kMicrosoftDomain,
            "QGemm",
            {a->value, a->scale, a->zero, b->value, b->scale, b->zero, bias, y.scale, y.zero},
            {}};
  made.attributes.Set("transB", *trans_b);
  return std::optional(std::move(made));
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Binary(const Node& node,
                                                                               const Quantized& y) {
  const std::optional<Quantized> a = Dequantized(node.inputs[0]), b = Dequantized(node.inputs[1]);
  if (!a || !b || !HasOneScale(*a) || !HasOneScale(*b)) return std::optional<Made>();
  const DType dtype = graph_.fact(y.zero).dtype;
  if (graph_.fact(a->value).dtype != dtype || graph_.fact(b->value).dtype != dtype) {
    return std::optional<Made>();
  }
  return std::optional(
      Made{ops::kMicrosoftDomain,
           node.op->name == "Add" ? "QLinearAdd" : "QLinearMul",
           {a->value, a->scale, a->zero, b->value, b->scale, b->zero, y.scale, y.zero},
           {}});
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Unary(const Node& node,
                                                                              const Quantized& y) {
  struct Name {
    std::string_view real, quantized;
  };
  static constexpr Name kNames[] = {{"AveragePool", "QLinearAveragePool"},
                                    {"GlobalAveragePool", "QLinearGlobalAveragePool"},
                                    {"LeakyRelu", "QLinearLeakyRelu"},
                                    {"Sigmoid", "QLinearSigmoid"},
                                    {"Softmax", "QLinearSoftmax"}};
  const std::optional<Quantized> x = Dequantized(node.inputs[0]);
  if (!x || !HasOneScale(*x) || graph_.fact(x->value).dtype != graph_.fact(y.zero).dtype) {
    return std::optional<Made>();
  }
  for (const Name& name : kNames) {
    if (name.real != node.op->name) continue;
    Made made{ops::kMicrosoftDomain,
              name.quantized,
              {x->value, x->scale, x->zero, y.scale, y.zero},
              node.attributes};
    if (name.real == "Softmax") {
      made.attributes.Set("opset", int64_t{node.opset});
      constexpr int kFirstOfOneAxis = 13;
      if (!node.attributes.Has("axis")) {
        made.attributes.Set("axis", int64_t{node.opset < kFirstOfOneAxis ? 1 : -1});
      }
    }
    return std::optional(std::move(made));
  }
  return std::optional<Made>();
}

Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Concat(const Node& node,
                                                                               const Quantized& y) {
  Made made{ops::kMicrosoftDomain, "QLinearConcat", {y.scale, y.zero}, node.attributes};
  for (const ValueId input : node.inputs) {
    const std::optional<Quantized> x = Dequantized(input);
    if (!x || !HasOneScale(*x) || graph_.fact(x->value).dtype != graph_.fact(y.zero).dtype) {
      return std::optional<Made>();
    }
    made.inputs.insert(made.inputs.end(), {x->value, x->scale, x->zero});
  }
  constexpr int kFirstWithoutDefault = 4;
  if (node.opset < kFirstWithoutDefault && !node.attributes.Has("axis")) {
    made.attributes.Set("axis", int64_t{1});
  }
  return std::optional(std::move(made));
}

// The same scale before and after: the integers move as the numbers would.
Result<std::optional<FoldQuantizationPass::Made>> FoldQuantizationPass::Movement(
    const Node& node, const Quantized& y) {
  const std::optional<Quantized> x = Dequantized(node.inputs[0]);
  if (!x || !HasOneScale(*x) || Floats(x->scale)[0] != Floats(y.scale)[0] ||
      graph_.fact(x->zero).dtype != graph_.fact(y.zero).dtype ||
      ZeroAt(x->zero, 0) != ZeroAt(y.zero, 0)) {
    return std::optional<Made>();
  }
  Made made{"", node.op->name, node.inputs, node.attributes};
  made.inputs[0] = x->value;
  return std::optional(std::move(made));
}

FoldQuantizationPass::Rule FoldQuantizationPass::RuleFor(const Node& node) {
  struct Entry {
    std::string_view op;
    Rule rule;
  };
  static constexpr auto kRules = std::to_array<Entry>({
      {"Add", &FoldQuantizationPass::Binary},
      {"AveragePool", &FoldQuantizationPass::Unary},
      {"Concat", &FoldQuantizationPass::Concat},
      {"Conv", &FoldQuantizationPass::Conv},
      {"DepthToSpace", &FoldQuantizationPass::Movement},
      {"Flatten", &FoldQuantizationPass::Movement},
      {"Gemm", &FoldQuantizationPass::Gemm},
      {"GlobalAveragePool", &FoldQuantizationPass::Unary},
      {"LeakyRelu", &FoldQuantizationPass::Unary},
      {"MatMul", &FoldQuantizationPass::MatMul},
      {"MaxPool", &FoldQuantizationPass::Movement},
      {"Mul", &FoldQuantizationPass::Binary},
      {"Reshape", &FoldQuantizationPass::Movement},
      {"Sigmoid", &FoldQuantizationPass::Unary},
      {"Slice", &FoldQuantizationPass::Movement},
      {"Softmax", &FoldQuantizationPass::Unary},
      {"SpaceToDepth", &FoldQuantizationPass::Movement},
      {"Squeeze", &FoldQuantizationPass::Movement},
      {"Transpose", &FoldQuantizationPass::Movement},
      {"Unsqueeze", &FoldQuantizationPass::Movement},
  });
  for (const Entry& entry : kRules) {
    if (IsOnnx(node, entry.op)) return entry.rule;
  }
  return nullptr;
}

// Whether quantising bounds results at least as much.
bool FoldQuantizationPass::IsWithin(const kernels::Clamp& bounds, const Quantized& y) const {
  const float scale = Floats(y.scale)[0];
  const bool is_signed = graph_.fact(y.zero).dtype == DType::kInt8;
  const auto zero = static_cast<float>(ZeroAt(y.zero, 0));
  const float low = std::nearbyint(bounds.min / scale) + zero;
  const float high = std::nearbyint(bounds.max / scale) + zero;
  return low <= (is_signed ? -128.0f : 0.0f) && high >= (is_signed ? 127.0f : 255.0f);
}

Status FoldQuantizationPass::Fold(NodeId id) {
  const Node& quantize = graph_.node(id);
  Quantized y{quantize.outputs[0], quantize.inputs[1], kNoValue};
  if (Floats(y.scale).size() != 1 || !IsByte(graph_.fact(y.value).dtype)) return OkStatus();
  if (HasInput(quantize, 2)) {
    y.zero = quantize.inputs[2];
    if (!graph_.fact(y.zero).constant) return OkStatus();
  } else {
    WNN_ASSIGN_OR_RETURN(y.zero, ZeroOf(DType::kUint8, graph_.fact(y.scale)));
  }
  ValueId real = quantize.inputs[0];
  if (readers_.Only(graph_, real) != id) return OkStatus();
  NodeId source = graph_.value(real).producer;
  NodeId activation = graph::kNoNode;
  if (source != graph::kNoNode) {
    const auto bounds = BoundsOf(graph_, graph_.node(source));
    if (bounds && IsWithin(*bounds, y)) {
      activation = source;
      real = graph_.node(source).inputs[0];
      if (readers_.Only(graph_, real) != activation) return OkStatus();
      source = graph_.value(real).producer;
    }
  }
  if (source == graph::kNoNode) return OkStatus();
  const Node& node = graph_.node(source);
  const Rule rule = RuleFor(node);
  if (rule == nullptr || (node.outputs.size() > 1 && node.outputs[1] != kNoValue)) {
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::optional<Made> made, (this->*rule)(node, y));
  if (!made && rule == &FoldQuantizationPass::Movement) return QuantizeEarlier(source, id);
  if (!made) {
    context_.Note(node, "stays: its inputs are not dequantised as an integer operator needs");
    return OkStatus();
  }
  // Rules added constants, which may have moved the nodes' neighbours but not the nodes.
  const int opset = made->domain.empty() ? graph_.node(source).opset : 1;
  const ops::OpDef* op = ops::FindOp(made->domain, made->op, opset);
  if (op == nullptr) return OkStatus();
  context_.Rewrote(graph_.node(source), "becomes " + std::string(made->op));
  const std::string name = graph_.node(source).name;
  for (const NodeId gone : {source, activation, id}) {
    if (gone != graph::kNoNode) graph_.RemoveNode(gone);
  }
  return AddNode(graph_, {op, opset, name, std::move(made->inputs), std::move(made->attributes)},
                 y.value);
}

// Quantising keeps order, so that it may come before a movement as well as after: bytes move more
// cheaply, and what comes before may fold.
Status FoldQuantizationPass::QuantizeEarlier(NodeId source, NodeId quantize) {
  const Node moving = graph_.node(source), node = graph_.node(quantize);
  const ops::OpDef* op = ops::FindOp("", moving.op->name, moving.opset);
  if (graph_.value(moving.inputs[0]).producer == graph::kNoNode ||
      graph_.fact(moving.inputs[0]).dtype != DType::kFloat ||
      (IsOnnx(moving, "MaxPool") && moving.opset < kFirstByteMaxPool)) {
    return OkStatus();
  }
  context_.Rewrote(moving, "moves what is quantised before it");
  graph_.RemoveNode(source);
  graph_.RemoveNode(quantize);
  const ValueId made = graph_.AddValue(graph_.value(moving.inputs[0]).name + "/quantized", {});
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = moving.inputs[0];
  WNN_RETURN_IF_ERROR(
      AddNode(graph_, {node.op, node.opset, node.name, std::move(inputs), node.attributes}, made));
  inputs = moving.inputs;
  inputs[0] = made;
  WNN_RETURN_IF_ERROR(AddNode(graph_,
                              {op, moving.opset, moving.name, std::move(inputs), moving.attributes},
                              node.outputs[0]));
  readers_ = Readers(graph_);
  return OkStatus();
}

Status FoldQuantizationPass::Run() {
  // Nodes that are added on the way have their turn too.
  for (size_t i = 0; i < graph_.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context_.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (IsOnnx(graph_.node(id), "QuantizeLinear")) WNN_RETURN_IF_ERROR(Fold(id));
  }
  return OkStatus();
}

}  // namespace

Status FoldQuantization(PassContext& context) { return FoldQuantizationPass(context).Run(); }

}  // namespace wnn::optimizer
