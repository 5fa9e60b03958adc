#include "engine/plan/interpreter.h"

#include <algorithm>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/base/first_touch.h"
#include "engine/ops/string_integers.h"

namespace wnn::plan {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;

// Inputs whose values are more than this are compiled for each time anew rather than remembered.
constexpr size_t kMaxKeyBytes = 4096;

void AppendNumber(int64_t number, std::string* key) {
  key->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

// What a compiled node depends on beyond the node: type and shape of every input, and the values of
// those that its operator wants by value. Graph constants are the node's own. Empty: too long.
std::string KeyOf(const graph::Graph& graph, const Node& node, std::span<const Value> inputs) {
  std::string key;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue || graph.fact(node.inputs[i]).constant != nullptr) continue;
    const Value& input = inputs[i];
    AppendNumber(static_cast<int64_t>(input.dtype()), &key);
    AppendNumber(static_cast<int64_t>(input.dims().size()), &key);
    for (int64_t extent : input.dims()) AppendNumber(extent, &key);
    const Tensor* tensor = input.tensor();
    if (i >= 32 || (node.op->value_inputs >> i & 1) == 0 || tensor == nullptr) continue;
    if (tensor->bytes().size() > kMaxKeyBytes) return {};
    key.append(reinterpret_cast<const char*>(tensor->bytes().data()), tensor->bytes().size());
  }
  key.push_back('.');
  return key;
}

// ops::IsEvaluated() once the inputs' values are there; `facts` say of the outputs what was known
// before.
bool IsEvaluatedFor(const Node& node, std::span<const Value> inputs, std::span<const Fact> facts) {
  const auto holds_strings = [](const Value& input) { return input.strings() != nullptr; };
  return ops::IsEvaluated(node, facts) ||
         (node.op->evaluate != nullptr && std::any_of(inputs.begin(), inputs.end(), holds_strings));
}

bool IsContainer(const Value& value) {
  return !value.empty() && value.tensor() == nullptr && value.strings() == nullptr;
}

}  // namespace

// Runs the subgraphs of one node.
class Interpreter::BodyRunner final : public ops::SubgraphRunner {
 public:
  BodyRunner(Interpreter& interpreter, const Program& program, std::span<const Value> node_inputs)
      : interpreter_(interpreter), program_(program), node_inputs_(node_inputs) {}

  Result<std::vector<Value>> Run(const graph::Graph& body, std::vector<Value> inputs) override {
    auto it = program_.bodies.find(&body);
    if (it == program_.bodies.end()) return Internal("a subgraph is not its node's");
    return interpreter_.RunProgram(*it->second, std::move(inputs), node_inputs_);
  }

 private:
  Interpreter& interpreter_;
  const Program& program_;
  std::span<const Value> node_inputs_;
};

Result<std::vector<Value>> Interpreter::Run(std::vector<Value> inputs,
                                            const ops::RunEnvironment& environment) {
  environment_ = &environment;
  auto outputs = RunProgram(program_, std::move(inputs), {});
  // Together: each may be short to end, and all of them not.
  std::vector<Value> rest;
  for (auto& [program, frame] : frames_) {
    for (Value& value : frame.values) {
      if (!value.empty()) rest.push_back(std::exchange(value, Value()));
    }
  }
  Discard(environment.budget, std::move(rest));
  scratch_ = AlignedBuffer();
  scratch_charge_ = MemoryCharge();
  return outputs;
}

Result<std::vector<Value>> Interpreter::RunProgram(const Program& program,
                                                   std::vector<Value> inputs,
                                                   std::span<const Value> node_inputs) {
  const graph::Graph& graph = program.graph;
  Frame& frame = frames_[&program];
  if (frame.facts.size() != graph.n_values()) {
    frame.facts.assign(graph.facts().begin(), graph.facts().end());
  }
  frame.values.assign(graph.n_values(), Value());
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    frame.values[static_cast<size_t>(graph.inputs[i])] = std::move(inputs[i]);
  }
  for (const graph::Capture& capture : graph.captures) {
    frame.values[static_cast<size_t>(capture.value)] = node_inputs[capture.input];
  }
  inputs.clear();
  for (const Program::Step& step : program.steps) {
    WNN_RETURN_IF_ERROR(environment_->stop.Check());
    WNN_RETURN_IF_ERROR(RunStep(program, step, frame));
  }
  WNN_RETURN_IF_ERROR(environment_->stop.Check());
  std::vector<Value> outputs;
  for (ValueId id : graph.outputs) {
    const Value& value = frame.values[static_cast<size_t>(id)];
    outputs.push_back(!value.empty() ? value : graph.fact(id).ConstantValue());
    if (outputs.back().empty()) {
      return Internal("output " + graph::Quoted(graph.value(id).name) + " was not computed");
    }
  }
  for (Value& value : frame.values) value = Value();
  return outputs;
}

