// Operators that pick elements by index: Gather, GatherElements, GatherND.
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// An index input of either type.
class Indices {
 public:
  Indices(DType dtype, const std::byte* data) : is_wide_(dtype == DType::kInt64), data_(data) {}
  int64_t operator[](int64_t i) const {
    if (is_wide_) return reinterpret_cast<const int64_t*>(data_)[i];
    return reinterpret_cast<const int32_t*>(data_)[i];
  }

 private:
  const bool is_wide_;
  const std::byte* data_;
};

// The position that `index` means in an axis of that extent; -1 if there is none.
int64_t Resolve(int64_t index, int64_t extent) {
  if (index < 0) index += extent;
  return index >= 0 && index < extent ? index : -1;
}

Status OutOfRange(int64_t index, int64_t extent) {
  return RuntimeError("index " + std::to_string(index) + " is outside an axis of " +
                      std::to_string(extent));
}

// For each outer slice and each index, copies one contiguous run of `inner` elements.
class GatherOp final : public CompiledOp {
 public:
  GatherOp(const AxisView& view, int64_t n_indices, DType index_type, size_t element_bytes)
      : view_(view),
        n_indices_(n_indices),
        index_type_(index_type),
        run_bytes_(view.inner * static_cast<int64_t>(element_bytes)) {}

  Status Run(const RunArgs& args) const override {
    const Indices indices(index_type_, args.inputs[1]);
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < n_indices_; ++i) {
      if (check.Stopped(1)) return OkStatus();
      if (Resolve(indices[i], view_.extent) < 0) return OutOfRange(indices[i], view_.extent);
    }
    const int64_t runs_per_task =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(run_bytes_, 1), 1);
    if (run_bytes_ >= kLongRun) return CopyLongRuns(args, indices);
    kernels::ForRanges(
        *args.parallel, view_.outer * n_indices_, runs_per_task, [&](int64_t begin, int64_t end) {
          for (int64_t run = begin; run < end; ++run) {
            const int64_t outer = run / n_indices_;
            // Bound inputs may change under our feet: never out of the data.
            const int64_t at =
                std::max<int64_t>(Resolve(indices[run % n_indices_], view_.extent), 0);
            std::memcpy(args.outputs[0] + run * run_bytes_,
                        args.inputs[0] + (outer * view_.extent + at) * run_bytes_,
                        static_cast<size_t>(run_bytes_));
          }
        });
    return OkStatus();
  }

 private:
  // Runs of this many bytes are shared out one by one.
  static constexpr int64_t kLongRun = int64_t{1} << 20;

  Status CopyLongRuns(const RunArgs& args, const Indices& indices) const {
    for (int64_t run = 0; run < view_.outer * n_indices_; ++run) {
      // As below: bound inputs may change.
      const int64_t at = std::max<int64_t>(Resolve(indices[run % n_indices_], view_.extent), 0);
      kernels::CopyBytes(args.outputs[0] + run * run_bytes_,
                         args.inputs[0] + (run / n_indices_ * view_.extent + at) * run_bytes_,
                         run_bytes_, *args.parallel);
    }
    return OkStatus();
  }

  const AxisView view_;
  const int64_t n_indices_;
  const DType index_type_;
  const int64_t run_bytes_;
};

Status InferGather(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  const Fact &data = context.Input(0), &indices = context.Input(1);
  if (!data.has_rank || !indices.has_rank) {
    context.SetOutput(0, Fact::Unranked(data.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.rank()));
  const auto at = static_cast<std::ptrdiff_t>(axis);
  std::vector<Dim> dims(data.dims.begin(), data.dims.begin() + at);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), data.dims.begin() + at + 1, data.dims.end());
  context.SetOutput(0, Fact::Ranked(data.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileGather(const CompileContext& context) {
  const Shape data = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.size()));
  return CompiledPtr(
      std::make_unique<GatherOp>(ViewAxis(data, axis), ShapeProduct(context.InputShape(1)),
                                 context.InputType(1), DTypeBits(context.InputType(0)) / 8));
}

// out[i][j][k] = data[i][index[i][j][k]][k], for an axis in the middle.
class GatherElementsOp final : public CompiledOp {
 public:
  GatherElementsOp(kernels::LoopNest<2> nest, int64_t axis_stride, int64_t extent, DType index_type,
                   size_t element_bytes)
      : nest_(std::move(nest)),
        axis_stride_(axis_stride),
        extent_(extent),
        index_type_(index_type),
        element_bytes_(element_bytes) {}

  Status Run(const RunArgs& args) const override {
    const Indices indices(index_type_, args.inputs[1]);
    Status status;
    const int64_t step = static_cast<int64_t>(element_bytes_);
    const int64_t data_stride = nest_.inner_strides()[1];
    StopCheck check(*args.parallel);
    nest_.ForRows(0, nest_.n_rows(), [&](const kernels::LoopNest<2>::Offsets& at) {
      for (int64_t i = 0; i < nest_.inner_extent(); ++i) {
        if (check.Stopped(4)) return;
        const int64_t out = at[0] + i;
        const int64_t index = Resolve(indices[out], extent_);
        if (index < 0) {
          if (status.ok()) status = OutOfRange(indices[out], extent_);
          return;
        }
        const int64_t from = at[1] + i * data_stride + index * axis_stride_;
        std::memcpy(args.outputs[0] + out * step, args.inputs[0] + from * step, element_bytes_);
      }
    });
    return status;
  }

 private:
  const kernels::LoopNest<2> nest_;  // over (output, data without its axis)
  const int64_t axis_stride_;
  const int64_t extent_;
  const DType index_type_;
  const size_t element_bytes_;
};

