// Gemm and MatMul: in single precision on the packed kernels; 16-bit floats by way of it; other
// numbers by plain loops.
#include <array>
#include <string>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/families.h"
#include "engine/ops/matrix_product.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
constexpr TypeSet kTypes = {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kBfloat16,
                            DType::kInt32, DType::kInt64,  DType::kUint32,  DType::kUint64};
using PlainTypes = kernels::Types<double, int32_t, int64_t, uint32_t, uint64_t>;
constexpr size_t kA = 0, kB = 1, kC = 2;

// One product of the batch: C[m][n] = A[m][k] B[k][n], with the strides of A's and B's elements.
struct Product {
  int64_t m = 0, k = 0, n = 0;
  int64_t a_row_stride = 0, a_k_stride = 1;
  int64_t b_k_stride = 0, b_n_stride = 1;
};

// A product of a type for which there is no packed kernel: y = alpha a b, row by row. Integers
// wrap.
template <typename T>
void MultiplyPlain(const Product& p, T alpha, const T* a, const T* b, T* y, Parallel& parallel) {
  using U = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                        std::type_identity<T>>::type;
  kernels::ForRanges(parallel, p.m, 4, [&](int64_t begin, int64_t end) {
    StopCheck check(parallel);
    for (int64_t i = begin; i < end; ++i) {
      T* row = y + i * p.n;
      std::fill_n(row, p.n, T{0});
      for (int64_t k = 0; k < p.k; ++k) {
        if (check.Stopped(p.n)) return;
        const U factor = static_cast<U>(a[i * p.a_row_stride + k * p.a_k_stride]);
        const T* from = b + k * p.b_k_stride;
        for (int64_t j = 0; j < p.n; ++j) {
          row[j] = static_cast<T>(static_cast<U>(row[j]) +
                                  factor * static_cast<U>(from[j * p.b_n_stride]));
        }
      }
      if (alpha == T{1}) continue;
      for (int64_t j = 0; j < p.n; ++j) {
        row[j] = static_cast<T>(static_cast<U>(alpha) * static_cast<U>(row[j]));
      }
    }
  });
}

template <typename T>
class PlainGemmOp final : public CompiledOp {
 public:
  PlainGemmOp(const Product& product, float alpha, float beta, kernels::LoopNest<2> c_nest)
      : product_(product),
        alpha_(static_cast<T>(alpha)),
        beta_(static_cast<T>(beta)),
        c_nest_(std::move(c_nest)) {}
  Status Run(const RunArgs& args) const override {
    T* y = args.out<T>(0);
    MultiplyPlain(product_, alpha_, args.in<T>(kA), args.in<T>(kB), y, *args.parallel);
    const T* c = args.in<T>(kC);
    if (c == nullptr || beta_ == T{0}) return OkStatus();
    const int64_t step = c_nest_.inner_strides()[1];
    c_nest_.Run(*args.parallel, [&](const kernels::LoopNest<2>::Offsets& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        const T term = kernels::Mul()(beta_, c[at[1] + i * step]);
        y[at[0] + i] = kernels::Add()(y[at[0] + i], term);
      }
    });
    return OkStatus();
  }

 private:
  const Product product_;
  const T alpha_, beta_;
  const kernels::LoopNest<2> c_nest_;
};

template <typename T>
class PlainMatMulOp final : public CompiledOp {
 public:
  PlainMatMulOp(const Product& product, kernels::LoopNest<3> batches)
      : product_(product), batches_(std::move(batches)) {}
  Status Run(const RunArgs& args) const override {
    const auto& steps = batches_.inner_strides();
    const Product& p = product_;
    batches_.ForRows(0, batches_.n_rows(), [&](const kernels::LoopNest<3>::Offsets& at) {
      for (int64_t i = 0; i < batches_.inner_extent(); ++i) {
        MultiplyPlain(p, T{1}, args.in<T>(kA) + (at[1] + i * steps[1]) * p.m * p.k,
                      args.in<T>(kB) + (at[2] + i * steps[2]) * p.k * p.n,
                      args.out<T>(0) + (at[0] + i * steps[0]) * p.m * p.n, *args.parallel);
      }
    });
    return OkStatus();
  }

