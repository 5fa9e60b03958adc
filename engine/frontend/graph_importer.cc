#include "engine/frontend/graph_importer.h"

#include <algorithm>
#include <climits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/stop_check.h"
#include "engine/frontend/attribute_reader.h"
#include "engine/frontend/expand_strings.h"
#include "engine/frontend/gradient.h"
#include "engine/frontend/tensor_reader.h"
#include "engine/frontend/type_reader.h"
#include "engine/ops/attribute_table.h"
#include "engine/ops/registry.h"

namespace wnn::frontend {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::Quoted;
using graph::ValueId;

std::string NameOf(const NodeProto& proto) {
  return graph::NodeName(proto.name, proto.outputs.empty() ? "" : proto.outputs[0]);
}

std::string LabelOf(const NodeProto& proto) {
  return NameOf(proto) + " (" + graph::Printable(proto.op_type) + ")";
}

// Where names mean values: a graph, or the body of a function at one call.
struct Scope {
  graph::Graph* graph = nullptr;  // where the nodes go
  const Opsets* opsets = nullptr;
  Scope* outer = nullptr;   // of a subgraph: where its node stands
  Scope* caller = nullptr;  // of a function's body, or of what is in one: where the call stands
  const Function* function = nullptr;               // whose body it is
  const AttributeParameters* parameters = nullptr;  // what the call gives; null outside functions
  size_t depth = 0;

  std::map<std::string_view, ValueId> ids;
  // Of a function's body: the caller's values that it is to produce.
  std::map<std::string_view, ValueId> results;
  // Of a subgraph: its values that are values of the graph around.
  std::vector<std::pair<ValueId, ValueId>> captures;
};

class GraphImporter {
 public:
  explicit GraphImporter(ImportState& state) : state_(state) {}

  // Fills scope.graph. `infos`, if not null, takes the declarations of inputs and outputs.
  Status ImportGraph(const GraphProto& proto, Scope& scope, ImportedModel* infos);

 private:
  Status AddInitializer(Bytes bytes, Scope& scope);
  Status AddSparseInitializer(Bytes bytes, Scope& scope);
  Status AddInput(Bytes bytes, Scope& scope, ImportedModel* infos);
  Status AddOutput(Bytes bytes, Scope& scope, ImportedModel* infos);
  // Defines all outputs, then adds the nodes: they may stand in any order.
  Status AddNodes(std::span<const Bytes> protos, Scope& scope);
  Status AddNodeOutputs(const NodeProto& proto, Scope& scope);
  Status AddNode(const NodeProto& proto, Scope& scope);
  Status CountNode();
  bool IsGradient(const NodeProto& proto, const Scope& scope) const;
  Status ReadGradient(const NodeProto& proto, Scope& scope);
  Status AddOperator(const NodeProto& proto, const ops::OpDef& op, int64_t version, Scope& scope);
  Status AddOperands(const NodeProto& proto, size_t n_inputs, size_t n_outputs, Scope& scope,
                     Node& node);
  Status InlineFunction(const NodeProto& proto, const Function& function, Scope& scope);
  Status AddResults(const NodeProto& call, const Function& function, Scope& body);

  struct Subgraph {
    std::shared_ptr<graph::Graph> graph;
    std::vector<std::pair<ValueId, ValueId>> captures;
  };
  Result<graph::GraphPtr> ReadSubgraph(Bytes bytes, Scope& scope, std::vector<Subgraph>& read);

  // A new value. kInvalidArgument if the name is taken.
  Result<ValueId> Define(std::string_view name, Fact fact, Scope& scope);
  // What a name means here, from the graphs around if need be; kNoValue for a parameter of a
  // function that the call leaves out. Nothing if nobody defines it.
  std::optional<ValueId> Resolve(std::string_view name, Scope& scope);
  Result<ValueInfo> ReadValueInfo(Bytes bytes, std::string_view what) const;

