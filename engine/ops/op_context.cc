#include "engine/ops/op_context.h"

#include <algorithm>

#include "engine/base/aligned_buffer.h"
#include "engine/base/checked_math.h"
#include "engine/base/first_touch.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

std::string InputLabel(size_t i) { return "input " + std::to_string(i); }

Status RequireConcrete(const graph::Graph& graph, const graph::Node& node,
                       std::span<const Fact> facts) {
  auto check = [&](std::span<const graph::ValueId> values) -> Status {
    for (graph::ValueId id : values) {
      if (id == graph::kNoValue) continue;
      const Fact& fact = facts[static_cast<size_t>(id)];
      if (fact.IsConcrete()) continue;
      return Unsupported("the shape " + fact.ToString() + " of value " +
                         graph::Quoted(graph.value(id).name) +
                         " is only known once data are computed, which is not supported");
    }
    return OkStatus();
  };
  WNN_RETURN_IF_ERROR(check(node.inputs));
  return check(node.outputs);
}

}  // namespace

Result<std::optional<std::vector<int64_t>>> OpContext::InputInts(size_t i) const {
  if (!HasInput(i)) return std::optional<std::vector<int64_t>>();
  auto values = graph::ConstantInts(Input(i));
  if (!values) return std::move(values.error()).WithContext(InputLabel(i));
  return values;
}

Status OpContext::RequireType(size_t i, const TypeSet& types) const {
  if (!HasInput(i)) return OkStatus();
  DType dtype = Input(i).dtype;
  if (dtype == DType::kUndefined || types.Has(dtype)) return OkStatus();
  return Unsupported(InputLabel(i) + " is of type " + std::string(DTypeName(dtype)) +
                     ", for which there is no kernel");
}

Status OpContext::RequireSameType(size_t i, size_t j) const {
  if (!HasInput(i) || !HasInput(j)) return OkStatus();
  DType a = Input(i).dtype, b = Input(j).dtype;
  if (a == b || a == DType::kUndefined || b == DType::kUndefined) return OkStatus();
  return InvalidArgument(InputLabel(i) + " is of type " + std::string(DTypeName(a)) + ", but " +
                         InputLabel(j) + " of type " + std::string(DTypeName(b)));
}

Status OpContext::RequireRank(size_t i, size_t min, size_t max) const {
  if (!HasInput(i) || !Input(i).has_rank) return OkStatus();
  size_t rank = Input(i).rank();
  if (rank >= min && rank <= max) return OkStatus();
  return InvalidArgument(InputLabel(i) + " is " + Input(i).ToString() + ", but its rank must be " +
                         (min == max ? "" : "from " + std::to_string(min) + " to ") +
                         std::to_string(max));
}

Result<PackedPtr> CompileContext::Pack(size_t i, std::string_view layout,
                                       FunctionRef<Result<AlignedBuffer>()> pack) const {
  auto pack_all = [&]() -> Result<AlignedBuffer> {
    WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, pack());
    WNN_RETURN_IF_ERROR(stop_.Check());  // it may have ended early
    return buffer;
  };
  if (cache_ != nullptr) return cache_->Get(InputConstant(i), layout, pack_all);
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, pack_all());
  return PackedPtr(std::make_shared<const AlignedBuffer>(std::move(buffer)));
}

Result<std::shared_ptr<const void>> CompileContext::GetObject(
    size_t i, std::string_view layout, FunctionRef<Result<PackedObject>()> make) const {
  if (cache_ != nullptr) return cache_->GetObject(InputConstant(i), layout, make);
  WNN_ASSIGN_OR_RETURN(PackedObject packed, make());
  return std::move(packed.object);
}

namespace {

// kInvalidArgument or kUnsupportedOperation for an input of a kind that the operator does not take.
Status CheckKinds(const graph::Node& node, std::span<const Fact> facts) {
  for (size_t i = 0; i < node.n_own_inputs(); ++i) {
    if (node.inputs[i] == graph::kNoValue) continue;
    const Fact& input = facts[static_cast<size_t>(node.inputs[i])];
    if (input.container != nullptr && !HasBit(node.op->container_inputs, i)) {
      return InvalidArgument(InputLabel(i) + " is " + input.ToString() + ", not a tensor");
    }
    const bool takes_strings =
        node.op->evaluate != nullptr || node.op->shape_only || HasBit(node.op->string_inputs, i);
    if (input.dtype == DType::kString && !takes_strings) {
      return Unsupported(InputLabel(i) + " is a tensor of strings, for which there is no kernel");
    }
  }
  return OkStatus();
}

// While it lives, integers stand for the strings that the operator moves without looking at them.
class IntegersForStrings {
 public:
  IntegersForStrings(const graph::Node& node, std::span<Fact> facts) : facts_(facts) {
    for (size_t i = 0; i < node.n_own_inputs(); ++i) {
      if (node.inputs[i] == graph::kNoValue || !HasBit(node.op->string_inputs, i)) continue;
      Fact& fact = facts[static_cast<size_t>(node.inputs[i])];
      if (fact.dtype != DType::kString) continue;
      saved_.emplace_back(node.inputs[i], fact);
      fact.dtype = DType::kInt32;
      fact.object = Value();
    }
  }
  ~IntegersForStrings() {
    for (auto& [id, fact] : saved_) facts_[static_cast<size_t>(id)] = std::move(fact);
  }
  bool any() const { return !saved_.empty(); }