 private:
  const Product product_;
  const kernels::LoopNest<3> batches_;
};

// Y += beta C, C broadcast, after a product that leaves it out.
class AddedOp final : public CompiledOp {
 public:
  AddedOp(CompiledPtr product, float beta, kernels::LoopNest<2> c_nest)
      : product_(std::move(product)), beta_(beta), c_nest_(std::move(c_nest)) {}

  uint64_t ScratchBytes(int n_threads) const override { return product_->ScratchBytes(n_threads); }

  Status Run(const RunArgs& args) const override {
    WNN_RETURN_IF_ERROR(product_->Run(args));
    const float* c = args.in<float>(kC);
    float* y = args.out<float>(0);
    const int64_t step = c_nest_.inner_strides()[1];
    c_nest_.Run(*args.parallel, [&](const kernels::LoopNest<2>::Offsets& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) y[at[0] + i] += beta_ * c[at[1] + i * step];
    });
    return OkStatus();
  }

 private:
  const CompiledPtr product_;
  const float beta_;
  const kernels::LoopNest<2> c_nest_;
};

struct GemmAttributes {
  float alpha = 1, beta = 1;
  bool trans_a = false, trans_b = false;
};

Result<GemmAttributes> ParseGemm(const OpContext& context) {
  GemmAttributes a;
  WNN_ASSIGN_OR_RETURN(a.alpha, context.attributes().Float("alpha", 1));
  WNN_ASSIGN_OR_RETURN(a.beta, context.attributes().Float("beta", 1));
  WNN_ASSIGN_OR_RETURN(int64_t trans_a, context.attributes().Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t trans_b, context.attributes().Int("transB", 0));
  a.trans_a = trans_a != 0;
  a.trans_b = trans_b != 0;
  return a;
}

Status MismatchedK(const Fact& a, const Fact& b) {
  return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                         " do not multiply: their inner dimensions differ");
}

Status InferGemm(InferContext& context) {
  for (size_t i : {kA, kB, kC}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kTypes));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kA, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kA, 2, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(kB, 2, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(kC, 0, 2));
  WNN_ASSIGN_OR_RETURN(GemmAttributes attributes, ParseGemm(context));
  const Fact &a = context.Input(kA), &b = context.Input(kB);
  std::vector<Dim> dims(2);
  if (a.has_rank) dims[0] = a.dims[attributes.trans_a ? 1 : 0];
  if (b.has_rank) dims[1] = b.dims[attributes.trans_b ? 0 : 1];
  if (a.has_rank && b.has_rank) {
    const Dim &a_k = a.dims[attributes.trans_a ? 0 : 1], &b_k = b.dims[attributes.trans_b ? 1 : 0];
    if (IsKnown(a_k) && IsKnown(b_k) && a_k.value != b_k.value) return MismatchedK(a, b);
  }
  if (context.HasInput(kC) && context.Input(kC).has_rank) {
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> all, BroadcastDims(dims, context.Input(kC).dims));
    for (size_t i = 0; i < 2; ++i) {
      if (IsKnown(dims[i]) && dims[i].value != all[i].value) {
        return InvalidArgument("C, " + context.Input(kC).ToString() +
                               ", does not broadcast to the product's shape");
      }
    }
  }
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileGemm(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileGemm);
  WNN_ASSIGN_OR_RETURN(GemmAttributes attributes, ParseGemm(context));
  const Shape a = context.InputShape(kA), b = context.InputShape(kB);
  const Shape out = context.OutputShape(0);
  Product p;
  p.m = out[0];
  p.n = out[1];
  p.k = a[attributes.trans_a ? 0 : 1];
  p.a_row_stride = attributes.trans_a ? 1 : a[1];
  p.a_k_stride = attributes.trans_a ? a[1] : 1;
  p.b_k_stride = attributes.trans_b ? 1 : b[1];
  p.b_n_stride = attributes.trans_b ? b[1] : 1;
  kernels::LoopNest<2> c_nest;
  if (context.HasInput(kC)) {
    c_nest = kernels::LoopNest<2>(
        out, std::array{kernels::DenseStrides(out),
                        kernels::BroadcastStrides(context.InputShape(kC), out)});
  }
  if (context.InputType(kA) != DType::kFloat) {
    return kernels::Visit(context.InputType(kA), PlainTypes(), [&]<typename T>() -> CompiledPtr {
      return std::make_unique<PlainGemmOp<T>>(p, attributes.alpha, attributes.beta, c_nest);
    });
  }
  MatrixProduct product{a, b, attributes.trans_a, attributes.trans_b, attributes.alpha};
  const bool adds = context.HasInput(kC) && attributes.beta != 0;
  product.has_bias = adds && attributes.beta == 1 && HasPackedMatrix(context);
  WNN_ASSIGN_OR_RETURN(CompiledPtr op, CompileMatrixProduct(context, product));
  if (!adds || product.has_bias) return op;
  return CompiledPtr(std::make_unique<AddedOp>(std::move(op), attributes.beta, std::move(c_nest)));
}

