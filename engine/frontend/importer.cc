#include "engine/frontend/importer.h"

#include <map>
#include <optional>
#include <string_view>

#include "engine/frontend/attribute_reader.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/ops/registry.h"

namespace wnn::frontend {
namespace {

using graph::Fact;
using graph::Node;
using graph::Quoted;
using graph::ValueId;

// The versions of the operator sets that the model imports.
class Opsets {
 public:
  static Result<Opsets> From(const ModelProto& model) {
    Opsets opsets;
    for (const OperatorSetId& id : model.opset_imports) {
      std::string_view domain = id.domain == "ai.onnx" ? std::string_view() : id.domain;
      if (id.version < 1) {
        return InvalidArgument("the model imports version " + std::to_string(id.version) +
                               " of domain " + Quoted(id.domain));
      }
      int64_t& version = opsets.versions_[domain];
      version = std::max(version, id.version);
    }
    // Before IR version 3 there was one operator set and no way to say so.
    if (model.opset_imports.empty() && model.ir_version.value_or(1) < 3) opsets.versions_[""] = 1;
    if (opsets.versions_.empty()) {
      return InvalidArgument("the model does not say which operator sets it imports");
    }
    return opsets;
  }

  std::optional<int64_t> VersionOf(std::string_view domain) const {
    auto it = versions_.find(domain == "ai.onnx" ? std::string_view() : domain);
    if (it == versions_.end()) return std::nullopt;
    return it->second;
  }

 private:
  std::map<std::string_view, int64_t> versions_;
};

std::string NameOf(const NodeProto& proto) {
  return graph::NodeName(proto.name, proto.outputs.empty() ? "" : proto.outputs[0]);
}

std::string LabelOf(const NodeProto& proto) {
  return NameOf(proto) + " (" + graph::Printable(proto.op_type) + ")";
}

class GraphImporter {
 public:
  GraphImporter(const Opsets& opsets, const Limits& limits, ExternalData* external)
      : opsets_(opsets), limits_(limits), external_(external) {}

  Result<ImportedModel> Import(const GraphProto& proto);

 private:
  Status AddInitializer(Bytes bytes);
  Status AddInput(Bytes bytes);
  Status AddNodeOutputs(NodeProto& proto);
  Status AddNode(const NodeProto& proto);
  Status AddOutput(Bytes bytes);

  // A new value. kInvalidArgument if the name is taken.
  Result<ValueId> Define(std::string_view name, Fact fact);
  Result<ValueInfo> ReadValueInfo(Bytes bytes, std::string_view what) const;

