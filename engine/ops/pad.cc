// Pad: constant, reflect, edge and wrap; negative pads crop.
#include <array>
#include <cstring>

#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

enum class Mode { kConstant, kReflect, kEdge, kWrap };

Result<Mode> ReadMode(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String("mode", "constant"));
  if (word == "constant") return Mode::kConstant;
  if (word == "reflect") return Mode::kReflect;
  if (word == "edge") return Mode::kEdge;
  if (word == "wrap") return Mode::kWrap;
  return InvalidArgument("attribute 'mode' is " + graph::Quoted(word) +
                         ", not constant, reflect, edge or wrap");
}

struct Pads {
  std::vector<int64_t> begin, end;  // one a dimension
};

constexpr int kFirstWithInputs = 11;

// Pads of every dimension: an attribute before version 11 (`paddings` in version 1), inputs later.
// Nothing if an input's value is not known.
Result<std::optional<Pads>> ReadPads(const OpContext& context, size_t rank) {
  std::vector<int64_t> values, axes;
  if (context.opset() < kFirstWithInputs) {
    const char* name = context.opset() < 2 ? "paddings" : "pads";
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> pads, context.attributes().Ints(name));
    values.assign(pads.begin(), pads.end());
  } else {
    if (!context.HasInput(1)) return InvalidArgument("it has no pads");
    WNN_ASSIGN_OR_RETURN(auto pads, context.InputInts(1));
    WNN_ASSIGN_OR_RETURN(auto wanted_axes, context.InputInts(3));
    if (!pads || (context.HasInput(3) && !wanted_axes)) return std::optional<Pads>();
    values = std::move(*pads);
    if (wanted_axes) axes = std::move(*wanted_axes);
  }
  if (!context.HasInput(3)) {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (values.size() != 2 * axes.size()) {
    return InvalidArgument(std::to_string(values.size()) + " pads for " +
                           std::to_string(axes.size()) + " dimensions");
  }
  Pads all{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0)};
  for (size_t i = 0; i < axes.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(axes[i], rank));
    for (int64_t pad : {values[i], values[axes.size() + i]}) {
      if (pad < -graph::kMaxExtent || pad > graph::kMaxExtent) {
        return InvalidArgument("a pad of " + std::to_string(pad) + " is out of bounds");
      }
    }
    all.begin[axis] = values[i];
    all.end[axis] = values[axes.size() + i];
  }
  return std::optional(std::move(all));
}

// Reflect, edge and wrap read the input itself, so it must have what they read.
Status CheckSource(Mode mode, int64_t extent, int64_t begin, int64_t end) {
  const int64_t most = std::max(begin, end);
  if (mode == Mode::kConstant || most <= 0) return OkStatus();
  if (extent == 0 || (mode == Mode::kReflect && extent == 1)) {
    return InvalidArgument("a dimension of " + std::to_string(extent) +
                           " cannot be padded from itself");
  }
  return OkStatus();
}

Status InferPad(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kCopySet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 2));
  if (context.HasInput(2) && context.Input(2).IsConcrete() &&
      ShapeProduct(context.Input(2).ConcreteShape()) != 1) {
    return InvalidArgument("the value " + context.Input(2).ToString() + " is not one number");
  }
  WNN_ASSIGN_OR_RETURN(Mode mode, ReadMode(context));
  const Fact& in = context.Input(0);
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(auto pads, ReadPads(context, in.rank()));
  std::vector<Dim> dims(in.rank());
  for (size_t i = 0; pads && i < in.rank(); ++i) {
    if (pads->begin[i] == 0 && pads->end[i] == 0) {
      dims[i] = in.dims[i];
    } else if (IsKnown(in.dims[i])) {
      WNN_RETURN_IF_ERROR(CheckSource(mode, in.dims[i].value, pads->begin[i], pads->end[i]));
      const int64_t extent = in.dims[i].value + pads->begin[i] + pads->end[i];
      if (extent < 0) return InvalidArgument("pads crop " + in.ToString() + " to nothing");
      dims[i] = graph::KnownDim(extent);
    }
  }
  context.SetOutput(0, Fact::Ranked(in.dtype, std::move(dims)));
  return OkStatus();
}

// Fills the output with one value, then copies the part of the input that is not cropped into it.
class ConstantPadOp final : public CompiledOp {
 public:
  struct Geometry {
    kernels::StridedCopy copy;
    int64_t in_offset_bytes = 0;
    int64_t out_offset_bytes = 0;
    int64_t n_out = 0;
    size_t element_bytes = 1;
    std::array<std::byte, 16> value{};  // used if there is no input 2
  };
  explicit ConstantPadOp(Geometry geometry) : g_(std::move(geometry)) {}
  Status Run(const RunArgs& args) const override {
    const std::byte* value = args.in<std::byte>(2);
    kernels::FillElements(args.outputs[0], value != nullptr ? value : g_.value.data(),
                          g_.element_bytes, g_.n_out, *args.parallel);
    g_.copy.Run(args.outputs[0] + g_.out_offset_bytes, args.inputs[0] + g_.in_offset_bytes,
                *args.parallel);
    return OkStatus();
  }

 private:
  const Geometry g_;
};

