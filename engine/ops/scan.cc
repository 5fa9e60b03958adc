// Operators that walk along an axis or a diagonal: CumSum, CumProd, Trilu, TopK, OneHot.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// CumSum and CumProd: the axis is the value of input 1.
template <typename T, typename Function>
class CumulativeOp final : public CompiledOp {
 public:
  CumulativeOp(const AxisView& view, bool exclusive, bool reverse, int start)
      : view_(view), exclusive_(exclusive), reverse_(reverse), start_(start) {}
  Status Run(const RunArgs& args) const override {
    using Value = kernels::Compute<T>;
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    StopCheck check(*args.parallel);
    for (int64_t row = 0; row < view_.outer * view_.inner; ++row) {
      const int64_t first = row / view_.inner * view_.extent * view_.inner + row % view_.inner;
      Value total = static_cast<Value>(start_);
      for (int64_t i = 0; i < view_.extent; ++i) {
        if (check.Stopped(2)) return OkStatus();
        const int64_t at = first + (reverse_ ? view_.extent - 1 - i : i) * view_.inner;
        const Value next = Function()(total, kernels::Widen(in[at]));
        out[at] = kernels::Narrow<T>(exclusive_ ? total : next);
        total = next;
      }
    }
    return OkStatus();
  }

 private:
  const AxisView view_;
  const bool exclusive_;
  const bool reverse_;
  const int start_;
};

Status InferCumulative(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  WNN_ASSIGN_OR_RETURN(auto axis, context.InputInts(1));
  if (axis && axis->size() != 1) return InvalidArgument("the axis is not one number");
  if (axis && context.Input(0).has_rank) {
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t index,
                         NormalizeAxis((*axis)[0], context.Input(0).rank()));
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileCumulative(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(auto wanted, context.InputInts(1));
  if (!wanted || wanted->size() != 1) return Internal("the axis is not known");
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis((*wanted)[0], shape.size()));
  WNN_ASSIGN_OR_RETURN(int64_t exclusive, context.attributes().Int("exclusive", 0));
  WNN_ASSIGN_OR_RETURN(int64_t reverse, context.attributes().Int("reverse", 0));
  const AxisView view = ViewAxis(shape, axis);
  const bool sums = context.op_type() == "CumSum";
  return kernels::Visit(context.InputType(0), kernels::NumericTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          if (sums) {
                            return std::make_unique<CumulativeOp<T, kernels::Add>>(
                                view, exclusive != 0, reverse != 0, 0);
                          }
                          return std::make_unique<CumulativeOp<T, kernels::Mul>>(
                              view, exclusive != 0, reverse != 0, 1);
                        });
}

// Trilu: keeps one side of a diagonal of the last two dimensions; zeros elsewhere.
class TriluOp final : public CompiledOp {
 public:
  TriluOp(int64_t matrices, int64_t rows, int64_t columns, bool upper, int64_t diagonal,
          size_t element_bytes)
      : matrices_(matrices),
        rows_(rows),
        columns_(columns),
        upper_(upper),
        diagonal_(diagonal),
        element_bytes_(static_cast<int64_t>(element_bytes)) {}
  Status Run(const RunArgs& args) const override {
    const std::byte* in = args.inputs[0];
    std::byte* out = args.outputs[0];
    StopCheck check(*args.parallel);
    for (int64_t row = 0; row < matrices_ * rows_; ++row) {
      if (check.Stopped(columns_ * element_bytes_ / 4)) return OkStatus();
      // Columns [0, split) lie below the diagonal, the others on or above it.
      const int64_t i = row % rows_;
      const int64_t split = std::clamp<int64_t>(i + diagonal_ + (upper_ ? 0 : 1), 0, columns_);
      const int64_t first = upper_ ? split : 0, last = upper_ ? columns_ : split;
      const int64_t at = row * columns_;
      std::memset(out + at * element_bytes_, 0, static_cast<size_t>(columns_ * element_bytes_));
      std::memcpy(out + (at + first) * element_bytes_, in + (at + first) * element_bytes_,
                  static_cast<size_t>((last - first) * element_bytes_));
    }
    return OkStatus();
  }

 private:
  const int64_t matrices_;
  const int64_t rows_;
  const int64_t columns_;
  const bool upper_;
  const int64_t diagonal_;
  const int64_t element_bytes_;
};

Status InferTrilu(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  WNN_ASSIGN_OR_RETURN(auto diagonal, context.InputInts(1));
  if (diagonal && diagonal->size() != 1) return InvalidArgument("k is not one number");
  return InferSame(context);
}

