// ONNX Runtime's CDist and Inverse.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// ---- CDist: the distance of each row of A from each of B.

Result<bool> IsEuclidean(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view metric,
                       context.attributes().String("metric", "sqeuclidean"));
  if (metric == "euclidean" || metric == "sqeuclidean") return metric == "euclidean";
  return Unsupported("attribute 'metric' is " + graph::Quoted(metric) +
                     ", not 'euclidean' or 'sqeuclidean'");
}

Status InferDistances(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, {DType::kFloat, DType::kDouble}));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 2, 2));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] bool euclidean, IsEuclidean(context));
  const Fact &a = context.Input(0), &b = context.Input(1);
  std::vector<Dim> dims(2);
  if (a.has_rank) dims[0] = a.dims[0];
  if (b.has_rank) dims[1] = b.dims[0];
  if (a.has_rank && b.has_rank && IsKnown(a.dims[1]) && IsKnown(b.dims[1]) &&
      a.dims[1].value != b.dims[1].value) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " have rows of other lengths");
  }
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class DistancesOp final : public CompiledOp {
 public:
  DistancesOp(int64_t m, int64_t n, int64_t k, bool euclidean)
      : m_(m), n_(n), k_(k), euclidean_(euclidean) {}
  Status Run(const RunArgs& args) const override {
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(k_, 1), 1);
    kernels::ForRanges(*args.parallel, m_ * n_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* a = args.in<T>(0) + i / n_ * k_;
        const T* b = args.in<T>(1) + i % n_ * k_;
        // In lanes, which vectorise.
        constexpr int64_t kLanes = 8;
        std::array<T, kLanes> lanes{};
        int64_t j = 0;
        for (; j + kLanes <= k_; j += kLanes) {
          for (int64_t l = 0; l < kLanes; ++l) {
            const T d = a[j + l] - b[j + l];
            lanes[static_cast<size_t>(l)] += d * d;
          }
        }
        double sum = 0;
        for (T lane : lanes) sum += lane;
        for (; j < k_; ++j) sum += static_cast<double>((a[j] - b[j]) * (a[j] - b[j]));
        args.out<T>(0)[i] = static_cast<T>(euclidean_ ? std::sqrt(sum) : sum);
      }
    });
    return OkStatus();
  }

 private:
  const int64_t m_, n_, k_;
  const bool euclidean_;
};

Result<CompiledPtr> CompileDistances(const CompileContext& context) {
  const Shape a = context.InputShape(0), b = context.InputShape(1);
  WNN_ASSIGN_OR_RETURN(bool euclidean, IsEuclidean(context));
  return kernels::Visit(context.InputType(0), kernels::Types<float, double>(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<DistancesOp<T>>(a[0], b[0], a[1], euclidean);
                        });
}

// ---- Inverse, by elimination with row pivots. Of a singular matrix it has infinities or NaN.

Status InferInverse(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  const Fact& in = context.Input(0);
  if (in.has_rank && IsKnown(in.dims.back()) && IsKnown(in.dims[in.rank() - 2]) &&
      in.dims.back().value != in.dims[in.rank() - 2].value) {
    return InvalidArgument("the matrices of " + in.ToString() + " are not square");
  }
  return InferSame(context);
}

template <typename T>
class InverseOp final : public CompiledOp {
 public:
  InverseOp(int64_t n_matrices, int64_t n) : n_matrices_(n_matrices), n_(n) {}
  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(2 * n_ * n_) * sizeof(double) * static_cast<uint64_t>(n_threads);
  }
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(n_matrices_), [&](size_t i, int thread) {
      double* m = reinterpret_cast<double*>(args.scratch) + thread * 2 * n_ * n_;
      const int64_t at = static_cast<int64_t>(i) * n_ * n_;
      const T* in = args.in<T>(0) + at;
      StopCheck check(*args.parallel);
      // [matrix, identity] becomes [identity, inverse].
      for (int64_t row = 0; row < n_; ++row) {
        if (check.Stopped(8 * n_)) return;
        for (int64_t k = 0; k < n_; ++k) {
          m[row * 2 * n_ + k] = static_cast<double>(kernels::Widen(in[row * n_ + k]));
          m[row * 2 * n_ + n_ + k] = row == k ? 1 : 0;
        }
      }
      Eliminate(m, check);
      for (int64_t k = 0; k < n_ * n_; ++k) {
        args.out<T>(0)[at + k] = kernels::Convert<T>(m[k / n_ * 2 * n_ + n_ + k % n_]);
      }
    });
    return OkStatus();
  }

 private:
  void Eliminate(double* m, StopCheck& check) const {
    const int64_t width = 2 * n_;
    for (int64_t k = 0; k < n_; ++k) {
      int64_t pivot = k;
      for (int64_t i = k + 1; i < n_; ++i) {
        if (std::fabs(m[i * width + k]) > std::fabs(m[pivot * width + k])) pivot = i;
      }
      if (pivot != k) {
        std::swap_ranges(m + k * width, m + (k + 1) * width, m + pivot * width);
      }
      const double divisor = m[k * width + k];
      for (int64_t j = k; j < width; ++j) m[k * width + j] /= divisor;
      for (int64_t i = 0; i < n_; ++i) {
        if (check.Stopped(width - k)) return;
        if (i == k) continue;
        const double factor = m[i * width + k];
        for (int64_t j = k; j < width; ++j) m[i * width + j] -= factor * m[k * width + j];
      }
    }
  }

  const int64_t n_matrices_, n_;
};

Result<CompiledPtr> CompileInverse(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  const int64_t n_matrices = ShapeProduct(std::span(shape).first(shape.size() - 2));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<InverseOp<T>>(n_matrices, shape.back());
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "CDist",
     .inputs = {2, 2},
     .infer = InferDistances,
     .compile = CompileDistances},
    {.domain = kMicrosoftDomain,
     .name = "Inverse",
     .infer = InferInverse,
     .compile = CompileInverse},
});

}  // namespace

std::span<const OpDef> MicrosoftMatrixOps() { return kOps; }

}  // namespace wnn::ops