Result<CompiledPtr> CompileConstantPad(const CompileContext& context, const Pads& pads) {
  const Shape in = context.InputShape(0), out = context.OutputShape(0);
  const std::vector<int64_t> in_strides = kernels::DenseStrides(in);
  const std::vector<int64_t> out_strides = kernels::DenseStrides(out);
  ConstantPadOp::Geometry g;
  g.element_bytes = DTypeBits(context.InputType(0)) / 8;
  g.n_out = ShapeProduct(out);
  const int64_t step = static_cast<int64_t>(g.element_bytes);
  Shape kept(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    const int64_t crop_begin = std::max<int64_t>(-pads.begin[i], 0);
    const int64_t crop_end = std::max<int64_t>(-pads.end[i], 0);
    kept[i] = std::max<int64_t>(in[i] - crop_begin - crop_end, 0);
    g.in_offset_bytes += crop_begin * in_strides[i] * step;
    g.out_offset_bytes += std::max<int64_t>(pads.begin[i], 0) * out_strides[i] * step;
  }
  g.copy = kernels::StridedCopy(kept, out_strides, in_strides, g.element_bytes);
  if (context.opset() < kFirstWithInputs && context.attributes().Has("value")) {
    if (context.InputType(0) != DType::kFloat) return Unsupported("a value for another type");
    WNN_ASSIGN_OR_RETURN(float value, context.attributes().Float("value", 0));
    std::memcpy(g.value.data(), &value, sizeof(value));
  }
  return CompiledPtr(std::make_unique<ConstantPadOp>(std::move(g)));
}

// Where the element at `at` of the padded axis comes from.
int64_t SourceOf(Mode mode, int64_t at, int64_t extent) {
  if (at >= 0 && at < extent) return at;
  if (mode == Mode::kEdge) return at < 0 ? 0 : extent - 1;
  if (mode == Mode::kWrap) return (at % extent + extent) % extent;
  // Reflection without repeating the edge has the period 2 * (extent - 1).
  const int64_t period = 2 * (extent - 1);
  const int64_t phase = (at % period + period) % period;
  return phase < extent ? phase : period - phase;
}

// Copies element by element through a table of sources for each axis.
class MirrorPadOp final : public CompiledOp {
 public:
  MirrorPadOp(Shape out, std::vector<std::vector<int64_t>> sources, size_t element_bytes)
      : out_(std::move(out)), sources_(std::move(sources)), element_bytes_(element_bytes) {}
  Status Run(const RunArgs& args) const override {
    const int64_t inner = out_.empty() ? 1 : out_.back();
    const int64_t n_rows = inner == 0 ? 0 : ShapeProduct(out_) / inner;
    const int64_t rows_per_task =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(inner, 1), 1);
    const int64_t step = static_cast<int64_t>(element_bytes_);
    kernels::ForRanges(*args.parallel, n_rows, rows_per_task, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t rest = row, source = 0;
        for (size_t d = out_.size() - (out_.empty() ? 0 : 1); d-- > 0;) {
          source += sources_[d][static_cast<size_t>(rest % out_[d])];
          rest /= out_[d];
        }
        for (int64_t i = 0; i < inner; ++i) {
          const int64_t from =
              source + (out_.empty() ? 0 : sources_.back()[static_cast<size_t>(i)]);
          std::memcpy(args.outputs[0] + (row * inner + i) * step, args.inputs[0] + from * step,
                      element_bytes_);
        }
      }
    });
    return OkStatus();
  }

 private:
  const Shape out_;
  const std::vector<std::vector<int64_t>> sources_;  // offsets into the input, by output position
  const size_t element_bytes_;
};

Result<CompiledPtr> CompilePad(const CompileContext& context) {
  const Shape in = context.InputShape(0), out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(Mode mode, ReadMode(context));
  WNN_ASSIGN_OR_RETURN(auto pads, ReadPads(context, in.size()));
  if (!pads) return Internal("the pads are not known");
  if (mode == Mode::kConstant) return CompileConstantPad(context, *pads);
  // The tables below are no larger than the output, unless that is empty.
  if (ShapeProduct(out) == 0) return CompileConstantPad(context, *pads);
  const std::vector<int64_t> strides = kernels::DenseStrides(in);
  // Tables are nobody's budget.
  constexpr int64_t kMaxTable = int64_t{1} << 24;
  for (int64_t extent : out) {
    if (extent > kMaxTable) {
      return TooLarge("an axis of " + std::to_string(extent) + " positions, mirrored: at most " +
                      std::to_string(kMaxTable) + " are supported");
    }
  }
  std::vector<std::vector<int64_t>> sources(in.size());
  for (size_t d = 0; d < in.size(); ++d) {
    for (int64_t i = 0; i < out[d]; ++i) {
      sources[d].push_back(SourceOf(mode, i - pads->begin[d], in[d]) * strides[d]);
    }
  }
  return CompiledPtr(
      std::make_unique<MirrorPadOp>(out, std::move(sources), DTypeBits(context.InputType(0)) / 8));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Pad",
     .last_version = kFirstWithInputs - 1,
     .infer = InferPad,
     .compile = CompilePad,
     .string_inputs = 0b101,
     .string_outputs = 0b1},
    {.name = "Pad",
     .since_version = kFirstWithInputs,
     .inputs = {2, 4},
     .infer = InferPad,
     .compile = CompilePad,
     .value_inputs = 0b1010,
     .string_inputs = 0b101,
     .string_outputs = 0b1},
});

}  // namespace

std::span<const OpDef> PadOps() { return kOps; }

}  // namespace wnn::ops
