// Concat and Split: the two directions of copying between a tensor and its slices along an axis.
#include <array>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// A slice's place in the whole tensor.
struct Slice {
  kernels::StridedCopy copy;
  int64_t offset_bytes = 0;
};

// `extents`: of the parts, along `axis`. Some of the slices only once `stop` holds.
std::vector<Slice> MakeSlices(const Shape& whole, std::span<const int64_t> extents, size_t axis,
                              size_t element_bytes, bool to_whole, StoppableParallel& stop) {
  StopCheck check(stop);
  const std::vector<int64_t> whole_strides = kernels::DenseStrides(whole);
  std::vector<Slice> slices;
  slices.reserve(extents.size());
  Shape part = whole;
  int64_t first = 0;
  for (const int64_t extent : extents) {
    if (check.Stopped(300)) break;
    part[axis] = extent;
    const std::vector<int64_t> part_strides = kernels::DenseStrides(part);
    const auto& to = to_whole ? whole_strides : part_strides;
    const auto& from = to_whole ? part_strides : whole_strides;
    slices.push_back({kernels::StridedCopy(part, to, from, element_bytes),
                      first * whole_strides[axis] * static_cast<int64_t>(element_bytes)});
    first += extent;
  }
  return slices;
}

class ConcatOp final : public CompiledOp {
 public:
  ConcatOp(std::vector<Slice> slices, bool is_join)
      : slices_(std::move(slices)), is_join_(is_join) {}
  bool IsJoin() const override { return is_join_; }
  Status Run(const RunArgs& args) const override {
    StopCheck check(*args.parallel);
    for (size_t i = 0; i < slices_.size(); ++i) {
      if (check.Stopped(100)) return OkStatus();
      slices_[i].copy.Run(args.outputs[0] + slices_[i].offset_bytes, args.inputs[i],
                          *args.parallel);
    }
    return OkStatus();
  }

 private:
  const std::vector<Slice> slices_;
  const bool is_join_;
};

class SplitOp final : public CompiledOp {
 public:
  explicit SplitOp(std::vector<Slice> slices) : slices_(std::move(slices)) {}
  Status Run(const RunArgs& args) const override {
    StopCheck check(*args.parallel);
    for (size_t i = 0; i < slices_.size(); ++i) {
      if (check.Stopped(100)) return OkStatus();
      if (args.outputs[i] == nullptr) continue;
      slices_[i].copy.Run(args.outputs[i], args.inputs[0] + slices_[i].offset_bytes,
                          *args.parallel);
    }
    return OkStatus();
  }

 private:
  const std::vector<Slice> slices_;
};

// Axis is 1 by default before version 4, and has no default later.
Result<int64_t> ConcatAxis(const OpContext& context) {
  if (context.opset() < 4) return context.attributes().Int("axis", 1);
  return context.attributes().RequiredInt("axis");
}

Status InferConcat(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t wanted_axis, ConcatAxis(context));
  const Fact& first = context.Input(0);
  bool ranked = true;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kCopySet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
    ranked = ranked && context.Input(i).has_rank;
  }
  if (!ranked) {
    context.SetOutput(0, Fact::Unranked(first.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted_axis, first.rank()));
  std::vector<Dim> dims = first.dims;
  for (size_t i = 1; i < context.n_inputs(); ++i) {
    const Fact& in = context.Input(i);
    auto mismatch = [&] {
      return InvalidArgument("inputs " + first.ToString() + " and " + in.ToString() +
                             " differ outside axis " + std::to_string(axis));
    };
    if (in.rank() != dims.size()) return mismatch();
    for (size_t d = 0; d < dims.size(); ++d) {
      if (d == axis) {
        const bool known = IsKnown(dims[d]) && IsKnown(in.dims[d]);
        dims[d] = known ? graph::KnownDim(dims[d].value + in.dims[d].value) : graph::UnknownDim();
        if (dims[d].value > graph::kMaxExtent) return TooLarge("the output is too large");
      } else if (IsKnown(dims[d]) && IsKnown(in.dims[d])) {
        if (dims[d].value != in.dims[d].value) return mismatch();
      } else if (IsKnown(in.dims[d])) {
        dims[d] = in.dims[d];
      }
    }
  }
  context.SetOutput(0, Fact::Ranked(first.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileConcat(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted_axis, ConcatAxis(context));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted_axis, out.size()));
  std::vector<int64_t> extents;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    extents.push_back(context.Input(i).dims[axis].value);
  }
  return CompiledPtr(std::make_unique<ConcatOp>(
      MakeSlices(out, extents, axis, DTypeBits(context.InputType(0)) / 8, true, context.stop()),
      ViewAxis(out, axis).outer == 1));
}

