// Resize and Upsample.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/families.h"
#include "engine/ops/resize_spec.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::AxisTaps;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

Status InferResize(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(ResizeSpec spec, ReadResizeSpec(context, x.rank()));
  if (spec.mode != ResizeMode::kNearest) {
    WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  }
  WNN_ASSIGN_OR_RETURN(auto axes, ResizeAxes(context, spec));
  std::vector<Dim> dims(x.rank());
  for (size_t i = 0; i < dims.size() && axes; ++i) dims[i] = graph::KnownDim((*axes)[i].out);
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

// Copies elements: each output position reads one input position along every axis.
class NearestOp final : public CompiledOp {
 public:
  struct Geometry {
    std::vector<AxisTaps> outer;   // all axes before the last one that changes, or is taken apart
    std::vector<int64_t> strides;  // of those in the input, in bytes
    AxisTaps row;                  // that one
    int64_t run_bytes = 1;         // what lies behind it
    std::array<std::byte, 16> extrapolation{};
    int64_t element_bytes = 1;
  };
  explicit NearestOp(Geometry geometry) : g_(std::move(geometry)) {
    for (const AxisTaps& axis : g_.outer) n_rows_ *= axis.out;
  }

  Status Run(const RunArgs& args) const override {
    const int64_t row_bytes = g_.row.out * g_.run_bytes;
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(row_bytes, 1), 1);
    kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t rest = row, offset = 0;
        bool outside = false;
        for (size_t d = g_.outer.size(); d-- > 0;) {
          const AxisTaps& axis = g_.outer[d];
          const size_t at = static_cast<size_t>(rest % axis.out);
          rest /= axis.out;
          offset += axis.position[at] * g_.strides[d];
          outside = outside || (!axis.outside.empty() && axis.outside[at]);
        }
        CopyRow(args.inputs[0] + offset, outside, args.outputs[0] + row * row_bytes);
      }
    });
    return OkStatus();
  }

 private:
  void CopyRow(const std::byte* from, bool outside, std::byte* to) const {
    if (!outside && g_.row.outside.empty()) {
      switch (g_.run_bytes) {
        case 1: return CopyRuns<1>(from, to);
        case 2: return CopyRuns<2>(from, to);
        case 4: return CopyRuns<4>(from, to);
        case 8: return CopyRuns<8>(from, to);
        default: break;
      }
    }
    for (int64_t i = 0; i < g_.row.out; ++i, to += g_.run_bytes) {
      const size_t at = static_cast<size_t>(i);
      if (outside || (!g_.row.outside.empty() && g_.row.outside[at])) {
        for (int64_t b = 0; b < g_.run_bytes; b += g_.element_bytes) {
          std::memcpy(to + b, g_.extrapolation.data(), static_cast<size_t>(g_.element_bytes));
        }
      } else {
        std::memcpy(to, from + g_.row.position[at] * g_.run_bytes,
                    static_cast<size_t>(g_.run_bytes));
      }
    }
  }

  template <size_t kBytes>
  void CopyRuns(const std::byte* from, std::byte* to) const {
    for (int64_t i = 0; i < g_.row.out; ++i) {
      std::memcpy(to + i * int64_t{kBytes},
                  from + g_.row.position[static_cast<size_t>(i)] * int64_t{kBytes}, kBytes);
    }
  }

  const Geometry g_;
  int64_t n_rows_ = 1;
};

Result<CompiledPtr> MakeNearest(DType dtype, const ResizeSpec& spec,
                                const std::vector<ResizedAxis>& axes) {
  NearestOp::Geometry g;
  g.element_bytes = static_cast<int64_t>(DTypeBits(dtype) / 8);
  kernels::Visit(dtype, kernels::AllTypes(), [&]<typename T>() {
    const T value = kernels::Convert<T>(spec.extrapolation);
    std::memcpy(g.extrapolation.data(), &value, sizeof(value));
    return true;
  });
  size_t last = axes.size();
  while (last > 1 && axes[last - 1].IsSame(spec)) --last;
  g.run_bytes = g.element_bytes;
  for (size_t i = last; i < axes.size(); ++i) g.run_bytes *= axes[i].in;
  if (last == 0) {
    g.row.position = {0};
  } else {
    WNN_ASSIGN_OR_RETURN(g.row, MakeAxisTaps(spec, axes[last - 1]));
  }
  g.strides.resize(last > 0 ? last - 1 : 0);
  int64_t stride = g.run_bytes * g.row.in;
  for (size_t i = g.strides.size(); i-- > 0;) {
    g.strides[i] = stride;
    stride *= axes[i].in;
  }
  for (size_t i = 0; i < g.strides.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(AxisTaps taps, MakeAxisTaps(spec, axes[i]));
    g.outer.push_back(std::move(taps));
  }
  return CompiledPtr(std::make_unique<NearestOp>(std::move(g)));
}

// Interpolation, one axis after the other, in C's arithmetic.
template <typename T, typename C>
class InterpolateOp final : public CompiledOp {
 public:
  struct Pass {
    AxisTaps taps;
    int64_t outer = 1, inner = 1;
  };
  InterpolateOp(std::vector<Pass> passes, int64_t n_in, int64_t n_out, double extrapolation)
      : passes_(std::move(passes)),
        n_in_(n_in),
        n_out_(n_out),
        extrapolation_(static_cast<C>(extrapolation)) {
    buffer_size_ = std::max(n_in_, n_out_);
    for (const Pass& p : passes_) {
      buffer_size_ = std::max(buffer_size_, p.outer * p.taps.out * p.inner);
    }
  }

