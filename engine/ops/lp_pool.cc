// LpPool, GlobalLpPool and MaxUnpool.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/pool.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// The p-norm of each window.
template <typename T>
class LpPoolOp final : public CompiledOp {
 public:
  LpPoolOp(const kernels::Window& window, int64_t n_planes, double p)
      : window_(window), n_planes_(n_planes), p_(p) {}
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(n_planes_), [&](size_t i, int) {
      const T* in = args.in<T>(0) + static_cast<int64_t>(i) * window_.in_size();
      T* out = args.out<T>(0) + static_cast<int64_t>(i) * window_.out_size();
      kernels::ForWindows(
          window_, *args.parallel,
          [&](int64_t at, const auto& taps, const auto& start, StopCheck& check) {
            double sum = 0;
            kernels::ForTaps(window_, taps, start, check, [&](int64_t offset) {
              sum += Power(std::fabs(static_cast<double>(kernels::Widen(in[offset]))), p_);
            });
            out[at] = kernels::Convert<T>(p_ == 2 ? std::sqrt(sum) : Power(sum, 1 / p_));
          });
    });
    return OkStatus();
  }

 private:
  static double Power(double x, double p) { return p == 1 ? x : p == 2 ? x * x : std::pow(x, p); }

  const kernels::Window window_;
  const int64_t n_planes_;
  const double p_;
};

// An integer, but a float in version 1.
Result<double> ReadP(const OpContext& context) {
  double p = 2;
  if (context.opset() < 2) {
    WNN_ASSIGN_OR_RETURN(p, context.attributes().Float("p", 2));
  } else {
    WNN_ASSIGN_OR_RETURN(int64_t whole, context.attributes().Int("p", 2));
    p = static_cast<double>(whole);
  }
  if (!(p > 0)) return InvalidArgument("attribute 'p' is not greater than 0");
  return p;
}

Status InferLpPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, kernels::kMaxSpatialRank + 2));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] double p, ReadP(context));
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims = {x.dims[0], x.dims[1]};
  if (context.op_type() == "GlobalLpPool") {
    dims.resize(x.rank(), graph::KnownDim(1));
  } else {
    const std::span<const Dim> spatial = std::span(x.dims).subspan(2);
    WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                         ParseWindowAttributes(context, spatial.size(), {}));
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> out, WindowOutputDims(attributes, spatial));
    dims.insert(dims.end(), out.begin(), out.end());
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileLpPool(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  const std::span<const int64_t> spatial = std::span(x).subspan(2);
  kernels::Window window;
  if (context.op_type() == "GlobalLpPool") {
    // One window is the whole plane, whatever its rank.
    window.in[2] = window.kernel[2] = ShapeProduct(spatial);
  } else {
    WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                         ParseWindowAttributes(context, spatial.size(), {}));
    WNN_ASSIGN_OR_RETURN(window, MakeWindow(attributes, spatial));
  }
  WNN_ASSIGN_OR_RETURN(double p, ReadP(context));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<LpPoolOp<T>>(window, x[0] * x[1], p);
                        });
}

// MaxUnpool: elements go to the places that a pool took them from. The indices count in the shape
// that undoes the pool; the output may be larger or smaller than that.
class MaxUnpoolOp final : public CompiledOp {
 public:
  MaxUnpoolOp(Shape pooled, Shape out, int64_t n, size_t element_bytes)
      : pooled_(std::move(pooled)), out_(std::move(out)), n_(n), element_bytes_(element_bytes) {}
  Status Run(const RunArgs& args) const override {
    const int64_t* indices = args.in<int64_t>(1);
    std::byte* out = args.outputs[0];
    const int64_t size = ShapeProduct(pooled_);
    const std::byte zero[16] = {};
    kernels::FillElements(out, zero, element_bytes_, ShapeProduct(out_), *args.parallel);
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < n_; ++i) {
      if (check.Stopped(8)) return OkStatus();
      int64_t rest = indices[i], at = 0, stride = 1;
      bool inside = rest >= 0 && rest < size;
      for (size_t d = out_.size(); inside && d-- > 0;) {
        const int64_t position = rest % pooled_[d];
        rest /= pooled_[d];
        inside = position < out_[d];
        at += position * stride;
        stride *= out_[d];
      }
      if (!inside) {
        return RuntimeError("index " + std::to_string(indices[i]) + " lies outside the output " +
                            ShapeToString(out_));
      }
      std::copy_n(args.inputs[0] + static_cast<size_t>(i) * element_bytes_, element_bytes_,
                  out + static_cast<size_t>(at) * element_bytes_);
    }
    return OkStatus();
  }

 private:
  const Shape pooled_;
  const Shape out_;
  const int64_t n_;
  const size_t element_bytes_;
};

