#include "engine/ops/value_slices.h"

#include <algorithm>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

std::string TypeOfValue(const Value& value) { return ValueTypeToString(*TypeOf(value)); }

Status RequireWholeBytes(DType dtype) {
  if (dtype == DType::kString || DTypeBits(dtype) >= 8) return OkStatus();
  return Unsupported("elements of type " + std::string(DTypeName(dtype)) +
                     " cannot be taken apart");
}

// Copies `count` of `extent` slices along an axis between two places, for strings or bytes.
struct Run {
  int64_t outer = 1;
  int64_t length = 0;       // elements that lie together
  int64_t from_stride = 0;  // elements between two runs
  int64_t from_start = 0;
  int64_t to_stride = 0;
  int64_t to_start = 0;
};

// Until `check` says stop. `cost`: of an element, in nanoseconds.
template <typename Copy>
void ForEachRun(const Run& run, int64_t cost, StopCheck& check, Copy copy) {
  constexpr int64_t kPiece = 1 << 16;
  for (int64_t i = 0; i < run.outer && run.length > 0; ++i) {
    for (int64_t at = 0; at < run.length; at += kPiece) {
      const int64_t n = std::min(kPiece, run.length - at);
      if (check.Stopped(10 + cost * n)) return;
      copy(static_cast<size_t>(run.from_start + i * run.from_stride + at),
           static_cast<size_t>(run.to_start + i * run.to_stride + at), static_cast<size_t>(n));
    }
  }
}

void CopyElements(const Run& run, const Tensor& from, const Tensor& to, StopCheck& check) {
  const size_t size = DTypeBits(from.dtype()) / 8;
  ForEachRun(run, 1, check, [&](size_t at, size_t into, size_t n) {
    std::memcpy(to.bytes().data() + into * size, from.bytes().data() + at * size, n * size);
  });
}

// kTooLarge if the run has no room for them.
Status CopyStrings(const Run& run, const StringTensor& from, StringTensor& to, StopCheck& check) {
  Status status;
  ForEachRun(run, 20, check, [&](size_t at, size_t into, size_t n) {
    for (size_t i = 0; i < n && status.ok(); ++i) {
      const std::string& text = from.elements[at + i];
      if (check.Stopped(static_cast<int64_t>(text.size()) / 4)) return;
      status = to.ChargeText(text.size());
      if (status.ok()) to.elements[into + i] = text;
    }
  });
  return status;
}

// That many empty strings, if the run has room for them.
Result<StringTensor> AllocateStrings(const EvaluateContext& context, Shape shape) {
  const auto count = ElementCount(shape);
  const auto bytes = count
                         ? CheckedMul<uint64_t>(static_cast<uint64_t>(*count), sizeof(std::string))
                         : std::nullopt;
  if (!bytes || *bytes > context.limits().max_tensor_bytes) {
    return TooLarge("strings " + ShapeToString(shape) + " are over the limit of " +
                    std::to_string(context.limits().max_tensor_bytes) + " bytes");
  }
  StringTensor strings = context.NewStrings(std::move(shape));
  WNN_RETURN_IF_ERROR(strings.Reserve(static_cast<size_t>(*count)));
  strings.elements.resize(static_cast<size_t>(*count));
  return strings;
}

}  // namespace

Result<Value> SliceValue(const EvaluateContext& context, const Value& value, size_t axis,
                         int64_t begin, int64_t count) {
  WNN_RETURN_IF_ERROR(RequireWholeBytes(value.dtype()));
  Shape shape(value.dims().begin(), value.dims().end());
  const AxisView view = ViewAxis(shape, axis);
  shape[axis] = count;
  StopCheck check(context.parallel());
  Run run;
  run.outer = view.outer;
  run.length = count * view.inner;
  run.from_stride = view.extent * view.inner;
  run.from_start = begin * view.inner;
  run.to_stride = run.length;
  if (const Tensor* tensor = value.tensor()) {
    WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(tensor->dtype(), std::move(shape)));
    CopyElements(run, *tensor, out, check);
    if (check.Stopped(0)) return context.stop().Check();
    return Value(std::move(out));
  }
  if (value.strings() == nullptr) return InvalidArgument(TypeOfValue(value) + " is no tensor");
  WNN_ASSIGN_OR_RETURN(StringTensor out, AllocateStrings(context, std::move(shape)));
  WNN_RETURN_IF_ERROR(CopyStrings(run, *value.strings(), out, check));
  if (check.Stopped(0)) return context.stop().Check();
  return context.Finish(std::move(out));
}

