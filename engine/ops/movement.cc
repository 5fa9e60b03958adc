// Operators that are one strided copy: Transpose, Slice, Expand, Tile, DepthToSpace, SpaceToDepth.
#include <array>
#include <numeric>

#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Copies input 0, from an element on, to the whole output.
class CopyOp final : public CompiledOp {
 public:
  CopyOp(kernels::StridedCopy copy, int64_t source_offset_bytes)
      : copy_(std::move(copy)), source_offset_bytes_(source_offset_bytes) {}
  Status Run(const RunArgs& args) const override {
    copy_.Run(args.outputs[0], args.inputs[0] + source_offset_bytes_, *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::StridedCopy copy_;
  const int64_t source_offset_bytes_;
};

// Fills a dense output of shape `out` by reading the input with these strides from `offset` on.
CompiledPtr MakeCopy(const CompileContext& context, std::span<const int64_t> out,
                     std::vector<int64_t> source_strides, int64_t offset = 0) {
  const size_t element_bytes = DTypeBits(context.InputType(0)) / 8;
  return std::make_unique<CopyOp>(kernels::StridedCopy(out, kernels::DenseStrides(out),
                                                       std::move(source_strides), element_bytes),
                                  offset * static_cast<int64_t>(element_bytes));
}

// Transpose's permutation: the attribute, or all dimensions reversed.
Result<std::vector<size_t>> ReadPermutation(const OpContext& context, size_t rank) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> perm, context.attributes().Ints("perm"));
  std::vector<size_t> order(rank);
  if (!context.attributes().Has("perm")) {
    for (size_t i = 0; i < rank; ++i) order[i] = rank - 1 - i;
    return order;
  }
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> axes, NormalizeAxes(perm, rank));
  if (axes.size() != rank) {
    return InvalidArgument("attribute 'perm' is no permutation of " + std::to_string(rank) +
                           " dimensions");
  }
  for (size_t i = 0; i < rank; ++i) {
    order[i] = static_cast<size_t>(perm[i] < 0 ? perm[i] + static_cast<int64_t>(rank) : perm[i]);
  }
  return order;
}

Status InferTranspose(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> order, ReadPermutation(context, in.rank()));
  std::vector<Dim> dims;
  for (size_t axis : order) dims.push_back(in.dims[axis]);
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileTranspose(const CompileContext& context) {
  const Shape in = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> order, ReadPermutation(context, in.size()));
  const std::vector<int64_t> in_strides = kernels::DenseStrides(in);
  std::vector<int64_t> strides;
  for (size_t axis : order) strides.push_back(in_strides[axis]);
  return MakeCopy(context, context.OutputShape(0), std::move(strides));
}

// One axis of a Slice, resolved for its extent.
struct AxisSlice {
  size_t axis = 0;
  int64_t start = 0;
  int64_t step = 1;
  int64_t size = 0;
};

// numpy's rule: negative positions count from the end, and everything is clamped into the tensor.
AxisSlice ResolveSlice(size_t axis, int64_t extent, int64_t start, int64_t end, int64_t step) {
  auto from_end = [extent](int64_t at) { return at < 0 ? at + extent : at; };
  AxisSlice slice{axis, 0, step, 0};
  if (extent == 0) return slice;
  if (step > 0) {
    slice.start = std::clamp<int64_t>(from_end(start), 0, extent);
    end = std::clamp<int64_t>(from_end(end), 0, extent);
    if (end > slice.start) slice.size = (end - slice.start - 1) / step + 1;
  } else {
    slice.start = std::clamp<int64_t>(from_end(start), 0, extent - 1);
    end = std::clamp<int64_t>(from_end(end), -1, extent - 1);
    if (end < slice.start) slice.size = (end - slice.start + 1) / step + 1;
  }
  return slice;
}

struct SliceArguments {
  std::vector<int64_t> starts, ends, axes, steps;
};

