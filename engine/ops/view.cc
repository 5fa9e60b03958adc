// Operators that give the same bytes another shape or type, and those that only look at shapes:
// Identity, BitCast, Dropout, Reshape, Flatten, Squeeze, Unsqueeze, Shape, Size.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

// Copies input 0 to output 0, for when a plan cannot alias them, and writes Dropout's mask.
class CopyOp final : public CompiledOp {
 public:
  CopyOp(size_t size_bytes, size_t mask_bytes) : size_bytes_(size_bytes), mask_bytes_(mask_bytes) {}
  Status Run(const RunArgs& args) const override {
    if (size_bytes_ > 0) std::memcpy(args.outputs[0], args.inputs[0], size_bytes_);
    // Nothing is dropped: every element of the mask is true.
    if (mask_bytes_ > 0) std::memset(args.outputs[1], 1, mask_bytes_);
    return OkStatus();
  }

 private:
  const size_t size_bytes_;
  const size_t mask_bytes_;
};

Result<std::unique_ptr<const CompiledOp>> CompileCopy(const CompileContext& context) {
  auto bytes_of = [](const Fact& fact) {
    return DenseBytes(fact.dtype, ElementCount(fact.ConcreteShape()).value_or(-1)).value_or(0);
  };
  const size_t mask_bytes = context.HasOutput(1) ? bytes_of(context.Output(1)) : 0;
  return std::unique_ptr<const CompiledOp>(
      std::make_unique<CopyOp>(bytes_of(context.Input(0)), mask_bytes));
}

Status InferDropout(InferContext& context) {
  Fact mask = context.Input(0);
  mask.dtype = DType::kBool;
  mask.constant = nullptr;
  context.SetOutput(1, std::move(mask));
  return InferSame(context);
}

// BitCast: the same bytes as another type of as many bits.
Status InferBitCast(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().RequiredInt("to"));
  const auto to = DTypeFromOnnx(number);
  if (!to || DTypeBits(*to) == 0) {
    return InvalidArgument("attribute 'to' is " + std::to_string(number) +
                           ", not a type that has bits");
  }
  Fact out = context.Input(0);
  if (*to == DType::kBool && out.dtype != DType::kBool) {
    return Unsupported("bytes that are not known to be 0 or 1 do not become bool");
  }
  if (out.dtype != DType::kUndefined && DTypeBits(out.dtype) != DTypeBits(*to)) {
    return InvalidArgument("input " + out.ToString() + " does not have as many bits as " +
                           std::string(DTypeName(*to)));
  }
  out.dtype = *to;
  out.constant = nullptr;
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

// The shape that Reshape is asked for, 0 and -1 resolved as far as the input is known.
Result<std::vector<Dim>> ResolveReshape(const Fact& in, std::span<const int64_t> wanted,
                                        bool allow_zero) {
  std::vector<Dim> out(wanted.size());
  std::optional<size_t> inferred;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1) {
      if (inferred) return InvalidArgument("the shape has -1 twice");
      inferred = i;
    } else if (wanted[i] < -1) {
      return InvalidArgument("the shape has the dimension " + std::to_string(wanted[i]));
    } else if (wanted[i] == 0 && !allow_zero) {
      if (!in.has_rank) continue;
      if (i >= in.rank()) {
        return InvalidArgument("the shape copies dimension " + std::to_string(i) + " of " +
                               in.ToString());
      }
      out[i] = in.dims[i];
    } else {
      out[i] = graph::KnownDim(wanted[i]);
    }
  }
  if (!in.has_rank) return out;
  WNN_ASSIGN_OR_RETURN(Dim in_count, DimProduct(in.dims));
  std::vector<Dim> others = out;
  if (inferred) others.erase(others.begin() + static_cast<std::ptrdiff_t>(*inferred));
  WNN_ASSIGN_OR_RETURN(Dim out_count, DimProduct(others));
  if (!IsKnown(in_count) || !IsKnown(out_count)) return out;
  const bool fits = !inferred              ? in_count.value == out_count.value
                    : out_count.value == 0 ? in_count.value == 0
                                           : in_count.value % out_count.value == 0;
  if (!fits) {
    return InvalidArgument("input " + in.ToString() + " does not fit the shape " +
                           ShapeToString(wanted));
  }
  if (inferred) {
    out[*inferred] = graph::KnownDim(out_count.value == 0 ? 0 : in_count.value / out_count.value);
  }
  return out;
}

