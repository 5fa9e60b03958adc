// Normalisation: BatchNormalization, InstanceNormalization, LayerNormalization,
// LpNormalization, LRN.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/norm_rows.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::FloatTypes;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Every parameter input has one number a channel.
Status CheckChannelParameters(const InferContext& context, size_t first, size_t last) {
  const Fact& x = context.Input(0);
  for (size_t i = first; i <= last; ++i) {
    const Fact& parameter = context.Input(i);
    if (!parameter.has_rank || !x.has_rank) continue;
    const Dim channels = x.rank() < 2 ? graph::KnownDim(1) : x.dims[1];
    if (parameter.rank() != 1 || (IsKnown(parameter.dims[0]) && IsKnown(channels) &&
                                  parameter.dims[0].value != channels.value)) {
      return InvalidArgument("input " + std::to_string(i) + ", " + parameter.ToString() +
                             ", does not have one number for each channel of " + x.ToString());
    }
  }
  return OkStatus();
}

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, a channel at a time. The parameters may
// be of another floating-point type than x: Parameter reads them all as double.
template <typename T, typename P>
class BatchNormOp final : public CompiledOp {
 public:
  BatchNormOp(const AxisView& view, float epsilon) : view_(view), epsilon_(epsilon) {}
  Status Run(const RunArgs& args) const override {
    const T* x = args.in<T>(0);
    T* y = args.out<T>(0);
    auto parameter = [&](size_t i, int64_t channel) {
      return static_cast<double>(kernels::Widen(args.in<P>(i)[channel]));
    };
    args.parallel->ForEach(static_cast<size_t>(view_.outer * view_.extent), [&](size_t plane, int) {
      using Value = kernels::Compute<T>;
      const int64_t at = static_cast<int64_t>(plane) * view_.inner;
      const int64_t channel = static_cast<int64_t>(plane) % view_.extent;
      const double factor = parameter(1, channel) / std::sqrt(parameter(4, channel) + epsilon_);
      const Value scale = static_cast<Value>(factor), mean = Value(parameter(3, channel));
      const Value bias = Value(parameter(2, channel));
      InSteps(*args.parallel, view_.inner, [&](int64_t begin, int64_t end) {
        for (int64_t i = at + begin; i < at + end; ++i) {
          y[i] = kernels::Narrow<T>((kernels::Widen(x[i]) - mean) * scale + bias);
        }
      });
    });
    return OkStatus();
  }

 private:
  const AxisView view_;
  const float epsilon_;
};

// From version 14 on the attribute training_mode says so, before it the number of outputs.
Result<bool> IsTraining(const OpContext& context) {
  constexpr int kFirstWithAttribute = 14;
  WNN_ASSIGN_OR_RETURN(int64_t training, context.attributes().Int("training_mode", 0));
  if (context.opset() >= kFirstWithAttribute) return training != 0;
  for (size_t i = 1; i < context.n_outputs(); ++i) {
    if (context.HasOutput(i)) return true;
  }
  return false;
}

Status InferBatchNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  for (size_t i = 1; i < 5; ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kFloatSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(1, i));
  }
  WNN_RETURN_IF_ERROR(CheckChannelParameters(context, 1, 4));
  WNN_ASSIGN_OR_RETURN(bool training, IsTraining(context));
  WNN_ASSIGN_OR_RETURN(int64_t is_test, context.attributes().Int("is_test", 1));
  WNN_ASSIGN_OR_RETURN(int64_t spatial, context.attributes().Int("spatial", 1));
  if (is_test == 0 || spatial == 0) {
    return Unsupported("attributes is_test = 0 and spatial = 0 are not supported");
  }
  for (size_t i = 1; i < context.n_outputs(); ++i) {
    if (!training && context.HasOutput(i)) {
      return InvalidArgument("there is an output " + std::to_string(i) + " outside training");
    }
    Fact statistics = context.Input(3);
    statistics.constant = nullptr;
    context.SetOutput(i, std::move(statistics));
  }
  return InferSame(context);
}

