// Reductions: ReduceMean and its family, ArgMax and ArgMin, and wnn.SumTo, which gradients need.
#include "engine/kernels/reference/reduce.h"

#include <algorithm>
#include <array>

#include "engine/base/stop_check.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::LoopNest;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Axes are an input from version 18 on, for ReduceSum from 13 on.
bool HasAxesInput(const OpContext& context) {
  return context.opset() >= (context.op_type() == "ReduceSum" ? 13 : 18);
}

// The axes to reduce, sorted; nothing if they are an input whose value is not known.
Result<std::optional<std::vector<size_t>>> ReadAxes(const OpContext& context, size_t rank) {
  std::vector<int64_t> axes;
  if (HasAxesInput(context)) {
    WNN_ASSIGN_OR_RETURN(auto values, context.InputInts(1));
    if (context.HasInput(1) && !values) return std::optional<std::vector<size_t>>();
    if (values) axes = std::move(*values);
  } else {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> values, context.attributes().Ints("axes"));
    axes.assign(values.begin(), values.end());
  }
  WNN_ASSIGN_OR_RETURN(int64_t noop, context.attributes().Int("noop_with_empty_axes", 0));
  if (axes.empty() && noop == 0) {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  WNN_ASSIGN_OR_RETURN(std::vector<size_t> normalized, NormalizeAxes(axes, rank));
  return std::optional(std::move(normalized));
}

std::vector<Dim> ReducedDims(const Fact& in, std::span<const size_t> axes, bool keep_dims) {
  std::vector<Dim> dims;
  for (size_t i = 0; i < in.rank(); ++i) {
    if (!std::binary_search(axes.begin(), axes.end(), i)) {
      dims.push_back(in.dims[i]);
    } else if (keep_dims) {
      dims.push_back(graph::KnownDim(1));
    }
  }
  return dims;
}

template <const TypeSet& kSet>
Status InferReduce(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kSet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t keep_dims, context.attributes().Int("keepdims", 1));
  if (keep_dims != 0 && keep_dims != 1) return InvalidArgument("keepdims is neither 0 nor 1");
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(in.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(auto axes, ReadAxes(context, in.rank()));
  if (axes) {
    context.SetOutput(0, Fact::Ranked(in.dtype, ReducedDims(in, *axes, keep_dims != 0)));
  } else if (keep_dims != 0) {
    context.SetOutput(0, Fact::Ranked(in.dtype, std::vector<Dim>(in.rank())));
  } else {
    context.SetOutput(0, Fact::Unranked(in.dtype));
  }
  return OkStatus();
}

// The two halves of a tensor's dimensions: kept, over (output, input); reduced, over the input.
struct Nests {
  LoopNest<2> kept;
  LoopNest<1> reduced;
  int64_t n_reduced = 1;
};

Nests MakeNests(std::span<const int64_t> in, std::span<const size_t> axes) {
  const std::vector<int64_t> strides = kernels::DenseStrides(in);
  Shape kept, reduced;
  std::vector<int64_t> kept_strides, reduced_strides;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool reduces = std::binary_search(axes.begin(), axes.end(), i);
    (reduces ? reduced : kept).push_back(in[i]);
    (reduces ? reduced_strides : kept_strides).push_back(strides[i]);
  }
  return {LoopNest<2>(kept, std::array{kernels::DenseStrides(kept), kept_strides}),
          LoopNest<1>(reduced, std::array{reduced_strides}), ShapeProduct(reduced)};
}

template <typename T, typename Reducer>
class ReduceOp final : public CompiledOp {
 public:
  explicit ReduceOp(Nests nests) : nests_(std::move(nests)) {}
  Status Run(const RunArgs& args) const override {
    kernels::Reduce<T, Reducer>(nests_.kept, nests_.reduced, nests_.n_reduced, args.in<T>(0),
                                args.out<T>(0), *args.parallel);
    return OkStatus();
  }

 private:
  const Nests nests_;
};

template <typename Types, template <typename> typename Reducer>
Result<CompiledPtr> CompileReduce(const CompileContext& context) {
  const Shape in = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(auto axes, ReadAxes(context, in.size()));
  if (!axes) return Internal("the axes are not known");
  Nests nests = MakeNests(in, *axes);
  return kernels::Visit(context.InputType(0), Types(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<ReduceOp<T, Reducer<T>>>(std::move(nests));
  });
}

// wnn.SumTo: input 0 added up to the shape of input 1, which broadcasts to input 0's.
Status InferSumTo(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  const Fact &in = context.Input(0), &like = context.Input(1);
  context.SetOutput(0,
                    like.has_rank ? Fact::Ranked(in.dtype, like.dims) : Fact::Unranked(in.dtype));
  return OkStatus();
}

Result<CompiledPtr> CompileSumTo(const CompileContext& context) {
  const Shape in = context.InputShape(0), to = context.InputShape(1);
  std::vector<size_t> axes;
  bool fits = to.size() <= in.size();
  for (size_t i = 0; fits && i < in.size(); ++i) {
    const size_t added = in.size() - to.size();
    if (i < added || (to[i - added] == 1 && in[i] != 1)) {
      axes.push_back(i);
    } else {
      fits = in[i] == to[i - added];
    }
  }
  if (!fits) {
    return InvalidArgument(ShapeToString(in) + " cannot be added up to " + ShapeToString(to));
  }
  Nests nests = MakeNests(in, axes);
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<ReduceOp<T, kernels::SumReducer<T>>>(std::move(nests));
      });
}

