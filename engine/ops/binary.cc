// Functions of two broadcast elements: arithmetic, comparison, logic; Min, Max, Sum and Mean of any
// number; Where; Pow.
#include "engine/kernels/reference/binary.h"

#include <array>
#include <cstring>

#include "engine/ops/broadcast.h"
#include "engine/ops/families.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::AllTypes;
using kernels::BinaryRows;
using kernels::FloatTypes;
using kernels::IntegerTypes;
using kernels::LoopNest;
using kernels::NumericTypes;
using BoolTypes = kernels::Types<bool>;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

class BinaryOp final : public CompiledOp {
 public:
  BinaryOp(LoopNest<3> nest, const BinaryRows& rows) : nest_(std::move(nest)), rows_(rows) {}
  Status Run(const RunArgs& args) const override {
    kernels::BroadcastBinary(nest_, rows_, args.inputs[0], args.inputs[1], args.outputs[0],
                             *args.parallel);
    return OkStatus();
  }

 private:
  const LoopNest<3> nest_;
  const BinaryRows rows_;
};

Result<CompiledPtr> CompileRows(const CompileContext& context, const BinaryRows& rows) {
  WNN_ASSIGN_OR_RETURN(LoopNest<3> nest, MakeBroadcastNest<3>(context));
  return CompiledPtr(std::make_unique<BinaryOp>(std::move(nest), rows));
}

template <const TypeSet& kSet, bool kToBool>
Status Infer(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  return InferBroadcast(context, kToBool ? DType::kBool : context.Input(0).dtype);
}

template <typename Types, typename Function, bool kToBool>
Result<CompiledPtr> Compile(const CompileContext& context) {
  return CompileRows(context,
                     kernels::BinaryRowsFor<Types, Function, kToBool>(context.InputType(0)));
}

template <typename Types, const TypeSet& kSet, typename Function>
constexpr OpDef Arithmetic(std::string_view name, int since_version = 1) {
  return {.name = name,
          .since_version = since_version,
          .inputs = {2, 2},
          .infer = Infer<kSet, false>,
          .compile = Compile<Types, Function, false>,
          .inplace_inputs = 0b11};
}

template <typename Types, const TypeSet& kSet, typename Function>
constexpr OpDef Comparison(std::string_view name, int since_version = 1) {
  return {.name = name,
          .since_version = since_version,
          .inputs = {2, 2},
          .infer = Infer<kSet, true>,
          .compile = Compile<Types, Function, true>};
}

constexpr OpDef WithStrings(OpDef op) {
  op.string_inputs = kEveryInput;
  return op;
}

Result<CompiledPtr> CompileMod(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t fmod, context.attributes().Int("fmod", 0));
  if (fmod != 0) return Compile<NumericTypes, kernels::Fmod, false>(context);
  return Compile<NumericTypes, kernels::Mod, false>(context);
}

Result<CompiledPtr> CompileBitShift(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view direction, context.attributes().String("direction", ""));
  if (direction == "LEFT") return Compile<IntegerTypes, kernels::ShiftLeft, false>(context);
  if (direction == "RIGHT") return Compile<IntegerTypes, kernels::ShiftRight, false>(context);
  return InvalidArgument("attribute 'direction' is neither LEFT nor RIGHT");
}

// Pow: base and exponent may be of different types; the result is of the base's.
using PowTypes =
    kernels::Types<float, double, kernels::Float16, kernels::Bfloat16, int32_t, int64_t>;
constexpr TypeSet kPowSet = {DType::kFloat,    DType::kDouble, DType::kFloat16,
                             DType::kBfloat16, DType::kInt32,  DType::kInt64};

struct Power {
  // Squaring keeps integers exact where they fit; negative exponents truncate towards zero.
  template <typename T>
  static T Integer(T base, int64_t exponent) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == -1) return exponent % 2 == 0 ? T{1} : T{-1};
      return 0;
    }
    T result = 1;
    for (; exponent > 0; exponent >>= 1) {
      if ((exponent & 1) != 0) result = kernels::Mul()(result, base);
      base = kernels::Mul()(base, base);
    }
    return result;
  }

  template <typename A, typename B>
  A operator()(A base, B exponent) const {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
      return Integer(base, static_cast<int64_t>(exponent));
    } else if constexpr (std::is_integral_v<A>) {
      const double power = std::pow(static_cast<double>(base), static_cast<double>(exponent));
      // Out of range and NaN are left open by ONNX: they give 0.
      constexpr double kBound = sizeof(A) == 4 ? 0x1p31 : 0x1p63;
      return power >= -kBound && power < kBound ? static_cast<A>(power) : A{0};
    } else {
      if (exponent == B{2}) return base * base;
      return std::pow(base, static_cast<A>(exponent));
    }
  }
};