std::vector<Value> Interpreter::TakeInputs(const Program& program, const Program::Step& step,
                                           Frame& frame) {
  const Node& node = *step.node;
  std::vector<Value> inputs(node.inputs.size());
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    Value& value = frame.values[static_cast<size_t>(node.inputs[i])];
    if (value.empty()) {
      inputs[i] = program.graph.fact(node.inputs[i]).ConstantValue();
    } else if (step.is_last_use[i]) {
      inputs[i] = std::exchange(value, Value());
    } else {
      inputs[i] = value;
    }
  }
  return inputs;
}

Status Interpreter::RunStep(const Program& program, const Program::Step& step, Frame& frame) {
  const Node& node = *step.node;
  std::vector<Value> inputs = TakeInputs(program, step, frame);
  auto computed = ops::StringIntegers::Needed(node, inputs)
                      ? ComputeStrings(program, node, inputs, frame)
                      : Compute(program, node, inputs, frame);
  Discard(environment_->budget, std::move(inputs));  // many may have been read for the last time
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs, std::move(computed));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    frame.values[static_cast<size_t>(node.outputs[i])] = std::move(outputs[i]);
  }
  for (ValueId id : step.unread) frame.values[static_cast<size_t>(id)] = Value();
  return OkStatus();
}

Result<std::vector<Value>> Interpreter::ComputeStrings(const Program& program, const Node& node,
                                                       std::vector<Value>& inputs, Frame& frame) {
  const auto& budget = environment_->budget;
  Parallel& parallel = *environment_->parallel;
  WNN_ASSIGN_OR_RETURN(auto strings, ops::StringIntegers::Replace(node, inputs, budget, parallel));
  WNN_RETURN_IF_ERROR(environment_->stop.Check());  // it may have ended early
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs, Compute(program, node, inputs, frame));
  WNN_RETURN_IF_ERROR(environment_->stop.Check());
  WNN_RETURN_IF_ERROR(strings.Restore(node, outputs, budget, parallel));
  WNN_RETURN_IF_ERROR(environment_->stop.Check());
  return outputs;
}

void Interpreter::SetFacts(const Program& program, const Node& node, std::span<const Value> inputs,
                           Frame& frame) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNoValue || program.graph.fact(id).constant != nullptr) continue;
    const bool by_value = i < 32 && (node.op->value_inputs >> i & 1) != 0;
    frame.facts[static_cast<size_t>(id)] =
        by_value ? Fact::Constant(inputs[i]) : Fact::OfValue(inputs[i]);
  }
}

Result<std::vector<Value>> Interpreter::Compute(const Program& program, const Node& node,
                                                std::vector<Value>& inputs, Frame& frame) {
  if (IsEvaluatedFor(node, inputs, frame.facts)) {
    SetFacts(program, node, inputs, frame);
    // What is in a subgraph is checked when it runs.
    if (!graph::HasSubgraphs(node)) {
      WNN_RETURN_IF_ERROR(ops::InferNode(program.graph, node, frame.facts));
    }
    BodyRunner bodies(*this, program, inputs);
    return ops::EvaluateValues(program.graph, node, frame.facts, inputs, *environment_, &bodies);
  }
  // A view of a container is the container.
  if (node.op->is_view && !inputs.empty() && IsContainer(inputs[0]) &&
      ops::HasBit(node.op->container_inputs, 0)) {
    std::vector<Value> outputs(node.outputs.size());
    outputs[0] = std::move(inputs[0]);
    return outputs;
  }
  return RunCompiled(program, node, inputs, frame);
}

