// ONNX Runtime's MatMulNBits and MatMulBnb4. The first: a product with a matrix of integers of 2, 4
// or 8 bits, each block of a column of which has its scale and zero point, read as the model has
// it. Without integers the product is zero.
#include <algorithm>
#include <array>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/quantized/nbit_gemm.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/integer_rows.h"
#include "engine/ops/quantized.h"
#include "engine/ops/real_types.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kA = 0, kB = 1, kScales = 2, kZeros = 3, kGroups = 4, kBias = 5;

struct NBits {
  int64_t k = 0, n = 0, bits = 4, block = 32;

  int64_t blocks() const { return (k + block - 1) / block; }
  int64_t block_bytes() const { return block * bits / 8; }
  int64_t zero_bytes() const { return (blocks() * bits + 7) / 8; }
};

Result<NBits> ReadNBits(const OpContext& context) {
  NBits node;
  WNN_ASSIGN_OR_RETURN(node.k, context.attributes().RequiredInt("K"));
  WNN_ASSIGN_OR_RETURN(node.n, context.attributes().RequiredInt("N"));
  WNN_ASSIGN_OR_RETURN(node.bits, context.attributes().Int("bits", 4));
  WNN_ASSIGN_OR_RETURN(node.block, context.attributes().RequiredInt("block_size"));
  constexpr int64_t kMost = int64_t{1} << 30;
  if (node.k < 1 || node.n < 1 || node.k > kMost || node.n > kMost) {
    return InvalidArgument("attributes 'K' and 'N' are out of range");
  }
  if (node.bits != 2 && node.bits != 4 && node.bits != 8) {
    return Unsupported("attribute 'bits' is " + std::to_string(node.bits) + ", not 2, 4 or 8");
  }
  if (node.block < 16 || node.block > kMost || (node.block & (node.block - 1)) != 0) {
    return InvalidArgument("attribute 'block_size' is " + std::to_string(node.block) +
                           ", not a power of two of at least 16");
  }
  return node;
}

Status RequireElements(const OpContext& context, size_t i, int64_t wanted) {
  if (!context.HasInput(i) || !context.Input(i).IsConcrete()) return OkStatus();
  if (ShapeProduct(context.Input(i).ConcreteShape()) == wanted) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                         ", does not have " + std::to_string(wanted) + " elements");
}

// The output: rows of n for rows of k.
Status InferRows(InferContext& context, int64_t k, int64_t n) {
  const Fact& a = context.Input(kA);
  if (!a.has_rank) {
    context.SetOutput(0, Fact::Unranked(a.dtype));
    return OkStatus();
  }
  if (a.rank() == 0 || (IsKnown(a.dims.back()) && a.dims.back().value != k)) {
    return InvalidArgument("the input " + a.ToString() + " does not have rows of " +
                           std::to_string(k));
  }
  std::vector<Dim> dims = a.dims;
  dims.back() = graph::KnownDim(n);
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

// Whether the integers are left out, as a tensor without elements.
bool IsWithoutWeights(const OpContext& context) {
  const Fact& b = context.Input(kB);
  return b.IsConcrete() && ShapeProduct(b.ConcreteShape()) == 0;
}

Status InferNBits(InferContext& context) {
  for (size_t i : {kA, kScales, kBias}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kA, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kB, {DType::kUint8}));
  WNN_RETURN_IF_ERROR(context.RequireType(kGroups, {DType::kInt32}));
  const bool packed_zeros =
      context.HasInput(kZeros) && context.Input(kZeros).dtype == DType::kUint8;
  if (!packed_zeros) {
    WNN_RETURN_IF_ERROR(context.RequireType(kZeros, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kA, kZeros));
  }
  WNN_ASSIGN_OR_RETURN(int64_t prepacked, context.attributes().Int("weight_prepacked", 0));
  if (prepacked != 0) {
    return Unsupported("attribute 'weight_prepacked' is " + std::to_string(prepacked) +
                       ": weights in a GPU's layout are not supported");
  }
  WNN_ASSIGN_OR_RETURN(NBits node, ReadNBits(context));
  if (!IsWithoutWeights(context)) {
    WNN_RETURN_IF_ERROR(RequireElements(context, kB, node.n * node.blocks() * node.block_bytes()));
    WNN_RETURN_IF_ERROR(RequireElements(context, kScales, node.n * node.blocks()));
    WNN_RETURN_IF_ERROR(RequireElements(
        context, kZeros, node.n * (packed_zeros ? node.zero_bytes() : node.blocks())));
  }
  WNN_RETURN_IF_ERROR(RequireElements(context, kBias, node.n));
  return InferRows(context, node.k, node.n);
}

