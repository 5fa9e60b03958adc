// Softmax, LogSoftmax, Hardmax.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

enum class Kind { kSoftmax, kLogSoftmax, kHardmax };

template <typename T>
class SoftmaxOp final : public CompiledOp {
 public:
  SoftmaxOp(Kind kind, const AxisView& view) : kind_(kind), view_(view) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    if (view_.extent == 0) return OkStatus();
    const int64_t grain = std::max<int64_t>(kernels::kElementsPerTask / 4 / view_.extent, 1);
    kernels::ForRanges(
        *args.parallel, view_.outer * view_.inner, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t at = i / view_.inner * view_.extent * view_.inner + i % view_.inner;
            Row(in + at, out + at, *args.parallel);
          }
        });
    return OkStatus();
  }

 private:
  using Value = kernels::Compute<T>;

  Value At(const T* row, int64_t i) const { return kernels::Widen(row[i * view_.inner]); }

  void Row(const T* in, T* out, Parallel& parallel) const {
    int64_t best = 0;
    InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (At(in, i) > At(in, best)) best = i;
      }
    });
    const Value max = At(in, best);
    if (kind_ == Kind::kHardmax) {
      InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out[i * view_.inner] = kernels::Narrow<T>(Value(i == best ? 1 : 0));
        }
      });
      return;
    }
    double sum = 0;
    InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum += std::exp(At(in, i) - max);
    });
    const Value log_sum = static_cast<Value>(std::log(sum));
    const Value scale = static_cast<Value>(1 / sum);
    InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Value x = At(in, i) - max;
        const Value y = kind_ == Kind::kSoftmax ? std::exp(x) * scale : x - log_sum;
        out[i * view_.inner] = kernels::Narrow<T>(y);
      }
    });
  }

  const Kind kind_;
  const AxisView view_;
};

// Rows of floats that lie together.
class SoftmaxRowsOp final : public CompiledOp {
 public:
  SoftmaxRowsOp(bool log, const AxisView& view) : log_(log), view_(view) {}
  Status Run(const RunArgs& args) const override {
    kernels::SoftmaxRows(args.in<float>(0), view_.outer, view_.extent, log_, args.out<float>(0),
                         *args.parallel);
    return OkStatus();
  }

 private:
  const bool log_;
  const AxisView view_;
};

constexpr int kFirstOnOneAxis = 13;

Status InferSoftmax(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  const int64_t default_axis = context.opset() < kFirstOnOneAxis ? 1 : -1;
  WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().Int("axis", default_axis));
  if (context.Input(0).has_rank) {
    // Before version 13 the axis may also be the rank itself.
    const size_t rank = context.Input(0).rank();
    if (context.opset() >= kFirstOnOneAxis || axis != static_cast<int64_t>(rank)) {
      WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t index, NormalizeAxis(axis, rank));
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileSoftmax(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  const int64_t default_axis = context.opset() < kFirstOnOneAxis ? 1 : -1;
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", default_axis));
  AxisView view;
  if (context.opset() >= kFirstOnOneAxis) {
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, shape.size()));
    view = ViewAxis(shape, axis);
  } else {
    // Before version 13 all dimensions from the axis on are one.
    const int64_t rank = static_cast<int64_t>(shape.size());
    const size_t axis = static_cast<size_t>(wanted < 0 ? wanted + rank : wanted);
    view = {ShapeProduct(std::span(shape).first(axis)),
            ShapeProduct(std::span(shape).subspan(axis)), 1};
  }
  const Kind kind = context.op_type() == "Softmax"      ? Kind::kSoftmax
                    : context.op_type() == "LogSoftmax" ? Kind::kLogSoftmax
                                                        : Kind::kHardmax;
  // A row is one task: longer ones would be late for deadlines.
  constexpr int64_t kMaxRow = int64_t{1} << 22;
  if (context.InputType(0) == DType::kFloat && view.inner == 1 && view.extent <= kMaxRow &&
      kind != Kind::kHardmax) {
    return CompiledPtr(std::make_unique<SoftmaxRowsOp>(kind == Kind::kLogSoftmax, view));
  }
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(),
      [&]<typename T>() -> CompiledPtr { return std::make_unique<SoftmaxOp<T>>(kind, view); });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Hardmax", .infer = InferSoftmax, .compile = CompileSoftmax},
    {.name = "LogSoftmax", .infer = InferSoftmax, .compile = CompileSoftmax, .inplace_inputs = 1},
    {.name = "Softmax", .infer = InferSoftmax, .compile = CompileSoftmax, .inplace_inputs = 1},
});

}  // namespace

std::span<const OpDef> SoftmaxOps() { return kOps; }

}  // namespace wnn::ops
