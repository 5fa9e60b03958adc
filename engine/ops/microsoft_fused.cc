// ONNX Runtime's products and convolutions with what follows them: FusedMatMul, FusedConv,
// FusedGemm.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "engine/kernels/reference/loop_nest.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/kernels/reference/strided_copy.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/registry.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// ---- FusedMatMul, by its older name TransposeMatMul: alpha * op(A) * op(B), where op may swap the
// last two dimensions.

struct FusedMatMul {
  bool trans_a = false, trans_b = false;
  bool batch_a = false, batch_b = false;  // the first dimension moves
  float alpha = 1;
};
Result<FusedMatMul> ReadFusedMatMul(const OpContext& context) {
  FusedMatMul node;
  const graph::Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(int64_t trans_a, a.Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t trans_b, a.Int("transB", 0));
  WNN_ASSIGN_OR_RETURN(int64_t batch_a, a.Int("transBatchA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t batch_b, a.Int("transBatchB", 0));
  WNN_ASSIGN_OR_RETURN(node.alpha, a.Float("alpha", 1));
  node.batch_a = batch_a != 0;
  node.batch_b = batch_b != 0;
  node.trans_a = trans_a != 0;
  node.trans_b = trans_b != 0;
  return node;
}

// Dimensions, or strides, with the first one moved.
template <typename T>
std::vector<T> Moved(std::vector<T> dims) {
  std::rotate(dims.begin(), dims.begin() + 1, dims.end() - 1);
  return dims;
}

Status InferFusedMatMul(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  WNN_ASSIGN_OR_RETURN(FusedMatMul node, ReadFusedMatMul(context));
  Fact a = context.Input(0), b = context.Input(1);
  if (!a.has_rank || !b.has_rank) {
    context.SetOutput(0, Fact::Unranked(a.dtype));
    return OkStatus();
  }
  if (a.rank() < 2 || b.rank() < 2) return Unsupported("an input with fewer than two dimensions");
  if (node.batch_a) a.dims = Moved(a.dims);
  if (node.batch_b) b.dims = Moved(b.dims);
  const Dim m = a.dims[a.rank() - (node.trans_a ? 1 : 2)],
            n = b.dims[b.rank() - (node.trans_b ? 2 : 1)];
  const Dim a_k = a.dims[a.rank() - (node.trans_a ? 2 : 1)];
  const Dim b_k = b.dims[b.rank() - (node.trans_b ? 1 : 2)];
  if (IsKnown(a_k) && IsKnown(b_k) && a_k.value != b_k.value) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not multiply: their inner dimensions differ");
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(std::span(a.dims).first(a.rank() - 2),
                                                            std::span(b.dims).first(b.rank() - 2)));
  dims.push_back(m);
  dims.push_back(n);
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

// A product of copies of its inputs.
class MovedInputsOp final : public CompiledOp {
 public:
  struct Move {
    kernels::StridedCopy copy;
    int64_t n = 0;  // elements
  };
  using Moves = std::array<std::optional<Move>, 2>;
  MovedInputsOp(CompiledPtr product, Moves moves)
      : product_(std::move(product)), moves_(std::move(moves)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    uint64_t bytes = product_->ScratchBytes(n_threads);
    for (const auto& move : moves_) bytes += move ? ScratchPieces::Bytes<float>(move->n) : 0;
    return bytes;
  }

  Status Run(const RunArgs& args) const override {
    ScratchPieces memory(args.scratch);
    std::array<const std::byte*, 2> inputs = {args.inputs[0], args.inputs[1]};
    for (size_t i = 0; i < 2; ++i) {
      if (!moves_[i]) continue;
      auto* to = reinterpret_cast<std::byte*>(memory.Take<float>(moves_[i]->n));
      moves_[i]->copy.Run(to, args.inputs[i], *args.parallel);
      inputs[i] = to;
    }
    return product_->Run({inputs, args.outputs, memory.rest(), args.parallel});
  }

 private:
  const CompiledPtr product_;
  const Moves moves_;
};

Result<CompiledPtr> CompileFusedMatMul(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileFusedMatMul);
  WNN_ASSIGN_OR_RETURN(FusedMatMul node, ReadFusedMatMul(context));
  Shape shapes[] = {context.InputShape(0), context.InputShape(1)};
  MovedInputsOp::Moves moves;
  for (size_t i = 0; i < 2; ++i) {
    if (!(i == 0 ? node.batch_a : node.batch_b)) continue;
    const std::vector<int64_t> from = Moved(kernels::DenseStrides(shapes[i]));
    shapes[i] = Moved(shapes[i]);
    moves[i] = {
        kernels::StridedCopy(shapes[i], kernels::DenseStrides(shapes[i]), from, sizeof(float)),
        ShapeProduct(shapes[i])};
  }
  // A constant that is packed is one matrix, whose elements lie as they did.
  WNN_ASSIGN_OR_RETURN(CompiledPtr product,
                       CompileMatrixProduct(context, {shapes[0], shapes[1], node.trans_a,
                                                      node.trans_b, node.alpha}));
  if (!moves[0] && !moves[1]) return product;
  return CompiledPtr(std::make_unique<MovedInputsOp>(std::move(product), std::move(moves)));
}

// ---- FusedConv and FusedGemm: ONNX's operator, a sum (FusedConv's input 3) and an activation.

struct Activation {
  enum class Kind { kNone, kRelu, kSigmoid, kTanh, kLeakyRelu, kClip, kHardSigmoid };
  Kind kind = Kind::kNone;
  float alpha = 0, beta = 0;

  float operator()(float x) const {
    switch (kind) {
      case Kind::kNone: return x;
      case Kind::kRelu: return x < 0 ? 0 : x;
      case Kind::kSigmoid: return 1 / (1 + std::exp(-x));
      case Kind::kTanh: return std::tanh(x);
      case Kind::kLeakyRelu: return x < 0 ? alpha * x : x;
      case Kind::kClip: return x < alpha ? alpha : x > beta ? beta : x;
      case Kind::kHardSigmoid: return std::min(std::max(alpha * x + beta, 0.0f), 1.0f);
    }
    return x;
  }
};

Result<Activation> ReadActivation(const OpContext& context) {
  constexpr std::string_view kNames[] = {"",          "Relu", "Sigmoid",    "Tanh",
                                         "LeakyRelu", "Clip", "HardSigmoid"};
  WNN_ASSIGN_OR_RETURN(std::string_view name, context.attributes().String("activation", ""));
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) {
    return Unsupported("attribute 'activation' is " + graph::Quoted(name));
  }
  Activation activation;
  activation.kind = static_cast<Activation::Kind>(found - std::begin(kNames));
  WNN_ASSIGN_OR_RETURN(std::span<const float> parameters,
                       context.attributes().Floats("activation_params"));
  WNN_ASSIGN_OR_RETURN(activation.alpha, context.attributes().Float("activation_alpha", 0.01f));
  WNN_ASSIGN_OR_RETURN(activation.beta, context.attributes().Float("activation_beta", 0.5f));
  if (!parameters.empty()) activation.alpha = parameters[0];
  if (parameters.size() > 1) activation.beta = parameters[1];
  if (activation.kind == Activation::Kind::kClip && parameters.size() != 2) {
    return InvalidArgument("the activation Clip needs two parameters");
  }
  return activation;
}