// Whose scale each of the k has: as many as there are of them, or as whole blocks have.
Result<const int32_t*> ReadGroups(const CompileContext& context, const NBits& node) {
  const TensorPtr& groups = context.InputConstant(kGroups);
  const int64_t n = groups->n_elements();
  if (n != node.k && n != node.blocks() * node.block) {
    return InvalidArgument("input 4, 'g_idx', has " + std::to_string(n) + " elements for rows of " +
                           std::to_string(node.k));
  }
  const auto* indices = reinterpret_cast<const int32_t*>(groups->bytes().data());
  for (int64_t i = 0; i < node.k; ++i) {
    if (indices[i] < 0 || indices[i] >= node.blocks()) {
      return InvalidArgument("input 4, 'g_idx', has " + std::to_string(indices[i]) + " for " +
                             std::to_string(node.blocks()) + " blocks");
    }
  }
  return indices;
}

// B where its inputs lie.
kernels::NBitMatrix MatrixOf(const NBits& node, const std::byte* data, const std::byte* scales,
                             const std::byte* zeros, bool packed_zeros) {
  kernels::NBitMatrix b;
  b.k = node.k;
  b.n = node.n;
  b.bits = node.bits;
  b.block = node.block;
  b.data = data;
  b.scales = reinterpret_cast<const float*>(scales);
  if (packed_zeros) {
    b.zeros = zeros;
  } else {
    b.zero_numbers = reinterpret_cast<const float*>(zeros);
  }
  return b;
}

// B rewritten because of g_idx.
struct Regrouped {
  kernels::RegroupedNBits b;
  size_t packed_bytes() const { return b.size_bytes(); }
};

Result<std::shared_ptr<const Regrouped>> Regroup(const CompileContext& context, const NBits& node,
                                                 bool packed_zeros) {
  // The same integers may have other scales elsewhere: the key says whose they are.
  const auto constant = [&](size_t i) {
    return context.HasInput(i) ? context.InputConstant(i).get() : nullptr;
  };
  for (size_t i : {kB, kScales, kZeros, kGroups}) {
    if (context.HasInput(i) && !context.InputConstant(i)) {
      return Unsupported("with 'g_idx', input " + std::to_string(i) + " is not constant");
    }
  }
  const PackKey key = PackKey("n bits").Add(node.k, node.n, node.bits, node.block,
                                            constant(kScales), constant(kZeros), constant(kGroups));
  const auto make = [&]() -> Result<std::unique_ptr<const Regrouped>> {
    WNN_ASSIGN_OR_RETURN(const int32_t* groups, ReadGroups(context, node));
    const auto bytes = [&](size_t i) {
      return constant(i) != nullptr ? constant(i)->bytes().data() : nullptr;
    };
    WNN_ASSIGN_OR_RETURN(kernels::RegroupedNBits b,
                         kernels::RegroupedNBits::Create(
                             MatrixOf(node, bytes(kB), bytes(kScales), bytes(kZeros), packed_zeros),
                             groups, context.stop()));
    return std::unique_ptr<const Regrouped>(new Regrouped{std::move(b)});
  };
  return context.PackObject<Regrouped>(kB, key.key(), make);
}

// What is left without weights: the bias, or zeros.
class BiasOnlyOp final : public CompiledOp {
 public:
  BiasOnlyOp(int64_t m, int64_t n) : m_(m), n_(n) {}
  Status Run(const RunArgs& run) const override {
    const float* bias = run.in<float>(kBias);
    float* y = run.out<float>(0);
    for (int64_t i = 0; i < m_; ++i, y += n_) {
      bias != nullptr ? std::copy_n(bias, n_, y) : std::fill_n(y, n_, 0.0f);
    }
    return OkStatus();
  }

 private:
  const int64_t m_, n_;
};

