// Operators that place elements: CenterCropPad, ReverseSequence, TensorScatter; and Det.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// CenterCropPad: copies the part that input and output have in common; zeros elsewhere.
class CenterCropPadOp final : public CompiledOp {
 public:
  CenterCropPadOp(kernels::StridedCopy copy, int64_t source_offset, int64_t target_offset,
                  int64_t n_zeros, size_t element_bytes)
      : copy_(std::move(copy)),
        source_offset_(source_offset),
        target_offset_(target_offset),
        n_zeros_(n_zeros),
        element_bytes_(element_bytes) {}
  Status Run(const RunArgs& args) const override {
    const std::byte zero[16] = {};
    kernels::FillElements(args.outputs[0], zero, element_bytes_, n_zeros_, *args.parallel);
    copy_.Run(args.outputs[0] + target_offset_, args.inputs[0] + source_offset_, *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::StridedCopy copy_;
  const int64_t source_offset_;
  const int64_t target_offset_;
  const int64_t n_zeros_;
  const size_t element_bytes_;
};

Status InferCenterCropPad(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(auto axes, context.attributes().Ints("axes"));
  WNN_ASSIGN_OR_RETURN(auto sizes, context.InputInts(1));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] auto distinct, NormalizeAxes(axes, in.rank()));
  const bool has_axes = context.attributes().Has("axes");
  const size_t n = has_axes ? axes.size() : in.rank();
  if (sizes && sizes->size() != n) {
    return InvalidArgument("shape " + ShapeToString(*sizes) + " does not have " +
                           std::to_string(n) + " numbers");
  }
  std::vector<Dim> dims = in.dims;
  for (size_t i = 0; i < n; ++i) {
    size_t axis = i;
    if (has_axes) {
      WNN_ASSIGN_OR_RETURN(axis, NormalizeAxis(axes[i], in.rank()));
    }
    if (sizes && (*sizes)[i] < 0) return InvalidArgument("shape has a negative number");
    dims[axis] = sizes ? graph::KnownDim((*sizes)[i]) : Dim();
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileCenterCropPad(const CompileContext& context) {
  const Shape in = context.InputShape(0), out = context.OutputShape(0);
  const std::vector<int64_t> in_strides = kernels::DenseStrides(in);
  const std::vector<int64_t> out_strides = kernels::DenseStrides(out);
  const size_t element_bytes = DTypeBits(context.InputType(0)) / 8;
  Shape common;
  int64_t source = 0, target = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    common.push_back(std::min(in[i], out[i]));
    source += std::max<int64_t>(in[i] - out[i], 0) / 2 * in_strides[i];
    target += std::max<int64_t>(out[i] - in[i], 0) / 2 * out_strides[i];
  }
  const bool pads = common != out;
  const int64_t step = static_cast<int64_t>(element_bytes);
  return CompiledPtr(std::make_unique<CenterCropPadOp>(
      kernels::StridedCopy(common, out_strides, in_strides, element_bytes), source * step,
      target * step, pads ? ShapeProduct(out) : 0, element_bytes));
}

// ReverseSequence: of each batch entry, the first `length` steps in reverse.
class ReverseSequenceOp final : public CompiledOp {
 public:
  struct Geometry {
    // The tensor as [outer][first][middle][second][run], where `first` and `second` are the two
    // axes, whichever comes first.
    int64_t outer = 1, first = 1, middle = 1, second = 1, run_bytes = 1;
    bool time_first = true;
  };
  explicit ReverseSequenceOp(const Geometry& g) : g_(g) {}
  Status Run(const RunArgs& args) const override {
    const int64_t* lengths = args.in<int64_t>(1);
    const int64_t batch = g_.time_first ? g_.second : g_.first;
    const int64_t time = g_.time_first ? g_.first : g_.second;
    for (int64_t b = 0; b < batch; ++b) {
      if (lengths[b] >= 0 && lengths[b] <= time) continue;
      return RuntimeError("sequence_lens has " + std::to_string(lengths[b]) + " for " +
                          std::to_string(time) + " steps");
    }
    const int64_t n = g_.outer * g_.first * g_.middle * g_.second;
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(g_.run_bytes, 1), 1);
    kernels::ForRanges(*args.parallel, n, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t second = i % g_.second, middle = i / g_.second % g_.middle;
        const int64_t first = i / (g_.second * g_.middle) % g_.first;
        const int64_t outer = i / (g_.second * g_.middle * g_.first);
        const int64_t b = g_.time_first ? second : first, t = g_.time_first ? first : second;
        // Bound inputs may change under our feet: never out of the data.
        const int64_t length = std::clamp<int64_t>(lengths[b], 0, time);
        const int64_t from_t = t < length ? length - 1 - t : t;
        const int64_t from_first = g_.time_first ? from_t : first;
        const int64_t from_second = g_.time_first ? second : from_t;
        const int64_t from =
            ((outer * g_.first + from_first) * g_.middle + middle) * g_.second + from_second;
        std::memcpy(args.outputs[0] + i * g_.run_bytes, args.inputs[0] + from * g_.run_bytes,
                    static_cast<size_t>(g_.run_bytes));
      }
    });
    return OkStatus();
  }

 private:
  const Geometry g_;
};

