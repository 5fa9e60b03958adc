// Operators that make tensors from attributes or from sizes: Constant, ConstantOfShape, Range,
// EyeLike.
#include <array>
#include <cmath>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

template <typename T>
Result<TensorPtr> MakeTensor(DType dtype, Shape shape, std::span<const T> values) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, std::move(shape)));
  if (!values.empty()) std::memcpy(tensor.bytes().data(), values.data(), values.size_bytes());
  return TensorPtr(std::make_shared<const Tensor>(std::move(tensor)));
}

// The constant where it is strings; empty if it is not.
Result<Value> ConstantStrings(const Attributes& attributes) {
  WNN_ASSIGN_OR_RETURN(Value any, attributes.AnyTensor("value"));
  if (any.strings() != nullptr) return any;
  if (attributes.Has("value_string")) {
    WNN_ASSIGN_OR_RETURN(std::string_view text, attributes.String("value_string", ""));
    WNN_ASSIGN_OR_RETURN(StringTensor strings, StringTensor::Make({}, {std::string(text)}));
    return Value(std::move(strings));
  }
  if (!attributes.Has("value_strings")) return Value();
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> texts, attributes.Strings("value_strings"));
  WNN_ASSIGN_OR_RETURN(StringTensor strings,
                       StringTensor::Make({static_cast<int64_t>(texts.size())},
                                          std::vector<std::string>(texts.begin(), texts.end())));
  return Value(std::move(strings));
}

Status InferConstant(InferContext& context) {
  const Attributes& attributes = context.attributes();
  WNN_ASSIGN_OR_RETURN(Value any, attributes.AnyTensor("value"));
  TensorPtr value = any.tensor_ptr();
  if (!value) {
    WNN_ASSIGN_OR_RETURN(value, attributes.TensorValue("sparse_value"));
  }
  if (attributes.Has("value_float")) {
    WNN_ASSIGN_OR_RETURN(float number, attributes.Float("value_float", 0));
    WNN_ASSIGN_OR_RETURN(value, MakeTensor<float>(DType::kFloat, {}, std::span(&number, 1)));
  } else if (attributes.Has("value_int")) {
    WNN_ASSIGN_OR_RETURN(int64_t number, attributes.Int("value_int", 0));
    WNN_ASSIGN_OR_RETURN(value, MakeTensor<int64_t>(DType::kInt64, {}, std::span(&number, 1)));
  } else if (attributes.Has("value_floats")) {
    WNN_ASSIGN_OR_RETURN(std::span<const float> numbers, attributes.Floats("value_floats"));
    WNN_ASSIGN_OR_RETURN(
        value, MakeTensor(DType::kFloat, {static_cast<int64_t>(numbers.size())}, numbers));
  } else if (attributes.Has("value_ints")) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> numbers, attributes.Ints("value_ints"));
    WNN_ASSIGN_OR_RETURN(value, graph::MakeInt64Tensor(numbers));
  }
  WNN_ASSIGN_OR_RETURN(Value strings, ConstantStrings(attributes));
  if (!strings.empty()) {
    context.SetOutput(0, Fact::Constant(std::move(strings)));
    return OkStatus();
  }
  if (!value) return InvalidArgument("its value is missing");
  context.SetOutput(0, Fact::Constant(std::move(value)));
  return OkStatus();
}

// Constant's output is constant already when it is inferred.
Result<CompiledPtr> CompileConstant(const CompileContext&) {
  return Internal("a constant was not made constant");
}

// Repeats one element.
class FillOp final : public CompiledOp {
 public:
  FillOp(std::array<std::byte, 16> element, size_t element_bytes, int64_t n)
      : element_(element), element_bytes_(element_bytes), n_(n) {}
  Status Run(const RunArgs& args) const override {
    kernels::FillElements(args.outputs[0], element_.data(), element_bytes_, n_, *args.parallel);
    return OkStatus();
  }

 private:
  const std::array<std::byte, 16> element_;
  const size_t element_bytes_;
  const int64_t n_;
};

Status InferConstantOfShape(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(TensorPtr value, context.attributes().TensorValue("value"));
  const DType dtype = value ? value->dtype() : DType::kFloat;
  if (!kCopySet.Has(dtype) || (value && value->n_elements() != 1)) {
    return Unsupported("attribute 'value' is " +
                       TensorTypeToString(dtype, value ? value->shape() : Shape()) +
                       ", not one number");
  }
  WNN_ASSIGN_OR_RETURN(auto shape, context.InputInts(0));
  if (!shape) {
    context.SetOutput(0, Fact::Unranked(dtype));
    return OkStatus();
  }
  for (int64_t extent : *shape) {
    if (extent < 0) return InvalidArgument("the shape is " + ShapeToString(*shape));
  }
  context.SetOutput(0, Fact::Concrete(dtype, *shape));
  return OkStatus();
}

Result<CompiledPtr> CompileConstantOfShape(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(TensorPtr value, context.attributes().TensorValue("value"));
  std::array<std::byte, 16> element{};
  const size_t bytes = DTypeBits(context.Output(0).dtype) / 8;
  if (value) std::memcpy(element.data(), value->bytes().data(), bytes);
  return CompiledPtr(
      std::make_unique<FillOp>(element, bytes, ShapeProduct(context.OutputShape(0))));
}