// Normalisation by the moments of the batch itself. Outputs 1 and 2 are the running mean and
// variance, moved towards those of the batch; 3 and 4, of old versions, those of the batch.
template <typename T, typename P>
class BatchNormTrainingOp final : public CompiledOp {
 public:
  BatchNormTrainingOp(const AxisView& view, float epsilon, float momentum)
      : view_(view), epsilon_(epsilon), momentum_(momentum) {}
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(view_.extent), [&](size_t channel, int) {
      Channel(args, static_cast<int64_t>(channel));
    });
    return OkStatus();
  }

 private:
  // Calls visit(offset) for every element of a channel.
  template <typename Visit>
  void ForEach(int64_t channel, Parallel& parallel, Visit visit) const {
    StopCheck check(parallel);
    for (int64_t image = 0; image < view_.outer; ++image) {
      const int64_t first = (image * view_.extent + channel) * view_.inner;
      for (int64_t i = first; i < first + view_.inner; ++i) {
        if (check.Stopped(2)) return;
        visit(i);
      }
    }
  }

  void Channel(const RunArgs& args, int64_t channel) const {
    const T* x = args.in<T>(0);
    auto at = [&](int64_t i) { return static_cast<double>(kernels::Widen(x[i])); };
    auto parameter = [&](size_t i) {
      return static_cast<double>(kernels::Widen(args.in<P>(i)[channel]));
    };
    const double n = static_cast<double>(view_.outer * view_.inner);
    double mean = 0, variance = 0;
    Parallel& parallel = *args.parallel;
    ForEach(channel, parallel, [&](int64_t i) { mean += at(i); });
    mean /= n;
    ForEach(channel, parallel, [&](int64_t i) { variance += (at(i) - mean) * (at(i) - mean); });
    variance /= n;
    const double factor = parameter(1) / std::sqrt(variance + epsilon_), bias = parameter(2);
    ForEach(channel, parallel, [&](int64_t i) {
      const double y = (at(i) - mean) * factor + bias;
      args.out<T>(0)[i] = kernels::Narrow<T>(static_cast<kernels::Compute<T>>(y));
    });
    const double results[] = {momentum_ * parameter(3) + (1 - double{momentum_}) * mean,
                              momentum_ * parameter(4) + (1 - double{momentum_}) * variance, mean,
                              variance};
    for (size_t i = 0; i < 4; ++i) {
      P* out = args.out<P>(i + 1);
      if (out == nullptr) continue;
      out[channel] = kernels::Narrow<P>(static_cast<kernels::Compute<P>>(results[i]));
    }
  }

  const AxisView view_;
  const float epsilon_;
  const float momentum_;
};

// [N, C, ...] with C as the axis; a vector is one channel's row.
AxisView ChannelView(std::span<const int64_t> shape) {
  if (shape.size() >= 2) return ViewAxis(shape, 1);
  return {ShapeProduct(shape), 1, 1};
}

Result<CompiledPtr> CompileBatchNorm(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  WNN_ASSIGN_OR_RETURN(float momentum, context.attributes().Float("momentum", 0.9f));
  WNN_ASSIGN_OR_RETURN(bool training, IsTraining(context));
  const AxisView view = ChannelView(context.InputShape(0));
  return kernels::Visit(context.InputType(0), FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return kernels::Visit(context.InputType(1), FloatTypes(), [&]<typename P>() -> CompiledPtr {
      if (training) {
        return std::make_unique<BatchNormTrainingOp<T, P>>(view, epsilon, momentum);
      }
      return std::make_unique<BatchNormOp<T, P>>(view, epsilon);
    });
  });
}

// Mean and 1 / sqrt(variance + epsilon) of `n` dense elements.
struct Moments {
  double mean = 0;
  double inverse_deviation = 0;
};
template <typename T>
Moments MomentsOf(const T* x, int64_t n, double epsilon, Parallel& parallel) {
  double sum = 0;
  InSteps(parallel, n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum += kernels::Widen(x[i]);
  });
  Moments moments;
  moments.mean = n > 0 ? sum / static_cast<double>(n) : 0;
  double squares = 0;
  InSteps(parallel, n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const double centred = static_cast<double>(kernels::Widen(x[i])) - moments.mean;
      squares += centred * centred;
    }
  });
  const double variance = n > 0 ? squares / static_cast<double>(n) : 0;
  moments.inverse_deviation = 1 / std::sqrt(variance + epsilon);
  return moments;
}

