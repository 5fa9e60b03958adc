// Operators on sequences: SequenceEmpty, SequenceConstruct, SequenceAt, SequenceInsert,
// SequenceErase, SequenceLength, SplitToSequence, ConcatFromSequence.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/subgraph_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/value_slices.h"

namespace wnn::ops {
namespace {

Fact SequenceOf(ValueTypePtr element) {
  return Fact::OfType(*ValueType::OfSequence(std::move(element)));
}

// kInvalidArgument unless input i is a sequence, as far as it is known.
Status RequireSequence(const OpContext& context, size_t i) {
  const Fact& input = context.Input(i);
  const bool is_unknown = input.container == nullptr && input.dtype == DType::kUndefined;
  if (is_unknown) return OkStatus();
  if (input.container != nullptr && input.container->kind == ValueType::Kind::kSequence) {
    return OkStatus();
  }
  return InvalidArgument("input " + std::to_string(i) + " is " + input.ToString() +
                         ", not a sequence");
}

// REQUIRES: RequireSequence() before the run.
Result<const Sequence*> SequenceInput(const EvaluateContext& context, size_t i) {
  if (const Sequence* sequence = context.InputValue(i).sequence()) return sequence;
  return InvalidArgument("input " + std::to_string(i) + " is not a sequence");
}

ValueTypePtr ElementOf(const Fact& sequence) {
  return sequence.container != nullptr ? sequence.container->element : nullptr;
}

// A position as ONNX writes it: an int32 or int64 scalar, negative from the end.
Result<size_t> Position(const EvaluateContext& context, size_t i, size_t size, bool may_be_end) {
  const Value& value = context.InputValue(i);
  int64_t at = 0;
  if (value.tensor() != nullptr && value.dtype() == DType::kInt32 &&
      value.tensor()->n_elements() == 1) {
    at = context.InputElements<int32_t>(i)[0];
  } else {
    WNN_ASSIGN_OR_RETURN(at, ScalarInt64(value, "the position"));
  }
  const int64_t n = static_cast<int64_t>(size);
  const int64_t place = at < 0 ? at + n : at;
  if (place < 0 || place > n || (place == n && !may_be_end)) {
    return RuntimeError("position " + std::to_string(at) + " is outside a sequence of " +
                        std::to_string(n));
  }
  return static_cast<size_t>(place);
}

Status InferEmpty(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("dtype", 1));
  const auto dtype = DTypeFromOnnx(number);
  if (!dtype) {
    return InvalidArgument("attribute 'dtype' is " + std::to_string(number) +
                           ", which is no element type");
  }
  context.SetOutput(0, SequenceOf(ValueType::OfTensor(*dtype)));
  return OkStatus();
}

Status EvaluateEmpty(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(Value made, context.MakeSequence(ElementOf(context.OutputFact(0)), {}));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferConstruct(InferContext& context) {
  for (size_t i = 1; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  }
  context.SetOutput(0, SequenceOf(context.Input(0).ElementType()));
  return OkStatus();
}

Status EvaluateConstruct(EvaluateContext& context) {
  std::vector<Value> elements;
  for (size_t i = 0; i < context.n_inputs(); ++i) elements.push_back(context.InputValue(i));
  WNN_ASSIGN_OR_RETURN(Value made,
                       context.MakeSequence(ElementOf(context.OutputFact(0)), std::move(elements)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferAt(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireSequence(context, 0));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  const ValueTypePtr element = ElementOf(context.Input(0));
  context.SetOutput(0, element != nullptr ? Fact::OfType(*element) : Fact());
  return OkStatus();
}

Status EvaluateAt(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  WNN_ASSIGN_OR_RETURN(size_t at, Position(context, 1, sequence->elements.size(), false));
  context.SetOutput(0, sequence->elements[at]);
  return OkStatus();
}

Status InferInsert(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireSequence(context, 0));
  WNN_RETURN_IF_ERROR(context.RequireType(2, kIndexSet));
  const ValueTypePtr element = ElementOf(context.Input(0));
  const Fact& inserted = context.Input(1);
  if (element != nullptr && element->dtype != DType::kUndefined &&
      inserted.dtype != DType::kUndefined && element->dtype != inserted.dtype) {
    return InvalidArgument("input 1 is " + inserted.ToString() + ", but the sequence is " +
                           context.Input(0).ToString());
  }
  const bool is_known = element != nullptr && element->dtype != DType::kUndefined;
  context.SetOutput(0, SequenceOf(is_known ? element : inserted.ElementType()));
  return OkStatus();
}

Status EvaluateInsert(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  const size_t size = sequence->elements.size();
  size_t at = size;
  if (context.HasInput(2)) {
    WNN_ASSIGN_OR_RETURN(at, Position(context, 2, size, true));
  }
  std::vector<Value> elements;
  elements.reserve(size + 1);
  elements = sequence->elements;
  elements.insert(elements.begin() + static_cast<std::ptrdiff_t>(at), context.InputValue(1));
  WNN_ASSIGN_OR_RETURN(Value made,
                       context.MakeSequence(ElementOf(context.OutputFact(0)), std::move(elements)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferErase(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireSequence(context, 0));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  context.SetOutput(0, SequenceOf(ElementOf(context.Input(0))));
  return OkStatus();
}

Status EvaluateErase(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  const size_t size = sequence->elements.size();
  if (size == 0) return RuntimeError("an empty sequence has nothing to erase");
  size_t at = size - 1;
  if (context.HasInput(1)) {
    WNN_ASSIGN_OR_RETURN(at, Position(context, 1, size, false));
  }
  std::vector<Value> elements = sequence->elements;
  elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(at));
  WNN_ASSIGN_OR_RETURN(Value made, context.MakeSequence(sequence->element, std::move(elements)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferLength(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireSequence(context, 0));
  context.SetOutput(0, Fact::Ranked(DType::kInt64, {}));
  return OkStatus();
}

Status EvaluateLength(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  WNN_ASSIGN_OR_RETURN(Value length, MakeScalar(context, DType::kInt64,
                                                static_cast<int64_t>(sequence->elements.size())));
  context.SetOutput(0, std::move(length));
  return OkStatus();
}

Status InferSplit(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 0, 1));
  context.SetOutput(0, SequenceOf(ValueType::OfTensor(context.Input(0).dtype)));
  return OkStatus();
}

// How long each part is. `split` is nothing (parts of 1), a length for all, or one for each.
Result<std::vector<int64_t>> PartLengths(const EvaluateContext& context, int64_t extent) {
  WNN_ASSIGN_OR_RETURN(auto given, context.InputInts(1));
  const bool is_scalar = !context.HasInput(1) || context.Input(1).rank() == 0;
  std::vector<int64_t> lengths;
  if (is_scalar) {
    const int64_t length = given ? given->at(0) : 1;
    if (length <= 0) return InvalidArgument("parts of length " + std::to_string(length));
    // An axis may be far longer than memory: a part is at least what its list entry takes.
    if (extent / length > static_cast<int64_t>(context.limits().max_memory_bytes / sizeof(Value))) {
      return TooLarge("a sequence of " + std::to_string(extent / length) + " parts");
    }
    for (int64_t at = 0; at < extent; at += length) {
      lengths.push_back(std::min(length, extent - at));
    }
    return lengths;
  }
  int64_t rest = extent;
  for (int64_t length : *given) {
    if (length < 0 || length > rest) {
      return InvalidArgument("the lengths " + ShapeToString(*given) + " do not fit an axis of " +
                             std::to_string(extent));
    }
    rest -= length;
  }
  if (rest != 0) {
    return InvalidArgument("the lengths " + ShapeToString(*given) + " leave " +
                           std::to_string(rest) + " of an axis of " + std::to_string(extent));
  }
  return std::move(*given);
}

Status EvaluateSplit(EvaluateContext& context) {
  const Value& whole = context.InputValue(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(int64_t keepdims, context.attributes().Int("keepdims", 1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, whole.dims().size()));
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> lengths, PartLengths(context, whole.dims()[axis]));
  std::vector<Value> parts;
  int64_t at = 0;
  for (int64_t length : lengths) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_ASSIGN_OR_RETURN(Value part, SliceValue(context, whole, axis, at, length));
    // keepdims speaks only of parts that nobody gave lengths for.
    const bool drops_axis = keepdims == 0 && !context.HasInput(1);
    if (drops_axis) {
      WNN_ASSIGN_OR_RETURN(part, DropAxis(context, part, axis));
    }
    parts.push_back(std::move(part));
    at += length;
  }
  WNN_ASSIGN_OR_RETURN(Value made,
                       context.MakeSequence(ValueType::OfTensor(whole.dtype()), std::move(parts)));
  context.SetOutput(0, std::move(made));
  return OkStatus();
}

Status InferConcat(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireSequence(context, 0));
  WNN_RETURN_IF_ERROR(context.attributes().Has("axis")
                          ? OkStatus()
                          : InvalidArgument("attribute 'axis' is missing"));
  const ValueTypePtr element = ElementOf(context.Input(0));
  context.SetOutput(0, element != nullptr ? AnyShapeOf(Fact::OfType(*element)) : Fact());
  return OkStatus();
}

Status EvaluateConcat(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().RequiredInt("axis"));
  WNN_ASSIGN_OR_RETURN(int64_t new_axis, context.attributes().Int("new_axis", 0));
  WNN_ASSIGN_OR_RETURN(Value joined, JoinValues(context, sequence->elements, axis, new_axis != 0));
  context.SetOutput(0, std::move(joined));
  return OkStatus();
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "SequenceEmpty",
     .since_version = 11,
     .inputs = {0, 0},
     .infer = InferEmpty,
     .evaluate = EvaluateEmpty},
    {.name = "SequenceConstruct",
     .since_version = 11,
     .inputs = {1, kVariadic},
     .infer = InferConstruct,
     .evaluate = EvaluateConstruct},
    {.name = "SequenceAt",
     .since_version = 11,
     .inputs = {2, 2},
     .infer = InferAt,
     .evaluate = EvaluateAt,
     .container_inputs = 0b1},
    {.name = "SequenceInsert",
     .since_version = 11,
     .inputs = {2, 3},
     .infer = InferInsert,
     .evaluate = EvaluateInsert,
     .container_inputs = 0b1},
    {.name = "SequenceErase",
     .since_version = 11,
     .inputs = {1, 2},
     .infer = InferErase,
     .evaluate = EvaluateErase,
     .container_inputs = 0b1},
    {.name = "SequenceLength",
     .since_version = 11,
     .infer = InferLength,
     .evaluate = EvaluateLength,
     .container_inputs = 0b1},
    {.name = "SplitToSequence",
     .since_version = 11,
     .inputs = {1, 2},
     .infer = InferSplit,
     .evaluate = EvaluateSplit,
     .value_inputs = 0b10},
    {.name = "ConcatFromSequence",
     .since_version = 11,
     .infer = InferConcat,
     .evaluate = EvaluateConcat,
     .container_inputs = 0b1},
});

}  // namespace

std::span<const OpDef> SequenceOps() { return kOps; }

}  // namespace wnn::ops