  ImportState& state_;
  const graph::Graph* main_ = nullptr;
  std::vector<GradientRequest> gradients_;  // of the main graph, which are added when it is whole
};

Result<ValueId> GraphImporter::Define(std::string_view name, Fact fact, Scope& scope) {
  if (name.empty()) return InvalidArgument("a value has no name");
  if (Status size = CheckSize(fact); !size.ok()) {
    return std::move(size).WithContext("value " + Quoted(name));
  }
  auto result = scope.results.find(name);
  const ValueId id = result != scope.results.end() ? result->second
                                                   : static_cast<ValueId>(scope.graph->n_values());
  if (!scope.ids.emplace(name, id).second) {
    return InvalidArgument("value " + Quoted(name) + " is defined twice");
  }
  if (result != scope.results.end()) return id;
  return scope.graph->AddValue(std::string(name), std::move(fact));
}

std::optional<ValueId> GraphImporter::Resolve(std::string_view name, Scope& scope) {
  auto it = scope.ids.find(name);
  if (it != scope.ids.end()) return it->second;
  if (scope.outer == nullptr) return std::nullopt;
  const std::optional<ValueId> outer = Resolve(name, *scope.outer);
  if (!outer || *outer == kNoValue) return outer;
  const Fact& fact = scope.outer->graph->fact(*outer);
  // A constant needs no way in: the subgraph has it too.
  const ValueId id = scope.graph->AddValue(std::string(name), fact.IsConstant() ? fact : Fact());
  if (!fact.IsConstant()) scope.captures.emplace_back(id, *outer);
  scope.ids.emplace(name, id);
  return id;
}

Result<ValueInfo> GraphImporter::ReadValueInfo(Bytes bytes, std::string_view what) const {
  auto proto = ParseValueInfo(bytes);
  if (!proto) return InvalidEncoding("a malformed " + std::string(what));
  ValueInfo info;
  info.name = proto->name;
  if (!proto->type) return info;
  auto type = ReadType(*proto->type, state_.limits);
  if (!type) {
    return std::move(type.error()).WithContext(std::string(what) + " " + Quoted(proto->name));
  }
  if ((*type)->kind != ValueType::Kind::kTensor) {
    info.container = std::move(*type);
    return info;
  }
  info.dtype = (*type)->dtype;
  info.has_shape = (*type)->has_shape;
  info.dims = (*type)->dims;
  return info;
}

Status GraphImporter::AddInitializer(Bytes bytes, Scope& scope) {
  auto proto = ParseTensor(bytes, *state_.stop);
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (!proto) return InvalidEncoding("a malformed initializer");
  auto value =
      ReadCountedValue(*proto, state_.limits, &state_.weight_bytes, state_.external, *state_.stop);
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (!value) {
    return std::move(value.error()).WithContext("initializer " + Quoted(proto->name));
  }
  auto id = Define(proto->name, Fact::Constant(std::move(*value)), scope);
  return id ? OkStatus() : std::move(id.error());
}

Status GraphImporter::AddSparseInitializer(Bytes bytes, Scope& scope) {
  auto proto = ParseSparseTensor(bytes);
  auto values = proto && proto->values ? ParseTensor(*proto->values, *state_.stop) : std::nullopt;
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (!values) return InvalidEncoding("a malformed sparse initializer");
  auto tensor = ReadCountedSparse(*proto, state_.limits, &state_.weight_bytes, *state_.stop);
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (!tensor) {
    return std::move(tensor.error()).WithContext("sparse initializer " + Quoted(values->name));
  }
  auto id = Define(values->name, Fact::Constant(std::move(*tensor)), scope);
  return id ? OkStatus() : std::move(id.error());
}

Status GraphImporter::AddInput(Bytes bytes, Scope& scope, ImportedModel* infos) {
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  const bool is_subgraph = infos == nullptr;
  WNN_ASSIGN_OR_RETURN(ValueInfo info,
                       ReadValueInfo(bytes, is_subgraph ? "subgraph input" : "graph input"));
  auto proto = ParseValueInfo(bytes);
  // Before IR version 4 every initialiser was an input too: then it is the value, not an input.
  auto it = scope.ids.find(proto->name);
  if (it != scope.ids.end() && scope.graph->fact(it->second).IsConstant()) return OkStatus();

  Fact fact = info.container != nullptr ? Fact::OfType(*info.container)
              : info.has_shape          ? Fact::Ranked(info.dtype, info.dims)
                                        : Fact::Unranked(info.dtype);
  WNN_ASSIGN_OR_RETURN(ValueId id, Define(proto->name, std::move(fact), scope));
  scope.graph->inputs.push_back(id);
  if (infos != nullptr) infos->inputs.push_back(std::move(info));
  return OkStatus();
}

Status GraphImporter::AddOutput(Bytes bytes, Scope& scope, ImportedModel* infos) {
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  WNN_ASSIGN_OR_RETURN(ValueInfo info, ReadValueInfo(bytes, "graph output"));
  const std::optional<ValueId> id = Resolve(info.name, scope);
  if (!id || *id == kNoValue) {
    return InvalidArgument("nothing defines the graph's output " + Quoted(info.name));
  }
  scope.graph->outputs.push_back(*id);
  if (infos != nullptr) infos->outputs.push_back(std::move(info));
  return OkStatus();
}

Status GraphImporter::AddNodeOutputs(const NodeProto& proto, Scope& scope) {
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  for (std::string_view output : proto.outputs) {
    if (output.empty()) continue;
    auto id = Define(output, {}, scope);
    if (!id) return std::move(id.error()).WithContext(LabelOf(proto));
  }
  return OkStatus();
}

Status CheckArity(size_t n, const ops::Arity& arity, std::string_view what) {
  if (n >= static_cast<size_t>(arity.min) && n <= static_cast<size_t>(arity.max)) {
    return OkStatus();
  }
  return InvalidArgument("it has " + std::to_string(n) + " " + std::string(what) + ", not " +
                         std::to_string(arity.min) +
                         (arity.max == arity.min        ? ""
                          : arity.max == ops::kVariadic ? " or more"
                                                        : " to " + std::to_string(arity.max)));
}

// The letter of an attribute's type in ops::AttributeRow.
char TypeLetter(const graph::AttributeValue& value) {
  struct Letter {
    char operator()(float) const { return 'f'; }
    char operator()(int64_t) const { return 'i'; }
    char operator()(const std::string&) const { return 's'; }
    char operator()(const TensorPtr&) const { return 't'; }
    char operator()(const Value&) const { return 't'; }
    char operator()(const graph::GraphPtr&) const { return 'g'; }
    char operator()(const std::vector<float>&) const { return 'F'; }
    char operator()(const std::vector<int64_t>&) const { return 'I'; }
    char operator()(const std::vector<std::string>&) const { return 'S'; }
    char operator()(const std::vector<TensorPtr>&) const { return 'T'; }
    char operator()(const ValueTypePtr&) const { return 'y'; }
  };
  return std::visit(Letter(), value);
}

Status CheckAttributes(const ops::OpDef& op, const graph::Attributes& attributes) {
  for (const auto& [name, value] : attributes.all()) {
    Status status = ops::CheckAttribute(op.domain, op.name, name, TypeLetter(value));
    if (!status.ok()) return std::move(status).WithContext("attribute " + Quoted(name));
  }
  return OkStatus();
}

Status GraphImporter::CountNode() {
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (++state_.n_nodes <= state_.limits.max_nodes) return OkStatus();
  return TooLarge("the model has more than " + std::to_string(state_.limits.max_nodes) +
                  " nodes, the limit");
}

Status GraphImporter::AddNode(const NodeProto& proto, Scope& scope) {
  WNN_RETURN_IF_ERROR(CountNode());
  if (IsGradient(proto, scope)) return ReadGradient(proto, scope).WithContext(LabelOf(proto));
  const std::string_view domain = CanonicalDomain(proto.domain);
  auto function = state_.functions.find({domain, proto.op_type, proto.overload});
  if (function != state_.functions.end()) return InlineFunction(proto, function->second, scope);

  auto version = scope.opsets->VersionOf(domain);
  if (!version) {
    return InvalidArgument("the model imports no version of its domain " + Quoted(proto.domain))
        .WithContext(LabelOf(proto));
  }
  const ops::OpDef* op = ops::FindOp(domain, proto.op_type, *version);
  if (op == nullptr || op->domain == ops::kOwnDomain) {
    return ops::MissingOp(domain, proto.op_type, *version, NameOf(proto));
  }
  return AddOperator(proto, *op, *version, scope).WithContext(LabelOf(proto));
}

Status GraphImporter::AddOperands(const NodeProto& proto, size_t n_inputs, size_t n_outputs,
                                  Scope& scope, Node& node) {
  StopCheck check(*state_.stop);
  for (size_t i = 0; i < n_inputs; ++i) {
    if (check.Stopped(200)) return state_.stop->Check();
    const std::string_view name = proto.inputs[i];
    const std::optional<ValueId> id = name.empty() ? kNoValue : Resolve(name, scope);
    if (!id) return InvalidArgument("nothing defines its input " + Quoted(name));
    // A list of inputs has no gaps. Loop and Scan, which begin with optional ones, look themselves.
    const ops::Arity& arity = node.op->inputs;
    const bool in_list = arity.max == ops::kVariadic && arity.min > 0;
    if (*id == kNoValue && (in_list || i < static_cast<size_t>(arity.min))) {
      return InvalidArgument("its input " + std::to_string(i) + " is left out");
    }
    node.inputs.push_back(*id);
  }
  for (size_t i = 0; i < n_outputs; ++i) {
    if (!proto.outputs[i].empty()) {
      node.outputs.push_back(scope.ids.find(proto.outputs[i])->second);
      continue;
    }
    const ops::Arity& arity = node.op->outputs;
    const bool in_list = arity.max == ops::kVariadic;
    if (!in_list && i < static_cast<size_t>(arity.min)) {
      return InvalidArgument("its output " + std::to_string(i) + " is left out");
    }
    // Those of a list are computed, whether or not anybody names them.
    node.outputs.push_back(in_list ? scope.graph->AddValue("", {}) : kNoValue);
  }
  return OkStatus();
}

Status GraphImporter::AddOperator(const NodeProto& proto, const ops::OpDef& op, int64_t version,
                                  Scope& scope) {
  // Trailing empty names are left-out inputs or outputs.
  size_t n_inputs = proto.inputs.size(), n_outputs = proto.outputs.size();
  while (n_inputs > 0 && proto.inputs[n_inputs - 1].empty()) --n_inputs;
  while (n_outputs > 0 && proto.outputs[n_outputs - 1].empty()) --n_outputs;
  WNN_RETURN_IF_ERROR(CheckArity(n_inputs, op.inputs, "inputs"));
  WNN_RETURN_IF_ERROR(CheckArity(n_outputs, op.outputs, "outputs"));

  Node node;
  node.op = &op;
  node.op_type = proto.op_type;
  node.opset = static_cast<int>(std::min<int64_t>(version, INT_MAX));
  node.name = proto.name;
  std::vector<Subgraph> subgraphs;
  auto read_graph = [&](Bytes bytes) { return ReadSubgraph(bytes, scope, subgraphs); };
  auto attributes = ReadAttributes(proto.attributes, scope.parameters,
                                   {state_.limits, &state_.weight_bytes, read_graph, *state_.stop});
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  if (!attributes) return std::move(attributes.error());
  node.attributes = std::move(*attributes);
  WNN_RETURN_IF_ERROR(CheckAttributes(op, node.attributes));
  WNN_RETURN_IF_ERROR(AddOperands(proto, n_inputs, n_outputs, scope, node));
  std::map<ValueId, size_t> captured;  // where it is among the node's inputs
  for (Subgraph& subgraph : subgraphs) {
    for (const auto& [inner, outer] : subgraph.captures) {
      auto [it, is_new] = captured.emplace(outer, node.inputs.size());
      if (is_new) node.inputs.push_back(outer);
      subgraph.graph->captures.push_back({inner, it->second});
    }
  }
  node.n_captured = captured.size();
  return AddWithoutStrings(*scope.graph, std::move(node));
}

Result<graph::GraphPtr> GraphImporter::ReadSubgraph(Bytes bytes, Scope& scope,
                                                    std::vector<Subgraph>& read) {
  auto proto = ParseGraph(bytes);
  if (!proto) return InvalidEncoding("its graph is malformed");
  if (scope.depth >= state_.limits.max_nesting) {
    return TooLarge("graphs and functions are nested deeper than the limit of " +
                    std::to_string(state_.limits.max_nesting));
  }
  auto made = std::make_shared<graph::Graph>();
  Scope inner;
  inner.graph = made.get();
  inner.opsets = scope.opsets;
  inner.outer = &scope;
  inner.caller = scope.caller;
  inner.function = scope.function;
  inner.parameters = scope.parameters;
  inner.depth = scope.depth + 1;
  WNN_RETURN_IF_ERROR(ImportGraph(*proto, inner, nullptr));
  read.push_back({made, std::move(inner.captures)});
  return graph::GraphPtr(std::move(made));
}

Status GraphImporter::InlineFunction(const NodeProto& proto, const Function& function,
                                     Scope& scope) {
  auto fail = [&](Status status) {
    return std::move(status).WithContext("function " + Quoted(proto.op_type) + " of " +
                                         NameOf(proto));
  };
  for (const Scope* at = &scope; at != nullptr; at = at->caller) {
    if (at->function == &function) return fail(InvalidArgument("it calls itself"));
  }
  if (scope.depth >= state_.limits.max_nesting) {
    return fail(TooLarge("graphs and functions are nested deeper than the limit of " +
                         std::to_string(state_.limits.max_nesting)));
  }
  const FunctionProto& callee = function.proto;
  if (proto.inputs.size() > callee.inputs.size() || proto.outputs.size() > callee.outputs.size()) {
    return fail(InvalidArgument(
        "it takes " + std::to_string(callee.inputs.size()) + " inputs and gives " +
        std::to_string(callee.outputs.size()) + " outputs, but the node has " +
        std::to_string(proto.inputs.size()) + " and " + std::to_string(proto.outputs.size())));
  }
  auto parameters = ReadParameters(callee, proto.attributes, scope.parameters);
  if (!parameters) return fail(std::move(parameters.error()));

  Scope body;
  body.graph = scope.graph;
  body.opsets = &function.opsets;
  body.caller = &scope;
  body.function = &function;
  body.parameters = &*parameters;
  body.depth = scope.depth + 1;
  for (size_t i = 0; i < callee.inputs.size(); ++i) {
    const std::string_view given = i < proto.inputs.size() ? proto.inputs[i] : "";
    const std::optional<ValueId> id = given.empty() ? kNoValue : Resolve(given, scope);
    if (!id) return fail(InvalidArgument("nothing defines its input " + Quoted(given)));
    if (!body.ids.emplace(callee.inputs[i], *id).second) {
      return fail(InvalidArgument("two of its parameters are called " + Quoted(callee.inputs[i])));
    }
  }
  for (size_t i = 0; i < proto.outputs.size(); ++i) {
    if (proto.outputs[i].empty()) continue;
    body.results.emplace(callee.outputs[i], scope.ids.find(proto.outputs[i])->second);
  }
  Status status = AddNodes(callee.nodes, body);
  if (status.ok()) status = AddResults(proto, function, body);
  return status.ok() ? OkStatus() : fail(std::move(status));
}

Status GraphImporter::AddResults(const NodeProto& call, const Function& function, Scope& body) {
  for (size_t i = 0; i < call.outputs.size(); ++i) {
    if (call.outputs[i].empty()) continue;
    const std::string_view name = function.proto.outputs[i];
    auto source = body.ids.find(name);
    if (source == body.ids.end() || source->second == kNoValue) {
      return InvalidArgument("nothing defines its output " + Quoted(name));
    }
    const ValueId target = body.caller->ids.find(call.outputs[i])->second;
    if (source->second == target) continue;
    // It hands on one of its inputs, or gives one value twice.
    Node node;
    node.op = ops::FindOp("", "Identity", ops::kNewestOpset);
    node.op_type = "Identity";
    node.opset = ops::kNewestOpset;
    node.inputs = {source->second};
    node.outputs = {target};
    body.graph->AddNode(std::move(node));
  }
  return OkStatus();
}

bool GraphImporter::IsGradient(const NodeProto& proto, const Scope& scope) const {
  constexpr std::string_view kDomain = "ai.onnx.preview.training";
  return proto.op_type == "Gradient" && proto.domain == kDomain &&
         state_.functions.count({kDomain, proto.op_type, proto.overload}) == 0 &&
         scope.opsets->VersionOf(kDomain).has_value();
}

Status GraphImporter::ReadGradient(const NodeProto& proto, Scope& scope) {
  // What a subgraph takes from around it may depend on the variables there.
  if (scope.graph != main_) return Unsupported("it stands in a subgraph");
  auto read_graph = [](Bytes) -> Result<graph::GraphPtr> {
    return InvalidArgument("a graph where there can be none");
  };
  WNN_ASSIGN_OR_RETURN(
      graph::Attributes attributes,
      ReadAttributes(proto.attributes, scope.parameters,
                     {state_.limits, &state_.weight_bytes, read_graph, *state_.stop}));
  WNN_RETURN_IF_ERROR(CheckAttributes(*ops::FindOp(proto.domain, "Gradient", 1), attributes));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> xs, attributes.Strings("xs"));
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> zs, attributes.Strings("zs"));
  WNN_ASSIGN_OR_RETURN(std::string_view y, attributes.String("y", ""));
  auto resolve = [&](std::string_view name) -> Result<ValueId> {
    const std::optional<ValueId> id = Resolve(name, scope);
    if (id && *id != kNoValue) return *id;
    return InvalidArgument("nothing defines the value " + Quoted(name));
  };
  if (proto.inputs.size() != xs.size() + zs.size() || proto.outputs.size() > xs.size()) {
    return InvalidArgument("it has " + std::to_string(proto.inputs.size()) + " inputs and " +
                           std::to_string(proto.outputs.size()) + " outputs, but " +
                           std::to_string(xs.size()) + " 'xs' and " + std::to_string(zs.size()) +
                           " 'zs'");
  }
  GradientRequest request;
  WNN_ASSIGN_OR_RETURN(request.y, resolve(y));
  for (size_t i = 0; i < proto.inputs.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(request.variables.emplace_back(),
                         resolve(i < xs.size() ? xs[i] : zs[i - xs.size()]));
    WNN_ASSIGN_OR_RETURN(request.values.emplace_back(), resolve(proto.inputs[i]));
  }
  for (std::string_view output : proto.outputs) {
    request.results.push_back(output.empty() ? kNoValue : scope.ids.find(output)->second);
  }
  request.label = LabelOf(proto);
  gradients_.push_back(std::move(request));
  return OkStatus();
}

