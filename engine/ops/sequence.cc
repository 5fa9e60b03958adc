// Operators on sequences: SequenceEmpty, SequenceConstruct, SequenceAt, SequenceInsert,
// SequenceErase, SequenceLength, SplitToSequence, ConcatFromSequence.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
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
  WNN_ASSIGN_OR_RETURN(Value made,
                       context.Finish(context.NewSequence(ElementOf(context.OutputFact(0)))));
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
  Sequence list = context.NewSequence(ElementOf(context.OutputFact(0)));
  for (size_t i = 0; i < context.n_inputs(); ++i) list.elements.push_back(context.InputValue(i));
  WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(list)));
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

// Adds elements [begin, end) of another list. kTimeout once the run is to stop.
Status AddElements(const EvaluateContext& context, const Sequence& from, size_t begin, size_t end,
                   Sequence& to) {
  StopCheck check(context.parallel());
  for (size_t i = begin; i < end; ++i) {
    if (check.Stopped(20)) return context.stop().Check();
    to.elements.push_back(from.elements[i]);
  }
  return OkStatus();
}

Status EvaluateInsert(EvaluateContext& context) {
  WNN_ASSIGN_OR_RETURN(const Sequence* sequence, SequenceInput(context, 0));
  const size_t size = sequence->elements.size();
  size_t at = size;
  if (context.HasInput(2)) {
    WNN_ASSIGN_OR_RETURN(at, Position(context, 2, size, true));
  }
  Sequence list = context.NewSequence(ElementOf(context.OutputFact(0)));
  WNN_RETURN_IF_ERROR(list.Reserve(size + 1));
  WNN_RETURN_IF_ERROR(AddElements(context, *sequence, 0, at, list));
  list.elements.push_back(context.InputValue(1));
  WNN_RETURN_IF_ERROR(AddElements(context, *sequence, at, size, list));
  WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(list)));
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
  Sequence list = context.NewSequence(sequence->element);
  WNN_RETURN_IF_ERROR(list.Reserve(size - 1));
  WNN_RETURN_IF_ERROR(AddElements(context, *sequence, 0, at, list));
  WNN_RETURN_IF_ERROR(AddElements(context, *sequence, at + 1, size, list));
  WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(list)));
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

// How an axis is cut into parts.
class Parts {
 public:
  // `split` is nothing (parts of 1), a length for all, or one for each.
  static Result<Parts> Of(const EvaluateContext& context, int64_t extent) {
    Parts parts;
    WNN_ASSIGN_OR_RETURN(auto given, context.InputInts(1));
    if (context.HasInput(1) && context.Input(1).rank() != 0) {
      WNN_RETURN_IF_ERROR(CheckLengths(*given, extent));
      parts.n_ = given->size();
      parts.lengths_ = std::move(*given);
      return parts;
    }
    parts.rest_ = extent;
    parts.length_ = given ? given->at(0) : 1;
    if (parts.length_ <= 0) {
      return InvalidArgument("parts of length " + std::to_string(parts.length_));
    }
    parts.n_ = static_cast<size_t>(extent / parts.length_ + (extent % parts.length_ != 0));
    return parts;
  }

  size_t size() const { return n_; }
  // REQUIRES: called once for each part, in their order.
  int64_t NextLength() {
    if (!lengths_.empty()) return lengths_[next_++];
    const int64_t length = std::min(length_, rest_);
    rest_ -= length;
    return length;
  }

 private:
  static Status CheckLengths(std::span<const int64_t> lengths, int64_t extent) {
    int64_t rest = extent;
    for (int64_t length : lengths) {
      if (length < 0 || length > rest) {
        return InvalidArgument("the lengths " + ShapeToString(lengths) + " do not fit an axis of " +
                               std::to_string(extent));
      }
      rest -= length;
    }
    if (rest == 0) return OkStatus();
    return InvalidArgument("the lengths " + ShapeToString(lengths) + " leave " +
                           std::to_string(rest) + " of an axis of " + std::to_string(extent));
  }

  size_t n_ = 0, next_ = 0;
  std::vector<int64_t> lengths_;  // empty: length_ each, and what is left for the last one
  int64_t length_ = 0, rest_ = 0;
};

Status EvaluateSplit(EvaluateContext& context) {
  const Value& whole = context.InputValue(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(int64_t keepdims, context.attributes().Int("keepdims", 1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, whole.dims().size()));
  WNN_ASSIGN_OR_RETURN(Parts parts, Parts::Of(context, whole.dims()[axis]));
  // keepdims speaks only of parts that nobody gave lengths for.
  const bool drops_axis = keepdims == 0 && !context.HasInput(1);
  Sequence list = context.NewSequence(ValueType::OfTensor(whole.dtype()));
  WNN_RETURN_IF_ERROR(list.Reserve(parts.size()));
  int64_t at = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const int64_t length = parts.NextLength();
    WNN_ASSIGN_OR_RETURN(Value part, SliceValue(context, whole, axis, at, length));
    if (drops_axis) {
      WNN_ASSIGN_OR_RETURN(part, DropAxis(context, part, axis));
    }
    list.elements.push_back(std::move(part));
    at += length;
  }
  WNN_ASSIGN_OR_RETURN(Value made, context.Finish(std::move(list)));
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
