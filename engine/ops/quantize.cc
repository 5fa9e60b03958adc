// QuantizeLinear and DequantizeLinear: one scale for the tensor, one for each position of an axis,
// or one for each block along it. 8- and 16-bit integers and floats have loops of their own, other
// types go through number_io.h. DynamicQuantizeLinear.
#include "engine/kernels/quantized/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using QuantizedTypes = kernels::Types<int8_t, uint8_t, int16_t, uint16_t>;
using DequantizableTypes = kernels::Types<int8_t, uint8_t, int16_t, uint16_t, int32_t>;

constexpr TypeSet kQuantizedSet = {
    DType::kInt8,         DType::kUint8,          DType::kInt16,      DType::kUint16,
    DType::kInt4,         DType::kUint4,          DType::kInt2,       DType::kUint2,
    DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ,
    DType::kFloat4E2M1};
constexpr TypeSet kDequantizableSet = {
    DType::kInt8,         DType::kUint8,          DType::kInt16,      DType::kUint16,
    DType::kInt4,         DType::kUint4,          DType::kInt2,       DType::kUint2,
    DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ,
    DType::kFloat4E2M1,   DType::kInt32};
constexpr TypeSet kScaleSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16, DType::kInt32,
                               DType::kFloat8E8M0};
constexpr TypeSet kQuantizableSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16,
                                     DType::kInt32};

constexpr size_t kX = 0, kScale = 1, kZeroPoint = 2;

// Which scale an element has: that of its position along the axis, divided by the block's size.
struct ScaleMap {
  AxisView view;
  int64_t block = 1;
  int64_t n_scales = 1;  // along the axis; 1: one for the whole tensor, whatever the view

  // Calls body(first element, number of elements, index of their scale) for runs in one row of
  // `inner` elements, or in the whole tensor.
  template <typename Body>
  void Run(Parallel& parallel, bool scale_is_a_tensor, Body&& body) const {
    if (n_scales == 1 && !scale_is_a_tensor) {
      kernels::ForRanges(parallel, view.outer * view.extent * view.inner, kernels::kElementsPerTask,
                         [&](int64_t begin, int64_t end) { body(begin, end - begin, 0, false); });
      return;
    }
    const int64_t rows_per_task =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(view.inner, 1), 1);
    kernels::ForRanges(
        parallel, view.outer * view.extent, rows_per_task, [&](int64_t begin, int64_t end) {
          for (int64_t row = begin; row < end; ++row) {
            const int64_t at = row % view.extent / block;
            // A blocked scale is a tensor of its own; otherwise it is a vector.
            const int64_t scale =
                scale_is_a_tensor ? (row / view.extent * n_scales + at) * view.inner : at;
            body(row * view.inner, view.inner, scale, scale_is_a_tensor);
          }
        });
  }
};

bool ScaleIsATensor(const OpContext& context) {
  return context.Input(kScale).has_rank && context.Input(kScale).rank() > 1;
}

Status CheckScale(const InferContext& context) {
  const Fact &x = context.Input(kX), &scale = context.Input(kScale);
  if (context.HasInput(kZeroPoint)) {
    const Fact& zero = context.Input(kZeroPoint);
    if (zero.IsConcrete() && scale.IsConcrete() && zero.ConcreteShape() != scale.ConcreteShape() &&
        ShapeProduct(zero.ConcreteShape()) != ShapeProduct(scale.ConcreteShape())) {
      return InvalidArgument("zero point " + zero.ToString() + " is not of the scale's shape " +
                             scale.ToString());
    }
  }
  if (!x.IsConcrete() || !scale.IsConcrete()) return OkStatus();
  const Shape x_shape = x.ConcreteShape(), s_shape = scale.ConcreteShape();
  auto mismatch = [&] {
    return InvalidArgument("scale " + scale.ToString() + " does not fit " + x.ToString());
  };
  if (ShapeProduct(s_shape) == 1 && s_shape.size() <= 1) return OkStatus();
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 1));
  WNN_ASSIGN_OR_RETURN(int64_t block, context.attributes().Int("block_size", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, x_shape.size()));
  if (s_shape.size() == 1) return s_shape[0] == x_shape[axis] ? OkStatus() : mismatch();
  if (block < 1 || s_shape.size() != x_shape.size()) return mismatch();
  for (size_t d = 0; d < x_shape.size(); ++d) {
    const int64_t expected = d == axis ? (x_shape[d] + block - 1) / block : x_shape[d];
    if (s_shape[d] != expected) return mismatch();
  }
  return OkStatus();
}

