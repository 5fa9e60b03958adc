#include "engine/plan/model_impl.h"

#include <algorithm>

#include "engine/frontend/importer.h"
#include "engine/ops/op_context.h"
#include "engine/optimizer/optimizer.h"
#include "engine/plan/value_needs.h"

namespace wnn::engine {
namespace {

// kUnsupportedOperation if a node, of a subgraph too, needs a decoder of pictures.
Status RefuseImageDecoders(const graph::Graph& graph) {
  for (const graph::Node& node : graph.nodes()) {
    if (node.op->needs_image_decoder) {
      return Unsupported(
          graph::NodeLabel(graph, node) +
          ": no decoder of pictures was given for it; the host has one for models that "
          "it names when built with WNN_WITH_IMAGE_DECODER");
    }
    for (const auto& [name, attribute] : node.attributes.all()) {
      const auto* body = std::get_if<graph::GraphPtr>(&attribute);
      if (body != nullptr) WNN_RETURN_IF_ERROR(RefuseImageDecoders(**body));
    }
  }
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<ModelImpl>> ModelImpl::Load(std::span<const std::byte> bytes,
                                                   const LoadOptions& options) {
  NullLogger null_log;
  Logger& log = options.log != nullptr ? *options.log : null_log;
  WNN_ASSIGN_OR_RETURN(
      frontend::ImportedModel imported,
      frontend::ImportModel(bytes, options.limits, log, options.external, options.stop));
  std::unique_ptr<ModelImpl> model(new ModelImpl(options.limits));
  model->graph_ = std::move(imported.graph);
  model->image_decoder_ = options.image_decoder;
  if (options.image_decoder == nullptr) WNN_RETURN_IF_ERROR(RefuseImageDecoders(model->graph_));
  model->inputs_ = std::move(imported.inputs);
  WNN_RETURN_IF_ERROR(ops::InferGraph(model->graph_, options.stop));
  model->SetOutputInfos(std::move(imported.outputs));
  WNN_RETURN_IF_ERROR(model->CheckOutputTypes());
  if (options.optimize) {
    WNN_RETURN_IF_ERROR(optimizer::Optimize(model->graph_, options.disabled_passes, options.limits,
                                            options.stop, log));
  }
  WNN_RETURN_IF_ERROR(options.stop.Check());
  model->needed_values_ = plan::FindNeededValues(model->graph_);
  WNN_RETURN_IF_ERROR(options.stop.Check());
  model->program_ = std::make_unique<const plan::Program>(model->graph_);
  WNN_RETURN_IF_ERROR(options.stop.Check());
  model->needs_interpreter_ = plan::NeedsInterpreter(model->graph_);
  if (model->needs_interpreter_) {
    log.Log(LogLevel::kDebug, "the model runs node by node: shapes depend on data");
  } else {
    WNN_RETURN_IF_ERROR(model->WarmUp(options.stop, log));
  }
  return model;
}

void ModelImpl::SetOutputInfos(std::vector<ValueInfo> declared) {
  outputs_ = std::move(declared);
  // What the model leaves open, inference may know.
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const graph::Fact& fact = graph_.fact(graph_.outputs[i]);
    if (outputs_[i].container != nullptr) continue;
    if (outputs_[i].dtype == DType::kUndefined) outputs_[i].dtype = fact.dtype;
    if (outputs_[i].dtype == DType::kUndefined) outputs_[i].container = fact.container;
    if (outputs_[i].has_shape || !fact.has_rank) continue;
    outputs_[i].has_shape = true;
    outputs_[i].dims = fact.dims;
  }
}

Status ModelImpl::CheckOutputTypes() const {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const graph::Fact& fact = graph_.fact(graph_.outputs[i]);
    const bool is_known = fact.dtype != DType::kUndefined || fact.container != nullptr;
    const bool same_kind = (fact.container != nullptr) == (outputs_[i].container != nullptr);
    if (!is_known || (same_kind && fact.dtype == outputs_[i].dtype)) continue;
    return InvalidArgument("the graph's output " + graph::Quoted(outputs_[i].name) +
                           " is declared as " + ValueInfoToString(outputs_[i]) +
                           ", but computed as " + fact.ToString());
  }
  return OkStatus();
}

Status ModelImpl::WarmUp(const StopCondition& stop, Logger& log) const {
  std::vector<Shape> shapes;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const ValueInfo& info = inputs_[i];
    if (info.dtype == DType::kUndefined || !info.has_shape || InputNeededByValue(i)) {
      return OkStatus();
    }
    Shape& shape = shapes.emplace_back();
    for (size_t d = 0; d < info.dims.size(); ++d) {
      if (d > 0 && !graph::IsKnown(info.dims[d])) return OkStatus();
      shape.push_back(graph::IsKnown(info.dims[d]) ? info.dims[d].value : 1);
    }
  }
  std::vector<TensorView> views;
  for (size_t i = 0; i < inputs_.size(); ++i) views.push_back({inputs_[i].dtype, shapes[i], {}});
  auto made = PlanFor(views, stop);
  if (!made) {
    WNN_RETURN_IF_ERROR(stop.Check());
    // A real run may have shapes that do fit, or will say the same.
    log.Log(LogLevel::kDebug, "no plan for batch 1: " + std::string(made.error().message()));
  }
  return OkStatus();
}

size_t ModelImpl::memory_bytes() const {
  size_t bytes = pack_cache_.memory_bytes();
  for (const graph::Fact& fact : graph_.facts()) {
    bytes += fact.constant ? fact.constant->bytes().size() : fact.object.size_bytes();
  }
  return bytes;
}

Result<std::shared_ptr<const plan::Plan>> ModelImpl::PlanFor(std::span<const TensorView> inputs,
                                                             const StopCondition& stop) const {
  std::string key = plan::PlanKey(graph_, inputs, needed_values_);
  if (auto found = plan_cache_.Find(key)) return found;
  // Not under a lock: two executions may make the same plan at once, and either will do.
  WNN_ASSIGN_OR_RETURN(
      std::shared_ptr<const plan::Plan> made,
      plan::MakePlan(graph_, {inputs, &needed_values_, limits_, &pack_cache_, stop}));
  if (made != nullptr) plan_cache_.Insert(std::move(key), made);
  return made;
}

}  // namespace wnn::engine
