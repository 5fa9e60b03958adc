// Losses: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

enum class Reduction { kNone, kMean, kSum };

struct LossSpec {
  Reduction reduction = Reduction::kMean;
  bool has_ignored = false;
  int64_t ignored = 0;
  bool softmax = false;  // the input holds scores, not log-probabilities
};

Result<LossSpec> ReadLossSpec(const OpContext& context) {
  LossSpec spec;
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String("reduction", "mean"));
  if (word == "none") {
    spec.reduction = Reduction::kNone;
  } else if (word == "sum") {
    spec.reduction = Reduction::kSum;
  } else if (word != "mean") {
    return InvalidArgument("attribute 'reduction' is " + graph::Quoted(word) +
                           ", not none, mean or sum");
  }
  spec.has_ignored = context.attributes().Has("ignore_index");
  WNN_ASSIGN_OR_RETURN(spec.ignored, context.attributes().Int("ignore_index", 0));
  spec.softmax = context.op_type() == "SoftmaxCrossEntropyLoss";
  return spec;
}

// Samples are [batch] x [inner]; classes lie between them.
template <typename T>
class LossOp final : public CompiledOp {
 public:
  LossOp(const LossSpec& spec, const AxisView& view, DType label_type, bool has_log_prob)
      : spec_(spec), view_(view), label_type_(label_type), has_log_prob_(has_log_prob) {}

  // Per-sample losses and weights, before they are reduced in order.
  uint64_t ScratchBytes(int) const override {
    return 2 * sizeof(double) * static_cast<uint64_t>(view_.outer * view_.inner);
  }

  Status Run(const RunArgs& args) const override {
    const int64_t n = view_.outer * view_.inner;
    double* losses = reinterpret_cast<double*>(args.scratch);
    double* weights = losses + n;
    StopCheck check(*args.parallel);
    for (int64_t i = 0; i < n; ++i) {
      if (check.Stopped(1)) return OkStatus();
      const int64_t label = Label(args, i);
      if (IsIgnored(label) || (label >= 0 && label < view_.extent)) continue;
      return RuntimeError("label " + std::to_string(label) + " is none of " +
                          std::to_string(view_.extent) + " classes");
    }
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / 4 / std::max<int64_t>(view_.extent, 1), 1);
    kernels::ForRanges(*args.parallel, n, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) Sample(args, i, losses[i], weights[i]);
    });
    T* out = args.out<T>(0);
    if (spec_.reduction == Reduction::kNone) {
      InSteps(*args.parallel, n, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) out[i] = kernels::Convert<T>(losses[i]);
      });
      return OkStatus();
    }
    double loss = 0, weight = 0;
    for (int64_t i = 0; i < n; ++i) {
      if (check.Stopped(2)) return OkStatus();
      loss += losses[i];
      weight += weights[i];
    }
    out[0] = kernels::Convert<T>(spec_.reduction == Reduction::kMean ? loss / weight : loss);
    return OkStatus();
  }

 private:
  int64_t Label(const RunArgs& args, int64_t i) const {
    return label_type_ == DType::kInt64 ? args.in<int64_t>(1)[i] : args.in<int32_t>(1)[i];
  }
  bool IsIgnored(int64_t label) const { return spec_.has_ignored && label == spec_.ignored; }

  void Sample(const RunArgs& args, int64_t i, double& loss, double& weight) const {
    const int64_t at = i / view_.inner * view_.extent * view_.inner + i % view_.inner;
    const T* x = args.in<T>(0) + at;
    auto score = [&](int64_t c) { return static_cast<double>(kernels::Widen(x[c * view_.inner])); };
    double log_sum = 0;
    if (spec_.softmax) {
      double max = -std::numeric_limits<double>::infinity(), sum = 0;
      InSteps(*args.parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) max = std::max(max, score(c));
      });
      InSteps(*args.parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) sum += std::exp(score(c) - max);
      });
      log_sum = max + std::log(sum);
    }
    if (T* log_prob = has_log_prob_ ? args.out<T>(1) : nullptr) {
      InSteps(*args.parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          log_prob[at + c * view_.inner] = kernels::Convert<T>(score(c) - log_sum);
        }
      });
    }
    const int64_t label = Label(args, i);
    loss = weight = 0;
    // Bound inputs may change under our feet: never out of the data.
    if (IsIgnored(label) || label < 0 || label >= view_.extent) return;
    const T* class_weights = args.in<T>(2);
    weight =
        class_weights != nullptr ? static_cast<double>(kernels::Widen(class_weights[label])) : 1.0;
    loss = -(score(label) - log_sum) * weight;
  }

  const LossSpec spec_;
  const AxisView view_;
  const DType label_type_;
  const bool has_log_prob_;
};

Status InferLoss(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  WNN_RETURN_IF_ERROR(context.RequireRank(2, 1, 1));
  WNN_ASSIGN_OR_RETURN(LossSpec spec, ReadLossSpec(context));
  const Fact &x = context.Input(0), &labels = context.Input(1);
  Fact log_prob = x;
  log_prob.constant = nullptr;
  context.SetOutput(1, std::move(log_prob));
  std::vector<Dim> dims;
  if (x.has_rank) {
    dims = x.dims;
    dims.erase(dims.begin() + 1);
    bool fits = !labels.has_rank || labels.rank() == dims.size();
    for (size_t d = 0; fits && labels.has_rank && d < dims.size(); ++d) {
      fits = !IsKnown(dims[d]) || !IsKnown(labels.dims[d]) || dims[d].value == labels.dims[d].value;
    }
    if (!fits) {
      return InvalidArgument("labels " + labels.ToString() + " do not fit " + x.ToString());
    }
    if (context.HasInput(2) && context.Input(2).has_rank && IsKnown(x.dims[1]) &&
        IsKnown(context.Input(2).dims[0]) && context.Input(2).dims[0].value != x.dims[1].value) {
      return InvalidArgument("weights " + context.Input(2).ToString() +
                             " do not have one number a class of " + x.ToString());
    }
  }
  if (spec.reduction != Reduction::kNone) {
    context.SetOutput(0, Fact::Ranked(x.dtype, {}));
  } else {
    context.SetOutput(
        0, x.has_rank ? Fact::Ranked(x.dtype, std::move(dims)) : Fact::Unranked(x.dtype));
  }
  return OkStatus();
}

Result<CompiledPtr> CompileLoss(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(LossSpec spec, ReadLossSpec(context));
  const AxisView view = ViewAxis(context.InputShape(0), 1);
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<LossOp<T>>(spec, view, context.InputType(1), context.HasOutput(1));
      });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "NegativeLogLikelihoodLoss",
     .since_version = 12,
     .inputs = {2, 3},
     .infer = InferLoss,
     .compile = CompileLoss},
    {.name = "SoftmaxCrossEntropyLoss",
     .since_version = 12,
     .inputs = {2, 3},
     .outputs = {1, 2},
     .infer = InferLoss,
     .compile = CompileLoss},
});

}  // namespace

std::span<const OpDef> LossOps() { return kOps; }

}  // namespace wnn::ops