Result<ScaleMap> MakeScaleMap(const CompileContext& context) {
  const Shape x = context.InputShape(kX), scale = context.InputShape(kScale);
  ScaleMap map;
  if (ShapeProduct(scale) == 1 && scale.size() <= 1) {
    map.view = {ShapeProduct(x), 1, 1};
    return map;
  }
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, x.size()));
  map.view = ViewAxis(x, axis);
  map.n_scales = scale.size() == 1 ? scale[0] : scale[axis];
  if (scale.size() > 1) {
    WNN_ASSIGN_OR_RETURN(map.block, context.attributes().Int("block_size", 1));
  }
  return map;
}

// y = saturate(round(x / scale) + zero point), halves to the even number.
template <typename Q>
class QuantizeOp final : public CompiledOp {
 public:
  QuantizeOp(const ScaleMap& map, bool scale_is_a_tensor)
      : map_(map), scale_is_a_tensor_(scale_is_a_tensor) {}
  Status Run(const RunArgs& args) const override {
    const float* x = args.in<float>(kX);
    const float* scales = args.in<float>(kScale);
    const Q* zeros = args.in<Q>(kZeroPoint);
    Q* y = args.out<Q>(0);
    map_.Run(*args.parallel, scale_is_a_tensor_,
             [&](int64_t first, int64_t n, int64_t scale_at, bool each) {
               const auto zero = [&](int64_t s) {
                 return zeros != nullptr ? int32_t{zeros[s]} : 0;
               };
               if (!each) {
                 kernels::QuantizeTo(x + first, n, scales[scale_at], zero(scale_at), y + first);
                 return;
               }
               for (int64_t i = 0; i < n; ++i) {
                 const int64_t s = scale_at + i;
                 y[first + i] = kernels::QuantizeOne<Q>(x[first + i], scales[s], zero(s));
               }
             });
    return OkStatus();
  }

 private:
  const ScaleMap map_;
  const bool scale_is_a_tensor_;
};

// y = (x - zero point) * scale.
template <typename Q>
class DequantizeOp final : public CompiledOp {
 public:
  DequantizeOp(const ScaleMap& map, bool scale_is_a_tensor)
      : map_(map), scale_is_a_tensor_(scale_is_a_tensor) {}
  Status Run(const RunArgs& args) const override {
    const Q* x = args.in<Q>(kX);
    const float* scales = args.in<float>(kScale);
    const Q* zeros = args.in<Q>(kZeroPoint);
    float* y = args.out<float>(0);
    map_.Run(*args.parallel, scale_is_a_tensor_,
             [&](int64_t first, int64_t n, int64_t scale_at, bool each) {
               using Wide = std::conditional_t<sizeof(Q) < 4, int32_t, int64_t>;
               const auto zero = [&](int64_t s) { return zeros != nullptr ? Wide{zeros[s]} : 0; };
               if (!each) {
                 const Wide z = zero(scale_at);
                 const float scale = scales[scale_at];
                 for (int64_t i = 0; i < n; ++i) {
                   y[first + i] = static_cast<float>(Wide{x[first + i]} - z) * scale;
                 }
                 return;
               }
               for (int64_t i = 0; i < n; ++i) {
                 const int64_t s = scale_at + i;
                 y[first + i] = static_cast<float>(Wide{x[first + i]} - zero(s)) * scales[s];
               }
             });
    return OkStatus();
  }

 private:
  const ScaleMap map_;
  const bool scale_is_a_tensor_;
};

// Either direction for any types. Elements below a byte share bytes, which tasks must not: serial.
class AnyQuantizeOp final : public CompiledOp {
 public:
  struct Types {
    DType x, scale, y;
    bool quantizes = false;
    bool saturate = true;
  };
  AnyQuantizeOp(const ScaleMap& map, bool scale_is_a_tensor, const Types& types)
      : map_(map), scale_is_a_tensor_(scale_is_a_tensor), types_(types) {}

