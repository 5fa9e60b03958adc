// Normalisation by moments of other parts of the tensor than norm.cc has: GroupNormalization,
// RMSNormalization, MeanVarianceNormalization.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::LoopNest;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Of the elements that `for_each(visit)` visits, twice.
template <typename ForEach>
Moments MomentsOf(int64_t n, ForEach for_each) {
  Moments m;
  if (n == 0) return m;
  for_each([&](double x) { m.mean += x; });
  m.mean /= static_cast<double>(n);
  for_each([&](double x) { m.variance += (x - m.mean) * (x - m.mean); });
  m.variance /= static_cast<double>(n);
  return m;
}

template <typename T>
class GroupNormOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 1, channels = 1, groups = 1, plane = 1;
    bool by_channel = true;  // scale and bias have a number a channel, otherwise one a group
    float epsilon = 1e-5f;
  };
  explicit GroupNormOp(const Geometry& g) : g_(g) {}
  Status Run(const RunArgs& args) const override {
    const T *scale = args.in<T>(1), *bias = args.in<T>(2);
    const int64_t group_channels = g_.channels / g_.groups, n = group_channels * g_.plane;
    args.parallel->ForEach(static_cast<size_t>(g_.batch * g_.groups), [&](size_t task, int) {
      const int64_t group = static_cast<int64_t>(task) % g_.groups;
      const T* x = args.in<T>(0) + static_cast<int64_t>(task) * n;
      T* y = args.out<T>(0) + static_cast<int64_t>(task) * n;
      const Moments m = MomentsOf(n, [&](auto visit) {
        InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) visit(static_cast<double>(kernels::Widen(x[i])));
        });
      });
      const double factor = 1 / std::sqrt(m.variance + g_.epsilon);
      for (int64_t c = 0; c < group_channels; ++c) {
        const int64_t at = g_.by_channel ? group * group_channels + c : group;
        const double s = static_cast<double>(kernels::Widen(scale[at])) * factor;
        const double b = static_cast<double>(kernels::Widen(bias[at]));
        const int64_t first = c * g_.plane;
        InSteps(*args.parallel, g_.plane, [&](int64_t begin, int64_t end) {
          for (int64_t i = first + begin; i < first + end; ++i) {
            y[i] =
                kernels::Convert<T>((static_cast<double>(kernels::Widen(x[i])) - m.mean) * s + b);
          }
        });
      }
    });
    return OkStatus();
  }

 private:
  const Geometry g_;
};

constexpr int kFirstGroupNormByChannel = 21;

Result<int64_t> ReadGroups(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t groups, context.attributes().RequiredInt("num_groups"));
  const Fact& x = context.Input(0);
  if (groups < 1 || (x.has_rank && IsKnown(x.dims[1]) && x.dims[1].value % groups != 0)) {
    return InvalidArgument("the channels of " + x.ToString() + " do not divide into " +
                           std::to_string(groups) + " groups");
  }
  return groups;
}

Status InferGroupNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, graph::kMaxRank));
  WNN_ASSIGN_OR_RETURN(int64_t groups, ReadGroups(context));
  const Fact& x = context.Input(0);
  const bool by_channel = context.opset() >= kFirstGroupNormByChannel;
  const Dim expected = !by_channel ? graph::KnownDim(groups) : x.has_rank ? x.dims[1] : Dim();
  for (size_t i : {size_t{1}, size_t{2}}) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 1, 1));
    const Fact& parameter = context.Input(i);
    if (parameter.has_rank && IsKnown(parameter.dims[0]) && IsKnown(expected) &&
        parameter.dims[0].value != expected.value) {
      return InvalidArgument("input " + std::to_string(i) + ", " + parameter.ToString() +
                             ", does not have " + std::to_string(expected.value) + " numbers");
    }
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileGroupNorm(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t groups, ReadGroups(context));
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  const bool by_channel = context.opset() >= kFirstGroupNormByChannel;
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<GroupNormOp<T>>(typename GroupNormOp<T>::Geometry{
            x[0], x[1], groups, ShapeProduct(std::span(x).subspan(2)), by_channel, epsilon});
      });
}

