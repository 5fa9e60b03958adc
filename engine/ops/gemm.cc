// Gemm and MatMul: in single precision on packed panels; 16-bit floats by way of it; other numbers
// by plain loops.
#include <array>
#include <string>

#include "engine/kernels/gemm_simple.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/families.h"
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

// Rows that one task computes against one panel of B.
constexpr int64_t kRowsPerTask = 64;

// Multiplies by a packed B. Tasks share rows and panels of columns.
void MultiplyPacked(const Product& p, const float* a, const float* packed, float* c,
                    Parallel& parallel) {
  const int64_t n_panels = kernels::GemmPanels(p.n);
  const int64_t row_tasks = (p.m + kRowsPerTask - 1) / kRowsPerTask;
  // About 64 k multiplications a task, so that small products are not cut to dust.
  const int64_t panel_cost =
      std::max<int64_t>(p.k * kernels::kGemmColumns * std::min(p.m, kRowsPerTask), 1);
  const int64_t panels_per_task = std::max<int64_t>(65536 / panel_cost, 1);
  const int64_t column_tasks = (n_panels + panels_per_task - 1) / panels_per_task;
  parallel.ForEach(static_cast<size_t>(row_tasks * column_tasks), [&](size_t task, int) {
    const int64_t row = static_cast<int64_t>(task) / column_tasks * kRowsPerTask;
    const int64_t first = static_cast<int64_t>(task) % column_tasks * panels_per_task;
    const int64_t end = std::min(n_panels, first + panels_per_task);
    const kernels::GemmOperandA operand{a + row * p.a_row_stride, p.a_row_stride, p.a_k_stride};
    for (int64_t panel = first; panel < end; ++panel) {
      const int64_t column = panel * kernels::kGemmColumns;
      kernels::GemmPanel(operand, std::min(kRowsPerTask, p.m - row), packed + column * p.k,
                         std::min(kernels::kGemmColumns, p.n - column), p.k, nullptr,
                         c + row * p.n + column, p.n);
    }
  });
}

void PackPanels(const Product& p, const float* b, float* packed, Parallel& parallel) {
  const int64_t n_panels = kernels::GemmPanels(p.n);
  parallel.ForEach(static_cast<size_t>(n_panels), [&](size_t panel, int) {
    const int64_t column = static_cast<int64_t>(panel) * kernels::kGemmColumns;
    kernels::PackGemmColumns(b + column * p.b_n_stride, p.b_k_stride, p.b_n_stride, p.k,
                             std::min(kernels::kGemmColumns, p.n - column), packed + column * p.k);
  });
}

uint64_t PackedBytes(const Product& p) {
  return static_cast<uint64_t>(kernels::PackedGemmSize(p.k, p.n)) * sizeof(float);
}

// The packed form of a constant B, `count` matrices one after the other; null if it is not
// constant.
Result<PackedPtr> PackConstantB(const CompileContext& context, const Product& p, int64_t count) {
  const TensorPtr& b = context.InputConstant(kB);
  if (!b) return PackedPtr();
  std::string layout = "gemm " + std::to_string(p.k) + "x" + std::to_string(p.n) + " strides " +
                       std::to_string(p.b_k_stride) + "," + std::to_string(p.b_n_stride);
  return context.Pack(kB, layout, [&]() -> Result<AlignedBuffer> {
    const uint64_t bytes = PackedBytes(p) * static_cast<uint64_t>(count);
    if (bytes > SIZE_MAX) return TooLarge("the packed weights are too large");
    WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, AlignedBuffer::Allocate(static_cast<size_t>(bytes)));
    SerialParallel serial;
    const float* source = reinterpret_cast<const float*>(b->bytes().data());
    float* packed = reinterpret_cast<float*>(buffer.data());
    for (int64_t i = 0; i < count; ++i) {
      PackPanels(p, source + i * p.k * p.n, packed + i * kernels::PackedGemmSize(p.k, p.n), serial);
    }
    return buffer;
  });
}