// Attributes before version 10, inputs later. Nothing if an input's value is not known.
Result<std::optional<SliceArguments>> ReadSliceArguments(const OpContext& context) {
  constexpr int kFirstWithInputs = 10;
  SliceArguments a;
  auto copy = [](std::span<const int64_t> from, std::vector<int64_t>* to) {
    to->assign(from.begin(), from.end());
  };
  if (context.opset() < kFirstWithInputs) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> starts, context.attributes().Ints("starts"));
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> ends, context.attributes().Ints("ends"));
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> axes, context.attributes().Ints("axes"));
    copy(starts, &a.starts);
    copy(ends, &a.ends);
    copy(axes, &a.axes);
  } else {
    if (!context.HasInput(1) || !context.HasInput(2)) {
      return InvalidArgument("starts or ends are missing");
    }
    std::vector<int64_t>* targets[] = {&a.starts, &a.ends, &a.axes, &a.steps};
    for (size_t i = 0; i < 4; ++i) {
      if (!context.HasInput(i + 1)) continue;
      WNN_ASSIGN_OR_RETURN(auto values, context.InputInts(i + 1));
      if (!values) return std::optional<SliceArguments>();
      *targets[i] = std::move(*values);
    }
  }
  if (a.axes.empty()) {
    a.axes.resize(a.starts.size());
    std::iota(a.axes.begin(), a.axes.end(), 0);
  }
  if (a.steps.empty()) a.steps.assign(a.starts.size(), 1);
  if (a.ends.size() != a.starts.size() || a.axes.size() != a.starts.size() ||
      a.steps.size() != a.starts.size()) {
    return InvalidArgument("starts, ends, axes and steps are not equally many");
  }
  return std::optional(std::move(a));
}

Result<AxisSlice> SliceOfAxis(const SliceArguments& a, size_t i, std::span<const Dim> dims) {
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(a.axes[i], dims.size()));
  if (a.steps[i] == 0) return InvalidArgument("a step is 0");
  return ResolveSlice(axis, std::max<int64_t>(dims[axis].value, 0), a.starts[i], a.ends[i],
                      a.steps[i]);
}

Status InferSlice(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto arguments, ReadSliceArguments(context));
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims = in.dims;
  if (!arguments) {
    dims.assign(in.rank(), graph::UnknownDim());
  } else {
    WNN_RETURN_IF_ERROR([&]() -> Status {
      WNN_ASSIGN_OR_RETURN([[maybe_unused]] auto axes, NormalizeAxes(arguments->axes, in.rank()));
      return OkStatus();
    }());
    for (size_t i = 0; i < arguments->axes.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(AxisSlice slice, SliceOfAxis(*arguments, i, in.dims));
      Dim& dim = dims[slice.axis];
      dim = IsKnown(dim) ? graph::KnownDim(slice.size) : graph::UnknownDim();
    }
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileSlice(const CompileContext& context) {
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto arguments, ReadSliceArguments(context));
  if (!arguments) return Internal("the slice is not known");
  std::vector<int64_t> strides = kernels::DenseStrides(in.ConcreteShape());
  const Shape out = context.OutputShape(0);
  int64_t offset = 0;
  for (size_t i = 0; i < arguments->axes.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(AxisSlice slice, SliceOfAxis(*arguments, i, in.dims));
    // An axis of at most one element is never stepped over: a huge step must not be multiplied.
    if (slice.size > 0) offset += slice.start * strides[slice.axis];
    strides[slice.axis] = slice.size > 1 ? strides[slice.axis] * slice.step : 0;
  }
  return MakeCopy(context, out, std::move(strides), ShapeProduct(out) > 0 ? offset : 0);
}

