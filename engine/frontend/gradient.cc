#include "engine/frontend/gradient.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/ops/registry.h"

namespace wnn::frontend {
namespace {

using graph::Attributes;
using graph::Fact;
using graph::kNoNode;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

using Inputs = std::vector<ValueId>;

// Adds operators, each a value. Once something fails nothing more is added, and status() says why.
class Builder {
 public:
  Builder(graph::Graph& graph, FunctionRef<Status()> count_node)
      : graph_(graph), count_node_(count_node) {}

  Status& status() { return status_; }
  graph::Graph& graph() { return graph_; }

  ValueId Op(std::string_view type, Inputs inputs, Attributes attributes = {},
             std::string_view domain = "") {
    const ValueId output = graph_.AddValue("a gradient", Fact());
    OpInto(output, type, std::move(inputs), std::move(attributes), domain);
    return output;
  }
  void OpInto(ValueId output, std::string_view type, Inputs inputs, Attributes attributes = {},
              std::string_view domain = "") {
    Node node;
    node.op = ops::FindOp(domain, type, ops::kNewestOpset);
    node.op_type = type;
    node.opset = ops::kNewestOpset;
    node.inputs = std::move(inputs);
    node.outputs = {output};
    node.attributes = std::move(attributes);
    Add(std::move(node));
  }
  void Add(Node node) {
    if (Count()) graph_.AddNode(std::move(node));
  }
  // Whether there may be one more.
  bool Count() {
    if (status_.ok()) status_ = count_node_();
    return status_.ok();
  }

  // `number` with the type of `like`; with `filled` also its shape.
  ValueId Number(float number, ValueId like, bool filled = false) {
    auto made = Tensor::CopyOf({DType::kFloat, kOne, std::as_bytes(std::span(&number, 1))});
    if (!made) {
      if (status_.ok()) status_ = std::move(made.error());
      return kNoValue;
    }
    const auto tensor = std::make_shared<const Tensor>(std::move(*made));
    ValueId value = kNoValue;
    if (filled) {
      Attributes attributes;
      attributes.Set("value", tensor);
      value = Op("ConstantOfShape", {Op("Shape", {like})}, std::move(attributes));
    } else {
      value = graph_.AddValue("a number", Fact::Constant(tensor->WithShape({})));
    }
    return Op("CastLike", {value, like});
  }

 private:
  static constexpr int64_t kOne[] = {1};

  graph::Graph& graph_;
  FunctionRef<Status()> count_node_;
  Status status_;
};

// What a rule sees of one node: `in` and `out` are its values, g the derivative of y by `out`.
class Backward {
 public:
  Backward(Builder& builder, const Node& node, std::vector<bool> wants, Inputs in, ValueId out,
           ValueId g)
      : builder_(builder),
        node_(node),
        wants_(std::move(wants)),
        in_(std::move(in)),
        out_(out),
        g_(g),
        given_(in_.size(), kNoValue) {}

  const Node& node() const { return node_; }
  size_t n_inputs() const { return in_.size(); }
  // Whether the derivative by input i is of any use.
  bool Wants(size_t i) const { return wants_[i]; }
  ValueId in(size_t i) const { return in_[i]; }
  ValueId out() const { return out_; }
  ValueId g() const { return g_; }

  ValueId Op(std::string_view type, Inputs inputs, Attributes attributes = {}) {
    return builder_.Op(type, std::move(inputs), std::move(attributes));
  }
  ValueId Times(ValueId a, ValueId b) { return Op("Mul", {a, b}); }
  ValueId Negative(ValueId a) { return Op("Neg", {a}); }
  ValueId Number(float number) { return builder_.Number(number, out_); }
  // The derivative by input i.
  void Give(size_t i, ValueId gradient) { given_[i] = gradient; }
  // The same where the input was broadcast: added up to its shape.
  void GiveSum(size_t i, ValueId gradient) {
    given_[i] = builder_.Op("SumTo", {gradient, in_[i]}, {}, ops::kOwnDomain);
  }
  ValueId given(size_t i) const { return given_[i]; }

