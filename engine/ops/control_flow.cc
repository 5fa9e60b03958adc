// Operators that run subgraphs: If, Loop, SequenceMap. (Scan is in scan_loop.cc.)
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/ops/families.h"
#include "engine/ops/subgraph_math.h"
#include "engine/ops/value_slices.h"

namespace wnn::ops {
namespace {

Status InferIf(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kBool}));
  WNN_ASSIGN_OR_RETURN(std::vector<Fact> then_facts, context.InferSubgraph("then_branch", {}));
  WNN_ASSIGN_OR_RETURN(std::vector<Fact> else_facts, context.InferSubgraph("else_branch", {}));
  if (then_facts.size() != else_facts.size() || then_facts.size() < context.n_outputs()) {
    return InvalidArgument("its branches have " + std::to_string(then_facts.size()) + " and " +
                           std::to_string(else_facts.size()) + " outputs, but the node " +
                           std::to_string(context.n_outputs()));
  }
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    context.SetOutput(i, MergeFacts(then_facts[i], else_facts[i]));
  }
  return OkStatus();
}

Status EvaluateIf(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const bool condition, ScalarBool(context.InputValue(0), "the condition"));
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                       context.RunSubgraph(condition ? "then_branch" : "else_branch", {}));
  for (size_t i = 0; i < context.n_outputs(); ++i) context.SetOutput(i, std::move(outputs[i]));
  return OkStatus();
}

// Loop's inputs before the carried values, and its body's outputs before them.
constexpr size_t kLoopHead = 2, kBodyHead = 1;

Status InferLoop(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kBool}));
  const size_t n_carried = std::max(context.n_inputs(), kLoopHead) - kLoopHead;
  std::vector<Fact> inputs = {Fact::Ranked(DType::kInt64, {}), Fact::Ranked(DType::kBool, {})};
  for (size_t i = 0; i < n_carried; ++i) {
    if (!context.HasInput(kLoopHead + i)) {
      return InvalidArgument("its carried value " + std::to_string(i) + " is left out");
    }
    inputs.push_back(AnyShapeOf(context.Input(kLoopHead + i)));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Fact> outputs, context.InferSubgraph("body", inputs));
  if (outputs.size() < kBodyHead + n_carried || outputs.size() - kBodyHead < context.n_outputs()) {
    return InvalidArgument("its body has " + std::to_string(outputs.size()) + " outputs, but " +
                           std::to_string(n_carried) + " values are carried, and the node has " +
                           std::to_string(context.n_outputs()) + " outputs");
  }
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    const Fact& out = outputs[kBodyHead + i];
    context.SetOutput(
        i, i < n_carried ? MergeFacts(context.Input(kLoopHead + i), out) : WithLeadingDim(out));
  }
  return OkStatus();
}

// What a loop's body gives in each turn and is stacked in the end.
class ScanOutputs {
 public:
  ScanOutputs(EvaluateContext& context, size_t count)
      : context_(context), values_(count, StackedValues(context, 0, /*backwards=*/false)) {}

  Status Add(size_t i, Value value) {
    // Not what the values hold, which is counted where they are made, but the list of them.
    constexpr uint64_t kBytesPerValue = 64;
    if (++n_values_ * kBytesPerValue > context_.limits().max_memory_bytes) {
      return TooLarge("the loop has more turns than there is memory for its results");
    }
    return values_[i].Add(std::move(value));
  }

  // Output `i`, of which `fact` is known if there was no turn at all.
  Result<Value> Stack(size_t i, const Fact& fact) {
    if (!values_[i].empty()) return values_[i].Finish();
    return NoTurns(context_, fact);
  }

 private:
  EvaluateContext& context_;
  std::vector<StackedValues> values_;
  uint64_t n_values_ = 0;
};

