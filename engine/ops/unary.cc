// Functions of one element: activations, elementary functions, Clip.
#include <array>
#include <limits>
#include <optional>

#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/kernels/reference/scalar_functions.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/vector_unary.h"

namespace wnn::ops {
namespace {

using kernels::FloatTypes;
using kernels::IntegerTypes;
using kernels::NumericTypes;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

template <typename T, typename Function>
class UnaryOp final : public CompiledOp {
 public:
  UnaryOp(Function function, int64_t n) : function_(function), n_(n) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           out[i] = kernels::Narrow<T>(function_(kernels::Widen(in[i])));
                         }
                       });
    return OkStatus();
  }

 private:
  const Function function_;
  const int64_t n_;
};

// What a function is to the vector kernels; nothing where they lack it.
template <typename Function>
std::optional<kernels::UnaryParams> VectorForm(const Function&) {
  return std::nullopt;
}
using OptionalParams = std::optional<kernels::UnaryParams>;
OptionalParams VectorForm(const kernels::Erf&) { return {{.op = kernels::UnaryOp::kErf}}; }
OptionalParams VectorForm(const kernels::Exp&) { return {{.op = kernels::UnaryOp::kExp}}; }
OptionalParams VectorForm(const kernels::Gelu& f) {
  return {{.op = f.use_tanh ? kernels::UnaryOp::kGeluTanh : kernels::UnaryOp::kGelu}};
}
OptionalParams VectorForm(const kernels::HardSigmoid& f) {
  return {{.op = kernels::UnaryOp::kHardSigmoid, .alpha = f.alpha, .beta = f.beta}};
}
OptionalParams VectorForm(const kernels::HardSwish&) {
  return {{.op = kernels::UnaryOp::kHardSwish, .alpha = 1.0f / 6, .beta = 0.5f}};
}
OptionalParams VectorForm(const kernels::LeakyRelu& f) {
  return {{.op = kernels::UnaryOp::kLeakyRelu, .alpha = f.alpha}};
}
OptionalParams VectorForm(const kernels::Relu&) {
  return {{.op = kernels::UnaryOp::kClamp, .clamp = {.min = 0}}};
}
OptionalParams VectorForm(const kernels::Sigmoid&) { return {{.op = kernels::UnaryOp::kSigmoid}}; }
OptionalParams VectorForm(const kernels::Swish& f) {
  return {{.op = kernels::UnaryOp::kSwish, .alpha = f.alpha}};
}
OptionalParams VectorForm(const kernels::Tanh&) { return {{.op = kernels::UnaryOp::kTanh}}; }

// How a function takes its members from a node's attributes.
template <typename Function>
Result<Function> Parse(const CompileContext&) {
  return Function();
}

// For functions with the attribute alpha, whose default is the function's own.
template <typename Function>
Result<Function> ParseAlpha(const CompileContext& context) {
  Function f;
  WNN_ASSIGN_OR_RETURN(f.alpha, context.attributes().Float("alpha", f.alpha));
  return f;
}

Result<kernels::HardSigmoid> ParseHardSigmoid(const CompileContext& context) {
  kernels::HardSigmoid f;
  WNN_ASSIGN_OR_RETURN(f.alpha, context.attributes().Float("alpha", f.alpha));
  WNN_ASSIGN_OR_RETURN(f.beta, context.attributes().Float("beta", f.beta));
  return f;
}

Result<kernels::Selu> ParseSelu(const CompileContext& context) {
  kernels::Selu f;
  // Version 1 had less exact constants.
  if (context.opset() < 6) f = {1.6732f, 1.0507f};
  WNN_ASSIGN_OR_RETURN(f.alpha, context.attributes().Float("alpha", f.alpha));
  WNN_ASSIGN_OR_RETURN(f.gamma, context.attributes().Float("gamma", f.gamma));
  return f;
}

Result<kernels::Gelu> ParseGelu(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view approximate,
                       context.attributes().String("approximate", "none"));
  if (approximate != "none" && approximate != "tanh") {
    return InvalidArgument("attribute 'approximate' is neither none nor tanh");
  }
  return kernels::Gelu{approximate == "tanh"};
}

Result<kernels::Shrink> ParseShrink(const CompileContext& context) {
  kernels::Shrink f;
  WNN_ASSIGN_OR_RETURN(f.bias, context.attributes().Float("bias", f.bias));
  WNN_ASSIGN_OR_RETURN(f.lambd, context.attributes().Float("lambd", f.lambd));
  return f;
}

template <typename Types, typename Function,
          Result<Function> (*kParse)(const CompileContext&) = Parse<Function>>
