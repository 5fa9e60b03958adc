#include "engine/plan/plan.h"

#include <algorithm>
#include <limits>

#include "engine/base/checked_math.h"
#include "engine/ops/op_context.h"
#include "engine/plan/arena.h"

namespace wnn::plan {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::NodeId;
using graph::ValueId;

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();
constexpr size_t kNoBuffer = SIZE_MAX;

class PlanMaker {
 public:
  PlanMaker(const graph::Graph& graph, const PlanRequest& request)
      : graph_(graph), request_(request), facts_(graph.facts().begin(), graph.facts().end()) {}

  Result<std::shared_ptr<const Plan>> Make();

 private:
  Status SetInputs();
  // Infers, and computes or compiles, one node.
  Status AddNode(NodeId id);
  Status CheckOutputs(const graph::Node& node) const;
  bool IsNeeded(const graph::Node& node) const;
  bool IsConcrete(const graph::Node& node) const;

  // Drops nodes whose outputs are only asked for their shapes, if at all.
  void DropUnread();
  void FindLastUses();
  // Has the inputs of joins computed in their places.
  void PlaceJoins();
  bool PlaceJoin(size_t step);
  void PlaceOutputs(size_t step);
  void PlaceOutput(size_t step, size_t output);
  // The buffer of an input that output 0 may be written over, or kNoBuffer.
  size_t FindInPlaceBuffer(size_t step, uint64_t size_bytes) const;
  Status PlaceInArena();
  Status SetOutputs();

  // A value that lies inside another one's buffer.
  struct Slice {
    ValueId whole = kNoValue;  // kNoValue: it does not
    uint64_t offset = 0;
  };

  const Fact& fact(ValueId id) const { return facts_[static_cast<size_t>(id)]; }
  Location& location(ValueId id) { return locations_[static_cast<size_t>(id)]; }
  size_t& buffer(ValueId id) { return buffers_[static_cast<size_t>(id)]; }
  size_t buffer(ValueId id) const { return buffers_[static_cast<size_t>(id)]; }
  Slice& slice(ValueId id) { return slices_[static_cast<size_t>(id)]; }
  const Slice& slice(ValueId id) const { return slices_[static_cast<size_t>(id)]; }
  const graph::Node& node_of(size_t step) const { return *order_[step].node; }
  static uint64_t BytesOf(const Fact& fact);

  // A node that is not constant, in order. What runs no step has no operator.
  struct Item {
    const graph::Node* node = nullptr;
    std::unique_ptr<const ops::CompiledOp> op;
    bool is_view = false;  // else, without an operator, a join
  };

  const graph::Graph& graph_;
  const PlanRequest& request_;
  std::vector<Fact> facts_;
  bool needs_data_ = false;      // no plan is possible
  uint64_t computed_bytes_ = 0;  // of values computed while planning
  std::vector<Item> order_;
  std::vector<int64_t> last_uses_;   // index into order_, by value
  std::vector<Location> locations_;  // by value
  std::vector<size_t> buffers_;      // index into uses_, by value
  std::vector<Slice> slices_;        // by value
  std::vector<bool> computed_;       // by value: a step writes it
  std::vector<BufferUse> uses_;
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
};

uint64_t PlanMaker::BytesOf(const Fact& fact) {
  const int64_t count = ElementCount(fact.ConcreteShape()).value_or(0);
  return DenseBytes(fact.dtype, count).value_or(0);
}

Status PlanMaker::SetInputs() {
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    const ValueId id = graph_.inputs[i];
    const TensorView& view = request_.inputs[i];
    Fact& input = facts_[static_cast<size_t>(id)];
    if ((*request_.needed_values)[static_cast<size_t>(id)]) {
      WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::CopyOf(view));
      input = Fact::Constant(std::make_shared<const Tensor>(std::move(tensor)));
    } else {
      input = Fact::Concrete(view.dtype, view.dims);
    }
  }
  return OkStatus();
}

bool PlanMaker::IsNeeded(const graph::Node& node) const {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
    return id != kNoValue && (*request_.needed_values)[static_cast<size_t>(id)];
  });
}

bool PlanMaker::IsConcrete(const graph::Node& node) const {
  auto is_concrete = [&](ValueId id) { return id == kNoValue || fact(id).IsConcrete(); };
  return std::all_of(node.inputs.begin(), node.inputs.end(), is_concrete) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), is_concrete);
}

Status PlanMaker::CheckOutputs(const graph::Node& node) const {
  for (ValueId id : node.outputs) {
    if (id == kNoValue || !fact(id).IsConcrete()) continue;
    if (BytesOf(fact(id)) > request_.limits.max_tensor_bytes) {
      return TooLarge(NodeLabel(graph_, node) + ": output " + fact(id).ToString() +
                      " is over the limit of " + std::to_string(request_.limits.max_tensor_bytes) +
                      " bytes");
    }
  }
  return OkStatus();
}

