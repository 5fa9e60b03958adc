// Gelu that an exporter wrote as arithmetic -> Gelu: in whatever order its factors stand,
//
//   0.5 * x * (1 + erf(x / sqrt(2)))
//   0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/ops/registry.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// A constant times values that were not taken apart further.
struct Product {
  double constant = 1;
  std::vector<ValueId> factors;
};

class Matcher {
 public:
  explicit Matcher(const graph::Graph& graph) : graph_(graph) {}

  struct Gelu {
    ValueId x = kNoValue;
    bool is_tanh = false;
  };
  // What the product of which `mul` is the last is.
  std::optional<Gelu> Match(const Node& mul) const;

 private:
  static constexpr int kDeepest = 4;  // no form has more products in products

  // The value as a product, of which `x` is not taken apart.
  Product ProductOf(ValueId value, ValueId x) const;
  void Collect(ValueId value, ValueId x, int depth, Product& product) const;
  // What is added to the constant 1.
  ValueId PlusOne(ValueId value) const;
  // What a product by a constant multiplies.
  ValueId ScaledBy(ValueId value) const;
  bool IsMultiple(ValueId value, ValueId x, double constant) const;
  bool IsCubeTerm(ValueId value, ValueId x) const;
  // What erf(...) or tanh(...) is Gelu's function of.
  std::optional<Gelu> GateOf(ValueId value) const;

  const graph::Graph& graph_;
};

// Exporters write their constants in single precision, or with fewer digits.
bool IsNear(double a, double b) { return std::abs(a - b) <= 1e-4 * std::abs(b); }

void Matcher::Collect(ValueId value, ValueId x, int depth, Product& product) const {
  if (const std::optional<float> number = ConstantScalar(graph_.fact(value))) {
    product.constant *= static_cast<double>(*number);
    return;
  }
  if (value != x && depth < kDeepest) {
    if (const Node* mul = ProducerOf(graph_, value, "Mul")) {
      Collect(mul->inputs[0], x, depth + 1, product);
      Collect(mul->inputs[1], x, depth + 1, product);
      return;
    }
    const Node* div = ProducerOf(graph_, value, "Div");
    const auto divisor =
        div != nullptr ? ConstantScalar(graph_.fact(div->inputs[1])) : std::nullopt;
    if (divisor && *divisor != 0) {
      product.constant /= static_cast<double>(*divisor);
      Collect(div->inputs[0], x, depth + 1, product);
      return;
    }
  }
  product.factors.push_back(value);
}

Product Matcher::ProductOf(ValueId value, ValueId x) const {
  Product product;
  Collect(value, x, 0, product);
  return product;
}

ValueId Matcher::PlusOne(ValueId value) const {
  const Node* add = ProducerOf(graph_, value, "Add");
  if (add == nullptr) return kNoValue;
  for (size_t i : {0, 1}) {
    if (ConstantScalar(graph_.fact(add->inputs[i])) == 1.0f) return add->inputs[1 - i];
  }
  return kNoValue;
}

ValueId Matcher::ScaledBy(ValueId value) const {
  const NodeId id = graph_.value(value).producer;
  if (id == graph::kNoNode) return kNoValue;
  const Node& node = graph_.node(id);
  const bool is_mul = IsOnnx(node, "Mul");
  if (!is_mul && !IsOnnx(node, "Div")) return kNoValue;
  if (ConstantScalar(graph_.fact(node.inputs[1]))) return node.inputs[0];
  return is_mul && ConstantScalar(graph_.fact(node.inputs[0])) ? node.inputs[1] : kNoValue;
}

bool Matcher::IsMultiple(ValueId value, ValueId x, double constant) const {
  const Product product = ProductOf(value, x);
  return product.factors == std::vector<ValueId>{x} && IsNear(product.constant, constant);
}

bool Matcher::IsCubeTerm(ValueId value, ValueId x) const {
  constexpr double kCubeFactor = 0.044715;
  const Product product = ProductOf(value, x);
  if (!IsNear(product.constant, kCubeFactor)) return false;
  if (product.factors == std::vector<ValueId>{x, x, x}) return true;
  const Node* power =
      product.factors.size() == 1 ? ProducerOf(graph_, product.factors[0], "Pow") : nullptr;
  return power != nullptr && power->inputs[0] == x &&
         ConstantScalar(graph_.fact(power->inputs[1])) == 3.0f;
}

std::optional<Matcher::Gelu> Matcher::GateOf(ValueId value) const {
  if (const Node* erf = ProducerOf(graph_, value, "Erf")) {
    const ValueId x = ScaledBy(erf->inputs[0]);
    if (x == kNoValue || !IsMultiple(erf->inputs[0], x, 1 / std::numbers::sqrt2)) {
      return std::nullopt;
    }
    return Gelu{x, false};
  }
  const Node* tanh = ProducerOf(graph_, value, "Tanh");
  const ValueId sum = tanh != nullptr ? ScaledBy(tanh->inputs[0]) : kNoValue;
  const Node* add = sum != kNoValue ? ProducerOf(graph_, sum, "Add") : nullptr;
  if (add == nullptr || !IsMultiple(tanh->inputs[0], sum, std::sqrt(2 / std::numbers::pi))) {
    return std::nullopt;
  }
  for (size_t i : {0, 1}) {
    if (IsCubeTerm(add->inputs[1 - i], add->inputs[i])) return Gelu{add->inputs[i], true};
  }
  return std::nullopt;
}

std::optional<Matcher::Gelu> Matcher::Match(const Node& mul) const {
  for (const ValueId factor : ProductOf(mul.outputs[0], kNoValue).factors) {
    const ValueId inner = PlusOne(factor);
    const auto gelu = inner != kNoValue ? GateOf(inner) : std::nullopt;
    if (!gelu) continue;
    const Product product = ProductOf(mul.outputs[0], gelu->x);
    const graph::Fact &x = graph_.fact(gelu->x), &y = graph_.fact(mul.outputs[0]);
    // Of constants with more dimensions the result would have more.
    const bool same_rank = x.has_rank && y.has_rank && x.rank() == y.rank();
    if (x.dtype == DType::kFloat && same_rank && IsNear(product.constant, 0.5) &&
        product.factors.size() == 2 && std::ranges::count(product.factors, gelu->x) == 1 &&
        std::ranges::count(product.factors, factor) == 1) {
      return gelu;
    }
  }
  return std::nullopt;
}

}  // namespace

Status FuseGelu(PassContext& context) {
  constexpr int kOpset = 20;
  graph::Graph& graph = context.graph();
  const size_t n_nodes = graph.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (!IsOnnx(graph.node(id), "Mul")) continue;
    const std::optional<Matcher::Gelu> gelu = Matcher(graph).Match(graph.node(id));
    if (!gelu) continue;
    // What nobody else reads of the arithmetic goes with the dead.
    NewNode made{ops::FindOp("", "Gelu", kOpset), kOpset, {}, {gelu->x}, {}};
    made.attributes.Set("approximate", std::string(gelu->is_tanh ? "tanh" : "none"));
    WNN_RETURN_IF_ERROR(ReplaceNode(context, id, std::move(made), "is the end of a Gelu"));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