template <typename T>
class InstanceNormOp final : public CompiledOp {
 public:
  InstanceNormOp(const AxisView& view, float epsilon) : view_(view), epsilon_(epsilon) {}
  Status Run(const RunArgs& args) const override {
    const T *scale = args.in<T>(1), *bias = args.in<T>(2);
    args.parallel->ForEach(static_cast<size_t>(view_.outer * view_.extent), [&](size_t plane, int) {
      const int64_t at = static_cast<int64_t>(plane) * view_.inner;
      const int64_t channel = static_cast<int64_t>(plane) % view_.extent;
      const T* x = args.in<T>(0) + at;
      T* y = args.out<T>(0) + at;
      const Moments m = MomentsOf(x, view_.inner, epsilon_, *args.parallel);
      const double s = kernels::Widen(scale[channel]), b = kernels::Widen(bias[channel]);
      InSteps(*args.parallel, view_.inner, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const double normal = (kernels::Widen(x[i]) - m.mean) * m.inverse_deviation;
          y[i] = kernels::Narrow<T>(static_cast<kernels::Compute<T>>(normal * s + b));
        }
      });
    });
    return OkStatus();
  }

 private:
  const AxisView view_;
  const float epsilon_;
};

Status InferInstanceNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, graph::kMaxRank));
  WNN_RETURN_IF_ERROR(CheckChannelParameters(context, 1, 2));
  return InferSame(context);
}

Result<CompiledPtr> CompileInstanceNorm(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  const AxisView view = ChannelView(context.InputShape(0));
  return kernels::Visit(context.InputType(0), FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<InstanceNormOp<T>>(view, epsilon);
  });
}

// LayerNormalization over the trailing dimensions; scale and bias broadcast to one row.
template <typename T>
class LayerNormOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t n_rows = 1;
    int64_t row_size = 1;
    // Over (row of the tensor, scale, bias).
    kernels::LoopNest<3> row;
    float epsilon = 1e-5f;
  };
  explicit LayerNormOp(Geometry geometry) : g_(std::move(geometry)) {}
  Status Run(const RunArgs& args) const override {
    const T *scale = args.in<T>(1), *bias = args.in<T>(2);
    float *means = args.out<float>(1), *inverse_deviations = args.out<float>(2);
    args.parallel->ForEach(static_cast<size_t>(g_.n_rows), [&](size_t row, int) {
      const int64_t at = static_cast<int64_t>(row) * g_.row_size;
      const T* x = args.in<T>(0) + at;
      T* y = args.out<T>(0) + at;
      const Moments m = MomentsOf(x, g_.row_size, g_.epsilon, *args.parallel);
      if (means != nullptr) means[row] = static_cast<float>(m.mean);
      if (inverse_deviations != nullptr) {
        inverse_deviations[row] = static_cast<float>(m.inverse_deviation);
      }
      const auto& strides = g_.row.inner_strides();
      g_.row.ForRows(0, g_.row.n_rows(), [&](const kernels::LoopNest<3>::Offsets& o) {
        InSteps(*args.parallel, g_.row.inner_extent(), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const double normal =
                (kernels::Widen(x[o[0] + i * strides[0]]) - m.mean) * m.inverse_deviation;
            const double s = kernels::Widen(scale[o[1] + i * strides[1]]);
            const double b = bias != nullptr ? kernels::Widen(bias[o[2] + i * strides[2]]) : 0;
            y[o[0] + i * strides[0]] =
                kernels::Narrow<T>(static_cast<kernels::Compute<T>>(normal * s + b));
          }
        });
      });
    });
    return OkStatus();
  }

 private:
  const Geometry g_;
};

// In single precision, where scale and bias are whole rows.
class LayerNormRowsOp final : public CompiledOp {
 public:
  LayerNormRowsOp(int64_t n_rows, int64_t row_size, float epsilon)
      : n_rows_(n_rows), row_size_(row_size), epsilon_(epsilon) {}
  Status Run(const RunArgs& args) const override {
    kernels::NormRows({.in = args.in<float>(0),
                       .n_rows = n_rows_,
                       .n = row_size_,
                       .epsilon = epsilon_,
                       .scale = args.in<float>(1),
                       .bias = args.in<float>(2),
                       .out = args.out<float>(0),
                       .means = args.out<float>(1),
                       .inverse_deviations = args.out<float>(2)},
                      *args.parallel);
    return OkStatus();
  }

 private:
  const int64_t n_rows_, row_size_;
  const double epsilon_;
};

Result<size_t> LayerNormAxis(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().Int("axis", -1));
  return NormalizeAxis(axis, context.Input(0).rank());
}