Status InferPow(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kPowSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kNumericSet));
  return InferBroadcast(context, context.Input(0).dtype);
}

Result<CompiledPtr> CompilePow(const CompileContext& context) {
  return CompileRows(context, kernels::Visit(context.InputType(0), PowTypes(), [&]<typename A>() {
                       return kernels::Visit(
                           context.InputType(1), NumericTypes(),
                           []<typename B>() { return kernels::BinaryRowsOf<A, A, B>(Power()); });
                     }));
}

// Min, Max, Sum and Mean: a fold over the inputs, each broadcast to the output.
class FoldOp final : public CompiledOp {
 public:
  // `divide` divides n numbers by a count; null if the fold is the result.
  using DivideFn = void (*)(std::byte* numbers, int64_t n, size_t count);

  FoldOp(std::vector<LoopNest<3>> nests, const BinaryRows& copy, const BinaryRows& fold,
         DivideFn divide, int64_t n)
      : nests_(std::move(nests)), copy_(copy), fold_(fold), divide_(divide), n_(n) {}
  Status Run(const RunArgs& args) const override {
    std::byte* out = args.outputs[0];
    for (size_t i = 0; i < nests_.size(); ++i) {
      kernels::BroadcastBinary(nests_[i], i == 0 ? copy_ : fold_, out, args.inputs[i], out,
                               *args.parallel);
    }
    if (divide_ == nullptr) return OkStatus();
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         divide_(out + begin * fold_.out_bytes, end - begin, nests_.size());
                       });
    return OkStatus();
  }

 private:
  const std::vector<LoopNest<3>> nests_;
  const BinaryRows copy_, fold_;
  const DivideFn divide_;
  const int64_t n_;
};

template <typename Word>
BinaryRows CopyOfWords() {
  return kernels::BinaryRowsOf<Word, Word, Word>([](Word, Word b) { return b; });
}

// The second element, of any type by its size alone.
BinaryRows CopyOf(DType dtype) {
  switch (DTypeBits(dtype)) {
    case 8: return CopyOfWords<uint8_t>();
    case 16: return CopyOfWords<uint16_t>();
    case 32: return CopyOfWords<uint32_t>();
    default: return CopyOfWords<uint64_t>();
  }
}

FoldOp::DivideFn DivideOf(DType dtype) {
  return kernels::Visit(dtype, FloatTypes(), []<typename T>() -> FoldOp::DivideFn {
    return [](std::byte* numbers, int64_t n, size_t count) {
      T* out = reinterpret_cast<T*>(numbers);
      const auto divisor = static_cast<kernels::Compute<T>>(count);
      for (int64_t i = 0; i < n; ++i) {
        out[i] = kernels::Narrow<T>(kernels::Widen(out[i]) / divisor);
      }
    };
  });
}

template <const TypeSet& kSet>
Status InferFold(InferContext& context) {
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  }
  return InferBroadcast(context, context.Input(0).dtype);
}

template <typename Types, typename Function, bool kMean>
Result<CompiledPtr> CompileFold(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  const std::vector<int64_t> dense = kernels::DenseStrides(out);
  std::vector<LoopNest<3>> nests;
  for (size_t i = 0; i < context.n_inputs(); ++i) {
    nests.emplace_back(
        out, std::array{dense, dense, kernels::BroadcastStrides(context.InputShape(i), out)});
  }
  const DType dtype = context.InputType(0);
  return CompiledPtr(std::make_unique<FoldOp>(
      std::move(nests), CopyOf(dtype), kernels::BinaryRowsFor<Types, Function, false>(dtype),
      kMean ? DivideOf(dtype) : nullptr, ShapeProduct(out)));
}

template <typename Types, const TypeSet& kSet, typename Function, bool kMean = false>
constexpr OpDef Fold(std::string_view name) {
  return {.name = name,
          .inputs = {1, kVariadic},
          .infer = InferFold<kSet>,
          .compile = CompileFold<Types, Function, kMean>};
}