 private:
  std::span<Fact> facts_;
  std::vector<std::pair<graph::ValueId, Fact>> saved_;
};

}  // namespace

Status InferNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                 const StopCondition& stop) {
  auto fail = [&](Status status) {
    return std::move(status).WithContext(graph::NodeLabel(graph, node));
  };
  if (Status kinds = CheckKinds(node, facts); !kinds.ok()) return fail(std::move(kinds));
  std::vector<Fact> outputs;
  bool moves_strings = false;
  {
    IntegersForStrings integers(node, facts);
    moves_strings = integers.any();
    InferContext context(node, facts, stop);
    if (Status status = node.op->infer(context); !status.ok()) return fail(std::move(status));
    outputs.assign(std::make_move_iterator(context.outputs().begin()),
                   std::make_move_iterator(context.outputs().end()));
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    if (moves_strings && HasBit(node.op->string_outputs, i)) {
      outputs[i].dtype = DType::kString;
      outputs[i].constant = nullptr;
    }
    if (Status size = CheckSize(outputs[i]); !size.ok()) return fail(std::move(size));
    facts[static_cast<size_t>(node.outputs[i])] = std::move(outputs[i]);
  }
  return OkStatus();
}

Result<std::vector<Fact>> InferContext::InferSubgraph(std::string_view attribute,
                                                      std::span<const Fact> inputs) const {
  WNN_ASSIGN_OR_RETURN(graph::GraphPtr shared, attributes().RequiredSubgraph(attribute));
  // Nodes infer their subgraphs only while a model is loaded, by one thread. What is found stays
  // there: dimensions that the subgraph declares stand where `inputs` knows none.
  graph::Graph* body = const_cast<graph::Graph*>(shared.get());
  if (body->inputs.size() != inputs.size()) {
    return InvalidArgument("the graph of attribute " + graph::Quoted(attribute) + " has " +
                           std::to_string(body->inputs.size()) + " inputs, not " +
                           std::to_string(inputs.size()));
  }
  std::span<Fact> facts = body->facts();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Fact& fact = facts[static_cast<size_t>(body->inputs[i])];
    const bool is_known = inputs[i].dtype != DType::kUndefined || inputs[i].container != nullptr;
    const bool knows_less = fact.has_rank && !inputs[i].has_rank && fact.dtype == inputs[i].dtype;
    if (is_known && !knows_less) fact = inputs[i];
  }
  for (const graph::Capture& capture : body->captures) {
    facts[static_cast<size_t>(capture.value)] =
        facts_[static_cast<size_t>(node_.inputs[capture.input])];
  }
  WNN_RETURN_IF_ERROR(InferGraph(*body, stop_));
  std::vector<Fact> outputs;
  for (graph::ValueId id : body->outputs) outputs.push_back(facts[static_cast<size_t>(id)]);
  return outputs;
}

Status InferGraph(graph::Graph& graph, const StopCondition& stop) {
  for (const graph::Node& node : graph.nodes()) {
    WNN_RETURN_IF_ERROR(stop.Check());
    WNN_RETURN_IF_ERROR(InferNode(graph, node, graph.facts(), stop));
  }
  return OkStatus();
}

bool IsEvaluated(const graph::Node& node, std::span<const Fact> facts) {
  if (node.op->evaluate == nullptr || node.op->compile == nullptr) {
    return node.op->evaluate != nullptr;
  }
  const auto holds_strings = [&](graph::ValueId id) {
    return id != graph::kNoValue && facts[static_cast<size_t>(id)].dtype == DType::kString;
  };
  return std::any_of(node.inputs.begin(), node.inputs.end(), holds_strings) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), holds_strings);
}

Result<std::unique_ptr<const CompiledOp>> CompileNode(const graph::Graph& graph,
                                                      const graph::Node& node,
                                                      std::span<const Fact> facts, PackCache* cache,
                                                      const StopCondition& stop) {
  auto fail = [&](Status status) {
    return std::move(status).WithContext(graph::NodeLabel(graph, node));
  };
  if (Status status = RequireConcrete(graph, node, facts); !status.ok()) {
    return fail(std::move(status));
  }
  if (IsEvaluated(node, facts)) {
    return fail(Unsupported("it cannot run before its inputs' values are known"));
  }
  SerialParallel serial;
  StoppableParallel parallel(serial, stop);
  const CompileContext context(node, facts, cache, parallel);
  auto compiled = HasPackedElements(context) && !ReadsPackedElements(*node.op)
                      ? CompileWidened(context, node.op->compile)
                      : node.op->compile(context);
  WNN_RETURN_IF_ERROR(parallel.Check());  // which may have made it fail
  if (!compiled) return fail(std::move(compiled.error()));
  if (*compiled == nullptr) return fail(Unsupported("there is no kernel for its types"));
  return compiled;
}