Status InferLayerNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 2));
  WNN_ASSIGN_OR_RETURN(int64_t stash_type, context.attributes().Int("stash_type", 1));
  if (stash_type != 1) return Unsupported("statistics of another type than float");
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(1, Fact::Unranked(DType::kFloat));
    context.SetOutput(2, Fact::Unranked(DType::kFloat));
    return InferSame(context);
  }
  WNN_ASSIGN_OR_RETURN(size_t axis, LayerNormAxis(context));
  std::span<const Dim> row = std::span(x.dims).subspan(axis);
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!context.HasInput(i) || !context.Input(i).has_rank) continue;
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> all, BroadcastDims(row, context.Input(i).dims));
    bool fits = all.size() == row.size();
    for (size_t d = 0; fits && d < row.size(); ++d) {
      fits = !IsKnown(row[d]) || all[d].value == row[d].value;
    }
    if (!fits) {
      return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                             ", does not broadcast to the normalised part of " + x.ToString());
    }
  }
  std::vector<Dim> statistics = x.dims;
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(axis), statistics.end(),
            graph::KnownDim(1));
  context.SetOutput(1, Fact::Ranked(DType::kFloat, statistics));
  context.SetOutput(2, Fact::Ranked(DType::kFloat, std::move(statistics)));
  return InferSame(context);
}

Result<CompiledPtr> CompileLayerNorm(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(size_t axis, LayerNormAxis(context));
  WNN_ASSIGN_OR_RETURN(float epsilon, context.attributes().Float("epsilon", 1e-5f));
  const Shape row(x.begin() + static_cast<std::ptrdiff_t>(axis), x.end());
  const Shape bias = context.HasInput(2) ? context.InputShape(2) : Shape();
  kernels::LoopNest<3> nest(row, std::array{kernels::DenseStrides(row),
                                            kernels::BroadcastStrides(context.InputShape(1), row),
                                            kernels::BroadcastStrides(bias, row)});
  const int64_t n_rows = ShapeProduct(std::span(x).first(axis));
  // A row is one task: longer ones would be late for deadlines.
  constexpr int64_t kMaxRow = int64_t{1} << 22;
  if (context.InputType(0) == DType::kFloat && !IsEmpty(row) && ShapeProduct(row) <= kMaxRow &&
      context.InputShape(1) == row && (!context.HasInput(2) || bias == row)) {
    return CompiledPtr(std::make_unique<LayerNormRowsOp>(n_rows, ShapeProduct(row), epsilon));
  }
  return kernels::Visit(context.InputType(0), FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<LayerNormOp<T>>(
        typename LayerNormOp<T>::Geometry{n_rows, ShapeProduct(row), std::move(nest), epsilon});
  });
}

// x divided by its 1- or 2-norm along one axis; 0 where that is 0.
template <typename T>
class LpNormOp final : public CompiledOp {
 public:
  LpNormOp(const AxisView& view, bool squares) : view_(view), squares_(squares) {}
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(view_.outer * view_.inner), [&](size_t i, int) {
      const int64_t row = static_cast<int64_t>(i);
      const int64_t at = row / view_.inner * view_.extent * view_.inner + row % view_.inner;
      const T* x = args.in<T>(0) + at;
      T* y = args.out<T>(0) + at;
      double sum = 0;
      StopCheck check(*args.parallel);
      for (int64_t k = 0; k < view_.extent; ++k) {
        if (check.Stopped(2)) return;
        const double value = kernels::Widen(x[k * view_.inner]);
        sum += squares_ ? value * value : std::fabs(value);
      }
      const double norm = squares_ ? std::sqrt(sum) : sum;
      for (int64_t k = 0; k < view_.extent; ++k) {
        if (check.Stopped(2)) return;
        const double value = kernels::Widen(x[k * view_.inner]);
        y[k * view_.inner] =
            kernels::Narrow<T>(static_cast<kernels::Compute<T>>(norm == 0 ? 0 : value / norm));
      }
    });
    return OkStatus();
  }

 private:
  const AxisView view_;
  const bool squares_;
};

Status InferLpNorm(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_ASSIGN_OR_RETURN(int64_t p, context.attributes().Int("p", 2));
  if (p != 1 && p != 2) return InvalidArgument("attribute 'p' is neither 1 nor 2");
  if (context.Input(0).has_rank) {
    WNN_ASSIGN_OR_RETURN(int64_t axis, context.attributes().Int("axis", -1));
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t index,
                         NormalizeAxis(axis, context.Input(0).rank()));
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileLpNorm(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, shape.size()));
  WNN_ASSIGN_OR_RETURN(int64_t p, context.attributes().Int("p", 2));
  return kernels::Visit(context.InputType(0), FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<LpNormOp<T>>(ViewAxis(shape, axis), p == 2);
  });
}