Status EvaluateLoop(EvaluateContext& context) {
  std::optional<int64_t> max_turns;
  if (context.HasInput(0)) {
    WNN_ASSIGN_OR_RETURN(max_turns, ScalarInt64(context.InputValue(0), "the trip count"));
  }
  bool goes_on = true;
  if (context.HasInput(1)) {
    WNN_ASSIGN_OR_RETURN(goes_on, ScalarBool(context.InputValue(1), "the condition"));
  }
  const size_t n_carried = std::max(context.n_inputs(), kLoopHead) - kLoopHead;
  WNN_ASSIGN_OR_RETURN(graph::GraphPtr body, context.attributes().RequiredSubgraph("body"));
  if (body->outputs.size() < kBodyHead + n_carried ||
      body->outputs.size() - kBodyHead < context.n_outputs()) {
    return InvalidArgument("its body has too few outputs");
  }
  const size_t n_scans = body->outputs.size() - kBodyHead - n_carried;
  std::vector<Value> carried;
  for (size_t i = 0; i < n_carried; ++i) carried.push_back(context.InputValue(kLoopHead + i));
  ScanOutputs scans(context, n_scans);
  for (int64_t turn = 0; goes_on && (!max_turns || turn < *max_turns); ++turn) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_ASSIGN_OR_RETURN(Value number, MakeScalar(context, DType::kInt64, turn));
    WNN_ASSIGN_OR_RETURN(Value condition, MakeScalar(context, DType::kBool, goes_on));
    std::vector<Value> inputs;
    inputs.push_back(std::move(number));
    inputs.push_back(std::move(condition));
    for (Value& value : carried) inputs.push_back(std::exchange(value, Value()));
    WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                         context.RunSubgraph("body", std::move(inputs)));
    WNN_ASSIGN_OR_RETURN(goes_on, ScalarBool(outputs[0], "the condition that the body gives"));
    for (size_t i = 0; i < n_carried; ++i) carried[i] = std::move(outputs[kBodyHead + i]);
    for (size_t i = 0; i < n_scans; ++i) {
      WNN_RETURN_IF_ERROR(scans.Add(i, std::move(outputs[kBodyHead + n_carried + i])));
    }
  }
  for (size_t i = 0; i < n_carried; ++i) context.SetOutput(i, std::move(carried[i]));
  for (size_t i = 0; i < n_scans; ++i) {
    if (!context.HasOutput(n_carried + i)) continue;
    WNN_ASSIGN_OR_RETURN(Value stacked, scans.Stack(i, context.OutputFact(n_carried + i)));
    context.SetOutput(n_carried + i, std::move(stacked));
  }
  return OkStatus();
}

// What one element of a sequence, or a tensor that stands for every element, is to the body.
Fact ElementFact(const Fact& fact) {
  if (fact.container == nullptr) return fact;
  return fact.container->element != nullptr ? Fact::OfType(*fact.container->element) : Fact();
}

Status InferSequenceMap(InferContext& context) {
  std::vector<Fact> inputs;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    if (!context.HasInput(i)) return InvalidArgument("an input is left out");
    inputs.push_back(ElementFact(context.Input(i)));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Fact> outputs, context.InferSubgraph("body", inputs));
  if (outputs.size() < context.n_outputs()) return InvalidArgument("its body has too few outputs");
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    context.SetOutput(i, Fact::OfType(*ValueType::OfSequence(outputs[i].ElementType())));
  }
  return OkStatus();
}

Status EvaluateSequenceMap(EvaluateContext& context) {
  const Sequence* first = context.InputValue(0).sequence();
  if (first == nullptr) return InvalidArgument("input 0 is not a sequence");
  const size_t n = first->elements.size();
  for (size_t i = 1; i < context.n_inputs(); ++i) {
    const Sequence* other = context.InputValue(i).sequence();
    if (other != nullptr && other->elements.size() != n) {
      return InvalidArgument("input " + std::to_string(i) + " has " +
                             std::to_string(other->elements.size()) + " elements, but input 0 " +
                             std::to_string(n));
    }
  }
  std::vector<Sequence> lists;
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    const ValueTypePtr type = context.HasOutput(i) ? context.OutputFact(i).container : nullptr;
    lists.push_back(context.NewSequence(type != nullptr ? type->element : nullptr));
    WNN_RETURN_IF_ERROR(lists[i].Reserve(n));
  }
  for (size_t e = 0; e < n; ++e) {
    std::vector<Value> inputs;
    for (size_t i = 0; i < context.n_inputs(); ++i) {
      const Sequence* sequence = context.InputValue(i).sequence();
      inputs.push_back(sequence != nullptr ? sequence->elements[e] : context.InputValue(i));
    }
    WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs,
                         context.RunSubgraph("body", std::move(inputs)));
    for (size_t i = 0; i < lists.size() && i < outputs.size(); ++i) {
      // A sequence of sequences could grow one deeper in every turn of a loop.
      if (outputs[i].tensor() == nullptr && outputs[i].strings() == nullptr) {
        return InvalidArgument("output " + std::to_string(i) + " of its body is " +
                               ValueTypeToString(*TypeOf(outputs[i])) + ", not a tensor");
      }
      lists[i].elements.push_back(std::move(outputs[i]));
    }
  }
  for (size_t i = 0; i < lists.size(); ++i) {
    if (!context.HasOutput(i)) continue;
    WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(lists[i])));
    context.SetOutput(i, std::move(made));
  }
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "If", .outputs = {1, kVariadic}, .infer = InferIf, .evaluate = EvaluateIf},
    {.name = "Loop",
     .inputs = {0, kVariadic},
     .outputs = {1, kVariadic},
     .infer = InferLoop,
     .evaluate = EvaluateLoop,
     .container_inputs = kEveryInput << kLoopHead},
    {.name = "SequenceMap",
     .since_version = 17,
     .inputs = {1, kVariadic},
     .outputs = {1, kVariadic},
     .infer = InferSequenceMap,
     .evaluate = EvaluateSequenceMap,
     .container_inputs = kEveryInput},
});

}  // namespace

std::span<const OpDef> ControlFlowOps() { return kOps; }

}  // namespace wnn::ops