// log(sum(exp(x))) with the largest element taken out, so that nothing overflows.
template <typename T>
class LogSumExpOp final : public CompiledOp {
 public:
  explicit LogSumExpOp(Nests nests) : nests_(std::move(nests)) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    kernels::Reduce<T, kernels::MaxReducer<T>>(nests_.kept, nests_.reduced, nests_.n_reduced, in,
                                               out, *args.parallel);
    nests_.kept.Run(*args.parallel, [&](const LoopNest<2>::Offsets& at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        T& result = out[at[0] + i * nests_.kept.inner_strides()[0]];
        const T* from = in + at[1] + i * nests_.kept.inner_strides()[1];
        const double max = kernels::Widen(result);
        const double log =
            std::isinf(max) ? max : max + std::log(SumExp(from, max, *args.parallel));
        result = kernels::Narrow<T>(static_cast<kernels::Compute<T>>(log));
      }
    });
    return OkStatus();
  }

 private:
  double SumExp(const T* from, double max, Parallel& parallel) const {
    double sum = 0;
    StopCheck check(parallel);
    nests_.reduced.ForRows(0, nests_.reduced.n_rows(), [&](const LoopNest<1>::Offsets& at) {
      for (int64_t i = 0; i < nests_.reduced.inner_extent(); ++i) {
        if (check.Stopped(8)) return;
        const T x = from[at[0] + i * nests_.reduced.inner_strides()[0]];
        sum += std::exp(static_cast<double>(kernels::Widen(x)) - max);
      }
    });
    return sum;
  }

  const Nests nests_;
};

Result<CompiledPtr> CompileLogSumExp(const CompileContext& context) {
  const Shape in = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(auto axes, ReadAxes(context, in.size()));
  if (!axes) return Internal("the axes are not known");
  Nests nests = MakeNests(in, *axes);
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<LogSumExpOp<T>>(std::move(nests));
                        });
}

// ArgMax and ArgMin: the index of the extreme element along one axis.
template <typename T>
class ArgOp final : public CompiledOp {
 public:
  ArgOp(const AxisView& view, bool max, bool last) : view_(view), max_(max), last_(last) {}
  Status Run(const RunArgs& args) const override {
    const T* in = args.in<T>(0);
    int64_t* out = args.out<int64_t>(0);
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(view_.extent, 1), 1);
    kernels::ForRanges(
        *args.parallel, view_.outer * view_.inner, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t outer = i / view_.inner, inner = i % view_.inner;
            out[i] = Best(in + outer * view_.extent * view_.inner + inner, *args.parallel);
          }
        });
    return OkStatus();
  }

 private:
  int64_t Best(const T* from, Parallel& parallel) const {
    int64_t best = 0;
    StopCheck check(parallel);
    for (int64_t i = 1; i < view_.extent; ++i) {
      if (check.Stopped(1)) break;
      const auto a = kernels::Widen(from[i * view_.inner]);
      const auto b = kernels::Widen(from[best * view_.inner]);
      if (b != b) break;  // a NaN wins
      if (a != a || (max_ ? a > b : a < b) || (last_ && a == b)) best = i;
    }
    return best;
  }

  const AxisView view_;
  const bool max_;
  const bool last_;
};

Status InferArg(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  const Fact& in = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(int64_t keep_dims, context.attributes().Int("keepdims", 1));
  if (keep_dims != 0 && keep_dims != 1) return InvalidArgument("keepdims is neither 0 nor 1");
  if (!in.has_rank) {
    context.SetOutput(0, Fact::Unranked(DType::kInt64));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, in.rank()));
  if (in.dims[axis].value == 0)
    return InvalidArgument("the axis of " + in.ToString() + " is empty");
  const size_t axes[] = {axis};
  context.SetOutput(0, Fact::Ranked(DType::kInt64, ReducedDims(in, axes, keep_dims != 0)));
  return OkStatus();
}

Result<CompiledPtr> CompileArg(const CompileContext& context) {
  const Shape in = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", 0));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, in.size()));
  WNN_ASSIGN_OR_RETURN(int64_t last, context.attributes().Int("select_last_index", 0));
  const bool max = context.op_type() == "ArgMax";
  return kernels::Visit(context.InputType(0), kernels::NumericTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<ArgOp<T>>(ViewAxis(in, axis), max, last != 0);
                        });
}

template <template <typename> typename Reducer, typename Types = kernels::NumericTypes,
          const TypeSet& kSet = kNumericSet>
constexpr OpDef Reduction(std::string_view name) {
  return {.name = name,
          .inputs = {1, 2},
          .infer = InferReduce<kSet>,
          .compile = CompileReduce<Types, Reducer>,
          .value_inputs = 0b10};
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "ArgMax", .infer = InferArg, .compile = CompileArg},
    {.name = "ArgMin", .infer = InferArg, .compile = CompileArg},
    Reduction<kernels::L1Reducer>("ReduceL1"),
    Reduction<kernels::L2Reducer>("ReduceL2"),
    Reduction<kernels::LogSumReducer>("ReduceLogSum"),
    {.name = "ReduceLogSumExp",
     .inputs = {1, 2},
     .infer = InferReduce<kFloatSet>,
     .compile = CompileLogSumExp,
     .value_inputs = 0b10},
    Reduction<kernels::MaxReducer, kernels::AllTypes, kAllSet>("ReduceMax"),
    Reduction<kernels::MeanReducer>("ReduceMean"),
    Reduction<kernels::MinReducer, kernels::AllTypes, kAllSet>("ReduceMin"),
    Reduction<kernels::ProdReducer>("ReduceProd"),
    Reduction<kernels::SumReducer>("ReduceSum"),
    Reduction<kernels::SumSquareReducer>("ReduceSumSquare"),
    {.domain = kOwnDomain,
     .name = "SumTo",
     .inputs = {2, 2},
     .infer = InferSumTo,
     .compile = CompileSumTo},
});

}  // namespace

std::span<const OpDef> ReduceOps() { return kOps; }

}  // namespace wnn::ops
