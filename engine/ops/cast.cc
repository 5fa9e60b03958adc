// Cast and CastLike between numbers of every type, booleans and strings.
#include <array>

#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/text_cast.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

template <typename From, typename To>
class CastOp final : public CompiledOp {
 public:
  explicit CastOp(int64_t n) : n_(n) {}
  Status Run(const RunArgs& args) const override {
    const From* in = args.in<From>(0);
    To* out = args.out<To>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           out[i] = kernels::Convert<To>(in[i]);
                         }
                       });
    return OkStatus();
  }

 private:
  const int64_t n_;
};

// From or to a type of at most 8 bits that is no int8, uint8 or bool.
class SmallCastOp final : public CompiledOp {
 public:
  SmallCastOp(DType from, DType to, int64_t n, const kernels::NumberRounding& rounding)
      : from_(from), to_(to), n_(n), rounding_(rounding) {}
  Status Run(const RunArgs& args) const override {
    // Ranges begin at multiples of kElementsPerTask, hence at whole bytes.
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         constexpr int64_t kPiece = 256;
                         for (int64_t i = begin; i < end; i += kPiece) {
                           CastPiece(args, i, std::min(kPiece, end - i));
                         }
                       });
    return OkStatus();
  }

 private:
  void CastPiece(const RunArgs& args, int64_t first, int64_t n) const {
    if (kernels::IsInteger(from_) && kernels::IsInteger(to_)) {
      int64_t piece[256];
      kernels::ReadIntegers(from_, args.inputs[0], first, n, piece);
      kernels::WriteIntegers(to_, piece, first, n, args.outputs[0]);
      return;
    }
    double piece[256];
    kernels::ReadNumbers(from_, args.inputs[0], first, n, piece);
    kernels::WriteNumbers(to_, piece, first, n, rounding_, args.outputs[0]);
  }

  const DType from_, to_;
  const int64_t n_;
  const kernels::NumberRounding rounding_;
};

Result<kernels::NumberRounding> ReadRounding(const OpContext& context) {
  using Mode = kernels::NumberRounding::Mode;
  kernels::NumberRounding rounding;
  WNN_ASSIGN_OR_RETURN(int64_t saturate, context.attributes().Int("saturate", 1));
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("round_mode", "up"));
  rounding.saturate = saturate != 0;
  if (mode != "up" && mode != "down" && mode != "nearest") {
    return InvalidArgument("attribute 'round_mode' is " + graph::Quoted(mode) +
                           ", not up, down or nearest");
  }
  rounding.e8m0 = mode == "up" ? Mode::kUp : mode == "down" ? Mode::kDown : Mode::kNearest;
  return rounding;
}

// Before version 6 the attribute `to` is the type's name.
Result<DType> TargetType(const OpContext& context) {
  constexpr int kFirstWithNumber = 6;
  if (context.op_type() == "CastLike") return context.Input(1).dtype;
  if (context.opset() < kFirstWithNumber) {
    WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("to", ""));
    for (int64_t number = 1; auto dtype = DTypeFromOnnx(number); ++number) {
      std::string_view candidate = DTypeName(*dtype);
      if (std::equal(name.begin(), name.end(), candidate.begin(), candidate.end(),
                     [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; })) {
        return *dtype;
      }
    }
    return InvalidArgument("attribute 'to' is " + graph::Quoted(name) + ", not a type");
  }
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().RequiredInt("to"));
  auto dtype = DTypeFromOnnx(number);
  if (!dtype) {
    return InvalidArgument("attribute 'to' is " + std::to_string(number) + ", not a type");
  }
  return *dtype;
}

Status InferCast(InferContext& context) {
  if (context.Input(0).dtype != DType::kString) {
    WNN_RETURN_IF_ERROR(context.RequireType(0, kNumberSet));
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] kernels::NumberRounding rounding, ReadRounding(context));
  WNN_ASSIGN_OR_RETURN(DType to, TargetType(context));
  if (to != DType::kUndefined && to != DType::kString && !kNumberSet.Has(to)) {
    return Unsupported("a cast to " + std::string(DTypeName(to)) + " is not supported");
  }
  Fact fact = context.Input(0);
  fact.dtype = to;
  fact.constant = nullptr;
  fact.object = Value();
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileCast(const CompileContext& context) {
  const int64_t n = ShapeProduct(context.InputShape(0));
  const DType from = context.InputType(0), to = context.Output(0).dtype;
  if (!kAllSet.Has(from) || !kAllSet.Has(to)) {
    WNN_ASSIGN_OR_RETURN(kernels::NumberRounding rounding, ReadRounding(context));
    return CompiledPtr(std::make_unique<SmallCastOp>(from, to, n, rounding));
  }
  return kernels::Visit(
      context.InputType(0), kernels::AllTypes(), [&]<typename From>() -> CompiledPtr {
        return kernels::Visit(
            context.Output(0).dtype, kernels::AllTypes(),
            [&]<typename To>() -> CompiledPtr { return std::make_unique<CastOp<From, To>>(n); });
      });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Cast", .infer = InferCast, .compile = CompileCast, .evaluate = EvaluateTextCast},
    {.name = "CastLike",
     .since_version = 15,
     .inputs = {2, 2},
     .infer = InferCast,
     .compile = CompileCast,
     .evaluate = EvaluateTextCast},
});

}  // namespace

std::span<const OpDef> CastOps() { return kOps; }

}  // namespace wnn::ops