 private:
  Builder& builder_;
  const Node& node_;
  const std::vector<bool> wants_;
  const Inputs in_;
  const ValueId out_, g_;
  Inputs given_;
};

Attributes Ints(std::string_view name, std::vector<int64_t> values) {
  Attributes attributes;
  attributes.Set(std::string(name), std::move(values));
  return attributes;
}

// ---- Derivatives, by the chain rule.

Status OfIdentity(Backward& b) {
  b.Give(0, b.g());
  return OkStatus();
}
Status OfNeg(Backward& b) {
  b.Give(0, b.Negative(b.g()));
  return OkStatus();
}
// Steps are flat.
Status OfFlat(Backward&) { return OkStatus(); }
Status OfCastLike(Backward& b) {
  b.Give(0, b.Op("CastLike", {b.g(), b.in(0)}));
  return OkStatus();
}
Status OfCast(Backward& b) {
  WNN_ASSIGN_OR_RETURN(const int64_t to, b.node().attributes.Int("to", 0));
  const auto dtype = DTypeFromOnnx(to);
  const bool is_float = dtype == DType::kFloat || dtype == DType::kDouble ||
                        dtype == DType::kFloat16 || dtype == DType::kBfloat16;
  return is_float ? OfCastLike(b) : OfFlat(b);
}
Status OfExpand(Backward& b) {
  b.GiveSum(0, b.g());
  return OkStatus();
}
Status OfSumTo(Backward& b) {
  b.Give(0, b.Op("Expand", {b.g(), b.Op("Shape", {b.in(0)})}));
  return OkStatus();
}
Status OfWhere(Backward& b) {
  const ValueId zero = b.Number(0);
  b.GiveSum(1, b.Op("Where", {b.in(0), b.g(), zero}));
  b.GiveSum(2, b.Op("Where", {b.in(0), zero, b.g()}));
  return OkStatus();
}
Status OfSum(Backward& b) {
  for (size_t i = 0; i < b.n_inputs(); ++i) b.GiveSum(i, b.g());
  return OkStatus();
}
Status OfSub(Backward& b) {
  b.GiveSum(0, b.g());
  b.GiveSum(1, b.Negative(b.g()));
  return OkStatus();
}
Status OfMul(Backward& b) {
  b.GiveSum(0, b.Times(b.g(), b.in(1)));
  b.GiveSum(1, b.Times(b.g(), b.in(0)));
  return OkStatus();
}
Status OfDiv(Backward& b) {
  const ValueId quotient = b.Op("Div", {b.g(), b.in(1)});
  b.GiveSum(0, quotient);
  b.GiveSum(1, b.Negative(b.Times(quotient, b.out())));
  return OkStatus();
}
Status OfPow(Backward& b) {
  const ValueId exponent = b.Op("CastLike", {b.in(1), b.in(0)});
  const ValueId less = b.Op("Sub", {exponent, b.Number(1)});
  b.GiveSum(0, b.Times(b.g(), b.Times(exponent, b.Op("Pow", {b.in(0), less}))));
  const ValueId by_exponent = b.Times(b.g(), b.Times(b.out(), b.Op("Log", {b.in(0)})));
  b.GiveSum(1, b.Op("CastLike", {by_exponent, b.in(1)}));
  return OkStatus();
}
Status OfAbs(Backward& b) {
  b.Give(0, b.Times(b.g(), b.Op("Sign", {b.in(0)})));
  return OkStatus();
}
Status OfExp(Backward& b) {
  b.Give(0, b.Times(b.g(), b.out()));
  return OkStatus();
}
Status OfLog(Backward& b) {
  b.Give(0, b.Op("Div", {b.g(), b.in(0)}));
  return OkStatus();
}
Status OfSqrt(Backward& b) {
  b.Give(0, b.Op("Div", {b.g(), b.Times(b.Number(2), b.out())}));
  return OkStatus();
}
Status OfReciprocal(Backward& b) {
  b.Give(0, b.Negative(b.Times(b.g(), b.Times(b.out(), b.out()))));
  return OkStatus();
}
Status OfSin(Backward& b) {
  b.Give(0, b.Times(b.g(), b.Op("Cos", {b.in(0)})));
  return OkStatus();
}
Status OfCos(Backward& b) {
  b.Give(0, b.Negative(b.Times(b.g(), b.Op("Sin", {b.in(0)}))));
  return OkStatus();
}
Status OfTanh(Backward& b) {
  b.Give(0, b.Times(b.g(), b.Op("Sub", {b.Number(1), b.Times(b.out(), b.out())})));
  return OkStatus();
}
Status OfSigmoid(Backward& b) {
  const ValueId rest = b.Op("Sub", {b.Number(1), b.out()});
  b.Give(0, b.Times(b.g(), b.Times(b.out(), rest)));
  return OkStatus();
}
// 0 at 0.
Status OfRelu(Backward& b) {
  const ValueId zero = b.Number(0);
  b.Give(0, b.Op("Where", {b.Op("Greater", {b.in(0), zero}), b.g(), zero}));
  return OkStatus();
}
Status OfReshape(Backward& b) {
  Attributes attributes;
  attributes.Set("allowzero", int64_t{1});
  b.Give(0, b.Op("Reshape", {b.g(), b.Op("Shape", {b.in(0)})}, std::move(attributes)));
  return OkStatus();
}
Status OfTranspose(Backward& b) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> perm, b.node().attributes.Ints("perm"));
  std::vector<int64_t> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] < 0 || perm[i] >= static_cast<int64_t>(perm.size())) {
      return InvalidArgument("attribute 'perm' is no permutation");
    }
    inverse[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  }
  b.Give(0, b.Op("Transpose", {b.g()}, perm.empty() ? Attributes() : Ints("perm", inverse)));
  return OkStatus();
}
// A transposed matrix, or several, which Transpose can only do of a rank that is known.
constexpr std::string_view kTransposition = "...ij->...ji";
ValueId Transposed(Backward& b, ValueId matrix) {
  Attributes attributes;
  attributes.Set("equation", std::string(kTransposition));
  return b.Op("Einsum", {matrix}, std::move(attributes));
}
Status OfEinsum(Backward& b) {
  WNN_ASSIGN_OR_RETURN(std::string_view equation, b.node().attributes.String("equation", ""));
  if (equation != kTransposition) {
    return Unsupported("there is a gradient through a transposition only");
  }
  b.Give(0, Transposed(b, b.g()));
  return OkStatus();
}
Status OfMatMul(Backward& b) {
  if (b.Wants(0)) b.GiveSum(0, b.Op("MatMul", {b.g(), Transposed(b, b.in(1))}));
  if (b.Wants(1)) b.GiveSum(1, b.Op("MatMul", {Transposed(b, b.in(0)), b.g()}));
  return OkStatus();
}
Status OfGemm(Backward& b) {
  WNN_ASSIGN_OR_RETURN(const int64_t trans_a, b.node().attributes.Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(const int64_t trans_b, b.node().attributes.Int("transB", 0));
  WNN_ASSIGN_OR_RETURN(const float alpha, b.node().attributes.Float("alpha", 1));
  WNN_ASSIGN_OR_RETURN(const float beta, b.node().attributes.Float("beta", 1));
  const auto product = [&](ValueId left, bool left_turned, ValueId right, bool right_turned) {
    Attributes attributes;
    attributes.Set("transA", int64_t{left_turned});
    attributes.Set("transB", int64_t{right_turned});
    attributes.Set("alpha", alpha);
    return b.Op("Gemm", {left, right}, std::move(attributes));
  };
  const bool a_turned = trans_a != 0, b_turned = trans_b != 0;
  b.Give(0, a_turned ? product(b.in(1), b_turned, b.g(), true)
                     : product(b.g(), false, b.in(1), !b_turned));
  b.Give(1, b_turned ? product(b.g(), true, b.in(0), a_turned)
                     : product(b.in(0), !a_turned, b.g(), false));
  if (b.n_inputs() > 2) b.GiveSum(2, b.Times(b.g(), b.Number(beta)));
  return OkStatus();
}
// Of all axes, or with the reduced dimensions kept.
Status OfReduceSum(Backward& b) {
  const Attributes& attributes = b.node().attributes;
  WNN_ASSIGN_OR_RETURN(const int64_t keeps, attributes.Int("keepdims", 1));
  if (keeps == 0 && (attributes.Has("axes") || b.n_inputs() > 1)) {
    return Unsupported("there is no gradient through it without 'keepdims'");
  }
  b.Give(0, b.Op("Expand", {b.g(), b.Op("Shape", {b.in(0)})}));
  return OkStatus();
}
Status OfReduceMean(Backward& b) {
  WNN_RETURN_IF_ERROR(OfReduceSum(b));
  const ValueId n = b.Op("Div", {b.Op("Size", {b.in(0)}), b.Op("Size", {b.out()})});
  b.Give(0, b.Op("Div", {b.given(0), b.Op("CastLike", {n, b.out()})}));
  return OkStatus();
}

using Rule = Status (*)(Backward&);
struct NamedRule {
  std::string_view op_type;
  Rule rule;
};
constexpr auto kRules = std::to_array<NamedRule>({
    {"Abs", OfAbs},
    {"Add", OfSum},
    {"Cast", OfCast},
    {"CastLike", OfCastLike},
    {"Ceil", OfFlat},
    {"ConstantOfShape", OfFlat},
    {"Cos", OfCos},
    {"Div", OfDiv},
    {"Einsum", OfEinsum},
    {"Exp", OfExp},
    {"Expand", OfExpand},
    {"Flatten", OfReshape},
    {"Floor", OfFlat},
    {"Gemm", OfGemm},
    {"Greater", OfFlat},
    {"Identity", OfIdentity},
    {"Log", OfLog},
    {"MatMul", OfMatMul},
    {"Mul", OfMul},
    {"Neg", OfNeg},
    {"Pow", OfPow},
    {"Reciprocal", OfReciprocal},
    {"ReduceMean", OfReduceMean},
    {"ReduceSum", OfReduceSum},
    {"Relu", OfRelu},
    {"Reshape", OfReshape},
    {"Round", OfFlat},
    {"Shape", OfFlat},
    {"Sigmoid", OfSigmoid},
    {"Sign", OfFlat},
    {"Sin", OfSin},
    {"Size", OfFlat},
    {"Sqrt", OfSqrt},
    {"Squeeze", OfReshape},
    {"Sub", OfSub},
    {"Sum", OfSum},
    {"SumTo", OfSumTo},
    {"Tanh", OfTanh},
    {"Transpose", OfTranspose},
    {"Unsqueeze", OfReshape},
    {"Where", OfWhere},
});

class Differentiator {
 public:
  Differentiator(Builder& builder, const GradientRequest& request)
      : builder_(builder), request_(request) {}

  // Finds the nodes between the variables and y. False if one of `unknown`, whose producers are not
  // there yet, is among what y is made of.
  bool FindNodes(const std::set<ValueId>& unknown);

  // REQUIRES: FindNodes()
  Status Run() {
    EvaluateAtValues();
    gradients_[request_.y] = builder_.Number(1, Actual(request_.y), true);
    for (size_t i = nodes_.size(); i-- > 0 && builder_.status().ok();) {
      WNN_RETURN_IF_ERROR(Propagate(nodes_[i]));
    }
    for (size_t i = 0; i < request_.results.size(); ++i) {
      if (request_.results[i] == kNoValue) continue;
      const auto found = gradients_.find(request_.variables[i]);
      const ValueId gradient =
          found != gradients_.end() ? found->second : builder_.Number(0, request_.values[i], true);
      builder_.OpInto(request_.results[i], "Identity", {gradient});
    }
    return std::move(builder_.status());
  }

 private:
  // Where a variable has another value than its own, what depends on it is computed again.
  void EvaluateAtValues() {
    for (size_t i = 0; i < request_.variables.size(); ++i) {
      if (request_.values[i] != request_.variables[i]) {
        actual_[request_.variables[i]] = request_.values[i];
      }
    }
    if (actual_.empty()) return;
    for (NodeId id : nodes_) {
      Node copy = builder_.graph().node(id);
      for (ValueId& input : copy.inputs) input = Actual(input);
      for (ValueId& output : copy.outputs) {
        if (output == kNoValue) continue;
        const ValueId again = builder_.graph().AddValue("a value to differentiate at", Fact());
        actual_[output] = again;
        output = again;
      }
      builder_.Add(std::move(copy));
    }
  }

  ValueId Actual(ValueId id) const {
    const auto found = actual_.find(id);
    return found != actual_.end() ? found->second : id;
  }

  // From the derivative by a node's output to those by its inputs.
  Status Propagate(NodeId id) {
    const Node node = builder_.graph().node(id);  // nodes are added meanwhile
    const auto matters = [&](ValueId output) { return gradients_.count(output) != 0; };
    if (std::none_of(node.outputs.begin(), node.outputs.end(), matters)) return OkStatus();
    const auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const NamedRule& r) {
      return r.op_type == node.op_type &&
             (node.op->domain.empty() || node.op->domain == ops::kOwnDomain);
    });
    // `broadcast` is of old versions, which align shapes in another way.
    if (rule == kRules.end() || node.outputs.size() != 1 || node.attributes.Has("broadcast")) {
      return Unsupported("there is no gradient through " +
                         graph::NodeLabel(builder_.graph(), node));
    }
    Inputs actual;
    std::vector<bool> wants;
    for (ValueId input : node.inputs) {
      actual.push_back(Actual(input));
      wants.push_back(dependent_.count(input) != 0);
    }
    Backward backward(builder_, node, wants, actual, Actual(node.outputs[0]),
                      gradients_[node.outputs[0]]);
    if (Status status = rule->rule(backward); !status.ok()) {
      return std::move(status).WithContext(graph::NodeLabel(builder_.graph(), node));
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId given = backward.given(i);
      if (given == kNoValue || !wants[i]) continue;
      auto [entry, is_first] = gradients_.emplace(node.inputs[i], given);
      if (!is_first) entry->second = builder_.Op("Add", {entry->second, given});
    }
    return OkStatus();
  }

  Builder& builder_;
  const GradientRequest& request_;
  std::vector<NodeId> nodes_;    // each after those whose outputs it reads
  std::set<ValueId> dependent_;  // on the variables, these included
  std::map<ValueId, ValueId> actual_;
  std::map<ValueId, ValueId> gradients_;
};