Status PlanMaker::AddNode(NodeId id) {
  const graph::Node& node = graph_.node(id);
  WNN_RETURN_IF_ERROR(request_.stop.Check());
  WNN_RETURN_IF_ERROR(ops::InferNode(graph_, node, facts_, request_.stop));
  WNN_RETURN_IF_ERROR(CheckOutputs(node));
  const bool is_wanted = IsNeeded(node) || ops::IsEvaluated(node, facts_);
  if (is_wanted && ops::CanEvaluate(node, facts_)) {
    WNN_RETURN_IF_ERROR(
        ops::EvaluateNode(graph_, node, facts_, request_.limits.max_tensor_bytes, request_.stop));
  }
  bool constant = true;
  for (ValueId output : node.outputs) {
    if (output == kNoValue) continue;
    constant = constant && fact(output).constant != nullptr;
    if (fact(output).constant) computed_bytes_ += fact(output).constant->bytes().size();
  }
  if (computed_bytes_ > request_.limits.max_memory_bytes) {
    return TooLarge("the constants of one run are over the limit of " +
                    std::to_string(request_.limits.max_memory_bytes) + " bytes");
  }
  if (constant) return OkStatus();
  if (ops::IsEvaluated(node, facts_) || !IsConcrete(node)) {
    needs_data_ = true;
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const ops::CompiledOp> op,
                       ops::CompileNode(graph_, node, facts_, request_.cache, request_.stop));
  const bool is_view = node.op->is_view && node.outputs.size() == 1;
  order_.push_back({&node, is_view ? nullptr : std::move(op), is_view});
  return OkStatus();
}

void PlanMaker::DropUnread() {
  std::vector<bool> read(graph_.n_values(), false);
  for (ValueId output : graph_.outputs) read[static_cast<size_t>(output)] = true;
  for (size_t i = order_.size(); i-- > 0;) {
    const graph::Node& node = node_of(i);
    const bool is_read = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && read[static_cast<size_t>(id)];
    });
    if (!is_read) {
      order_[i].node = nullptr;
      continue;
    }
    for (ValueId input : node.inputs) {
      if (input != kNoValue) read[static_cast<size_t>(input)] = true;
    }
  }
  std::erase_if(order_, [](const Item& item) { return item.node == nullptr; });
}

void PlanMaker::FindLastUses() {
  last_uses_.assign(graph_.n_values(), -1);
  for (size_t i = 0; i < order_.size(); ++i) {
    for (ValueId input : node_of(i).inputs) {
      if (input != kNoValue) last_uses_[static_cast<size_t>(input)] = static_cast<int64_t>(i);
    }
  }
  for (ValueId output : graph_.outputs) last_uses_[static_cast<size_t>(output)] = kToTheEnd;
}

size_t PlanMaker::FindInPlaceBuffer(size_t step, uint64_t size_bytes) const {
  const graph::Node& node = node_of(step);
  for (size_t i = 0; i < node.inputs.size() && i < 32; ++i) {
    if ((node.op->inplace_inputs >> i & 1) == 0 || node.inputs[i] == kNoValue) continue;
    if (slice(node.inputs[i]).whole != kNoValue) continue;
    const size_t candidate = buffer(node.inputs[i]);
    // The buffer dies here, whatever views share it, and holds exactly the output's size.
    if (candidate != kNoBuffer && uses_[candidate].last_step == static_cast<int64_t>(step) &&
        BytesOf(fact(node.inputs[i])) == size_bytes) {
      return candidate;
    }
  }
  return kNoBuffer;
}

bool PlanMaker::PlaceJoin(size_t step) {
  const graph::Node& join = node_of(step);
  const ValueId output = join.outputs[0];
  std::vector<ValueId> inputs = join.inputs;
  std::sort(inputs.begin(), inputs.end());
  if (std::adjacent_find(inputs.begin(), inputs.end()) != inputs.end()) return false;
  for (ValueId input : inputs) {
    const bool computed = input != kNoValue && computed_[static_cast<size_t>(input)];
    if (!computed || slice(input).whole != kNoValue) return false;
  }
  Slice place = slice(output).whole != kNoValue ? slice(output) : Slice{output, 0};
  for (ValueId input : join.inputs) {
    slice(input) = place;
    place.offset += BytesOf(fact(input));
  }
  return true;
}

void PlanMaker::PlaceJoins() {
  slices_.assign(graph_.n_values(), {});
  computed_.assign(graph_.n_values(), false);
  for (const Item& item : order_) {
    if (item.is_view) continue;
    for (ValueId output : item.node->outputs) {
      if (output != kNoValue) computed_[static_cast<size_t>(output)] = true;
    }
  }
  // Backwards: a join that is itself an input of a join knows its place by then.
  for (size_t step = order_.size(); step-- > 0;) {
    Item& item = order_[step];
    if (item.op != nullptr && item.op->IsJoin() && PlaceJoin(step)) item.op = nullptr;
  }
}

