#include "engine/ops/op_context.h"

#include <algorithm>

#include "engine/base/aligned_buffer.h"
#include "engine/base/checked_math.h"

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
  if (cache_ != nullptr) return cache_->Get(InputConstant(i), layout, pack);
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, pack());
  return PackedPtr(std::make_shared<const AlignedBuffer>(std::move(buffer)));
}

Result<std::shared_ptr<const void>> CompileContext::GetObject(
    size_t i, std::string_view layout, FunctionRef<Result<PackedObject>()> make) const {
  if (cache_ != nullptr) return cache_->GetObject(InputConstant(i), layout, make);
  WNN_ASSIGN_OR_RETURN(PackedObject packed, make());
  return std::move(packed.object);
}

Status InferNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts) {
  InferContext context(node, facts);
  Status status = node.op->infer(context);
  if (!status.ok()) return std::move(status).WithContext(graph::NodeLabel(graph, node));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    Fact& fact = context.outputs()[i];
    if (Status size = CheckSize(fact); !size.ok()) {
      return std::move(size).WithContext(graph::NodeLabel(graph, node));
    }
    facts[static_cast<size_t>(node.outputs[i])] = std::move(fact);
  }
  return OkStatus();
}

Status InferGraph(graph::Graph& graph) {
  for (const graph::Node& node : graph.nodes()) {
    WNN_RETURN_IF_ERROR(InferNode(graph, node, graph.facts()));
  }
  return OkStatus();
}

Result<std::unique_ptr<const CompiledOp>> CompileNode(const graph::Graph& graph,
                                                      const graph::Node& node,
                                                      std::span<const Fact> facts,
                                                      PackCache* cache) {
  auto fail = [&](Status status) {
    return std::move(status).WithContext(graph::NodeLabel(graph, node));
  };
  if (Status status = RequireConcrete(graph, node, facts); !status.ok()) {
    return fail(std::move(status));
  }
  auto compiled = node.op->compile(CompileContext(node, facts, cache));
  if (!compiled) return fail(std::move(compiled.error()));
  if (*compiled == nullptr) return fail(Unsupported("there is no kernel for its types"));
  return compiled;
}

Status EvaluateNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                    uint64_t max_bytes) {
  auto fact_of = [&](graph::ValueId id) -> Fact& { return facts[static_cast<size_t>(id)]; };
  bool done = true;
  for (graph::ValueId id : node.outputs) {
    if (id != graph::kNoValue && !fact_of(id).constant) done = false;
  }
  if (done) return OkStatus();

  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const CompiledOp> op,
                       CompileNode(graph, node, facts, nullptr));
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
  Status status = op->Run({inputs, outputs, scratch.data(), &serial});
  if (!status.ok()) return std::move(status).WithContext(graph::NodeLabel(graph, node));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == graph::kNoValue) continue;
    fact_of(node.outputs[i]) =
        Fact::Constant(std::make_shared<const Tensor>(std::move(tensors[i])));
  }
  return OkStatus();
}

bool CanEvaluate(const graph::Node& node, std::span<const Fact> facts) {
  if (node.op->shape_only) {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
      return id == graph::kNoValue || facts[static_cast<size_t>(id)].IsConcrete();
    });
  }
  for (graph::ValueId id : node.inputs) {
    if (id != graph::kNoValue && !facts[static_cast<size_t>(id)].constant) return false;
  }
  return true;
}

}  // namespace wnn::ops