Result<CompiledPtr> Compile(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Function function, kParse(context));
  const int64_t n = ShapeProduct(context.InputShape(0));
  if (context.InputType(0) == DType::kFloat) {
    if (const auto params = VectorForm(function)) return MakeVectorUnary(*params, n);
  }
  return kernels::Visit(context.InputType(0), Types(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<UnaryOp<T, Function>>(function, n);
  });
}

template <const TypeSet& kSet>
Status Infer(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kSet));
  return InferSame(context);
}

// A row for a function of the floating-point types without attributes.
template <typename Function>
constexpr OpDef FloatOp(std::string_view name, int since_version = 1) {
  return {.name = name,
          .since_version = since_version,
          .infer = Infer<kFloatSet>,
          .compile = Compile<FloatTypes, Function>,
          .inplace_inputs = 1};
}

// A row for a function of every numeric type without attributes.
template <typename Function>
constexpr OpDef NumericOp(std::string_view name) {
  return {.name = name,
          .infer = Infer<kNumericSet>,
          .compile = Compile<NumericTypes, Function>,
          .inplace_inputs = 1};
}

// A row for a function of the floating-point types with attributes.
template <typename Function, Result<Function> (*kParse)(const CompileContext&)>
constexpr OpDef ParsedOp(std::string_view name, int since_version = 1) {
  return {.name = name,
          .since_version = since_version,
          .infer = Infer<kFloatSet>,
          .compile = Compile<FloatTypes, Function, kParse>,
          .inplace_inputs = 1};
}

// Clip: the bounds are attributes before version 11, then inputs, known only at run time.
template <typename T>
class ClipOp final : public CompiledOp {
 public:
  ClipOp(int64_t n, kernels::Compute<T> min, kernels::Compute<T> max)
      : n_(n), min_(min), max_(max) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    const T *min_input = args.in<T>(1), *max_input = args.in<T>(2);
    const kernels::Compute<T> min = min_input != nullptr ? kernels::Widen(*min_input) : min_;
    const kernels::Compute<T> max = max_input != nullptr ? kernels::Widen(*max_input) : max_;
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           kernels::Compute<T> x = kernels::Widen(in[i]);
                           // In this order NaN passes, and max wins where the bounds cross.
                           x = x < min ? min : x;
                           x = x > max ? max : x;
                           out[i] = kernels::Narrow<T>(x);
                         }
                       });
    return OkStatus();
  }

 private:
  const int64_t n_;
  const kernels::Compute<T> min_;
  const kernels::Compute<T> max_;
};

constexpr int kClipFirstWithInputs = 11;

Status InferClip(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  for (size_t i : {1, 2}) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
    if (!context.HasInput(i) || !context.Input(i).IsConcrete()) continue;
    if (ShapeProduct(context.Input(i).ConcreteShape()) != 1) {
      return InvalidArgument("bound " + context.Input(i).ToString() + " is not one number");
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileClip(const CompileContext& context) {
  const int64_t n = ShapeProduct(context.InputShape(0));
  const bool has_attributes = context.opset() < kClipFirstWithInputs;
  WNN_ASSIGN_OR_RETURN(float min, context.attributes().Float("min", 0));
  WNN_ASSIGN_OR_RETURN(float max, context.attributes().Float("max", 0));
  return kernels::Visit(context.InputType(0), NumericTypes(), [&]<typename T>() -> CompiledPtr {
    using Value = kernels::Compute<T>;
    using Limits = std::numeric_limits<Value>;
    Value lowest = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    Value highest = Limits::has_infinity ? Limits::infinity() : Limits::max();
    if (kernels::kIsFloating<T> && has_attributes) {
      if (context.attributes().Has("min")) lowest = static_cast<Value>(min);
      if (context.attributes().Has("max")) highest = static_cast<Value>(max);
    }
    return std::make_unique<ClipOp<T>>(n, lowest, highest);
  });
}

// Functions whose result is a boolean.
template <typename T, typename Function>
class PredicateOp final : public CompiledOp {
 public:
  PredicateOp(Function function, int64_t n) : function_(function), n_(n) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    bool* out = args.out<bool>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           out[i] = function_(kernels::Widen(in[i]));
                         }
                       });
    return OkStatus();
  }

 private:
  const Function function_;
  const int64_t n_;
};

Result<kernels::IsInf> ParseIsInf(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t negative, context.attributes().Int("detect_negative", 1));
  WNN_ASSIGN_OR_RETURN(int64_t positive, context.attributes().Int("detect_positive", 1));
  return kernels::IsInf{negative != 0, positive != 0};
}