struct SequenceAxes {
  size_t batch = 1, time = 0;
};

Result<SequenceAxes> ReadSequenceAxes(const OpContext& context, size_t rank) {
  WNN_ASSIGN_OR_RETURN(int64_t batch, context.attributes().Int("batch_axis", 1));
  WNN_ASSIGN_OR_RETURN(int64_t time, context.attributes().Int("time_axis", 0));
  SequenceAxes axes;
  WNN_ASSIGN_OR_RETURN(axes.batch, NormalizeAxis(batch, rank));
  WNN_ASSIGN_OR_RETURN(axes.time, NormalizeAxis(time, rank));
  if (axes.batch == axes.time) return InvalidArgument("batch and time have the same axis");
  return axes;
}

Status InferReverseSequence(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 1, 1));
  const Fact &in = context.Input(0), &lengths = context.Input(1);
  if (in.has_rank) {
    WNN_ASSIGN_OR_RETURN(SequenceAxes axes, ReadSequenceAxes(context, in.rank()));
    const Dim& batch = in.dims[axes.batch];
    if (lengths.has_rank && IsKnown(batch) && IsKnown(lengths.dims[0]) &&
        lengths.dims[0].value != batch.value) {
      return InvalidArgument("sequence_lens " + lengths.ToString() +
                             " does not have one number a batch entry of " + in.ToString());
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileReverseSequence(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(SequenceAxes axes, ReadSequenceAxes(context, shape.size()));
  const size_t first = std::min(axes.batch, axes.time), second = std::max(axes.batch, axes.time);
  const std::span<const int64_t> dims(shape);
  ReverseSequenceOp::Geometry g;
  g.outer = ShapeProduct(dims.first(first));
  g.first = shape[first];
  g.middle = ShapeProduct(dims.subspan(first + 1, second - first - 1));
  g.second = shape[second];
  g.run_bytes = ShapeProduct(dims.subspan(second + 1)) *
                static_cast<int64_t>(DTypeBits(context.InputType(0)) / 8);
  g.time_first = axes.time < axes.batch;
  return CompiledPtr(std::make_unique<ReverseSequenceOp>(g));
}

// TensorScatter: a cache with new steps written into each batch entry from its own index on.
class TensorScatterOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 1, rows = 1;  // rows: of one batch entry, before the axis
    int64_t capacity = 0, steps = 0, run_bytes = 1;
    bool circular = false;
  };
  explicit TensorScatterOp(const Geometry& g) : g_(g) {}
  Status Run(const RunArgs& args) const override {
    const int64_t* indices = args.in<int64_t>(2);
    for (int64_t b = 0; b < g_.batch; ++b) {
      const int64_t index = indices != nullptr ? indices[b] : 0;
      if (index >= 0 &&
          (g_.circular ? index <= graph::kMaxExtent : index <= g_.capacity - g_.steps)) {
        continue;
      }
      return RuntimeError("write index " + std::to_string(index) + " leaves no room for " +
                          std::to_string(g_.steps) + " steps in a cache of " +
                          std::to_string(g_.capacity));
    }
    if (args.outputs[0] != args.inputs[0]) {
      kernels::CopyBytes(args.outputs[0], args.inputs[0],
                         g_.batch * g_.rows * g_.capacity * g_.run_bytes, *args.parallel);
    }
    if (g_.capacity == 0) return OkStatus();
    StopCheck check(*args.parallel);
    for (int64_t row = 0; row < g_.batch * g_.rows; ++row) {
      if (check.Stopped(g_.steps * (g_.run_bytes / 8 + 4))) return OkStatus();
      const int64_t index = indices != nullptr ? indices[row / g_.rows] : 0;
      for (int64_t step = 0; step < g_.steps; ++step) {
        // In bounds whatever a bound input has become since it was checked.
        const int64_t at =
            static_cast<int64_t>((static_cast<uint64_t>(index) + static_cast<uint64_t>(step)) %
                                 static_cast<uint64_t>(g_.capacity));
        std::memcpy(args.outputs[0] + (row * g_.capacity + at) * g_.run_bytes,
                    args.inputs[1] + (row * g_.steps + step) * g_.run_bytes,
                    static_cast<size_t>(g_.run_bytes));
      }
    }
    return OkStatus();
  }

 private:
  const Geometry g_;
};

Result<size_t> ScatterAxis(const OpContext& context, size_t rank) {
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -2));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, rank));
  if (axis == 0) return InvalidArgument("attribute 'axis' is the batch");
  return axis;
}