bool Differentiator::FindNodes(const std::set<ValueId>& unknown) {
  bool complete = true;
  std::set<ValueId> seen(request_.variables.begin(), request_.variables.end());
  std::vector<std::pair<NodeId, size_t>> path;  // with the next input to look at
  const auto enter = [&](ValueId id) {
    if (id == kNoValue || !seen.insert(id).second) return;
    if (unknown.count(id) != 0) complete = false;
    const NodeId producer = builder_.graph().value(id).producer;
    if (producer != kNoNode) path.emplace_back(producer, 0);
  };
  std::set<NodeId> done;
  dependent_.insert(request_.variables.begin(), request_.variables.end());
  enter(request_.y);
  while (!path.empty() && builder_.status().ok()) {
    const NodeId id = path.back().first;
    const Node& node = builder_.graph().node(id);
    if (path.back().second < node.inputs.size()) {
      enter(node.inputs[path.back().second++]);
      continue;
    }
    path.pop_back();
    builder_.Count();
    const bool depends = std::any_of(node.inputs.begin(), node.inputs.end(),
                                     [&](ValueId v) { return dependent_.count(v) != 0; });
    if (!depends || !done.insert(id).second) continue;
    for (ValueId output : node.outputs) {
      if (output != kNoValue) dependent_.insert(output);
    }
    nodes_.push_back(id);
  }
  return complete;
}

}  // namespace

Status AddGradients(graph::Graph& graph, std::span<const GradientRequest> requests,
                    FunctionRef<Status()> count_node) {
  Builder builder(graph, count_node);
  std::deque<const GradientRequest*> waiting;
  std::set<ValueId> unknown;
  for (const GradientRequest& request : requests) {
    waiting.push_back(&request);
    unknown.insert(request.results.begin(), request.results.end());
  }
  for (size_t n_postponed = 0; !waiting.empty();) {
    const GradientRequest& request = *waiting.front();
    waiting.pop_front();
    Differentiator differentiator(builder, request);
    builder.Count();
    const bool is_ready = differentiator.FindNodes(unknown);
    Status status = std::move(builder.status());
    if (status.ok() && is_ready) {
      status = differentiator.Run();
      for (ValueId result : request.results) unknown.erase(result);
      n_postponed = 0;
    } else if (status.ok()) {
      // It differentiates what another one gives.
      waiting.push_back(&request);
      if (++n_postponed > waiting.size()) {
        status = InvalidArgument("it differentiates its own result");
      }
    }
    if (!status.ok()) return std::move(status).WithContext(request.label);
  }
  return OkStatus();
}

}  // namespace wnn::frontend