// Where: chooses between elements of any type by their size alone.
template <typename Word>
class WhereOp final : public CompiledOp {
 public:
  explicit WhereOp(LoopNest<4> nest) : nest_(std::move(nest)) {}
  Status Run(const RunArgs& args) const override {
    const bool* condition = args.in<bool>(0);
    const Word *yes = args.in<Word>(1), *no = args.in<Word>(2);
    Word* out = args.out<Word>(0);
    const auto strides = nest_.inner_strides();
    nest_.Run(*args.parallel, [&](const LoopNest<4>::Offsets& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        out[at[0] + i] = condition[at[1] + i * strides[1]] ? yes[at[2] + i * strides[2]]
                                                           : no[at[3] + i * strides[3]];
      }
    });
    return OkStatus();
  }

 private:
  const LoopNest<4> nest_;
};

Status InferWhere(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kBoolSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kAllSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(1, 2));
  return InferBroadcast(context, context.Input(1).dtype);
}

Result<CompiledPtr> CompileWhere(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(LoopNest<4> nest, MakeBroadcastNest<4>(context));
  switch (DTypeBits(context.InputType(1))) {
    case 8: return CompiledPtr(std::make_unique<WhereOp<uint8_t>>(std::move(nest)));
    case 16: return CompiledPtr(std::make_unique<WhereOp<uint16_t>>(std::move(nest)));
    case 32: return CompiledPtr(std::make_unique<WhereOp<uint32_t>>(std::move(nest)));
    default: return CompiledPtr(std::make_unique<WhereOp<uint64_t>>(std::move(nest)));
  }
}

constexpr auto kOps = std::to_array<OpDef>({
    Arithmetic<NumericTypes, kNumericSet, kernels::Add>("Add"),
    Comparison<BoolTypes, kBoolSet, kernels::And>("And"),
    {.name = "BitShift",
     .since_version = 11,
     .inputs = {2, 2},
     .infer = Infer<kIntegerSet, false>,
     .compile = CompileBitShift,
     .inplace_inputs = 0b11},
    Arithmetic<IntegerTypes, kIntegerSet, kernels::BitwiseAnd>("BitwiseAnd", 18),
    Arithmetic<IntegerTypes, kIntegerSet, kernels::BitwiseOr>("BitwiseOr", 18),
    Arithmetic<IntegerTypes, kIntegerSet, kernels::BitwiseXor>("BitwiseXor", 18),
    Arithmetic<NumericTypes, kNumericSet, kernels::Div>("Div"),
    WithStrings(Comparison<AllTypes, kAllSet, kernels::Equal>("Equal")),
    Comparison<NumericTypes, kNumericSet, kernels::Greater>("Greater"),
    Comparison<NumericTypes, kNumericSet, kernels::GreaterOrEqual>("GreaterOrEqual", 12),
    Comparison<NumericTypes, kNumericSet, kernels::Less>("Less"),
    Comparison<NumericTypes, kNumericSet, kernels::LessOrEqual>("LessOrEqual", 12),
    Fold<NumericTypes, kNumericSet, kernels::Max>("Max"),
    Fold<FloatTypes, kFloatSet, kernels::Add, true>("Mean"),
    Fold<NumericTypes, kNumericSet, kernels::Min>("Min"),
    {.name = "Mod",
     .since_version = 10,
     .inputs = {2, 2},
     .infer = Infer<kNumericSet, false>,
     .compile = CompileMod,
     .inplace_inputs = 0b11},
    Arithmetic<NumericTypes, kNumericSet, kernels::Mul>("Mul"),
    Comparison<BoolTypes, kBoolSet, kernels::Or>("Or"),
    {.name = "Pow",
     .inputs = {2, 2},
     .infer = InferPow,
     .compile = CompilePow,
     .inplace_inputs = 0b01},
    Arithmetic<NumericTypes, kNumericSet, kernels::PRelu>("PRelu"),
    Arithmetic<NumericTypes, kNumericSet, kernels::Sub>("Sub"),
    Fold<FloatTypes, kFloatSet, kernels::Add>("Sum"),
    {.name = "Where",
     .since_version = 9,
     .inputs = {3, 3},
     .infer = InferWhere,
     .compile = CompileWhere,
     .string_inputs = 0b110,
     .string_outputs = 0b1},
    Comparison<BoolTypes, kBoolSet, kernels::Xor>("Xor"),
});

}  // namespace

std::span<const OpDef> BinaryOps() { return kOps; }

}  // namespace wnn::ops