Status InferMatMul(InferContext& context) {
  for (size_t i : {kA, kB}) WNN_RETURN_IF_ERROR(context.RequireType(i, kTypes));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kA, kB));
  const Fact &a = context.Input(kA), &b = context.Input(kB);
  if (!a.has_rank || !b.has_rank) {
    context.SetOutput(0, Fact::Unranked(a.dtype));
    return OkStatus();
  }
  if (a.rank() == 0 || b.rank() == 0) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not multiply: one has rank 0");
  }
  const Dim& a_k = a.dims.back();
  const Dim& b_k = b.dims[b.rank() == 1 ? 0 : b.rank() - 2];
  if (IsKnown(a_k) && IsKnown(b_k) && a_k.value != b_k.value) return MismatchedK(a, b);
  std::span<const Dim> a_dims = a.dims, b_dims = b.dims;
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims,
                       BroadcastDims(a_dims.first(a.rank() - std::min<size_t>(a.rank(), 2)),
                                     b_dims.first(b.rank() - std::min<size_t>(b.rank(), 2))));
  if (a.rank() > 1) dims.push_back(a.dims[a.rank() - 2]);
  if (b.rank() > 1) dims.push_back(b.dims.back());
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileMatMul(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileMatMul);
  // A vector is a matrix of one row (A) or one column (B), which Y then lacks.
  Shape a = context.InputShape(kA), b = context.InputShape(kB), y = context.OutputShape(0);
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  if (context.InputType(kA) == DType::kFloat) return CompileMatrixProduct(context, {a, b});
  Product p;
  p.m = a[a.size() - 2];
  p.k = a.back();
  p.n = b.back();
  p.a_row_stride = p.k;
  p.b_k_stride = p.n;

  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  const Shape batch(y.begin(),
                    y.begin() + static_cast<std::ptrdiff_t>(std::max(a.size(), b.size())));
  kernels::LoopNest<3> batches(
      batch, std::array{kernels::DenseStrides(batch), kernels::BroadcastStrides(a, batch),
                        kernels::BroadcastStrides(b, batch)});
  return kernels::Visit(context.InputType(kA), PlainTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<PlainMatMulOp<T>>(p, batches);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Gemm", .inputs = {2, 3}, .infer = InferGemm, .compile = CompileGemm},
    {.name = "MatMul", .inputs = {2, 2}, .infer = InferMatMul, .compile = CompileMatMul},
});

}  // namespace

std::span<const OpDef> GemmOps() { return kOps; }

}  // namespace wnn::ops