// Reads B as the model has it; what g_idx mixes was rewritten.
class NBitsOp final : public CompiledOp {
 public:
  NBitsOp(const NBits& node, int64_t m, bool packed_zeros, std::shared_ptr<const Regrouped> b)
      : node_(node), m_(m), packed_zeros_(packed_zeros), regrouped_(std::move(b)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    const auto bytes = kernels::NBitGemmScratchBytes(Args(nullptr), n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }
  Status Run(const RunArgs& run) const override {
    kernels::NBitGemmArgs args = Args(&run);
    args.a = run.in<float>(kA);
    args.bias = run.in<float>(kBias);
    args.c = run.out<float>(0);
    kernels::NBitGemm(args, run.scratch, *run.parallel);
    return OkStatus();
  }

 private:
  kernels::NBitGemmArgs Args(const RunArgs* run) const {
    const auto in = [&](size_t i) { return run != nullptr ? run->in<std::byte>(i) : nullptr; };
    kernels::NBitGemmArgs args;
    args.m = m_;
    args.lda = node_.k;
    args.ldc = node_.n;
    if (regrouped_ != nullptr) {
      args.b = regrouped_->b.matrix();
      args.order = regrouped_->b.order();
    } else {
      args.b = MatrixOf(node_, in(kB), in(kScales), in(kZeros), packed_zeros_);
    }
    return args;
  }

  const NBits node_;
  const int64_t m_;
  const bool packed_zeros_;
  const std::shared_ptr<const Regrouped> regrouped_;  // null without g_idx
};

Result<CompiledPtr> CompileNBits(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileNBits);
  WNN_ASSIGN_OR_RETURN(NBits node, ReadNBits(context));
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  const int64_t m = ShapeProduct(context.InputShape(kA)) / node.k;
  if (IsWithoutWeights(context)) return CompiledPtr(std::make_unique<BiasOnlyOp>(m, node.n));
  const bool packed_zeros = context.HasInput(kZeros) && context.InputType(kZeros) == DType::kUint8;
  std::shared_ptr<const Regrouped> regrouped;
  if (context.HasInput(kGroups)) {
    WNN_ASSIGN_OR_RETURN(regrouped, Regroup(context, node, packed_zeros));
  }
  auto op = std::make_unique<NBitsOp>(node, m, packed_zeros, std::move(regrouped));
  if (op->ScratchBytes(1) == UINT64_MAX) {
    return TooLarge("a product of " + std::to_string(m) + " rows is too large to address");
  }
  return CompiledPtr(std::move(op));
}

// ---- MatMulBnb4: the constant matrix is of 4-bit codes of a table, the first in a byte's high
// ones, whose blocks of the flat matrix have a scale each. See bitsandbytes, of Dettmers et al.,
// "QLoRA".

constexpr size_t kAbsMax = 2;
using CodeTable = std::array<float, 16>;
constexpr CodeTable kFp4 = {
    0,     5.208333333e-03f,  2.0f / 3,  1,  1.0f / 3,  0.5f,  1.0f / 6,  0.25f,
    -0.0f, -5.208333333e-03f, -2.0f / 3, -1, -1.0f / 3, -0.5f, -1.0f / 6, -0.25f};
constexpr CodeTable kNf4 = {-1.0f,
                            -0.6961928009986877f,
                            -0.5250730514526367f,
                            -0.39491748809814453f,
                            -0.28444138169288635f,
                            -0.18477343022823334f,
                            -0.09105003625154495f,
                            0,
                            0.07958029955625534f,
                            0.16093020141124725f,
                            0.24611230194568634f,
                            0.33791524171829224f,
                            0.44070982933044434f,
                            0.5626170039176941f,
                            0.7229568362236023f,
                            1.0f};

struct Codes {
  int64_t k = 0, n = 0, block = 0;  // as stored, [n][k]
  bool is_nf4 = false;
};

Result<Codes> ReadCodes(const OpContext& context) {
  const graph::Attributes& a = context.attributes();
  Codes node;
  WNN_ASSIGN_OR_RETURN(node.k, a.RequiredInt("K"));
  WNN_ASSIGN_OR_RETURN(node.n, a.RequiredInt("N"));
  WNN_ASSIGN_OR_RETURN(node.block, a.RequiredInt("block_size"));
  WNN_ASSIGN_OR_RETURN(int64_t type, a.RequiredInt("quant_type"));
  WNN_ASSIGN_OR_RETURN(int64_t transposed, a.Int("transB", 1));
  constexpr int64_t kMost = int64_t{1} << 30;
  if (node.k < 1 || node.n < 1 || node.k > kMost || node.n > kMost) {
    return InvalidArgument("attributes 'K' and 'N' are out of range");
  }
  if (node.block < 16 || node.block > kMost || (node.block & (node.block - 1)) != 0) {
    return InvalidArgument("attribute 'block_size' is " + std::to_string(node.block) +
                           ", not a power of two of at least 16");
  }
  if (type != 0 && type != 1) {
    return InvalidArgument("attribute 'quant_type' is " + std::to_string(type) + ", not 0 or 1");
  }
  if (transposed == 0) return Unsupported("attribute 'transB' is 0: it is of training");
  node.is_nf4 = type == 1;
  return node;
}