  const Opsets& opsets_;
  const Limits& limits_;
  ExternalData* external_;  // null: initialisers may not lie in files
  uint64_t weight_bytes_ = 0;
  std::map<std::string_view, ValueId> ids_;
  ImportedModel model_;
};

Result<ValueId> GraphImporter::Define(std::string_view name, Fact fact) {
  if (name.empty()) return InvalidArgument("a value has no name");
  if (Status size = CheckSize(fact); !size.ok()) {
    return std::move(size).WithContext("value " + Quoted(name));
  }
  ValueId id = static_cast<ValueId>(model_.graph.n_values());
  if (!ids_.emplace(name, id).second) {
    return InvalidArgument("value " + Quoted(name) + " is defined twice");
  }
  return model_.graph.AddValue(std::string(name), std::move(fact));
}

Result<ValueInfo> GraphImporter::ReadValueInfo(Bytes bytes, std::string_view what) const {
  auto proto = ParseValueInfo(bytes);
  if (!proto) return InvalidEncoding("a malformed " + std::string(what));
  std::string label = std::string(what) + " " + Quoted(proto->name);
  if (proto->has_type && !proto->is_tensor) {
    return Unsupported(label + " is not a tensor");
  }
  ValueInfo info;
  info.name = proto->name;
  if (proto->elem_type != 0) {
    auto dtype = DTypeFromOnnx(proto->elem_type);
    if (!dtype) {
      return InvalidArgument(label + " has the unknown element type " +
                             std::to_string(proto->elem_type));
    }
    if (*dtype == DType::kString) return Unsupported(label + " is a tensor of strings");
    info.dtype = *dtype;
  }
  if (proto->dims.size() > limits_.max_rank) {
    return TooLarge(label + " has rank " + std::to_string(proto->dims.size()) +
                    ", over the limit of " + std::to_string(limits_.max_rank));
  }
  info.has_shape = proto->has_shape;
  info.dims = std::move(proto->dims);
  return info;
}

Status GraphImporter::AddInitializer(Bytes bytes) {
  auto proto = ParseTensor(bytes);
  if (!proto) return InvalidEncoding("a malformed initializer");
  auto tensor = ReadCountedTensor(*proto, limits_, &weight_bytes_, external_);
  if (!tensor) {
    return std::move(tensor.error()).WithContext("initializer " + Quoted(proto->name));
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] ValueId id,
                       Define(proto->name, Fact::Constant(std::move(*tensor))));
  return OkStatus();
}

Status GraphImporter::AddInput(Bytes bytes) {
  WNN_ASSIGN_OR_RETURN(ValueInfo info, ReadValueInfo(bytes, "graph input"));
  auto proto = ParseValueInfo(bytes);
  // Before IR version 4 every initialiser was an input too: then it is the value, not an input.
  auto it = ids_.find(proto->name);
  if (it != ids_.end() && model_.graph.fact(it->second).constant) return OkStatus();

  Fact fact = info.has_shape ? Fact::Ranked(info.dtype, info.dims) : Fact::Unranked(info.dtype);
  WNN_ASSIGN_OR_RETURN(ValueId id, Define(proto->name, std::move(fact)));
  model_.graph.inputs.push_back(id);
  model_.inputs.push_back(std::move(info));
  return OkStatus();
}

Status GraphImporter::AddNodeOutputs(NodeProto& proto) {
  for (std::string_view output : proto.outputs) {
    if (output.empty()) continue;
    auto id = Define(output, {});
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

Status GraphImporter::AddNode(const NodeProto& proto) {
  auto fail = [&](Status status) { return std::move(status).WithContext(LabelOf(proto)); };
  auto version = opsets_.VersionOf(proto.domain);
  if (!version) {
    return fail(
        InvalidArgument("the model imports no version of its domain " + Quoted(proto.domain)));
  }
  const ops::OpDef* op = ops::FindOp(proto.domain, proto.op_type, *version);
  if (op == nullptr || op->domain == ops::kOwnDomain) {
    return ops::MissingOp(proto.domain, proto.op_type, *version, NameOf(proto));
  }
  // Trailing empty names are left-out inputs or outputs.
  size_t n_inputs = proto.inputs.size(), n_outputs = proto.outputs.size();
  while (n_inputs > 0 && proto.inputs[n_inputs - 1].empty()) --n_inputs;
  while (n_outputs > 0 && proto.outputs[n_outputs - 1].empty()) --n_outputs;
  if (Status s = CheckArity(n_inputs, op->inputs, "inputs"); !s.ok()) return fail(std::move(s));
  if (Status s = CheckArity(n_outputs, op->outputs, "outputs"); !s.ok()) {
    return fail(std::move(s));
  }

  Node node;
  node.op = op;
  node.op_type = proto.op_type;
  node.opset = static_cast<int>(std::min<int64_t>(*version, INT_MAX));
  node.name = proto.name;
  auto attributes = ReadAttributes(proto.attributes, limits_, &weight_bytes_);
  if (!attributes) return fail(std::move(attributes.error()));
  node.attributes = std::move(*attributes);
  for (size_t i = 0; i < n_inputs; ++i) {
    if (proto.inputs[i].empty()) {
      if (i < static_cast<size_t>(op->inputs.min)) {
        return fail(InvalidArgument("its input " + std::to_string(i) + " is left out"));
      }
      node.inputs.push_back(graph::kNoValue);
      continue;
    }
    auto it = ids_.find(proto.inputs[i]);
    if (it == ids_.end()) {
      return fail(InvalidArgument("nothing defines its input " + Quoted(proto.inputs[i])));
    }
    node.inputs.push_back(it->second);
  }
  for (size_t i = 0; i < n_outputs; ++i) {
    bool left_out = proto.outputs[i].empty();
    node.outputs.push_back(left_out ? graph::kNoValue : ids_.find(proto.outputs[i])->second);
  }
  model_.graph.AddNode(std::move(node));
  return OkStatus();
}

Status GraphImporter::AddOutput(Bytes bytes) {
  WNN_ASSIGN_OR_RETURN(ValueInfo info, ReadValueInfo(bytes, "graph output"));
  auto it = ids_.find(info.name);
  if (it == ids_.end()) {
    return InvalidArgument("nothing defines the graph's output " + Quoted(info.name));
  }
  model_.graph.outputs.push_back(it->second);
  model_.outputs.push_back(std::move(info));
  return OkStatus();
}

Result<ImportedModel> GraphImporter::Import(const GraphProto& proto) {
  if (proto.nodes.size() > limits_.max_nodes) {
    return TooLarge("the graph has " + std::to_string(proto.nodes.size()) +
                    " nodes, over the limit of " + std::to_string(limits_.max_nodes));
  }
  if (proto.has_sparse_initializers) return Unsupported("sparse initializers are not supported");
  if (proto.outputs.empty()) return InvalidArgument("the graph has no outputs");

  std::vector<NodeProto> nodes;
  nodes.reserve(proto.nodes.size());
  for (Bytes bytes : proto.nodes) {
    auto node = ParseNode(bytes);
    if (!node) return InvalidEncoding("a malformed node");
    nodes.push_back(std::move(*node));
  }
  for (Bytes bytes : proto.initializers) WNN_RETURN_IF_ERROR(AddInitializer(bytes));
  for (Bytes bytes : proto.inputs) WNN_RETURN_IF_ERROR(AddInput(bytes));
  for (NodeProto& node : nodes) WNN_RETURN_IF_ERROR(AddNodeOutputs(node));
  for (const NodeProto& node : nodes) WNN_RETURN_IF_ERROR(AddNode(node));
  for (Bytes bytes : proto.outputs) WNN_RETURN_IF_ERROR(AddOutput(bytes));
  WNN_RETURN_IF_ERROR(model_.graph.SortAndCompact());
  return std::move(model_);
}

}  // namespace

Result<ImportedModel> ImportModel(std::span<const std::byte> bytes, const Limits& limits,
                                  Logger& log, ExternalData* external) {
  if (bytes.size() > limits.max_model_bytes) {
    return TooLarge("the model has " + std::to_string(bytes.size()) + " bytes, over the limit of " +
                    std::to_string(limits.max_model_bytes));
  }
  if (bytes.empty()) return InvalidEncoding("the model is empty");
  auto model = ParseModel(bytes);
  if (!model) return InvalidEncoding("the bytes are not an ONNX model");
  if (!model->graph || (!model->ir_version && model->opset_imports.empty())) {
    return InvalidEncoding("the bytes are not an ONNX model: it has no graph or no version");
  }
  auto graph = ParseGraph(*model->graph);
  if (!graph) return InvalidEncoding("the bytes are not an ONNX model: its graph is malformed");
  WNN_ASSIGN_OR_RETURN(Opsets opsets, Opsets::From(*model));
  if (auto version = opsets.VersionOf(""); version && *version > ops::kNewestOpset) {
    log.Log(LogLevel::kWarn, "the model asks for operator set " + std::to_string(*version) +
                                 " of ai.onnx; trying it as version " +
                                 std::to_string(ops::kNewestOpset));
  }
  return GraphImporter(opsets, limits, external).Import(*graph);
}

}  // namespace wnn::frontend