Result<std::shared_ptr<const CompiledNode>> Interpreter::Compile(const Program& program,
                                                                 const Node& node,
                                                                 std::span<const Value> inputs,
                                                                 Frame& frame) {
  std::string key = KeyOf(program.graph, node, inputs);
  if (!key.empty()) {
    if (auto found = op_cache_.Find(node, key)) return found;
  }
  SetFacts(program, node, inputs, frame);
  WNN_RETURN_IF_ERROR(ops::InferNode(program.graph, node, frame.facts));
  auto made = std::make_shared<CompiledNode>();
  bool is_constant = true;
  for (ValueId id : node.outputs) {
    Fact& output = made->outputs.emplace_back();
    if (id == kNoValue) continue;
    output = frame.facts[static_cast<size_t>(id)];
    is_constant = is_constant && output.IsConstant();
  }
  if (!is_constant) {
    WNN_ASSIGN_OR_RETURN(made->op, ops::CompileNode(program.graph, node, frame.facts, pack_cache_,
                                                    environment_->stop));
  }
  if (!key.empty()) op_cache_.Insert(node, std::move(key), made);
  return std::shared_ptr<const CompiledNode>(std::move(made));
}

Result<Value> Interpreter::MakeOutput(const Node& node, size_t i, const Fact& fact,
                                      std::vector<Value>& inputs) const {
  Shape shape = fact.ConcreteShape();
  const auto size = DenseBytes(fact.dtype, ElementCount(shape).value_or(-1));
  if (!size || *size > environment_->limits.max_tensor_bytes) {
    return TooLarge("output " + fact.ToString() + " is over the limit of " +
                    std::to_string(environment_->limits.max_tensor_bytes) + " bytes");
  }
  for (size_t k = 0; i == 0 && k < node.n_own_inputs() && k < 32; ++k) {
    if ((node.op->inplace_inputs >> k & 1) == 0 || !inputs[k].IsUnique()) continue;
    const Tensor* tensor = inputs[k].tensor();
    if (tensor == nullptr || tensor->dtype() != fact.dtype) continue;
    if (tensor->bytes().size() == *size) return Value(tensor->WithShape(std::move(shape)));
  }
  WNN_ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Allocate(fact.dtype, std::move(shape), environment_->budget));
  FirstTouch(tensor.bytes(), *environment_->parallel);
  return Value(std::move(tensor));
}

Result<std::byte*> Interpreter::Scratch(uint64_t size_bytes) {
  if (size_bytes > SIZE_MAX) return TooLarge("its working memory does not fit this machine");
  if (scratch_.data() == nullptr || scratch_.size() < size_bytes) {
    scratch_ = AlignedBuffer();  // never both at once
    scratch_charge_ = MemoryCharge();
    WNN_ASSIGN_OR_RETURN(scratch_charge_, MemoryCharge::Take(environment_->budget, size_bytes));
    WNN_ASSIGN_OR_RETURN(scratch_, AlignedBuffer::Allocate(static_cast<size_t>(size_bytes)));
    FirstTouch(scratch_.bytes(), *environment_->parallel);
  }
  return scratch_.data();
}

Result<std::vector<Value>> Interpreter::RunCompiled(const Program& program, const Node& node,
                                                    std::vector<Value>& inputs, Frame& frame) {
  auto fail = [&](Status status) {
    return std::move(status).WithContext(NodeLabel(program.graph, node));
  };
  WNN_ASSIGN_OR_RETURN(auto compiled, Compile(program, node, inputs, frame));
  std::vector<Value> outputs(node.outputs.size());
  if (compiled->op == nullptr) {
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = compiled->outputs[i].ConstantValue();
    return outputs;
  }
  // A view of another type, BitCast, is copied.
  const bool is_view = node.op->is_view && node.outputs.size() == 1;
  if (is_view && compiled->outputs[0].dtype == inputs[0].dtype()) {
    outputs[0] = Value(inputs[0].tensor()->WithShape(compiled->outputs[0].ConcreteShape()));
    return outputs;
  }
  std::vector<const std::byte*> from;
  std::vector<std::byte*> to;
  for (const Value& input : inputs) {
    from.push_back(input.tensor() != nullptr ? input.tensor()->bytes().data() : nullptr);
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    to.push_back(nullptr);
    if (node.outputs[i] == kNoValue) continue;
    auto output = MakeOutput(node, i, compiled->outputs[i], inputs);
    if (!output) return fail(std::move(output.error()));
    outputs[i] = std::move(*output);
    to.back() = outputs[i].tensor()->bytes().data();
  }
  Parallel& parallel = *environment_->parallel;
  auto scratch = Scratch(compiled->op->ScratchBytes(parallel.n_threads()));
  if (!scratch) return fail(std::move(scratch.error()));
  Status status = compiled->op->Run({from, to, *scratch, &parallel});
  if (!status.ok()) return fail(std::move(status));
  return outputs;
}

}  // namespace wnn::plan