// y = x / sqrt(mean(x^2) + epsilon) * scale over the trailing dimensions. The normalised x is
// rounded to T before the scale, which may be of another type.
template <typename T, typename V>
class RmsNormOp final : public CompiledOp {
 public:
  RmsNormOp(int64_t n_rows, int64_t row_size, LoopNest<2> row, float epsilon)
      : n_rows_(n_rows), row_size_(row_size), row_(std::move(row)), epsilon_(epsilon) {}
  Status Run(const RunArgs& args) const override {
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(row_size_, 1), 1);
    kernels::ForRanges(*args.parallel, n_rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        Row(args.in<T>(0) + row * row_size_, args.in<V>(1), args.out<V>(0) + row * row_size_,
            *args.parallel);
      }
    });
    return OkStatus();
  }

 private:
  void Row(const T* x, const V* scale, V* y, Parallel& parallel) const {
    using Value = kernels::Compute<T>;
    using Scale = kernels::Compute<V>;
    double squares = 0;
    InSteps(parallel, row_size_, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const double value = static_cast<double>(kernels::Widen(x[i]));
        squares += value * value;
      }
    });
    const double factor =
        1 / std::sqrt(squares / static_cast<double>(row_size_) + double{epsilon_});
    const auto& strides = row_.inner_strides();
    row_.ForRows(0, row_.n_rows(), [&](const LoopNest<2>::Offsets& o) {
      InSteps(parallel, row_.inner_extent(), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = o[0] + i * strides[0];
          const double normal = static_cast<double>(kernels::Widen(x[at])) * factor;
          const T rounded = kernels::Narrow<T>(static_cast<Value>(normal));
          const Scale s = kernels::Widen(scale[o[1] + i * strides[1]]);
          y[at] = kernels::Narrow<V>(static_cast<Scale>(kernels::Widen(rounded)) * s);
        }
      });
    });
  }

  const int64_t n_rows_;
  const int64_t row_size_;
  const LoopNest<2> row_;  // over (x, scale)
  const float epsilon_;
};

Status InferRmsNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kFloatSet));
  const Fact &x = context.Input(0), &scale = context.Input(1);
  Fact out = x;
  out.dtype = scale.dtype;
  out.constant = nullptr;
  if (x.has_rank) {
    WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
    WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, x.rank()));
    const std::span<const Dim> row = std::span(x.dims).subspan(axis);
    if (scale.has_rank) {
      WNN_ASSIGN_OR_RETURN(std::vector<Dim> all, BroadcastDims(row, scale.dims));
      bool fits = all.size() == row.size();
      for (size_t d = 0; fits && d < row.size(); ++d) {
        fits = !IsKnown(row[d]) || all[d].value == row[d].value;
      }
      if (!fits) {
        return InvalidArgument("scale " + scale.ToString() +
                               " does not broadcast to the normalised part of " + x.ToString());
      }
    }
  }
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

Result<CompiledPtr> CompileRmsNorm(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, x.size()));
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  const Shape row(x.begin() + static_cast<std::ptrdiff_t>(axis), x.end());
  LoopNest<2> nest(row, std::array{kernels::DenseStrides(row),
                                   kernels::BroadcastStrides(context.InputShape(1), row)});
  const int64_t n_rows = ShapeProduct(std::span(x).first(axis));
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return kernels::Visit(context.InputType(1), kernels::FloatTypes(),
                              [&]<typename V>() -> CompiledPtr {
                                return std::make_unique<RmsNormOp<T, V>>(n_rows, ShapeProduct(row),
                                                                         std::move(nest), epsilon);
                              });
      });
}