Status InferReshape(InferContext& context) {
  const Fact& in = context.Input(0);
  constexpr int kFirstWithShapeInput = 5;
  std::vector<int64_t> wanted;
  if (context.opset() < kFirstWithShapeInput) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> shape, context.attributes().Ints("shape"));
    wanted.assign(shape.begin(), shape.end());
  } else if (!context.HasInput(1)) {
    return InvalidArgument("it has no shape");
  } else {
    WNN_ASSIGN_OR_RETURN(auto values, context.InputInts(1));
    if (!values) {
      const Fact& shape = context.Input(1);
      if (shape.has_rank && shape.rank() == 1 && IsKnown(shape.dims[0]) &&
          shape.dims[0].value <= static_cast<int64_t>(graph::kMaxRank)) {
        const size_t rank = static_cast<size_t>(shape.dims[0].value);
        context.SetOutput(0, Fact::Ranked(in.dtype, std::vector<Dim>(rank)));
      } else {
        context.SetOutput(0, Fact::Unranked(in.dtype));
      }
      return OkStatus();
    }
    wanted = std::move(*values);
  }
  WNN_ASSIGN_OR_RETURN(int64_t allow_zero, context.attributes().Int("allowzero", 0));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, ResolveReshape(in, wanted, allow_zero != 0));
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Status InferFlatten(InferContext& context) {
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().Int("axis", 1));
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Ranked(in.dtype, std::vector<Dim>(2)));
    return OkStatus();
  }
  size_t split = in.rank();
  if (axis != static_cast<int64_t>(in.rank())) {
    WNN_ASSIGN_OR_RETURN(split, NormalizeAxis(axis, in.rank()));
  }
  std::span<const Dim> dims = in.dims;
  WNN_ASSIGN_OR_RETURN(Dim rows, DimProduct(dims.first(split)));
  WNN_ASSIGN_OR_RETURN(Dim columns, DimProduct(dims.subspan(split)));
  context.SetOutput(0, Fact::Ranked(in.dtype, {rows, columns}));
  return OkStatus();
}

constexpr int kFirstWithAxesInput = 13;

// The axes of Squeeze and Unsqueeze: an attribute first, an input later. Nothing if not known.
Result<std::optional<std::vector<int64_t>>> ReadAxes(const InferContext& context) {
  if (context.opset() >= kFirstWithAxesInput) return context.InputInts(1);
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> axes, context.attributes().Ints("axes"));
  return std::optional(std::vector<int64_t>(axes.begin(), axes.end()));
}

