#include "engine/frontend/importer.h"

#include "engine/frontend/graph_importer.h"
#include "engine/ops/registry.h"

namespace wnn::frontend {
namespace {

Result<Opsets> ReadOpsets(const ModelProto& model) {
  WNN_ASSIGN_OR_RETURN(Opsets opsets, Opsets::From(model.opset_imports));
  // Before IR version 3 there was one operator set and no way to say so.
  if (opsets.empty() && model.ir_version.value_or(1) < 3) opsets.Set("", 1);
  if (opsets.empty()) {
    return InvalidArgument("the model does not say which operator sets it imports");
  }
  return opsets;
}

Status ReadFunctions(const ModelProto& model, const Opsets& opsets, ImportState& state) {
  for (Bytes bytes : model.functions) {
    auto proto = ParseFunction(bytes);
    if (!proto) return InvalidEncoding("a malformed function");
    const FunctionKey key = {CanonicalDomain(proto->domain), proto->name, proto->overload};
    auto imports = Opsets::From(proto->opset_imports);
    if (!imports) {
      return std::move(imports.error()).WithContext("function " + graph::Quoted(proto->name));
    }
    imports->AddMissing(opsets);
    const std::string name(proto->name);
    if (!state.functions.emplace(key, Function{std::move(*proto), std::move(*imports)}).second) {
      return InvalidArgument("the model has two functions " + graph::Quoted(name));
    }
  }
  return OkStatus();
}

}  // namespace

Result<ImportedModel> ImportModel(std::span<const std::byte> bytes, const Limits& limits,
                                  Logger& log, ExternalData* external, const StopCondition& stop) {
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
  WNN_RETURN_IF_ERROR(stop.Check());
  auto graph = ParseGraph(*model->graph);
  if (!graph) return InvalidEncoding("the bytes are not an ONNX model: its graph is malformed");
  WNN_ASSIGN_OR_RETURN(Opsets opsets, ReadOpsets(*model));
  if (auto version = opsets.VersionOf(""); version && *version > ops::kNewestOpset) {
    log.Log(LogLevel::kWarn, "the model asks for operator set " + std::to_string(*version) +
                                 " of ai.onnx; trying it as version " +
                                 std::to_string(ops::kNewestOpset));
  }
  SerialParallel serial;
  StoppableParallel parallel(serial, stop);
  ImportState state;
  state.stop = &parallel;
  state.limits = limits;
  state.external = external;
  WNN_RETURN_IF_ERROR(ReadFunctions(*model, opsets, state));
  return ImportGraph(*graph, opsets, state);
}

}  // namespace wnn::frontend