void PlanMaker::PlaceOutput(size_t step, size_t output) {
  const ValueId id = node_of(step).outputs[output];
  const int64_t now = static_cast<int64_t>(step);
  const int64_t last = std::max(now, last_uses_[static_cast<size_t>(id)]);
  const uint64_t size_bytes = BytesOf(fact(id));
  const ValueId whole = slice(id).whole != kNoValue ? slice(id).whole : id;
  size_t taken = buffer(whole);  // of a part that came before
  if (order_[step].is_view) {
    const ValueId source = node_of(step).inputs[0];
    location(id) = location(source);
    slice(id) = slice(source);
    taken = buffer(source);
    if (taken == kNoBuffer) return;  // a view of an input or of a constant
  } else if (output == 0 && whole == id && taken == kNoBuffer) {
    taken = FindInPlaceBuffer(step, size_bytes);
  }
  if (taken == kNoBuffer) {
    taken = uses_.size();
    uses_.push_back({BytesOf(fact(whole)), now, last});
  }
  buffer(whole) = taken;
  uses_[taken].last_step = std::max(uses_[taken].last_step, last);
  buffer(id) = taken;
}

void PlanMaker::PlaceOutputs(size_t step) {
  const graph::Node& node = node_of(step);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) PlaceOutput(step, i);
  }
}

Status PlanMaker::PlaceInArena() {
  locations_.assign(graph_.n_values(), {});
  buffers_.assign(graph_.n_values(), kNoBuffer);
  for (size_t v = 0; v < facts_.size(); ++v) {
    if (!facts_[v].constant) continue;
    locations_[v] = {Place::kConstant, 0, facts_[v].constant->bytes().data()};
    plan_->constants.push_back(facts_[v].constant);
  }
  for (size_t i = 0; i < graph_.inputs.size(); ++i) {
    location(graph_.inputs[i]) = {Place::kInput, i, nullptr};
  }
  DropUnread();
  FindLastUses();
  PlaceJoins();
  for (size_t step = 0; step < order_.size(); ++step) PlaceOutputs(step);
  WNN_ASSIGN_OR_RETURN(ArenaLayout layout, LayOutArena(uses_));
  plan_->arena_bytes = layout.size_bytes;
  if (layout.size_bytes > request_.limits.max_memory_bytes) {
    return TooLarge("the tensors of one run take " + std::to_string(layout.size_bytes) +
                    " bytes, over the limit of " +
                    std::to_string(request_.limits.max_memory_bytes));
  }
  for (size_t v = 0; v < buffers_.size(); ++v) {
    if (buffers_[v] != kNoBuffer) {
      locations_[v] = {Place::kArena, layout.offsets[buffers_[v]] + slices_[v].offset, nullptr};
    }
  }
  return OkStatus();
}

Status PlanMaker::SetOutputs() {
  for (ValueId id : graph_.outputs) {
    const Fact& output = fact(id);
    plan_->outputs.push_back(
        {location(id), output.dtype, output.ConcreteShape(), static_cast<size_t>(BytesOf(output))});
  }
  return OkStatus();
}

Result<std::shared_ptr<const Plan>> PlanMaker::Make() {
  WNN_RETURN_IF_ERROR(SetInputs());
  for (size_t i = 0; i < graph_.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(AddNode(static_cast<NodeId>(i)));
    if (needs_data_) return std::shared_ptr<const Plan>();
  }
  WNN_RETURN_IF_ERROR(PlaceInArena());
  WNN_RETURN_IF_ERROR(SetOutputs());
  auto place_of = [&](ValueId id) { return id == kNoValue ? Location{} : location(id); };
  for (Item& item : order_) {
    if (item.op == nullptr) continue;
    Step step{std::move(item.op), item.node, plan_->operands.size(), item.node->inputs.size(),
              item.node->outputs.size()};
    for (ValueId id : item.node->inputs) plan_->operands.push_back(place_of(id));
    for (ValueId id : item.node->outputs) plan_->operands.push_back(place_of(id));
    plan_->max_operands = std::max(plan_->max_operands, step.n_inputs + step.n_outputs);
    plan_->steps.push_back(std::move(step));
  }
  return std::shared_ptr<const Plan>(std::move(plan_));
}

}  // namespace

uint64_t Plan::ScratchBytes(int n_threads) const {
  uint64_t bytes = 0;
  for (const Step& step : steps) bytes = std::max(bytes, step.op->ScratchBytes(n_threads));
  return bytes;
}

Result<std::shared_ptr<const Plan>> MakePlan(const graph::Graph& graph,
                                             const PlanRequest& request) {
  return PlanMaker(graph, request).Make();
}

}  // namespace wnn::plan