Result<Value> DropAxis(const EvaluateContext& context, const Value& value, size_t axis) {
  Shape shape(value.dims().begin(), value.dims().end());
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  if (const Tensor* tensor = value.tensor()) return Value(tensor->WithShape(std::move(shape)));
  WNN_ASSIGN_OR_RETURN(StringTensor out, AllocateStrings(context, std::move(shape)));
  StopCheck check(context.parallel());
  const int64_t n = static_cast<int64_t>(out.elements.size());
  WNN_RETURN_IF_ERROR(CopyStrings({.length = n}, *value.strings(), out, check));
  if (check.Stopped(0)) return context.stop().Check();
  return context.Finish(std::move(out));
}

Result<Value> JoinValues(const EvaluateContext& context, std::span<const Value> values,
                         int64_t wanted_axis, bool new_axis) {
  if (values.empty()) return InvalidArgument("there is nothing to join");
  const Value& first = values[0];
  if (first.tensor() == nullptr && first.strings() == nullptr) {
    return InvalidArgument(TypeOfValue(first) + " is no tensor");
  }
  WNN_RETURN_IF_ERROR(RequireWholeBytes(first.dtype()));
  const size_t rank = first.dims().size() + (new_axis ? 1 : 0);
  WNN_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(wanted_axis, rank));
  Shape shape(first.dims().begin(), first.dims().end());
  const auto place = static_cast<std::ptrdiff_t>(axis);
  if (new_axis) shape.insert(shape.begin() + place, 1);
  StopCheck check(context.parallel());
  int64_t extent = 0;
  for (const Value& value : values) {
    if (check.Stopped(100)) return context.stop().Check();
    Shape other(value.dims().begin(), value.dims().end());
    bool fits = value.dtype() == first.dtype() && other.size() == first.dims().size();
    if (new_axis && fits) other.insert(other.begin() + place, 1);
    for (size_t d = 0; fits && d < rank; ++d) fits = d == axis || other[d] == shape[d];
    if (!fits) {
      return InvalidArgument(TypeOfValue(value) + " cannot be joined with " + TypeOfValue(first));
    }
    auto sum = CheckedAdd(extent, other[axis]);
    if (!sum) return TooLarge("the joined axis is too long");
    extent = *sum;
  }
  shape[axis] = extent;
  WNN_RETURN_IF_ERROR(CheckSize(Fact::Concrete(first.dtype(), shape)));
  const AxisView view = ViewAxis(shape, axis);
  Tensor out;
  StringTensor strings;
  if (first.tensor() != nullptr) {
    WNN_ASSIGN_OR_RETURN(out, context.Allocate(first.dtype(), shape));
  } else {
    WNN_ASSIGN_OR_RETURN(strings, AllocateStrings(context, shape));
  }
  int64_t at = 0;
  for (const Value& value : values) {
    if (check.Stopped(20)) return context.stop().Check();
    const int64_t part = new_axis ? 1 : value.dims()[axis];
    Run run;
    run.outer = view.outer;
    run.length = part * view.inner;
    run.from_stride = run.length;
    run.to_stride = extent * view.inner;
    run.to_start = at * view.inner;
    if (value.tensor() != nullptr) {
      CopyElements(run, *value.tensor(), out, check);
    } else {
      WNN_RETURN_IF_ERROR(CopyStrings(run, *value.strings(), strings, check));
    }
    at += part;
  }
  if (check.Stopped(0)) return context.stop().Check();
  if (first.tensor() != nullptr) return Value(std::move(out));
  return context.Finish(std::move(strings));
}

Status StackedValues::Add(Value value) {
  // Small tensors by the million take long to free, too, and that nobody can stop.
  constexpr size_t kMostPending = 1 << 16;
  pending_.push_back(std::move(value));
  return pending_.size() < kMostPending ? OkStatus() : JoinPending();
}

Status StackedValues::JoinPending() {
  if (backwards_) std::ranges::reverse(pending_);
  WNN_ASSIGN_OR_RETURN(Value joined, JoinValues(*context_, pending_, axis_, /*new_axis=*/true));
  pending_.clear();
  joined_.push_back(std::move(joined));
  return OkStatus();
}

Result<Value> StackedValues::Finish() {
  if (!pending_.empty()) WNN_RETURN_IF_ERROR(JoinPending());
  if (joined_.size() == 1) return std::move(joined_[0]);
  if (backwards_) std::ranges::reverse(joined_);
  return JoinValues(*context_, joined_, axis_, /*new_axis=*/false);
}

}  // namespace wnn::ops