template <const TypeSet& kSet>
Status InferPredicate(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kSet));
  Fact fact = context.Input(0);
  fact.dtype = DType::kBool;
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

template <typename Types, typename Function,
          Result<Function> (*kParse)(const CompileContext&) = Parse<Function>>
Result<CompiledPtr> CompilePredicate(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Function function, kParse(context));
  const int64_t n = ShapeProduct(context.InputShape(0));
  return kernels::Visit(context.InputType(0), Types(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<PredicateOp<T, Function>>(function, n);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    NumericOp<kernels::Abs>("Abs"),
    FloatOp<kernels::Acos>("Acos", 7),
    FloatOp<kernels::Acosh>("Acosh", 9),
    FloatOp<kernels::Asin>("Asin", 7),
    FloatOp<kernels::Asinh>("Asinh", 9),
    FloatOp<kernels::Atan>("Atan", 7),
    FloatOp<kernels::Atanh>("Atanh", 9),
    {.name = "BitwiseNot",
     .since_version = 18,
     .infer = Infer<kIntegerSet>,
     .compile = Compile<IntegerTypes, kernels::BitwiseNot>,
     .inplace_inputs = 1},
    FloatOp<kernels::Ceil>("Ceil"),
    ParsedOp<kernels::Celu, ParseAlpha<kernels::Celu>>("Celu", 12),
    {.name = "Clip",
     .last_version = kClipFirstWithInputs - 1,
     .infer = InferClip,
     .compile = CompileClip,
     .inplace_inputs = 1},
    {.name = "Clip",
     .since_version = kClipFirstWithInputs,
     .inputs = {1, 3},
     .infer = InferClip,
     .compile = CompileClip,
     .inplace_inputs = 1},
    FloatOp<kernels::Cos>("Cos", 7),
    FloatOp<kernels::Cosh>("Cosh", 9),
    ParsedOp<kernels::Elu, ParseAlpha<kernels::Elu>>("Elu"),
    FloatOp<kernels::Erf>("Erf", 9),
    FloatOp<kernels::Exp>("Exp"),
    FloatOp<kernels::Floor>("Floor"),
    ParsedOp<kernels::Gelu, ParseGelu>("Gelu", 20),
    ParsedOp<kernels::HardSigmoid, ParseHardSigmoid>("HardSigmoid"),
    FloatOp<kernels::HardSwish>("HardSwish", 14),
    {.name = "IsInf",
     .since_version = 10,
     .infer = InferPredicate<kFloatSet>,
     .compile = CompilePredicate<FloatTypes, kernels::IsInf, ParseIsInf>},
    {.name = "IsNaN",
     .since_version = 9,
     .infer = InferPredicate<kFloatSet>,
     .compile = CompilePredicate<FloatTypes, kernels::IsNaN>},
    ParsedOp<kernels::LeakyRelu, ParseAlpha<kernels::LeakyRelu>>("LeakyRelu"),
    FloatOp<kernels::Log>("Log"),
    FloatOp<kernels::Mish>("Mish", 18),
    NumericOp<kernels::Neg>("Neg"),
    {.name = "Not",
     .infer = InferPredicate<kBoolSet>,
     .compile = CompilePredicate<kernels::Types<bool>, kernels::Not>},
    FloatOp<kernels::Reciprocal>("Reciprocal"),
    NumericOp<kernels::Relu>("Relu"),
    FloatOp<kernels::Round>("Round", 11),
    ParsedOp<kernels::Selu, ParseSelu>("Selu"),
    {.name = "Shrink",
     .since_version = 9,
     .infer = Infer<kNumericSet>,
     .compile = Compile<NumericTypes, kernels::Shrink, ParseShrink>,
     .inplace_inputs = 1},
    FloatOp<kernels::Sigmoid>("Sigmoid"),
    NumericOp<kernels::Sign>("Sign"),
    FloatOp<kernels::Sin>("Sin", 7),
    FloatOp<kernels::Sinh>("Sinh", 9),
    FloatOp<kernels::Softplus>("Softplus"),
    FloatOp<kernels::Softsign>("Softsign"),
    FloatOp<kernels::Sqrt>("Sqrt"),
    ParsedOp<kernels::Swish, ParseAlpha<kernels::Swish>>("Swish", 24),
    FloatOp<kernels::Tan>("Tan", 7),
    FloatOp<kernels::Tanh>("Tanh"),
    ParsedOp<kernels::ThresholdedRelu, ParseAlpha<kernels::ThresholdedRelu>>("ThresholdedRelu", 10),
});

}  // namespace

std::span<const OpDef> UnaryOps() { return kOps; }

}  // namespace wnn::ops