const OpDef* InnerOp(const OpContext& context) {
  constexpr int kVersion = 13;
  return FindOp("", context.op_type() == "FusedConv" ? "Conv" : "Gemm", kVersion);
}

Status InferFused(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireReal(context));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] Activation activation, ReadActivation(context));
  return InnerOp(context)->infer(context);
}

class FusedOp final : public CompiledOp {
 public:
  FusedOp(std::unique_ptr<const CompiledOp> op, int64_t n, const Activation& activation)
      : op_(std::move(op)), n_(n), activation_(activation) {}
  uint64_t ScratchBytes(int n_threads) const override { return op_->ScratchBytes(n_threads); }
  Status Run(const RunArgs& args) const override {
    WNN_RETURN_IF_ERROR(op_->Run(args));
    const float* sum = args.in<float>(3);
    float* y = args.out<float>(0);
    if (sum == nullptr && activation_.kind == Activation::Kind::kNone) return OkStatus();
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           y[i] = activation_(sum != nullptr ? y[i] + sum[i] : y[i]);
                         }
                       });
    return OkStatus();
  }

 private:
  const std::unique_ptr<const CompiledOp> op_;
  const int64_t n_;
  const Activation activation_;
};

Result<CompiledPtr> CompileFused(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileFused);
  WNN_ASSIGN_OR_RETURN(Activation activation, ReadActivation(context));
  if (context.HasInput(3) && context.InputShape(3) != context.OutputShape(0)) {
    return InvalidArgument("the sum " + context.Input(3).ToString() +
                           " is not of the output's shape");
  }
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<const CompiledOp> op, InnerOp(context)->compile(context));
  if (op == nullptr) return op;
  return CompiledPtr(
      std::make_unique<FusedOp>(std::move(op), ShapeProduct(context.OutputShape(0)), activation));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "FusedConv",
     .inputs = {2, 4},
     .infer = InferFused,
     .compile = CompileFused},
    {.domain = kMicrosoftDomain,
     .name = "FusedGemm",
     .inputs = {2, 3},
     .infer = InferFused,
     .compile = CompileFused},
    {.domain = kMicrosoftDomain,
     .name = "FusedMatMul",
     .inputs = {2, 2},
     .infer = InferFusedMatMul,
     .compile = CompileFusedMatMul},
    {.domain = kMicrosoftDomain,
     .name = "TransposeMatMul",
     .inputs = {2, 2},
     .infer = InferFusedMatMul,
     .compile = CompileFusedMatMul},
});

}  // namespace

std::span<const OpDef> MicrosoftFusedOps() { return kOps; }

}  // namespace wnn::ops