namespace {

// EvaluateNode() for an operator with an EvaluateFn.
Status EvaluateAhead(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                     uint64_t max_bytes, const StopCondition& stop) {
  std::vector<Value> inputs;
  for (graph::ValueId id : node.inputs) {
    inputs.push_back(id == graph::kNoValue ? Value()
                                           : facts[static_cast<size_t>(id)].ConstantValue());
  }
  SerialParallel serial;
  StoppableParallel parallel(serial, stop);
  RunEnvironment environment;
  environment.parallel = &parallel;
  environment.stop = stop;
  environment.limits.max_tensor_bytes = max_bytes;
  environment.budget = std::make_shared<MemoryBudget>(max_bytes);
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                       EvaluateValues(graph, node, facts, inputs, environment, nullptr));
  WNN_RETURN_IF_ERROR(parallel.Check());
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    facts[static_cast<size_t>(node.outputs[i])] = Fact::Constant(std::move(outputs[i]));
  }
  return OkStatus();
}

}  // namespace

Status EvaluateNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                    uint64_t max_bytes, const StopCondition& stop) {
  auto fact_of = [&](graph::ValueId id) -> Fact& { return facts[static_cast<size_t>(id)]; };
  bool done = true;
  for (graph::ValueId id : node.outputs) {
    if (id != graph::kNoValue && !fact_of(id).IsConstant()) done = false;
  }
  if (done) return OkStatus();
  if (IsEvaluated(node, facts)) return EvaluateAhead(graph, node, facts, max_bytes, stop);

  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const CompiledOp> op,
                       CompileNode(graph, node, facts, nullptr, stop));
  std::vector<const std::byte*> inputs;
  for (graph::ValueId id : node.inputs) {
    const TensorPtr constant = id == graph::kNoValue ? nullptr : fact_of(id).constant;
    inputs.push_back(constant ? constant->bytes().data() : nullptr);
  }
  std::vector<Tensor> tensors;
  std::vector<std::byte*> outputs;
  for (graph::ValueId id : node.outputs) {
    outputs.push_back(nullptr);
    tensors.emplace_back();
    if (id == graph::kNoValue) continue;
    Shape shape = fact_of(id).ConcreteShape();
    auto size = DenseBytes(fact_of(id).dtype, ElementCount(shape).value_or(-1));
    if (!size || *size > max_bytes) {
      return TooLarge(graph::NodeLabel(graph, node) + ": output " + fact_of(id).ToString() +
                      " is over the limit of " + std::to_string(max_bytes) + " bytes");
    }
    WNN_ASSIGN_OR_RETURN(tensors.back(), Tensor::Allocate(fact_of(id).dtype, std::move(shape)));
    outputs.back() = tensors.back().bytes().data();
  }
  SerialParallel serial;
  const uint64_t scratch_bytes = op->ScratchBytes(serial.n_threads());
  if (scratch_bytes > max_bytes) {
    return TooLarge(graph::NodeLabel(graph, node) + ": its working memory is over the limit of " +
                    std::to_string(max_bytes) + " bytes");
  }
  WNN_ASSIGN_OR_RETURN(AlignedBuffer scratch,
                       AlignedBuffer::Allocate(static_cast<size_t>(scratch_bytes)));
  StoppableParallel parallel(serial, stop);
  FirstTouch(scratch.bytes(), parallel);
  for (const Tensor& tensor : tensors) FirstTouch(tensor.bytes(), parallel);
  Status status = op->Run({inputs, outputs, scratch.data(), &parallel});
  WNN_RETURN_IF_ERROR(parallel.Check());
  if (!status.ok()) return std::move(status).WithContext(graph::NodeLabel(graph, node));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    fact_of(node.outputs[i]) =
        Fact::Constant(std::make_shared<const Tensor>(std::move(tensors[i])));
  }
  return OkStatus();
}

bool CanEvaluate(const graph::Node& node, std::span<const Fact> facts) {
  if (OnlyAtRun(*node.op) || graph::HasSubgraphs(node)) return false;
  const bool takes_objects = node.op->evaluate != nullptr && node.op->string_inputs == 0;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
    if (id == graph::kNoValue) return true;
    const Fact& fact = facts[static_cast<size_t>(id)];
    if (node.op->shape_only) return fact.IsConcrete();
    return takes_objects ? fact.IsConstant() : fact.constant != nullptr;
  });
}

}  // namespace wnn::ops