// A product of a type for which there is no packed kernel: y = alpha a b, row by row. Integers
// wrap.
template <typename T>
void MultiplyPlain(const Product& p, T alpha, const T* a, const T* b, T* y, Parallel& parallel) {
  using U = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>,
                                        std::type_identity<T>>::type;
  kernels::ForRanges(parallel, p.m, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* row = y + i * p.n;
      std::fill_n(row, p.n, T{0});
      for (int64_t k = 0; k < p.k; ++k) {
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

// Y = alpha A' B' + beta C, C broadcast.
class GemmOp final : public CompiledOp {
 public:
  GemmOp(const Product& product, PackedPtr packed, float alpha, float beta,
         kernels::LoopNest<2> c_nest)
      : product_(product),
        packed_(std::move(packed)),
        alpha_(alpha),
        beta_(beta),
        c_nest_(std::move(c_nest)) {}

  uint64_t ScratchBytes(int) const override { return packed_ ? 0 : PackedBytes(product_); }

  Status Run(const RunArgs& args) const override {
    const float* packed = nullptr;
    if (packed_) {
      packed = reinterpret_cast<const float*>(packed_->data());
    } else {
      float* scratch = reinterpret_cast<float*>(args.scratch);
      PackPanels(product_, args.in<float>(kB), scratch, *args.parallel);
      packed = scratch;
    }
    float* y = args.out<float>(0);
    MultiplyPacked(product_, args.in<float>(kA), packed, y, *args.parallel);
    const float* c = args.in<float>(kC);
    if (alpha_ != 1.0f) Scale(y, *args.parallel);
    if (c != nullptr && beta_ != 0.0f) AddC(c, y, *args.parallel);
    return OkStatus();
  }

 private:
  void Scale(float* y, Parallel& parallel) const {
    kernels::ForRanges(parallel, product_.m * product_.n, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) y[i] *= alpha_;
                       });
  }
  void AddC(const float* c, float* y, Parallel& parallel) const {
    const int64_t c_stride = c_nest_.inner_strides()[1];
    c_nest_.Run(parallel, [&](const kernels::LoopNest<2>::Offsets& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) y[at[0] + i] += beta_ * c[at[1] + i * c_stride];
    });
  }

  const Product product_;
  const PackedPtr packed_;
  const float alpha_;
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
  WNN_ASSIGN_OR_RETURN(PackedPtr packed, PackConstantB(context, p, 1));
  return CompiledPtr(std::make_unique<GemmOp>(p, std::move(packed), attributes.alpha,
                                              attributes.beta, std::move(c_nest)));
}

// MatMul over broadcast batches; B is packed once a batch element, or ahead if it is constant.
class MatMulOp final : public CompiledOp {
 public:
  MatMulOp(const Product& product, PackedPtr packed, kernels::LoopNest<3> batches)
      : product_(product), packed_(std::move(packed)), batches_(std::move(batches)) {}

  uint64_t ScratchBytes(int) const override { return packed_ ? 0 : PackedBytes(product_); }

  Status Run(const RunArgs& args) const override {
    const float *a = args.in<float>(kA), *b = args.in<float>(kB);
    float* y = args.out<float>(0);
    float* scratch = reinterpret_cast<float*>(args.scratch);
    const auto& steps = batches_.inner_strides();
    int64_t packed_b = -1;  // which matrix of B lies in `scratch`
    batches_.ForRows(0, batches_.n_rows(), [&](const kernels::LoopNest<3>::Offsets& at) {
      for (int64_t i = 0; i < batches_.inner_extent(); ++i) {
        const int64_t y_at = at[0] + i * steps[0], a_at = at[1] + i * steps[1],
                      b_at = at[2] + i * steps[2];
        const float* packed = scratch;
        if (packed_) {
          packed = reinterpret_cast<const float*>(packed_->data()) +
                   b_at * kernels::PackedGemmSize(product_.k, product_.n);
        } else if (b_at != packed_b) {
          PackPanels(product_, b + b_at * product_.k * product_.n, scratch, *args.parallel);
          packed_b = b_at;
        }
        MultiplyPacked(product_, a + a_at * product_.m * product_.k, packed,
                       y + y_at * product_.m * product_.n, *args.parallel);
      }
    });
    return OkStatus();
  }

 private:
  const Product product_;
  const PackedPtr packed_;
  const kernels::LoopNest<3> batches_;  // over matrices of (Y, A, B)
};

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
  if (context.InputType(kA) != DType::kFloat) {
    return kernels::Visit(context.InputType(kA), PlainTypes(), [&]<typename T>() -> CompiledPtr {
      return std::make_unique<PlainMatMulOp<T>>(p, batches);
    });
  }
  WNN_ASSIGN_OR_RETURN(PackedPtr packed, PackConstantB(context, p, ShapeProduct(b)));
  return CompiledPtr(std::make_unique<MatMulOp>(p, std::move(packed), std::move(batches)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Gemm", .inputs = {2, 3}, .infer = InferGemm, .compile = CompileGemm},
    {.name = "MatMul", .inputs = {2, 2}, .infer = InferMatMul, .compile = CompileMatMul},
});

}  // namespace

std::span<const OpDef> GemmOps() { return kOps; }

}  // namespace wnn::ops