using RangeTypes =
    kernels::Types<float, double, kernels::Float16, kernels::Bfloat16, int16_t, int32_t, int64_t>;
constexpr TypeSet kRangeSet = {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kBfloat16,
                               DType::kInt16, DType::kInt32,  DType::kInt64};

template <typename T>
class RangeOp final : public CompiledOp {
 public:
  explicit RangeOp(int64_t n) : n_(n) {}
  Status Run(const RunArgs& args) const override {
    using Value = kernels::Compute<T>;
    const Value start = kernels::Widen(*args.in<T>(0)), step = kernels::Widen(*args.in<T>(2));
    T* out = args.out<T>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           const Value offset = kernels::Mul()(static_cast<Value>(i), step);
                           out[i] = kernels::Narrow<T>(kernels::Add()(start, offset));
                         }
                       });
    return OkStatus();
  }

 private:
  const int64_t n_;
};

// ceil((limit - start) / step), at least 0; nothing if it is no sensible number.
template <typename T>
std::optional<int64_t> RangeSize(T start, T limit, T step) {
  if (step == T{0}) return std::nullopt;
  if constexpr (std::is_integral_v<T>) {
    if (step > 0 ? start >= limit : start <= limit) return 0;
    // Unsigned, because the distance of two int64 may not fit one.
    const uint64_t distance = step > 0
                                  ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                  : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
    const uint64_t stride =
        step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    const uint64_t n = (distance - 1) / stride + 1;
    if (n > static_cast<uint64_t>(graph::kMaxExtent)) return std::nullopt;
    return static_cast<int64_t>(n);
  } else {
    const double n = std::ceil((static_cast<double>(limit) - start) / step);
    if (!(n <= static_cast<double>(graph::kMaxExtent))) return std::nullopt;
    return n > 0 ? static_cast<int64_t>(n) : 0;
  }
}

Status InferRange(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kRangeSet));
  bool constant = true;
  for (size_t i = 0; i < 3; ++i) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
    const TensorPtr& value = context.Input(i).constant;
    if (value && value->n_elements() != 1) {
      return InvalidArgument("input " + std::to_string(i) + " is not one number");
    }
    constant = constant && value;
  }
  const DType dtype = context.Input(0).dtype;
  if (!constant) {
    context.SetOutput(0, Fact::Ranked(dtype, {graph::UnknownDim()}));
    return OkStatus();
  }
  auto size = kernels::Visit(dtype, RangeTypes(), [&]<typename T>() -> std::optional<int64_t> {
    auto value = [&](size_t i) {
      T number;
      std::memcpy(&number, context.Input(i).constant->bytes().data(), sizeof(number));
      return kernels::Widen(number);
    };
    return RangeSize(value(0), value(1), value(2));
  });
  if (!size) return InvalidArgument("start, limit and delta do not make a range");
  context.SetOutput(0, Fact::Ranked(dtype, {graph::KnownDim(*size)}));
  return OkStatus();
}

Result<CompiledPtr> CompileRange(const CompileContext& context) {
  const int64_t n = context.OutputShape(0)[0];
  return kernels::Visit(context.InputType(0), RangeTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<RangeOp<T>>(n);
  });
}

// A matrix with ones on one diagonal.
template <typename T>
class EyeOp final : public CompiledOp {
 public:
  EyeOp(int64_t rows, int64_t columns, int64_t diagonal)
      : rows_(rows), columns_(columns), diagonal_(diagonal) {}
  Status Run(const RunArgs& args) const override {
    T* out = args.out<T>(0);
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < rows_; ++i) {
      for (int64_t j = 0; j < columns_; ++j) {
        if (check.Stopped(1)) return OkStatus();
        out[i * columns_ + j] = kernels::Convert<T>(static_cast<float>(j - i == diagonal_));
      }
    }
    return OkStatus();
  }

 private:
  const int64_t rows_;
  const int64_t columns_;
  const int64_t diagonal_;
};

Status InferEyeLike(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, 2));
  Fact fact = context.Input(0);
  fact.constant = nullptr;
  if (context.attributes().Has("dtype")) {
    WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().RequiredInt("dtype"));
    fact.dtype = DTypeFromOnnx(number).value_or(DType::kString);
  }
  if (fact.dtype != DType::kUndefined && !kAllSet.Has(fact.dtype)) {
    return Unsupported("attribute 'dtype' is not the type of a number");
  }
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileEyeLike(const CompileContext& context) {
  const Shape shape = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t k, context.attributes().Int("k", 0));
  return kernels::Visit(context.Output(0).dtype, kernels::AllTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<EyeOp<T>>(shape[0], shape[1], k);
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Constant", .inputs = {0, 0}, .infer = InferConstant, .compile = CompileConstant},
    {.name = "ConstantOfShape",
     .since_version = 9,
     .infer = InferConstantOfShape,
     .compile = CompileConstantOfShape,
     .value_inputs = 0b1},
    {.name = "EyeLike",
     .since_version = 9,
     .infer = InferEyeLike,
     .compile = CompileEyeLike,
     .shape_only = true},
    {.name = "Range",
     .since_version = 11,
     .inputs = {3, 3},
     .infer = InferRange,
     .compile = CompileRange,
     .value_inputs = 0b111},
});

}  // namespace

std::span<const OpDef> ConstantOps() { return kOps; }

}  // namespace wnn::ops