Result<CompiledPtr> CompileTrilu(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(auto k, context.InputInts(1));
  WNN_ASSIGN_OR_RETURN(int64_t upper, context.attributes().Int("upper", 1));
  // Beyond the matrix every diagonal is the same; the clamp keeps sums in range.
  const int64_t diagonal =
      std::clamp<int64_t>(k ? (*k)[0] : 0, -graph::kMaxExtent, graph::kMaxExtent);
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  return CompiledPtr(std::make_unique<TriluOp>(
      ShapeProduct(std::span(shape).first(shape.size() - 2)), rows, columns, upper != 0, diagonal,
      DTypeBits(context.InputType(0)) / 8));
}

// TopK: values and indices of the k largest or smallest elements along an axis, in order; of equal
// ones the first index wins.
template <typename T>
class TopKOp final : public CompiledOp {
 public:
  TopKOp(const AxisView& view, int64_t k, bool largest) : view_(view), k_(k), largest_(largest) {}
  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(k_) * sizeof(int64_t) * static_cast<uint64_t>(n_threads);
  }
  Status Run(const RunArgs& args) const override {
    int64_t* scratch = reinterpret_cast<int64_t*>(args.scratch);
    args.parallel->ForEach(static_cast<size_t>(view_.outer * view_.inner),
                           [&](size_t row, int thread) {
                             Row(args, static_cast<int64_t>(row), scratch + int64_t{thread} * k_);
                           });
    return OkStatus();
  }

 private:
  // `order` has room for k. A heap whose top is the last of the first k so far, by steps that each
  // take little time: a row may be as long as a tensor.
  void Row(const RunArgs& args, int64_t row, int64_t* order) const {
    if (k_ == 0) return;
    StopCheck check(*args.parallel);
    const int64_t outer = row / view_.inner, inner = row % view_.inner;
    const T* in = args.in<T>(0) + outer * view_.extent * view_.inner + inner;
    auto before = [&](int64_t a, int64_t b) {
      const auto x = kernels::Widen(in[a * view_.inner]), y = kernels::Widen(in[b * view_.inner]);
      // NaN counts as the largest number: the order stays a strict one.
      const bool x_nan = x != x, y_nan = y != y;
      if (x_nan || y_nan) return x_nan == y_nan ? a < b : x_nan == largest_;
      return x == y ? a < b : largest_ ? x > y : x < y;
    };
    for (int64_t i = 0; i < k_; ++i) {
      if (check.Stopped(16)) return;
      order[i] = i;
      std::push_heap(order, order + i + 1, before);
    }
    for (int64_t i = k_; i < view_.extent; ++i) {
      if (check.Stopped(4)) return;
      if (!before(i, order[0])) continue;
      if (check.Stopped(64)) return;
      std::pop_heap(order, order + k_, before);
      order[k_ - 1] = i;
      std::push_heap(order, order + k_, before);
    }
    for (int64_t n = k_; n > 1; --n) {
      if (check.Stopped(64)) return;
      std::pop_heap(order, order + n, before);
    }
    for (int64_t i = 0; i < k_; ++i) {
      const int64_t to = (outer * k_ + i) * view_.inner + inner;
      if (args.out<T>(0) != nullptr) args.out<T>(0)[to] = in[order[i] * view_.inner];
      if (args.out<int64_t>(1) != nullptr) args.out<int64_t>(1)[to] = order[i];
    }
  }

  const AxisView view_;
  const int64_t k_;
  const bool largest_;
};

// k is an attribute before version 10, then an input. Nothing if its value is not known.
Result<std::optional<int64_t>> ReadK(const OpContext& context) {
  if (context.opset() < 10) {
    WNN_ASSIGN_OR_RETURN(int64_t k, context.attributes().RequiredInt("k"));
    return std::optional(k);
  }
  WNN_ASSIGN_OR_RETURN(auto values, context.InputInts(1));
  if (!values) return std::optional<int64_t>();
  if (values->size() != 1) return InvalidArgument("k is not one number");
  return std::optional((*values)[0]);
}

Status InferTopK(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 1, graph::kMaxRank));
  if (context.opset() >= 10 && !context.HasInput(1)) return InvalidArgument("k is missing");
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto k, ReadK(context));
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    context.SetOutput(1, Fact::Unranked(DType::kInt64));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, in.rank()));
  std::vector<Dim> dims = in.dims;
  if (k && (*k < 0 || (IsKnown(dims[axis]) && *k > dims[axis].value))) {
    return InvalidArgument("k is " + std::to_string(*k) + " for axis " + std::to_string(axis) +
                           " of " + in.ToString());
  }
  dims[axis] = k ? graph::KnownDim(*k) : graph::UnknownDim();
  context.SetOutput(0, Fact::Ranked(in.dtype, dims));
  context.SetOutput(1, Fact::Ranked(DType::kInt64, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileTopK(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(auto k, ReadK(context));
  if (!k) return Internal("k is not known");
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, shape.size()));
  WNN_ASSIGN_OR_RETURN(int64_t largest, context.attributes().Int("largest", 1));
  return kernels::Visit(
      context.InputType(0), kernels::NumericTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<TopKOp<T>>(ViewAxis(shape, axis), *k, largest != 0);
      });
}

