#include "engine/ops/evaluate_context.h"

#include "engine/base/checked_math.h"

namespace wnn::ops {
namespace {

// What the outputs must be for nodes downstream to rely on what InferFn said of them.
Status CheckOutputs(const graph::Node& node, std::span<const Fact> facts,
                    std::span<const Value> outputs) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    if (outputs[i].empty()) return Internal("output " + std::to_string(i) + " was not computed");
    const DType expected = facts[static_cast<size_t>(node.outputs[i])].dtype;
    const DType actual = outputs[i].dtype();
    if (expected != DType::kUndefined && actual != expected && !graph::HasSubgraphs(node)) {
      return Internal("output " + std::to_string(i) + " is of type " +
                      std::string(DTypeName(actual)) + " instead of " +
                      std::string(DTypeName(expected)));
    }
  }
  return OkStatus();
}

}  // namespace

std::shared_ptr<const void> PreparedCache::Find(const graph::Node& node) {
  MutexLock lock(mutex_);
  auto it = prepared_.find(&node);
  return it != prepared_.end() ? it->second : nullptr;
}

void PreparedCache::Insert(const graph::Node& node, std::shared_ptr<const void> prepared) {
  MutexLock lock(mutex_);
  prepared_[&node] = std::move(prepared);
}

const Value& EvaluateContext::InputValue(size_t i) const {
  static const Value none;
  return i < n_inputs() ? inputs_[i] : none;
}

Result<Tensor> EvaluateContext::Allocate(DType dtype, Shape shape) const {
  const Fact fact = Fact::Concrete(dtype, shape);
  WNN_RETURN_IF_ERROR(CheckSize(fact));
  const auto size = DenseBytes(dtype, ElementCount(shape).value_or(-1));
  if (!size || *size > limits().max_tensor_bytes) {
    return TooLarge("output " + fact.ToString() + " is over the limit of " +
                    std::to_string(limits().max_tensor_bytes) + " bytes");
  }
  return Tensor::Allocate(dtype, std::move(shape), budget());
}

StringTensor EvaluateContext::NewStrings(Shape shape) const {
  StringTensor strings(budget());
  strings.shape = std::move(shape);
  return strings;
}

Sequence EvaluateContext::NewSequence(ValueTypePtr element) const {
  Sequence sequence(budget());
  sequence.element = std::move(element);
  return sequence;
}

Result<Value> EvaluateContext::Finish(StringTensor strings) const {
  WNN_RETURN_IF_ERROR(CheckSize(Fact::Concrete(DType::kString, strings.shape)));
  WNN_RETURN_IF_ERROR(strings.Charge());
  return Value(std::move(strings));
}

Result<Value> EvaluateContext::Finish(Sequence sequence) const {
  WNN_RETURN_IF_ERROR(sequence.Charge());
  return Value(std::move(sequence));
}

Result<std::vector<Value>> EvaluateContext::RunSubgraph(std::string_view attribute,
                                                        std::vector<Value> inputs) {
  WNN_ASSIGN_OR_RETURN(graph::GraphPtr body, attributes().RequiredSubgraph(attribute));
  if (subgraphs_ == nullptr) return Internal("nothing runs its subgraphs");
  if (body->inputs.size() != inputs.size()) {
    return InvalidArgument("the graph of attribute " + graph::Quoted(attribute) + " has " +
                           std::to_string(body->inputs.size()) + " inputs, not " +
                           std::to_string(inputs.size()));
  }
  return subgraphs_->Run(*body, std::move(inputs));
}

Result<std::vector<Value>> EvaluateValues(const graph::Graph& graph, const graph::Node& node,
                                          std::span<const Fact> facts,
                                          std::span<const Value> inputs,
                                          const RunEnvironment& environment,
                                          SubgraphRunner* subgraphs) {
  EvaluateContext context(node, facts, inputs, environment, subgraphs);
  Status status = node.op->evaluate(context);
  if (status.ok()) status = CheckOutputs(node, facts, context.outputs());
  if (!status.ok()) return std::move(status).WithContext(graph::NodeLabel(graph, node));
  return std::move(context.outputs());
}

}  // namespace wnn::ops