// LRN: y = x / (bias + alpha / size * sum of squares of neighbouring channels) ^ beta.
struct LrnAttributes {
  int64_t size = 1;
  float alpha = 1e-4f, beta = 0.75f, bias = 1.0f;
};

template <typename T>
class LrnOp final : public CompiledOp {
 public:
  LrnOp(const AxisView& view, const LrnAttributes& attributes)
      : view_(view), attributes_(attributes) {}
  Status Run(const RunArgs& args) const override {
    const int64_t plane = view_.inner;
    args.parallel->ForEach(static_cast<size_t>(view_.outer * view_.extent), [&](size_t task, int) {
      const int64_t image = static_cast<int64_t>(task) / view_.extent;
      const int64_t channel = static_cast<int64_t>(task) % view_.extent;
      const int64_t first = std::max<int64_t>(channel - (attributes_.size - 1) / 2, 0);
      const int64_t last = std::min(channel + attributes_.size / 2, view_.extent - 1);
      const T* x = args.in<T>(0) + image * view_.extent * plane;
      T* y = args.out<T>(0) + (image * view_.extent + channel) * plane;
      StopCheck check(*args.parallel);
      for (int64_t i = 0; i < plane; ++i) {
        if (check.Stopped(4 * (last - first) + 40)) return;
        double squares = 0;
        for (int64_t c = first; c <= last; ++c) {
          const double value = kernels::Widen(x[c * plane + i]);
          squares += value * value;
        }
        const double scale =
            attributes_.bias + attributes_.alpha / static_cast<double>(attributes_.size) * squares;
        const double value = kernels::Widen(x[channel * plane + i]);
        y[i] = kernels::Narrow<T>(
            static_cast<kernels::Compute<T>>(value / std::pow(scale, attributes_.beta)));
      }
    });
    return OkStatus();
  }

 private:
  const AxisView view_;
  const LrnAttributes attributes_;
};

Result<LrnAttributes> ReadLrn(const OpContext& context) {
  LrnAttributes a;
  WNN_ASSIGN_OR_RETURN(a.size, context.attributes().RequiredInt("size"));
  WNN_ASSIGN_OR_RETURN(a.alpha, context.attributes().Float("alpha", a.alpha));
  WNN_ASSIGN_OR_RETURN(a.beta, context.attributes().Float("beta", a.beta));
  WNN_ASSIGN_OR_RETURN(a.bias, context.attributes().Float("bias", a.bias));
  if (a.size < 1 || a.size > graph::kMaxExtent) {
    return InvalidArgument("attribute 'size' is " + std::to_string(a.size));
  }
  return a;
}

Status InferLrn(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] LrnAttributes attributes, ReadLrn(context));
  return InferSame(context);
}

Result<CompiledPtr> CompileLrn(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(LrnAttributes attributes, ReadLrn(context));
  const AxisView view = ChannelView(context.InputShape(0));
  return kernels::Visit(context.InputType(0), FloatTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<LrnOp<T>>(view, attributes);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "BatchNormalization",
     .inputs = {5, 5},
     .outputs = {1, 5},
     .infer = InferBatchNorm,
     .compile = CompileBatchNorm,
     .inplace_inputs = 1},
    {.name = "InstanceNormalization",
     .inputs = {3, 3},
     .infer = InferInstanceNorm,
     .compile = CompileInstanceNorm,
     .inplace_inputs = 1},
    {.name = "LRN", .infer = InferLrn, .compile = CompileLrn},
    // Before version 17 it is ONNX Runtime's, which fuses it in models of every version.
    {.name = "LayerNormalization",
     .inputs = {2, 3},
     .outputs = {1, 3},
     .infer = InferLayerNorm,
     .compile = CompileLayerNorm,
     .inplace_inputs = 1},
    {.name = "LpNormalization",
     .infer = InferLpNorm,
     .compile = CompileLpNorm,
     .inplace_inputs = 1},
});

}  // namespace

std::span<const OpDef> NormOps() { return kOps; }

}  // namespace wnn::ops