// OneHot: a new axis of `depth` positions, on at the index and off elsewhere. Indices out of range
// are off everywhere.
template <typename Index, typename T>
class OneHotOp final : public CompiledOp {
 public:
  explicit OneHotOp(const AxisView& view) : view_(view) {}
  Status Run(const RunArgs& args) const override {
    const Index* indices = args.in<Index>(0);
    const T off = args.in<T>(2)[0], on = args.in<T>(2)[1];
    T* out = args.out<T>(0);
    StopCheck check(*args.parallel);
    for (int64_t outer = 0; outer < view_.outer; ++outer) {
      for (int64_t inner = 0; inner < view_.inner; ++inner) {
        if (check.Stopped(view_.extent)) return OkStatus();
        int64_t hot = kernels::Convert<int64_t>(indices[outer * view_.inner + inner]);
        if (hot < 0) hot += view_.extent;
        T* column = out + outer * view_.extent * view_.inner + inner;
        for (int64_t i = 0; i < view_.extent; ++i) column[i * view_.inner] = i == hot ? on : off;
      }
    }
    return OkStatus();
  }

 private:
  const AxisView view_;  // of the output, whose axis is the new one
};

Result<std::optional<int64_t>> ReadDepth(const OpContext& context) {
  const TensorPtr& depth = context.Input(1).constant;
  if (!depth) return std::optional<int64_t>();
  if (depth->n_elements() != 1) return InvalidArgument("the depth is not one number");
  int64_t value =
      kernels::Visit(depth->dtype(), kernels::NumericTypes(), [&]<typename T>() -> int64_t {
        T number;
        std::memcpy(&number, depth->bytes().data(), sizeof(number));
        return kernels::Convert<int64_t>(number);
      });
  if (value < 1) return InvalidArgument("the depth is " + std::to_string(value));
  return std::optional(value);
}

Status InferOneHot(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kNumericSet));
  WNN_RETURN_IF_ERROR(context.RequireType(2, kAllSet));
  const Fact &indices = context.Input(0), &values = context.Input(2);
  if (values.has_rank &&
      (values.rank() != 1 || (IsKnown(values.dims[0]) && values.dims[0].value != 2))) {
    return InvalidArgument("values " + values.ToString() + " are not two");
  }
  WNN_ASSIGN_OR_RETURN(auto depth, ReadDepth(context));
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  if (!indices.has_rank) {
    context.SetOutput(0, Fact::Unranked(values.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, indices.rank() + 1));
  std::vector<Dim> dims = indices.dims;
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis),
              depth ? graph::KnownDim(*depth) : graph::UnknownDim());
  context.SetOutput(0, Fact::Ranked(values.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileOneHot(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, out.size()));
  const AxisView view = ViewAxis(out, axis);
  return kernels::Visit(context.InputType(0), kernels::NumericTypes(),
                        [&]<typename Index>() -> CompiledPtr {
                          return kernels::Visit(context.InputType(2), kernels::AllTypes(),
                                                [&]<typename T>() -> CompiledPtr {
                                                  return std::make_unique<OneHotOp<Index, T>>(view);
                                                });
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "CumProd",
     .since_version = 26,
     .inputs = {2, 2},
     .infer = InferCumulative,
     .compile = CompileCumulative,
     .value_inputs = 0b10},
    {.name = "CumSum",
     .since_version = 11,
     .inputs = {2, 2},
     .infer = InferCumulative,
     .compile = CompileCumulative,
     .value_inputs = 0b10},
    {.name = "OneHot",
     .since_version = 9,
     .inputs = {3, 3},
     .infer = InferOneHot,
     .compile = CompileOneHot,
     .value_inputs = 0b10,
     .string_inputs = 0b100,
     .string_outputs = 0b1},
    {.name = "TopK",
     .inputs = {1, 2},
     .outputs = {2, 2},
     .infer = InferTopK,
     .compile = CompileTopK,
     .value_inputs = 0b10},
    {.name = "Trilu",
     .since_version = 14,
     .inputs = {1, 2},
     .infer = InferTrilu,
     .compile = CompileTrilu,
     .value_inputs = 0b10,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.domain = kMicrosoftDomain,
     .name = "Trilu",
     .inputs = {1, 2},
     .infer = InferTrilu,
     .compile = CompileTrilu,
     .value_inputs = 0b10},
});

}  // namespace

std::span<const OpDef> ScanOps() { return kOps; }

}  // namespace wnn::ops