Status InferGatherElements(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  const Fact &data = context.Input(0), &indices = context.Input(1);
  Fact out = indices;
  out.dtype = data.dtype;
  out.constant = nullptr;
  if (data.has_rank && indices.has_rank) {
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.rank()));
    bool fits = data.rank() == indices.rank();
    for (size_t i = 0; fits && i < data.rank(); ++i) {
      fits = i == axis || !IsKnown(data.dims[i]) || !IsKnown(indices.dims[i]) ||
             indices.dims[i].value <= data.dims[i].value;
    }
    if (!fits) {
      return InvalidArgument("indices " + indices.ToString() + " do not fit data " +
                             data.ToString());
    }
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Result<CompiledPtr> CompileGatherElements(const CompileContext& context) {
  const Shape data = context.InputShape(0), out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, data.size()));
  std::vector<int64_t> data_strides = kernels::DenseStrides(data);
  const int64_t axis_stride = data_strides[axis];
  data_strides[axis] = 0;
  return CompiledPtr(std::make_unique<GatherElementsOp>(
      kernels::LoopNest<2>(out, std::array{kernels::DenseStrides(out), data_strides}), axis_stride,
      data[axis], context.InputType(1), DTypeBits(context.InputType(0)) / 8));
}

// Each row of the indices names a slice of the data.
class GatherNdOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batches = 1;           // common leading dimensions
    int64_t rows_per_batch = 1;    // of indices
    std::vector<int64_t> extents;  // of the indexed dimensions
    int64_t slice_bytes = 0;
  };
  GatherNdOp(Geometry geometry) : g_(std::move(geometry)) {}  // NOLINT

  Status Run(const RunArgs& args) const override {
    const int64_t* index = args.in<int64_t>(1);
    std::byte* out = args.outputs[0];
    const int64_t batch_slices = ShapeProduct(g_.extents);
    const int64_t cost = g_.slice_bytes / 8 + 4;
    StopCheck check(*args.parallel);
    for (int64_t batch = 0; batch < g_.batches; ++batch) {
      for (int64_t row = 0; row < g_.rows_per_batch; ++row, out += g_.slice_bytes) {
        if (check.Stopped(cost)) return OkStatus();
        int64_t slice = 0;
        for (int64_t extent : g_.extents) {
          const int64_t at = Resolve(*index, extent);
          if (at < 0) return OutOfRange(*index, extent);
          slice = slice * extent + at;
          ++index;
        }
        std::memcpy(out, args.inputs[0] + (batch * batch_slices + slice) * g_.slice_bytes,
                    static_cast<size_t>(g_.slice_bytes));
      }
    }
    return OkStatus();
  }

 private:
  const Geometry g_;
};

Status InferGatherNd(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kInt64}));
  const Fact &data = context.Input(0), &indices = context.Input(1);
  if (!data.has_rank || !indices.has_rank || indices.rank() == 0 || !IsKnown(indices.dims.back())) {
    context.SetOutput(0, Fact::Unranked(data.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(int64_t batch_dims, context.attributes().Int("batch_dims", 0));
  const int64_t depth = indices.dims.back().value;
  const int64_t data_rank = static_cast<int64_t>(data.rank());
  const int64_t indices_rank = static_cast<int64_t>(indices.rank());
  if (batch_dims < 0 || batch_dims >= indices_rank || depth < 1 || depth > data_rank - batch_dims) {
    return InvalidArgument("indices " + indices.ToString() + " with " + std::to_string(batch_dims) +
                           " batch dimensions do not fit data " + data.ToString());
  }
  for (size_t i = 0; i < static_cast<size_t>(batch_dims); ++i) {
    if (IsKnown(data.dims[i]) && IsKnown(indices.dims[i]) &&
        data.dims[i].value != indices.dims[i].value) {
      return InvalidArgument("batch dimensions of " + data.ToString() + " and " +
                             indices.ToString() + " differ");
    }
  }
  std::vector<Dim> dims(indices.dims.begin(), indices.dims.end() - 1);
  dims.insert(dims.end(), data.dims.begin() + static_cast<std::ptrdiff_t>(batch_dims + depth),
              data.dims.end());
  context.SetOutput(0, Fact::Ranked(data.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileGatherNd(const CompileContext& context) {
  const Shape data = context.InputShape(0), indices = context.InputShape(1);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("batch_dims", 0));
  const size_t batch_dims = static_cast<size_t>(wanted);
  const size_t depth = static_cast<size_t>(indices.back());
  std::span<const int64_t> d(data), i(indices);
  GatherNdOp::Geometry g;
  g.batches = ShapeProduct(d.first(batch_dims));
  g.rows_per_batch = ShapeProduct(i.subspan(batch_dims, i.size() - 1 - batch_dims));
  g.extents.assign(d.begin() + static_cast<std::ptrdiff_t>(batch_dims),
                   d.begin() + static_cast<std::ptrdiff_t>(batch_dims + depth));
  g.slice_bytes = ShapeProduct(d.subspan(batch_dims + depth)) *
                  static_cast<int64_t>(DTypeBits(context.InputType(0)) / 8);
  return CompiledPtr(std::make_unique<GatherNdOp>(std::move(g)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Gather",
     .inputs = {2, 2},
     .infer = InferGather,
     .compile = CompileGather,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "GatherElements",
     .since_version = 11,
     .inputs = {2, 2},
     .infer = InferGatherElements,
     .compile = CompileGatherElements,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "GatherND",
     .since_version = 11,
     .inputs = {2, 2},
     .infer = InferGatherNd,
     .compile = CompileGatherNd,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> GatherOps() { return kOps; }

}  // namespace wnn::ops