Status InferTensorScatter(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  WNN_RETURN_IF_ERROR(context.RequireType(2, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(2, 1, 1));
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("mode", "linear"));
  if (mode != "linear" && mode != "circular") {
    return InvalidArgument("attribute 'mode' is " + graph::Quoted(mode));
  }
  const Fact &cache = context.Input(0), &update = context.Input(1);
  if (cache.has_rank && update.has_rank) {
    WNN_ASSIGN_OR_RETURN(size_t axis, ScatterAxis(context, cache.rank()));
    bool fits = cache.rank() == update.rank();
    for (size_t d = 0; fits && d < cache.rank(); ++d) {
      const Dim &a = cache.dims[d], &b = update.dims[d];
      fits = !IsKnown(a) || !IsKnown(b) || (d == axis ? b.value <= a.value : b.value == a.value);
    }
    if (!fits) {
      return InvalidArgument("update " + update.ToString() + " does not fit cache " +
                             cache.ToString());
    }
    if (context.HasInput(2) && context.Input(2).has_rank && IsKnown(context.Input(2).dims[0]) &&
        IsKnown(cache.dims[0]) && context.Input(2).dims[0].value != cache.dims[0].value) {
      return InvalidArgument("write_indices " + context.Input(2).ToString() +
                             " does not have one number a batch entry");
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileTensorScatter(const CompileContext& context) {
  const Shape cache = context.InputShape(0), update = context.InputShape(1);
  WNN_ASSIGN_OR_RETURN(size_t axis, ScatterAxis(context, cache.size()));
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("mode", "linear"));
  const std::span<const int64_t> dims(cache);
  TensorScatterOp::Geometry g;
  g.batch = cache[0];
  g.rows = ShapeProduct(dims.subspan(1, axis - 1));
  g.capacity = cache[axis];
  g.steps = update[axis];
  g.run_bytes = ShapeProduct(dims.subspan(axis + 1)) *
                static_cast<int64_t>(DTypeBits(context.InputType(0)) / 8);
  g.circular = mode == "circular";
  return CompiledPtr(std::make_unique<TensorScatterOp>(g));
}

// Det: by elimination with row pivots.
template <typename T>
class DetOp final : public CompiledOp {
 public:
  DetOp(int64_t n_matrices, int64_t n) : n_matrices_(n_matrices), n_(n) {}
  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(n_ * n_) * sizeof(double) * static_cast<uint64_t>(n_threads);
  }
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(n_matrices_), [&](size_t i, int thread) {
      double* matrix = reinterpret_cast<double*>(args.scratch) + thread * n_ * n_;
      const T* in = args.in<T>(0) + static_cast<int64_t>(i) * n_ * n_;
      StopCheck check(*args.parallel);
      for (int64_t row = 0; row < n_; ++row) {
        if (check.Stopped(8 * n_)) return;
        for (int64_t k = row * n_; k < (row + 1) * n_; ++k) {
          matrix[k] = static_cast<double>(kernels::Widen(in[k]));
        }
      }
      args.out<T>(0)[i] = kernels::Convert<T>(Determinant(matrix, check));
    });
    return OkStatus();
  }

 private:
  double Determinant(double* m, StopCheck& check) const {
    double product = 1;
    for (int64_t k = 0; k < n_; ++k) {
      int64_t pivot = k;
      for (int64_t i = k + 1; i < n_; ++i) {
        if (std::fabs(m[i * n_ + k]) > std::fabs(m[pivot * n_ + k])) pivot = i;
      }
      if (m[pivot * n_ + k] == 0) return 0;
      if (pivot != k) {
        std::swap_ranges(m + k * n_, m + (k + 1) * n_, m + pivot * n_);
        product = -product;
      }
      product *= m[k * n_ + k];
      for (int64_t i = k + 1; i < n_; ++i) {
        if (check.Stopped(n_ - k)) return 0;
        const double factor = m[i * n_ + k] / m[k * n_ + k];
        for (int64_t j = k + 1; j < n_; ++j) m[i * n_ + j] -= factor * m[k * n_ + j];
      }
    }
    return product;
  }

  const int64_t n_matrices_;
  const int64_t n_;
};

Status InferDet(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  const Dim &rows = in.dims[in.rank() - 2], &columns = in.dims.back();
  if (IsKnown(rows) && IsKnown(columns) && rows.value != columns.value) {
    return InvalidArgument("the matrices of " + in.ToString() + " are not square");
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, {in.dims.begin(), in.dims.end() - 2}));
  return OkStatus();
}

Result<CompiledPtr> CompileDet(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  const int64_t n_matrices = ShapeProduct(std::span(shape).first(shape.size() - 2));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<DetOp<T>>(n_matrices, shape.back());
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "CenterCropPad",
     .since_version = 18,
     .inputs = {2, 2},
     .infer = InferCenterCropPad,
     .compile = CompileCenterCropPad,
     .value_inputs = 0b10,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Det", .since_version = 11, .infer = InferDet, .compile = CompileDet},
    {.name = "ReverseSequence",
     .since_version = 10,
     .inputs = {2, 2},
     .infer = InferReverseSequence,
     .compile = CompileReverseSequence,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "TensorScatter",
     .since_version = 24,
     .inputs = {2, 3},
     .infer = InferTensorScatter,
     .compile = CompileTensorScatter,
     .inplace_inputs = 0b1,
     .string_inputs = 0b11,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> LayoutOps() { return kOps; }

}  // namespace wnn::ops