  Status Run(const RunArgs& args) const override {
    SerialParallel serial;
    const bool shares_bytes = DTypeBits(types_.y) < 8;
    map_.Run(shares_bytes ? serial : *args.parallel, scale_is_a_tensor_,
             [&](int64_t first, int64_t n, int64_t scale_at, bool each) {
               // `serial` does not look at the deadline.
               if (shares_bytes && IsStopped(*args.parallel)) return;
               for (int64_t i = 0; i < n; i += kPiece) {
                 RunPiece(args, first + i, std::min(kPiece, n - i), each ? scale_at + i : scale_at,
                          each);
               }
             });
    return OkStatus();
  }

 private:
  static constexpr int64_t kPiece = 256;

  void RunPiece(const RunArgs& args, int64_t first, int64_t n, int64_t scale_at, bool each) const {
    double x[kPiece], scale[kPiece], zero[kPiece] = {};
    const int64_t n_scales = each ? n : 1;
    kernels::ReadNumbers(types_.x, args.inputs[kX], first, n, x);
    kernels::ReadNumbers(types_.scale, args.inputs[kScale], scale_at, n_scales, scale);
    if (args.inputs.size() > kZeroPoint && args.inputs[kZeroPoint] != nullptr) {
      kernels::ReadNumbers(types_.quantizes ? types_.y : types_.x, args.inputs[kZeroPoint],
                           scale_at, n_scales, zero);
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t s = each ? i : 0;
      x[i] = types_.quantizes ? Quantized(x[i], scale[s], zero[s]) : (x[i] - zero[s]) * scale[s];
    }
    kernels::WriteNumbers(types_.y, x, first, n, {.saturate = types_.saturate}, args.outputs[0]);
  }

  double Quantized(double x, double scale, double zero) const {
    // The division is one of floats, whose rounding decides ties.
    const double value = static_cast<double>(static_cast<float>(x) / static_cast<float>(scale));
    if (!kernels::IsInteger(types_.y)) return value + zero;
    const double range = std::ldexp(1.0, static_cast<int>(DTypeBits(types_.y)));
    const bool is_signed = types_.y == DType::kInt8 || types_.y == DType::kInt16 ||
                           types_.y == DType::kInt4 || types_.y == DType::kInt2;
    const double low = is_signed ? -range / 2 : 0;
    return std::clamp(std::nearbyint(value) + zero, low, low + range - 1);
  }

  const ScaleMap map_;
  const bool scale_is_a_tensor_;
  const Types types_;
};

// The quantised type: the zero point's, or the attribute output_dtype, or uint8.
Result<DType> QuantizedType(const OpContext& context) {
  if (context.HasInput(kZeroPoint)) return context.Input(kZeroPoint).dtype;
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("output_dtype", 0));
  if (number == 0) return DType::kUint8;
  auto dtype = DTypeFromOnnx(number);
  if (!dtype) return InvalidArgument("attribute 'output_dtype' is no type");
  return *dtype;
}

Status InferQuantize(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kX, kQuantizableSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kScale, kScaleSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kZeroPoint, kQuantizedSet));
  WNN_ASSIGN_OR_RETURN(DType dtype, QuantizedType(context));
  if (dtype != DType::kUndefined && !kQuantizedSet.Has(dtype)) {
    return Unsupported("quantisation to " + std::string(DTypeName(dtype)) + " is not supported");
  }
  WNN_RETURN_IF_ERROR(CheckScale(context));
  Fact fact = context.Input(kX);
  fact.dtype = dtype;
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileAny(const CompileContext& context, const ScaleMap& map, bool quantizes) {
  WNN_ASSIGN_OR_RETURN(int64_t saturate, context.attributes().Int("saturate", 1));
  return CompiledPtr(std::make_unique<AnyQuantizeOp>(
      map, ScaleIsATensor(context),
      AnyQuantizeOp::Types{context.InputType(kX), context.InputType(kScale),
                           context.Output(0).dtype, quantizes, saturate != 0}));
}