Status InferBnb4(InferContext& context) {
  for (size_t i : {kA, kAbsMax}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRealSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kA, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kB, {DType::kUint8}));
  WNN_ASSIGN_OR_RETURN(const Codes node, ReadCodes(context));
  const int64_t n = node.n * node.k;
  WNN_RETURN_IF_ERROR(RequireElements(context, kB, (n + 1) / 2));
  WNN_RETURN_IF_ERROR(RequireElements(context, kAbsMax, (n + node.block - 1) / node.block));
  return InferRows(context, node.k, node.n);
}

struct Packed {
  kernels::PackedMatrix matrix;
  size_t packed_bytes() const { return matrix.size_bytes(); }
};

Result<std::unique_ptr<const Packed>> Decoded(const CompileContext& context, const Codes& node) {
  const int64_t n = node.n * node.k;
  WNN_ASSIGN_OR_RETURN(Tensor floats, Tensor::Allocate(DType::kFloat, {node.n, node.k}));
  auto* to = reinterpret_cast<float*>(floats.bytes().data());
  const std::byte* codes = context.InputConstant(kB)->bytes().data();
  const std::span<const float> scales = FloatsOf(context.InputConstant(kAbsMax));
  const CodeTable& table = node.is_nf4 ? kNf4 : kFp4;
  InSteps(context.stop(), n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto code = static_cast<size_t>(IntegerAt(codes, i ^ 1, 4));
      to[i] = table[code] * scales[static_cast<size_t>(i / node.block)];
    }
  });
  WNN_ASSIGN_OR_RETURN(kernels::PackedMatrix matrix,
                       kernels::PackedMatrix::Create({to, static_cast<size_t>(n)}, node.k, node.n,
                                                     true, 1, context.stop()));
  return std::unique_ptr<const Packed>(std::make_unique<Packed>(std::move(matrix)));
}

class Bnb4Op final : public CompiledOp {
 public:
  Bnb4Op(std::shared_ptr<const Packed> b, int64_t m) : b_(std::move(b)), m_(m) {}
  uint64_t ScratchBytes(int n_threads) const override {
    const auto bytes = kernels::GemmScratchBytes(m_, b_->matrix.n(), b_->matrix.k(), n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }
  Status Run(const RunArgs& run) const override {
    kernels::GemmArgs args;
    args.m = m_;
    args.a = run.in<float>(kA);
    args.lda = b_->matrix.k();
    args.c = run.out<float>(0);
    args.ldc = b_->matrix.n();
    const auto bytes = static_cast<size_t>(ScratchBytes(run.parallel->n_threads()));
    kernels::Gemm(args, b_->matrix, {run.scratch, bytes}, *run.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const Packed> b_;
  const int64_t m_;
};

Result<CompiledPtr> CompileBnb4(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileBnb4);
  WNN_ASSIGN_OR_RETURN(const Codes node, ReadCodes(context));
  for (size_t i : {kB, kAbsMax}) {
    if (!context.InputConstant(i)) {
      return Unsupported("input " + std::to_string(i) + " is not constant");
    }
  }
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  const int64_t rows = ShapeProduct(context.InputShape(kA)) / node.k;
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::GemmScratchBytes(rows, node.n, node.k, 1));
  const PackKey key = PackKey("bnb4").Add(node.k, node.n, node.block, node.is_nf4,
                                          context.InputConstant(kAbsMax).get());
  WNN_ASSIGN_OR_RETURN(
      std::shared_ptr<const Packed> b,
      context.PackObject<Packed>(kB, key.key(), [&] { return Decoded(context, node); }));
  return CompiledPtr(std::make_unique<Bnb4Op>(std::move(b), rows));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "MatMulBnb4",
     .inputs = {3, 3},
     .infer = InferBnb4,
     .compile = CompileBnb4},
    {.domain = kMicrosoftDomain,
     .name = "MatMulNBits",
     .inputs = {3, 6},
     .infer = InferNBits,
     .compile = CompileNBits},
});

}  // namespace

std::span<const OpDef> MatMulNBitsOps() { return kOps; }

}  // namespace wnn::ops