// The sizes of Split's parts: an attribute or input `split`, or equal ones, the last one smaller.
// Nothing if they depend on something unknown.
Result<std::optional<std::vector<int64_t>>> SplitSizes(const InferContext& context,
                                                       int64_t extent) {
  constexpr int kFirstWithInput = 13;
  const size_t n_parts = context.n_outputs();
  std::optional<std::vector<int64_t>> sizes;
  if (context.HasInput(1)) {
    WNN_ASSIGN_OR_RETURN(sizes, context.InputInts(1));
    if (!sizes) return sizes;
  } else if (context.opset() < kFirstWithInput && context.attributes().Has("split")) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> split, context.attributes().Ints("split"));
    sizes.emplace(split.begin(), split.end());
  }
  if (!sizes) {
    if (extent < 0) return sizes;
    const int64_t n = static_cast<int64_t>(n_parts);
    const int64_t size = (extent + n - 1) / n;
    sizes.emplace();
    for (int64_t i = 0; i < n; ++i) {
      sizes->push_back(std::clamp<int64_t>(extent - i * size, 0, size));
    }
  }
  int64_t sum = 0;
  for (int64_t size : *sizes) {
    if (size < 0 || size > graph::kMaxExtent) return InvalidArgument("a part has a bad size");
    sum += size;
  }
  if (sizes->size() != n_parts || (extent >= 0 && sum != extent)) {
    return InvalidArgument("parts of " + ShapeToString(*sizes) + " do not make " +
                           std::to_string(n_parts) + " outputs of a whole of " +
                           std::to_string(extent));
  }
  return sizes;
}

Status InferSplit(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted_axis, context.attributes().Int("axis", 0));
  if (!in.has_rank) {
    for (size_t i = 0; i < context.n_outputs(); ++i) {
      context.SetOutput(i, Fact::Unranked(in.dtype));
    }
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted_axis, in.rank()));
  WNN_ASSIGN_OR_RETURN(auto sizes, SplitSizes(context, in.dims[axis].value));
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    std::vector<Dim> dims = in.dims;
    dims[axis] = sizes ? graph::KnownDim((*sizes)[i]) : graph::UnknownDim();
    context.SetOutput(i, Fact::Ranked(in.dtype, std::move(dims)));
  }
  return OkStatus();
}

Result<CompiledPtr> CompileSplit(const CompileContext& context) {
  const Shape in = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted_axis, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted_axis, in.size()));
  std::vector<int64_t> extents;
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    if (!context.HasOutput(i)) return Unsupported("an output in the middle is left out");
    extents.push_back(context.OutputShape(i)[axis]);
  }
  return CompiledPtr(std::make_unique<SplitOp>(
      MakeSlices(in, extents, axis, DTypeBits(context.InputType(0)) / 8, false, context.stop())));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Concat",
     .inputs = {1, kVariadic},
     .infer = InferConcat,
     .compile = CompileConcat,
     .string_inputs = kEveryInput,
     .string_outputs = 0b1},
    {.name = "Split",
     .inputs = {1, 2},
     .outputs = {1, kVariadic},
     .infer = InferSplit,
     .compile = CompileSplit,
     .value_inputs = 0b10,
     .string_inputs = 0b1,
     .string_outputs = kEveryInput},
});

}  // namespace

std::span<const OpDef> ConcatOps() { return kOps; }

}  // namespace wnn::ops
