// Steps of optimisation, of ai.onnx.preview.training: Adagrad, Adam, Momentum.
//
// Inputs: the learning rate R, the count of updates T, then for k tensors all X, all gradients G,
// and all of each state; outputs: all new X, then all of each new state.
#include <array>
#include <cmath>
#include <string>

#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using RateTypes = kernels::Types<float, double>;
constexpr TypeSet kRateSet = {DType::kFloat, DType::kDouble};
constexpr std::string_view kDomain = "ai.onnx.preview.training";

enum class Method { kAdagrad, kAdam, kMomentum, kNesterov };

struct TrainingSpec {
  Method method = Method::kAdagrad;
  double norm = 0, norm_post = 0, decay = 0, epsilon = 0, alpha = 0, beta = 0;
  size_t n_states() const { return method == Method::kAdam ? 2 : 1; }
};

Result<TrainingSpec> ReadTrainingSpec(const OpContext& context) {
  TrainingSpec spec;
  const Attributes& a = context.attributes();
  WNN_ASSIGN_OR_RETURN(spec.norm, a.Float("norm_coefficient", 0));
  if (context.op_type() == "Adagrad") {
    WNN_ASSIGN_OR_RETURN(spec.decay, a.Float("decay_factor", 0));
    WNN_ASSIGN_OR_RETURN(spec.epsilon, a.Float("epsilon", 1e-6f));
  } else if (context.op_type() == "Adam") {
    spec.method = Method::kAdam;
    WNN_ASSIGN_OR_RETURN(spec.norm_post, a.Float("norm_coefficient_post", 0));
    WNN_ASSIGN_OR_RETURN(spec.epsilon, a.Float("epsilon", 1e-6f));
    WNN_ASSIGN_OR_RETURN(spec.alpha, a.Float("alpha", 0.9f));
    WNN_ASSIGN_OR_RETURN(spec.beta, a.Float("beta", 0.999f));
  } else {
    WNN_ASSIGN_OR_RETURN(std::string_view mode, a.String("mode", ""));
    if (mode != "nesterov" && mode != "standard") {
      return InvalidArgument("attribute 'mode' is " + graph::Quoted(mode) +
                             ", neither nesterov nor standard");
    }
    spec.method = mode == "nesterov" ? Method::kNesterov : Method::kMomentum;
    WNN_ASSIGN_OR_RETURN(spec.alpha, a.Float("alpha", 0));
    WNN_ASSIGN_OR_RETURN(spec.beta, a.Float("beta", 0));
  }
  return spec;
}

// How many tensors the node optimises.
Result<size_t> CountTensors(const OpContext& context, const TrainingSpec& spec) {
  const size_t per_tensor = 2 + spec.n_states();
  const size_t n = context.n_inputs() - 2;
  if (n == 0 || n % per_tensor != 0) {
    return InvalidArgument("the node has " + std::to_string(n) + " tensors, not a multiple of " +
                           std::to_string(per_tensor));
  }
  return n / per_tensor;
}

Status InferTraining(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kRateSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, {DType::kInt64}));
  WNN_ASSIGN_OR_RETURN(TrainingSpec spec, ReadTrainingSpec(context));
  WNN_ASSIGN_OR_RETURN(size_t k, CountTensors(context, spec));
  for (size_t i : {size_t{0}, size_t{1}}) {
    const Fact& fact = context.Input(i);
    if (fact.IsConcrete() && ShapeProduct(fact.ConcreteShape()) != 1) {
      return InvalidArgument("input " + std::to_string(i) + " is not one number");
    }
  }
  for (size_t i = 2; i < context.n_inputs(); ++i) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kRateSet));
    const Fact &fact = context.Input(i), &x = context.Input(2 + (i - 2) % k);
    if (fact.dtype != x.dtype ||
        (fact.IsConcrete() && x.IsConcrete() && fact.ConcreteShape() != x.ConcreteShape())) {
      return InvalidArgument("input " + std::to_string(i) + ", " + fact.ToString() +
                             ", is not of the type of its tensor, " + x.ToString());
    }
  }
  for (size_t i = 0; i < context.n_outputs(); ++i) {
    Fact fact = context.Input(2 + i % k);
    fact.constant = nullptr;
    context.SetOutput(i, std::move(fact));
  }
  return OkStatus();
}

class TrainingOp final : public CompiledOp {
 public:
  TrainingOp(const TrainingSpec& spec, DType rate_type, std::vector<DType> types,
             std::vector<int64_t> sizes)
      : spec_(spec), rate_type_(rate_type), types_(std::move(types)), sizes_(std::move(sizes)) {}