  uint64_t ScratchBytes(int) const override {
    return 2 * static_cast<uint64_t>(buffer_size_) * sizeof(C);
  }

  Status Run(const RunArgs& args) const override {
    C* buffers[2] = {reinterpret_cast<C*>(args.scratch),
                     reinterpret_cast<C*>(args.scratch) + buffer_size_};
    const C* source = Read(args, buffers[1]);
    for (size_t i = 0; i < passes_.size(); ++i) {
      C* target = buffers[i % 2];
      if constexpr (std::is_same_v<T, C>) {
        if (i + 1 == passes_.size()) target = args.out<T>(0);
      }
      const Pass& p = passes_[i];
      kernels::ResampleAxis(p.taps, p.outer, p.inner, extrapolation_, source, target,
                            *args.parallel);
      source = target;
    }
    if (!std::is_same_v<T, C> || passes_.empty()) Write(source, args);
    return OkStatus();
  }

 private:
  const C* Read(const RunArgs& args, C* buffer) const {
    const T* in = args.in<T>(0);
    if constexpr (std::is_same_v<T, C>) return in;
    kernels::ForRanges(*args.parallel, n_in_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           buffer[i] = static_cast<C>(kernels::Widen(in[i]));
                         }
                       });
    return buffer;
  }
  // Integers round to the nearest, halves to the even one.
  void Write(const C* source, const RunArgs& args) const {
    T* out = args.out<T>(0);
    kernels::ForRanges(*args.parallel, n_out_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           C value = source[i];
                           if constexpr (std::is_integral_v<T>) value = std::nearbyint(value);
                           out[i] = kernels::Convert<T>(value);
                         }
                       });
  }

  const std::vector<Pass> passes_;
  const int64_t n_in_;
  const int64_t n_out_;
  const C extrapolation_;
  int64_t buffer_size_ = 0;
};

// The axes that change, those that shrink most first, then the innermost: the fewer elements the
// later passes see, and the more of them in rows.
std::vector<size_t> PassOrder(const ResizeSpec& spec, const std::vector<ResizedAxis>& axes) {
  std::vector<size_t> order;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!axes[i].IsSame(spec)) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double x = static_cast<double>(axes[a].out) * static_cast<double>(axes[b].in);
    const double y = static_cast<double>(axes[b].out) * static_cast<double>(axes[a].in);
    return x != y ? x < y : a > b;
  });
  return order;
}

template <typename T, typename C>
Result<CompiledPtr> MakeInterpolate(const ResizeSpec& spec, const std::vector<ResizedAxis>& axes) {
  Shape shape;
  for (const ResizedAxis& axis : axes) shape.push_back(axis.in);
  const int64_t n_in = ShapeProduct(shape);
  std::vector<typename InterpolateOp<T, C>::Pass> passes;
  for (size_t i : PassOrder(spec, axes)) {
    const AxisView view = ViewAxis(shape, i);
    WNN_ASSIGN_OR_RETURN(AxisTaps taps, MakeAxisTaps(spec, axes[i]));
    passes.push_back({std::move(taps), view.outer, view.inner});
    shape[i] = axes[i].out;
  }
  return CompiledPtr(std::make_unique<InterpolateOp<T, C>>(
      std::move(passes), n_in, ShapeProduct(shape), spec.extrapolation));
}

class EmptyOp final : public CompiledOp {
 public:
  Status Run(const RunArgs&) const override { return OkStatus(); }
};

Result<CompiledPtr> CompileResize(const CompileContext& context) {
  const DType dtype = context.InputType(0);
  WNN_ASSIGN_OR_RETURN(ResizeSpec spec, ReadResizeSpec(context, context.InputShape(0).size()));
  WNN_ASSIGN_OR_RETURN(auto axes, ResizeAxes(context, spec));
  if (!axes) return Internal("the resized shape is not known");
  if (ShapeProduct(context.OutputShape(0)) == 0) return CompiledPtr(std::make_unique<EmptyOp>());
  if (spec.mode == ResizeMode::kNearest) return MakeNearest(dtype, spec, *axes);
  Result<CompiledPtr> made = Internal("the type has no interpolation");
  kernels::Visit(dtype, kernels::NumericTypes(), [&]<typename T>() {
    // Float holds what these types hold.
    constexpr bool kFitsFloat = sizeof(T) <= 2 || std::is_same_v<T, float>;
    made = MakeInterpolate<T, std::conditional_t<kFitsFloat, float, double>>(spec, *axes);
    return true;
  });
  return made;
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Resize",
     .since_version = 10,
     .last_version = 10,
     .inputs = {2, 2},
     .infer = InferResize,
     .compile = CompileResize,
     .value_inputs = 0b10},
    {.name = "Resize",
     .since_version = 11,
     .inputs = {1, 4},
     .infer = InferResize,
     .compile = CompileResize,
     .value_inputs = 0b1110},
    {.name = "Upsample", .last_version = 8, .infer = InferResize, .compile = CompileResize},
    {.name = "Upsample",
     .since_version = 9,
     .last_version = 9,
     .inputs = {2, 2},
     .infer = InferResize,
     .compile = CompileResize,
     .value_inputs = 0b10},
});

}  // namespace

std::span<const OpDef> ResizeOps() { return kOps; }

}  // namespace wnn::ops
