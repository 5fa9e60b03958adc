// QuantizeLinear and DequantizeLinear for 8-, 16- and 32-bit integers: one scale for the tensor,
// one for each position of an axis, or one for each block along it. DynamicQuantizeLinear.
#include "engine/kernels/quantized/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using QuantizedTypes = kernels::Types<int8_t, uint8_t, int16_t, uint16_t>;
using DequantizableTypes = kernels::Types<int8_t, uint8_t, int16_t, uint16_t, int32_t>;
using RealTypes = kernels::Types<float, kernels::Float16, kernels::Bfloat16>;

constexpr TypeSet kQuantizedSet = {DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16};
constexpr TypeSet kDequantizableSet = {DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16,
                                       DType::kInt32};
constexpr TypeSet kRealSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};
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
template <typename X, typename S, typename Q>
class QuantizeOp final : public CompiledOp {
 public:
  QuantizeOp(const ScaleMap& map, bool scale_is_a_tensor)
      : map_(map), scale_is_a_tensor_(scale_is_a_tensor) {}
  Status Run(const RunArgs& args) const override {
    const X* x = args.in<X>(kX);
    const S* scales = args.in<S>(kScale);
    const Q* zeros = args.in<Q>(kZeroPoint);
    Q* y = args.out<Q>(0);
    map_.Run(*args.parallel, scale_is_a_tensor_,
             [&](int64_t first, int64_t n, int64_t scale_at, bool each) {
               if constexpr (std::is_same_v<X, float> && std::is_same_v<S, float>) {
                 if (!each) {
                   const int32_t zero = zeros != nullptr ? int32_t{zeros[scale_at]} : 0;
                   kernels::QuantizeTo(x + first, n, scales[scale_at], zero, y + first);
                   return;
                 }
               }
               for (int64_t i = 0; i < n; ++i) {
                 const int64_t s = each ? scale_at + i : scale_at;
                 const float zero = zeros != nullptr ? static_cast<float>(zeros[s]) : 0.0f;
                 const float value = static_cast<float>(kernels::Widen(x[first + i]));
                 y[first + i] =
                     kernels::Convert<Q>(std::nearbyint(value / kernels::Widen(scales[s])) + zero);
               }
             });
    return OkStatus();
  }

 private:
  const ScaleMap map_;
  const bool scale_is_a_tensor_;
};

// y = (x - zero point) * scale.
template <typename Q, typename S>
class DequantizeOp final : public CompiledOp {
 public:
  DequantizeOp(const ScaleMap& map, bool scale_is_a_tensor)
      : map_(map), scale_is_a_tensor_(scale_is_a_tensor) {}
  Status Run(const RunArgs& args) const override {
    const Q* x = args.in<Q>(kX);
    const S* scales = args.in<S>(kScale);
    const Q* zeros = args.in<Q>(kZeroPoint);
    S* y = args.out<S>(0);
    map_.Run(*args.parallel, scale_is_a_tensor_,
             [&](int64_t first, int64_t n, int64_t scale_at, bool each) {
               for (int64_t i = 0; i < n; ++i) {
                 const int64_t s = each ? scale_at + i : scale_at;
                 const int64_t zero = zeros != nullptr ? int64_t{zeros[s]} : 0;
                 const float centred = static_cast<float>(int64_t{x[first + i]} - zero);
                 y[first + i] = kernels::Narrow<S>(centred * kernels::Widen(scales[s]));
               }
             });
    return OkStatus();
  }

 private:
  const ScaleMap map_;
  const bool scale_is_a_tensor_;
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
  WNN_RETURN_IF_ERROR(context.RequireType(kScale, kRealSet));
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

Result<CompiledPtr> CompileQuantize(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(ScaleMap map, MakeScaleMap(context));
  const bool is_tensor = ScaleIsATensor(context);
  using InTypes = kernels::Types<float, kernels::Float16, kernels::Bfloat16, int32_t>;
  return kernels::Visit(context.InputType(kX), InTypes(), [&]<typename X>() -> CompiledPtr {
    return kernels::Visit(context.InputType(kScale), RealTypes(), [&]<typename S>() -> CompiledPtr {
      return kernels::Visit(context.Output(0).dtype, QuantizedTypes(),
                            [&]<typename Q>() -> CompiledPtr {
                              return std::make_unique<QuantizeOp<X, S, Q>>(map, is_tensor);
                            });
    });
  });
}

Status InferDequantize(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kX, kDequantizableSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kScale, kRealSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kX, kZeroPoint));
  WNN_RETURN_IF_ERROR(CheckScale(context));
  Fact fact = context.Input(kX);
  fact.dtype = context.Input(kScale).dtype;
  WNN_ASSIGN_OR_RETURN(int64_t output_dtype, context.attributes().Int("output_dtype", 0));
  if (output_dtype != 0 && fact.dtype != DType::kUndefined &&
      output_dtype != static_cast<int64_t>(fact.dtype)) {
    return Unsupported("attribute 'output_dtype' differs from the scale's type");
  }
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileDequantize(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(ScaleMap map, MakeScaleMap(context));
  const bool is_tensor = ScaleIsATensor(context);
  return kernels::Visit(
      context.InputType(kX), DequantizableTypes(), [&]<typename Q>() -> CompiledPtr {
        return kernels::Visit(context.InputType(kScale), RealTypes(),
                              [&]<typename S>() -> CompiledPtr {
                                return std::make_unique<DequantizeOp<Q, S>>(map, is_tensor);
                              });
      });
}

// Quantises to uint8 with the scale and zero point of the tensor's own range, 0 included.
class DynamicQuantizeOp final : public CompiledOp {
 public:
  explicit DynamicQuantizeOp(int64_t n) : n_(n) {}
  Status Run(const RunArgs& args) const override {
    const float* x = args.in<float>(0);
    uint8_t* y = args.out<uint8_t>(0);
    float low = 0, high = 0;
    for (int64_t i = 0; i < n_; ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    const float scale = (high - low) / 255;
    const float zero = scale == 0 ? 0.0f : std::nearbyint(std::clamp(-low / scale, 0.0f, 255.0f));
    for (int64_t i = 0; i < n_; ++i) {
      y[i] = kernels::Convert<uint8_t>(scale == 0 ? zero : std::nearbyint(x[i] / scale) + zero);
    }
    if (args.outputs[1] != nullptr) *args.out<float>(1) = scale;
    if (args.outputs[2] != nullptr) *args.out<uint8_t>(2) = kernels::Convert<uint8_t>(zero);
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