// (x - mean) / standard deviation over any axes.
template <typename T>
class MeanVarianceNormOp final : public CompiledOp {
 public:
  MeanVarianceNormOp(LoopNest<1> kept, LoopNest<1> reduced, int64_t n_reduced)
      : kept_(std::move(kept)), reduced_(std::move(reduced)), n_reduced_(n_reduced) {}
  Status Run(const RunArgs& args) const override {
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(n_reduced_, 1), 1);
    const int64_t step = kept_.inner_strides()[0];
    kernels::ForRanges(*args.parallel, kept_.n_rows(), grain, [&](int64_t begin, int64_t end) {
      kept_.ForRows(begin, end, [&](const LoopNest<1>::Offsets& at) {
        for (int64_t i = 0; i < kept_.inner_extent(); ++i) {
          One(args.in<T>(0) + at[0] + i * step, args.out<T>(0) + at[0] + i * step, *args.parallel);
        }
      });
    });
    return OkStatus();
  }

 private:
  template <typename Visit>
  void ForEach(Parallel& parallel, Visit visit) const {
    StopCheck check(parallel);
    reduced_.ForRows(0, reduced_.n_rows(), [&](const LoopNest<1>::Offsets& at) {
      for (int64_t i = 0; i < reduced_.inner_extent(); ++i) {
        if (check.Stopped(2)) return;
        visit(at[0] + i * reduced_.inner_strides()[0]);
      }
    });
  }

  void One(const T* x, T* y, Parallel& parallel) const {
    const Moments m = MomentsOf(n_reduced_, [&](auto visit) {
      ForEach(parallel, [&](int64_t at) { visit(static_cast<double>(kernels::Widen(x[at]))); });
    });
    constexpr double kEpsilon = 1e-9;  // ONNX's, of its function's body
    const double deviation = std::sqrt(m.variance) + kEpsilon;
    ForEach(parallel, [&](int64_t at) {
      y[at] =
          kernels::Convert<T>((static_cast<double>(kernels::Widen(x[at])) - m.mean) / deviation);
    });
  }

  const LoopNest<1> kept_;
  const LoopNest<1> reduced_;
  const int64_t n_reduced_;
};

Result<std::vector<size_t>> ReadMvnAxes(const OpContext& context, size_t rank) {
  WNN_ASSIGN_OR_RETURN(auto axes, context.attributes().Ints("axes"));
  constexpr int64_t kDefault[] = {0, 2, 3};
  if (!context.attributes().Has("axes")) axes = kDefault;
  return NormalizeAxes(axes, rank);
}

Status InferMvn(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  if (context.Input(0).has_rank) {
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] auto axes, ReadMvnAxes(context, context.Input(0).rank()));
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileMvn(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> axes, ReadMvnAxes(context, shape.size()));
  const std::vector<int64_t> strides = kernels::DenseStrides(shape);
  Shape extents[2];
  std::vector<int64_t> steps[2];
  for (size_t i = 0; i < shape.size(); ++i) {
    const size_t which = std::binary_search(axes.begin(), axes.end(), i) ? 1 : 0;
    extents[which].push_back(shape[i]);
    steps[which].push_back(strides[i]);
  }
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<MeanVarianceNormOp<T>>(
            LoopNest<1>(extents[0], std::array{steps[0]}),
            LoopNest<1>(extents[1], std::array{steps[1]}), ShapeProduct(extents[1]));
      });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "GroupNormalization",
     .since_version = 18,
     .inputs = {3, 3},
     .infer = InferGroupNorm,
     .compile = CompileGroupNorm},
    {.name = "MeanVarianceNormalization",
     .since_version = 9,
     .infer = InferMvn,
     .compile = CompileMvn},
    {.name = "RMSNormalization",
     .since_version = 23,
     .inputs = {2, 2},
     .infer = InferRmsNorm,
     .compile = CompileRmsNorm},
});

}  // namespace

std::span<const OpDef> MomentsNormOps() { return kOps; }

}  // namespace wnn::ops