// The shape that a pool with these attributes makes the input from.
Result<std::vector<Dim>> UnpooledDims(const OpContext& context) {
  const Fact& x = context.Input(0);
  std::vector<Dim> dims = {x.dims[0], x.dims[1]};
  WNN_ASSIGN_OR_RETURN(WindowAttributes a, ParseWindowAttributes(context, x.rank() - 2, {}));
  for (size_t d = 0; d + 2 < x.rank(); ++d) {
    const Dim& in = x.dims[d + 2];
    if (!IsKnown(in)) {
      dims.push_back(graph::UnknownDim());
      continue;
    }
    const auto scaled = CheckedMul(in.value, a.strides[d]);
    if (!scaled || *scaled > graph::kMaxExtent) return TooLarge("attribute 'strides'");
    const int64_t extent =
        (in.value - 1) * a.strides[d] + a.kernel[d] - a.pads_begin[d] - a.pads_end[d];
    if (extent < 0) return InvalidArgument("padding leaves nothing of an axis");
    dims.push_back(graph::KnownDim(extent));
  }
  return dims;
}

Status InferMaxUnpool(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, kernels::kMaxSpatialRank + 2));
  const Fact &x = context.Input(0), &indices = context.Input(1);
  WNN_ASSIGN_OR_RETURN(auto shape, context.InputInts(2));
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  bool same = !indices.has_rank || indices.rank() == x.rank();
  for (size_t d = 0; same && indices.has_rank && d < x.rank(); ++d) {
    same = !IsKnown(x.dims[d]) || !IsKnown(indices.dims[d]) ||
           x.dims[d].value == indices.dims[d].value;
  }
  if (!same) {
    return InvalidArgument("indices " + indices.ToString() + " are not as many as " + x.ToString());
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, UnpooledDims(context));
  if (context.HasInput(2)) {
    dims.assign(x.rank(), graph::UnknownDim());
    if (shape && shape->size() != x.rank()) {
      return InvalidArgument("output_shape " + ShapeToString(*shape) + " does not have rank " +
                             std::to_string(x.rank()));
    }
    for (size_t d = 0; shape && d < dims.size(); ++d) {
      if ((*shape)[d] < 0) return InvalidArgument("output_shape is negative");
      dims[d] = graph::KnownDim((*shape)[d]);
    }
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileMaxUnpool(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, UnpooledDims(context));
  Shape pooled;
  for (const Dim& dim : dims) pooled.push_back(dim.value);
  if (!ElementCount(pooled)) return TooLarge("the unpooled shape is too large");
  return CompiledPtr(std::make_unique<MaxUnpoolOp>(std::move(pooled), context.OutputShape(0),
                                                   ShapeProduct(context.InputShape(0)),
                                                   DTypeBits(context.InputType(0)) / 8));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "GlobalLpPool", .infer = InferLpPool, .compile = CompileLpPool},
    {.name = "LpPool", .infer = InferLpPool, .compile = CompileLpPool},
    {.name = "MaxUnpool",
     .since_version = 9,
     .inputs = {2, 3},
     .infer = InferMaxUnpool,
     .compile = CompileMaxUnpool,
     .value_inputs = 0b100},
});

}  // namespace

std::span<const OpDef> LpPoolOps() { return kOps; }

}  // namespace wnn::ops