Result<CompiledPtr> CompileQuantize(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(ScaleMap map, MakeScaleMap(context));
  CompiledPtr fast;
  if (context.InputType(kX) == DType::kFloat && context.InputType(kScale) == DType::kFloat) {
    fast =
        kernels::Visit(context.Output(0).dtype, QuantizedTypes(), [&]<typename Q>() -> CompiledPtr {
          return std::make_unique<QuantizeOp<Q>>(map, ScaleIsATensor(context));
        });
  }
  if (fast) return fast;
  return CompileAny(context, map, true);
}

Status InferDequantize(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kX, kDequantizableSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kScale, kScaleSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kX, kZeroPoint));
  WNN_RETURN_IF_ERROR(CheckScale(context));
  Fact fact = context.Input(kX);
  fact.dtype = context.Input(kScale).dtype;
  WNN_ASSIGN_OR_RETURN(int64_t output_dtype, context.attributes().Int("output_dtype", 0));
  if (output_dtype != 0) {
    auto dtype = DTypeFromOnnx(output_dtype);
    if (!dtype) return InvalidArgument("attribute 'output_dtype' is no type");
    fact.dtype = *dtype;
  }
  if (fact.dtype != DType::kUndefined && !kRealSet.Has(fact.dtype)) {
    return InvalidArgument("the output's type would be " + std::string(DTypeName(fact.dtype)) +
                           ", not one of real numbers");
  }
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileDequantize(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(ScaleMap map, MakeScaleMap(context));
  CompiledPtr fast;
  if (context.Output(0).dtype == DType::kFloat && context.InputType(kScale) == DType::kFloat) {
    fast = kernels::Visit(context.InputType(kX), DequantizableTypes(),
                          [&]<typename Q>() -> CompiledPtr {
                            return std::make_unique<DequantizeOp<Q>>(map, ScaleIsATensor(context));
                          });
  }
  if (fast) return fast;
  return CompileAny(context, map, false);
}

// Quantises to uint8 with the scale and zero point of the tensor's own range, 0 included.
class DynamicQuantizeOp final : public CompiledOp {
 public:
  explicit DynamicQuantizeOp(int64_t n) : n_(n) {}
  Status Run(const RunArgs& args) const override {
    const float* x = args.in<float>(0);
    uint8_t* y = args.out<uint8_t>(0);
    const kernels::DynamicScale range = kernels::DynamicRange(x, n_, *args.parallel);
    kernels::ForRanges(
        *args.parallel, n_, kernels::kElementsPerTask, [&](int64_t begin, int64_t end) {
          kernels::QuantizeTo(x + begin, end - begin, range.scale, range.zero_point, y + begin);
        });
    if (args.outputs[1] != nullptr) *args.out<float>(1) = range.scale;
    if (args.outputs[2] != nullptr) *args.out<uint8_t>(2) = static_cast<uint8_t>(range.zero_point);
    return OkStatus();
  }

 private:
  const int64_t n_;
};

Status InferDynamicQuantize(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kFloat}));
  Fact fact = context.Input(0);
  fact.dtype = DType::kUint8;
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  context.SetOutput(1, Fact::Ranked(DType::kFloat, {}));
  context.SetOutput(2, Fact::Ranked(DType::kUint8, {}));
  return OkStatus();
}

Result<CompiledPtr> CompileDynamicQuantize(const CompileContext& context) {
  return CompiledPtr(std::make_unique<DynamicQuantizeOp>(ShapeProduct(context.InputShape(0))));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "DequantizeLinear",
     .inputs = {2, 3},
     .infer = InferDequantize,
     .compile = CompileDequantize},
    {.domain = kMicrosoftDomain,
     .name = "QuantizeLinear",
     .inputs = {2, 3},
     .infer = InferQuantize,
     .compile = CompileQuantize},
    {.name = "DequantizeLinear",
     .since_version = 10,
     .inputs = {2, 3},
     .infer = InferDequantize,
     .compile = CompileDequantize},
    {.name = "DynamicQuantizeLinear",
     .since_version = 11,
     .outputs = {3, 3},
     .infer = InferDynamicQuantize,
     .compile = CompileDynamicQuantize},
    {.name = "QuantizeLinear",
     .since_version = 10,
     .inputs = {2, 3},
     .infer = InferQuantize,
     .compile = CompileQuantize},
});

}  // namespace

std::span<const OpDef> QuantizeOps() { return kOps; }

}  // namespace wnn::ops
