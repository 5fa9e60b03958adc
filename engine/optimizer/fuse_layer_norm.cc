// Layer normalisation that an exporter wrote as arithmetic -> LayerNormalization:
//
//   d = x - mean(x);  y = d / sqrt(mean(d^2) + epsilon) * scale + bias
//
// with means over the last axis and constant scale and bias.
#include "engine/ops/registry.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

class Matcher {
 public:
  explicit Matcher(const graph::Graph& graph) : graph_(graph) {}

  struct Norm {
    ValueId x = kNoValue, scale = kNoValue, bias = kNoValue;
    float epsilon = 0;
  };
  // What `add` is the end of.
  std::optional<Norm> Match(const Node& add) const;

 private:
  struct Operands {
    ValueId one = kNoValue, other = kNoValue;
  };
  // The operands of a node of two, that which is constant second.
  std::optional<Operands> WithConstant(const Node& node) const;
  // What the value is the mean of, over the last axis.
  ValueId MeanOf(ValueId value) const;
  // What the value is the square of.
  ValueId SquareOf(ValueId value) const;
  // What the value is the distance of from its mean.
  ValueId CentredOf(ValueId value) const;
  bool IsPerElement(ValueId constant, ValueId x) const;

  const graph::Graph& graph_;
};

std::optional<Matcher::Operands> Matcher::WithConstant(const Node& node) const {
  for (size_t i : {1, 0}) {
    if (graph_.fact(node.inputs[i]).constant) return Operands{node.inputs[1 - i], node.inputs[i]};
  }
  return std::nullopt;
}

ValueId Matcher::MeanOf(ValueId value) const {
  const Node* mean = ProducerOf(graph_, value, "ReduceMean");
  if (mean == nullptr) return kNoValue;
  const graph::Fact& x = graph_.fact(mean->inputs[0]);
  std::vector<int64_t> axes;
  if (HasInput(*mean, 1)) {
    const graph::Fact& input = graph_.fact(mean->inputs[1]);
    if (!input.constant) return kNoValue;
    const auto* numbers = reinterpret_cast<const int64_t*>(input.constant->bytes().data());
    axes.assign(numbers, numbers + input.constant->bytes().size() / sizeof(int64_t));
  } else if (auto attribute = mean->attributes.Ints("axes")) {
    axes.assign(attribute->begin(), attribute->end());
  }
  auto keep = mean->attributes.Int("keepdims", 1);
  if (axes.size() != 1 || !keep || *keep == 0 || !x.has_rank) return kNoValue;
  const bool is_last = axes[0] == -1 || axes[0] == static_cast<int64_t>(x.rank()) - 1;
  return is_last ? mean->inputs[0] : kNoValue;
}

ValueId Matcher::SquareOf(ValueId value) const {
  if (const Node* power = ProducerOf(graph_, value, "Pow")) {
    const std::optional<float> exponent = ConstantScalar(graph_.fact(power->inputs[1]));
    return exponent == 2.0f ? power->inputs[0] : kNoValue;
  }
  const Node* product = ProducerOf(graph_, value, "Mul");
  return product != nullptr && product->inputs[0] == product->inputs[1] ? product->inputs[0]
                                                                        : kNoValue;
}

ValueId Matcher::CentredOf(ValueId value) const {
  const Node* sub = ProducerOf(graph_, value, "Sub");
  return sub != nullptr && MeanOf(sub->inputs[1]) == sub->inputs[0] ? sub->inputs[0] : kNoValue;
}

bool Matcher::IsPerElement(ValueId constant, ValueId x) const {
  const graph::Fact &fact = graph_.fact(constant), &map = graph_.fact(x);
  return fact.constant && fact.dtype == DType::kFloat && fact.rank() == 1 &&
         map.dtype == DType::kFloat && map.has_rank && map.rank() > 0 &&
         graph::SameDim(fact.dims[0], map.dims.back());
}

std::optional<Matcher::Norm> Matcher::Match(const Node& add) const {
  Norm norm;
  const auto with_bias = WithConstant(add);
  const Node* mul = with_bias ? ProducerOf(graph_, with_bias->one, "Mul") : nullptr;
  const auto with_scale = mul != nullptr ? WithConstant(*mul) : std::nullopt;
  const Node* div = with_scale ? ProducerOf(graph_, with_scale->one, "Div") : nullptr;
  const Node* root = div != nullptr ? ProducerOf(graph_, div->inputs[1], "Sqrt") : nullptr;
  const Node* sum = root != nullptr ? ProducerOf(graph_, root->inputs[0], "Add") : nullptr;
  const auto with_epsilon = sum != nullptr ? WithConstant(*sum) : std::nullopt;
  if (!with_epsilon) return std::nullopt;
  const std::optional<float> epsilon = ConstantScalar(graph_.fact(with_epsilon->other));
  const ValueId squares = MeanOf(with_epsilon->one);
  const ValueId centred = squares != kNoValue ? SquareOf(squares) : kNoValue;
  if (!epsilon || centred == kNoValue) return std::nullopt;
  // Some exporters write the difference twice.
  norm.x = CentredOf(centred);
  if (norm.x == kNoValue || CentredOf(div->inputs[0]) != norm.x) return std::nullopt;
  norm.scale = with_scale->other;
  norm.bias = with_bias->other;
  norm.epsilon = *epsilon;
  if (!IsPerElement(norm.scale, norm.x) || !IsPerElement(norm.bias, norm.x)) return std::nullopt;
  // Of an epsilon with more dimensions the result would have more.
  const graph::Fact& y = graph_.fact(add.outputs[0]);
  if (!y.has_rank || y.rank() != graph_.fact(norm.x).rank()) return std::nullopt;
  return norm;
}

}  // namespace

Status FuseLayerNorm(PassContext& context) {
  constexpr int kOpset = 17;
  graph::Graph& graph = context.graph();
  const size_t n_nodes = graph.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (!IsOnnx(graph.node(id), "Add")) continue;
    const std::optional<Matcher::Norm> norm = Matcher(graph).Match(graph.node(id));
    if (!norm) continue;
    // What nobody else reads of the arithmetic goes with the dead.
    NewNode made{ops::FindOp("", "LayerNormalization", kOpset),
                 kOpset,
                 {},
                 {norm->x, norm->scale, norm->bias},
                 {}};
    made.attributes.Set("axis", int64_t{-1});
    made.attributes.Set("epsilon", norm->epsilon);
    WNN_RETURN_IF_ERROR(
        ReplaceNode(context, id, std::move(made), "is the end of a layer normalisation"));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
