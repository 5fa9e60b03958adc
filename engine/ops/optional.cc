// Operators on optionals: Optional, OptionalHasElement, OptionalGetElement.
#include <array>

#include "engine/ops/evaluate_context.h"
#include "engine/ops/families.h"
#include "engine/ops/subgraph_math.h"

namespace wnn::ops {
namespace {

Status InferOptional(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(ValueTypePtr type, context.attributes().Type("type"));
  if (context.HasInput(0)) {
    const ValueTypePtr& container = context.Input(0).container;
    if (container != nullptr && container->kind != ValueType::Kind::kSequence) {
      return InvalidArgument("input 0 is " + context.Input(0).ToString() +
                             ", neither a tensor nor a sequence");
    }
    type = context.Input(0).ElementType();
  } else if (type == nullptr) {
    return InvalidArgument("it has neither an input nor the attribute 'type'");
  }
  context.SetOutput(0, Fact::OfType(*ValueType::OfOptional(std::move(type))));
  return OkStatus();
}

Status EvaluateOptional(EvaluateContext& context) {
  Optional optional;
  optional.element = context.OutputFact(0).container->element;
  optional.value = context.InputValue(0);
  context.SetOutput(0, Value(std::move(optional)));
  return OkStatus();
}

Status InferHasElement(InferContext& context) {
  context.SetOutput(0, Fact::Ranked(DType::kBool, {}));
  return OkStatus();
}

// A value that is no optional is one that is there; so it is since version 18.
Status EvaluateHasElement(EvaluateContext& context) {
  const Value& input = context.InputValue(0);
  const Optional* optional = input.optional();
  const bool has_element = optional != nullptr ? !optional->value.empty() : !input.empty();
  WNN_ASSIGN_OR_RETURN(Value answer, MakeScalar(context, DType::kBool, has_element ? 1 : 0));
  context.SetOutput(0, std::move(answer));
  return OkStatus();
}

Status InferGetElement(InferContext& context) {
  const Fact& input = context.Input(0);
  const bool is_optional =
      input.container != nullptr && input.container->kind == ValueType::Kind::kOptional;
  if (!is_optional) {
    Fact same = AnyShapeOf(input);
    same.has_rank = input.has_rank;
    same.dims = input.dims;
    context.SetOutput(0, std::move(same));
    return OkStatus();
  }
  const ValueTypePtr& element = input.container->element;
  context.SetOutput(0, element != nullptr ? Fact::OfType(*element) : Fact());
  return OkStatus();
}

Status EvaluateGetElement(EvaluateContext& context) {
  const Value& input = context.InputValue(0);
  const Optional* optional = input.optional();
  if (optional != nullptr && optional->value.empty()) {
    return RuntimeError("the optional holds nothing");
  }
  context.SetOutput(0, optional != nullptr ? optional->value : input);
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Optional",
     .since_version = 15,
     .inputs = {0, 1},
     .infer = InferOptional,
     .evaluate = EvaluateOptional,
     .container_inputs = 0b1},
    {.name = "OptionalHasElement",
     .since_version = 15,
     .inputs = {0, 1},
     .infer = InferHasElement,
     .evaluate = EvaluateHasElement,
     .container_inputs = 0b1},
    {.name = "OptionalGetElement",
     .since_version = 15,
     .infer = InferGetElement,
     .evaluate = EvaluateGetElement,
     .container_inputs = 0b1},
});

}  // namespace

std::span<const OpDef> OptionalOps() { return kOps; }

}  // namespace wnn::ops