Status GraphImporter::AddNodes(std::span<const Bytes> protos, Scope& scope) {
  if (protos.size() > state_.limits.max_nodes) {
    return TooLarge("the graph has " + std::to_string(protos.size()) +
                    " nodes, over the limit of " + std::to_string(state_.limits.max_nodes));
  }
  std::vector<NodeProto> nodes;
  nodes.reserve(protos.size());
  for (Bytes bytes : protos) {
    WNN_RETURN_IF_ERROR(state_.stop->Check());
    auto node = ParseNode(bytes);
    if (!node) return InvalidEncoding("a malformed node");
    nodes.push_back(std::move(*node));
  }
  for (const NodeProto& node : nodes) WNN_RETURN_IF_ERROR(AddNodeOutputs(node, scope));
  for (const NodeProto& node : nodes) WNN_RETURN_IF_ERROR(AddNode(node, scope));
  return OkStatus();
}

Status GraphImporter::ImportGraph(const GraphProto& proto, Scope& scope, ImportedModel* infos) {
  if (proto.outputs.empty()) return InvalidArgument("the graph has no outputs");
  for (Bytes bytes : proto.initializers) WNN_RETURN_IF_ERROR(AddInitializer(bytes, scope));
  for (Bytes bytes : proto.sparse_initializers) {
    WNN_RETURN_IF_ERROR(AddSparseInitializer(bytes, scope));
  }
  for (Bytes bytes : proto.inputs) WNN_RETURN_IF_ERROR(AddInput(bytes, scope, infos));
  if (infos != nullptr) main_ = scope.graph;
  WNN_RETURN_IF_ERROR(AddNodes(proto.nodes, scope));
  if (infos != nullptr) {
    WNN_RETURN_IF_ERROR(AddGradients(*scope.graph, gradients_, [&] { return CountNode(); }));
  }
  for (Bytes bytes : proto.outputs) WNN_RETURN_IF_ERROR(AddOutput(bytes, scope, infos));
  WNN_RETURN_IF_ERROR(state_.stop->Check());
  return scope.graph->SortAndCompact();
}

}  // namespace

Result<Opsets> Opsets::From(std::span<const OperatorSetId> imports) {
  Opsets opsets;
  for (const OperatorSetId& id : imports) {
    if (id.version < 1) {
      return InvalidArgument("the model imports version " + std::to_string(id.version) +
                             " of domain " + Quoted(id.domain));
    }
    int64_t& version = opsets.versions_[CanonicalDomain(id.domain)];
    version = std::max(version, id.version);
  }
  return opsets;
}

std::optional<int64_t> Opsets::VersionOf(std::string_view domain) const {
  auto it = versions_.find(CanonicalDomain(domain));
  if (it == versions_.end()) return std::nullopt;
  return it->second;
}

void Opsets::AddMissing(const Opsets& other) {
  versions_.insert(other.versions_.begin(), other.versions_.end());
}

std::string_view CanonicalDomain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

Result<ImportedModel> ImportGraph(const GraphProto& proto, const Opsets& opsets,
                                  ImportState& state) {
  ImportedModel model;
  Scope scope;
  scope.graph = &model.graph;
  scope.opsets = &opsets;
  WNN_RETURN_IF_ERROR(GraphImporter(state).ImportGraph(proto, scope, &model));
  return model;
}

}  // namespace wnn::frontend