Status InferExpand(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto shape, context.InputInts(1));
  if (!shape || !in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  std::vector<Dim> wanted;
  for (int64_t extent : *shape) {
    if (extent < 0) return InvalidArgument("the shape is " + ShapeToString(*shape));
    wanted.push_back(graph::KnownDim(extent));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(in.dims, wanted));
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileExpand(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  return MakeCopy(context, out, kernels::BroadcastStrides(context.InputShape(0), out));
}

Status InferTile(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto repeats, context.InputInts(1));
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims(in.rank());
  if (repeats) {
    if (repeats->size() != in.rank()) {
      return InvalidArgument(std::to_string(repeats->size()) + " repeats for " + in.ToString());
    }
    for (size_t i = 0; i < in.rank(); ++i) {
      if ((*repeats)[i] < 0) return InvalidArgument("a repeat is negative");
      const Dim factors[] = {in.dims[i], graph::KnownDim((*repeats)[i])};
      WNN_ASSIGN_OR_RETURN(dims[i], DimProduct(factors));
    }
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileTile(const CompileContext& context) {
  // Each dimension becomes two: the repeats, of stride 0, and the dimension itself.
  const Shape in = context.InputShape(0), out = context.OutputShape(0);
  const std::vector<int64_t> in_strides = kernels::DenseStrides(in);
  Shape split;
  std::vector<int64_t> strides;
  for (size_t i = 0; i < in.size(); ++i) {
    split.push_back(in[i] == 0 ? 0 : out[i] / in[i]);
    split.push_back(in[i]);
    strides.push_back(0);
    strides.push_back(in_strides[i]);
  }
  return MakeCopy(context, split, std::move(strides));
}

// DepthToSpace and SpaceToDepth move blocks of `blocksize` squared between channels and space.
Result<int64_t> ReadBlockSize(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t block, context.attributes().RequiredInt("blocksize"));
  if (block < 1 || block > (1 << 20)) {
    return InvalidArgument("attribute 'blocksize' is " + std::to_string(block));
  }
  return block;
}

Status InferBlocks(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 4, 4));
  WNN_ASSIGN_OR_RETURN(int64_t block, ReadBlockSize(context));
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Ranked(in.dtype, std::vector<Dim>(4)));
    return OkStatus();
  }
  const bool to_space = context.op_type() == "DepthToSpace";
  std::vector<Dim> dims = in.dims;
  for (size_t i = 1; i < 4; ++i) {
    if (!IsKnown(dims[i])) {
      dims[i] = graph::UnknownDim();
      continue;
    }
    const int64_t factor = i == 1 ? block * block : block;
    const bool multiply = (i == 1) != to_space;
    if (!multiply && dims[i].value % factor != 0) {
      return InvalidArgument("input " + in.ToString() + " does not divide into blocks of " +
                             std::to_string(block));
    }
    const Dim factors[] = {dims[i], graph::KnownDim(factor)};
    WNN_ASSIGN_OR_RETURN(Dim product, DimProduct(factors));
    dims[i] = multiply ? product : graph::KnownDim(dims[i].value / factor);
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileBlocks(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t b, ReadBlockSize(context));
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("mode", "DCR"));
  if (mode != "DCR" && mode != "CRD") {
    return InvalidArgument("attribute 'mode' is neither DCR nor CRD");
  }
  // Depth to space: output [n, c, h, by, w, bx] reads input [n, by, bx, c, h, w], or in CRD order
  // [n, c, by, bx, h, w]. Space to depth is the other direction. `deep` is the tensor with depth.
  const bool to_space = context.op_type() == "DepthToSpace";
  const Shape deep = to_space ? context.InputShape(0) : context.OutputShape(0);
  const int64_t n = deep[0], c = deep[1] / (b * b), h = deep[2], w = deep[3];
  const bool depth_first = mode == "DCR";
  if (to_space) {
    const int64_t plane = h * w;
    const int64_t by = depth_first ? b * c * plane : b * plane;
    const int64_t bx = depth_first ? c * plane : plane;
    const int64_t channel = depth_first ? plane : b * b * plane;
    return MakeCopy(context, Shape{n, c, h, b, w, b}, {deep[1] * plane, channel, w, by, 1, bx});
  }
  const int64_t row = w * b, plane = h * b * row;
  if (depth_first) {
    return MakeCopy(context, Shape{n, b, b, c, h, w}, {c * plane, row, 1, plane, b * row, b});
  }
  return MakeCopy(context, Shape{n, c, b, b, h, w}, {c * plane, plane, row, 1, b * row, b});
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "DepthToSpace",
     .infer = InferBlocks,
     .compile = CompileBlocks,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Expand",
     .since_version = 8,
     .inputs = {2, 2},
     .infer = InferExpand,
     .compile = CompileExpand,
     .value_inputs = 0b10,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Slice",
     .last_version = 9,
     .infer = InferSlice,
     .compile = CompileSlice,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Slice",
     .since_version = 10,
     .inputs = {3, 5},
     .infer = InferSlice,
     .compile = CompileSlice,
     .value_inputs = 0b11110,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "SpaceToDepth",
     .infer = InferBlocks,
     .compile = CompileBlocks,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Tile",
     .since_version = 6,
     .inputs = {2, 2},
     .infer = InferTile,
     .compile = CompileTile,
     .value_inputs = 0b10,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Transpose",
     .infer = InferTranspose,
     .compile = CompileTranspose,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> MovementOps() { return kOps; }

}  // namespace wnn::ops