Status InferSqueeze(InferContext& context) {
  const Fact& in = context.Input(0);
  const bool all_ones = context.opset() >= kFirstWithAxesInput ? !context.HasInput(1)
                                                               : !context.attributes().Has("axes");
  WNN_ASSIGN_OR_RETURN(auto wanted, ReadAxes(context));
  const bool dims_known = std::all_of(in.dims.begin(), in.dims.end(), graph::IsKnown);
  if (!in.has_rank || (all_ones ? !dims_known : !wanted)) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  std::vector<size_t> axes;
  if (all_ones) {
    for (size_t i = 0; i < in.rank(); ++i) {
      if (in.dims[i].value == 1) axes.push_back(i);
    }
  } else {
    WNN_ASSIGN_OR_RETURN(axes, NormalizeAxes(*wanted, in.rank()));
  }
  std::vector<Dim> dims;
  for (size_t i = 0; i < in.rank(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      dims.push_back(in.dims[i]);
    } else if (IsKnown(in.dims[i]) && in.dims[i].value != 1) {
      return InvalidArgument("dimension " + std::to_string(i) + " of " + in.ToString() +
                             " is not 1");
    }
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Status InferUnsqueeze(InferContext& context) {
  const Fact& in = context.Input(0);
  if (context.opset() >= kFirstWithAxesInput ? !context.HasInput(1)
                                             : !context.attributes().Has("axes")) {
    return InvalidArgument("it has no axes");
  }
  WNN_ASSIGN_OR_RETURN(auto wanted, ReadAxes(context));
  if (!in.has_rank || !wanted) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  const size_t rank = in.rank() + wanted->size();
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> axes, NormalizeAxes(*wanted, rank));
  std::vector<Dim> dims;
  size_t next = 0;
  for (size_t i = 0; i < rank; ++i) {
    const bool is_new = std::binary_search(axes.begin(), axes.end(), i);
    dims.push_back(is_new ? graph::KnownDim(1) : in.dims[next++]);
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

Status InferShape(InferContext& context) {
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Ranked(DType::kInt64, {graph::UnknownDim()}));
    return OkStatus();
  }
  const int64_t rank = static_cast<int64_t>(in.rank());
  WNN_ASSIGN_OR_RETURN(int64_t start, context.attributes().Int("start", 0));
  WNN_ASSIGN_OR_RETURN(int64_t end, context.attributes().Int("end", rank));
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  start = clamp(start);
  end = std::max(start, clamp(end));
  std::vector<int64_t> extents;
  for (int64_t i = start; i < end; ++i) {
    extents.push_back(in.dims[static_cast<size_t>(i)].value);
  }
  if (std::any_of(extents.begin(), extents.end(), [](int64_t extent) { return extent < 0; })) {
    context.SetOutput(0, Fact::Ranked(DType::kInt64, {graph::KnownDim(end - start)}));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(TensorPtr shape, graph::MakeInt64Tensor(extents));
  context.SetOutput(0, Fact::Constant(std::move(shape)));
  return OkStatus();
}

Status InferSize(InferContext& context) {
  const Fact& in = context.Input(0);
  context.SetOutput(0, Fact::Ranked(DType::kInt64, {}));
  if (!in.has_rank) return OkStatus();
  WNN_ASSIGN_OR_RETURN(Dim count, DimProduct(in.dims));
  if (!IsKnown(count)) return OkStatus();
  WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DType::kInt64, {}));
  std::memcpy(tensor.bytes().data(), &count.value, sizeof(count.value));
  context.SetOutput(0, Fact::Constant(std::make_shared<const Tensor>(std::move(tensor))));
  return OkStatus();
}

// Shape and Size are constant wherever the input's shape is known, so nothing is left to compile.
Result<std::unique_ptr<const CompiledOp>> CompileNothing(const CompileContext&) {
  return Internal("a value that depends on a shape alone was not made constant");
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "BitCast",
     .since_version = 26,
     .infer = InferBitCast,
     .compile = CompileCopy,
     .is_view = true},
    {.name = "Identity",
     .infer = InferSame,
     .compile = CompileCopy,
     .is_view = true,
     .string_inputs = 0b1,
     .string_outputs = 0b1,
     .container_inputs = 0b1},
    // From version 12 on it may drop elements: random.cc.
    {.name = "Dropout",
     .last_version = 11,
     .outputs = {1, 2},
     .infer = InferDropout,
     .compile = CompileCopy,
     .is_view = true},
    {.name = "Reshape",
     .inputs = {1, 2},
     .infer = InferReshape,
     .compile = CompileCopy,
     .value_inputs = 0b10,
     .is_view = true,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Flatten",
     .infer = InferFlatten,
     .compile = CompileCopy,
     .is_view = true,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Squeeze",
     .inputs = {1, 2},
     .infer = InferSqueeze,
     .compile = CompileCopy,
     .value_inputs = 0b10,
     .is_view = true,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Unsqueeze",
     .inputs = {1, 2},
     .infer = InferUnsqueeze,
     .compile = CompileCopy,
     .value_inputs = 0b10,
     .is_view = true,
     .string_inputs = 0b1,
     .string_outputs = 0b1},
    {.name = "Shape", .infer = InferShape, .compile = CompileNothing, .shape_only = true},
    {.name = "Size", .infer = InferSize, .compile = CompileNothing, .shape_only = true},
});

}  // namespace

std::span<const OpDef> ViewOps() { return kOps; }

}  // namespace wnn::ops