  Status Run(const RunArgs& args) const override {
    const double rate =
        rate_type_ == DType::kDouble ? *args.in<double>(0) : double{*args.in<float>(0)};
    const int64_t count = *args.in<int64_t>(1);
    for (size_t i = 0; i < sizes_.size(); ++i) {
      kernels::Visit(types_[i], RateTypes(), [&]<typename T>() {
        Update<T>(args, i, rate, count);
        return true;
      });
    }
    return OkStatus();
  }

 private:
  template <typename T>
  void Update(const RunArgs& args, size_t i, double rate, int64_t count) const {
    const size_t k = sizes_.size();
    const T *x = args.in<T>(2 + i), *g = args.in<T>(2 + k + i), *v = args.in<T>(2 + 2 * k + i);
    const T* h = spec_.method == Method::kAdam ? args.in<T>(2 + 3 * k + i) : nullptr;
    T *x_new = args.out<T>(i), *v_new = args.out<T>(k + i), *h_new = args.out<T>(2 * k + i);
    const double t = static_cast<double>(count);
    if (spec_.method == Method::kAdagrad) rate /= 1 + t * spec_.decay;
    if (spec_.method == Method::kAdam && count > 0) {
      rate *= std::sqrt(1 - std::pow(spec_.beta, t)) / (1 - std::pow(spec_.alpha, t));
    }
    const double beta = count > 0 ? spec_.beta : 1;
    kernels::ForRanges(*args.parallel, sizes_[i], kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t e = begin; e < end; ++e) {
                           const double gradient = spec_.norm * x[e] + g[e];
                           double value = 0, state = 0, second = 0;
                           switch (spec_.method) {
                             case Method::kAdagrad:
                               state = v[e] + gradient * gradient;
                               value = x[e] - rate * gradient / (std::sqrt(state) + spec_.epsilon);
                               break;
                             case Method::kAdam:
                               state = spec_.alpha * v[e] + (1 - spec_.alpha) * gradient;
                               second = spec_.beta * h[e] + (1 - spec_.beta) * gradient * gradient;
                               value = (1 - spec_.norm_post) *
                                       (x[e] - rate * state / (std::sqrt(second) + spec_.epsilon));
                               break;
                             case Method::kMomentum:
                               state = spec_.alpha * v[e] + beta * gradient;
                               value = x[e] - rate * state;
                               break;
                             case Method::kNesterov:
                               state = spec_.alpha * v[e] + beta * gradient;
                               value = x[e] - rate * (gradient + spec_.alpha * state);
                               break;
                           }
                           if (x_new != nullptr) x_new[e] = static_cast<T>(value);
                           if (v_new != nullptr) v_new[e] = static_cast<T>(state);
                           if (h != nullptr && h_new != nullptr) h_new[e] = static_cast<T>(second);
                         }
                       });
  }

  const TrainingSpec spec_;
  const DType rate_type_;
  const std::vector<DType> types_;
  const std::vector<int64_t> sizes_;
};

Result<CompiledPtr> CompileTraining(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(TrainingSpec spec, ReadTrainingSpec(context));
  WNN_ASSIGN_OR_RETURN(size_t k, CountTensors(context, spec));
  std::vector<DType> types;
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < k; ++i) {
    types.push_back(context.InputType(2 + i));
    sizes.push_back(ShapeProduct(context.InputShape(2 + i)));
  }
  return CompiledPtr(
      std::make_unique<TrainingOp>(spec, context.InputType(0), std::move(types), std::move(sizes)));
}

constexpr OpDef Row(std::string_view name) {
  return {.domain = kDomain,
          .name = name,
          .last_version = 1,
          .inputs = {3, kVariadic},
          .outputs = {1, kVariadic},
          .infer = InferTraining,
          .compile = CompileTraining};
}

// The importer puts other nodes in its place (frontend/gradient.h).
Status InferGradient(InferContext&) { return Internal("the importer left a Gradient"); }

constexpr auto kOps = std::to_array<OpDef>({Row("Adagrad"),
                                            Row("Adam"),
                                            {.domain = kDomain,
                                             .name = "Gradient",
                                             .last_version = 1,
                                             .inputs = {1, kVariadic},
                                             .outputs = {1, kVariadic},
                                             .infer = InferGradient},
                                            Row("Momentum")});

}  // namespace

std::span<const OpDef> TrainingOps() { return kOps; }

}  // namespace wnn::ops
