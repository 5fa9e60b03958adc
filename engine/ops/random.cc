// Operators that draw random numbers: RandomNormal, RandomUniform and their Like forms, Bernoulli,
// Multinomial, and Dropout from version 12 on, which drops only in training.
//
// With a seed an operator draws the same numbers in every run. Without one, every run of the
// process draws others, in an order that a new process repeats.
#include "engine/kernels/random.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using kernels::RandomStream;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Where a node's numbers come from.
class Seed {
 public:
  Seed() = default;
  explicit Seed(uint64_t key) : is_fixed_(true), key_(key) {}
  RandomStream Stream() const {
    static std::atomic<uint64_t> next{0};
    return RandomStream(is_fixed_ ? key_ : ~next.fetch_add(1, std::memory_order_relaxed));
  }

 private:
  bool is_fixed_ = false;
  uint64_t key_ = 0;
};

Result<Seed> ReadSeed(const OpContext& context) {
  if (!context.attributes().Has("seed")) return Seed();
  if (context.op_type() == "Dropout") {
    WNN_ASSIGN_OR_RETURN(int64_t seed, context.attributes().Int("seed", 0));
    return Seed(static_cast<uint64_t>(seed));
  }
  WNN_ASSIGN_OR_RETURN(float seed, context.attributes().Float("seed", 0));
  return Seed(std::bit_cast<uint32_t>(seed));
}

// The attribute dtype, which is `otherwise` where it is left out, must be in `types`.
Result<DType> ReadType(const OpContext& context, DType otherwise, const TypeSet& types) {
  DType dtype = otherwise;
  if (context.attributes().Has("dtype")) {
    WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().RequiredInt("dtype"));
    dtype = DTypeFromOnnx(number).value_or(DType::kUndefined);
    if (dtype == DType::kUndefined) {
      return InvalidArgument("attribute 'dtype' is " + std::to_string(number) + ", not a type");
    }
  }
  if (dtype != DType::kUndefined && !types.Has(dtype)) {
    return InvalidArgument("random numbers of type " + std::string(DTypeName(dtype)) +
                           " cannot be drawn");
  }
  return dtype;
}

// scale * number + offset, normal or uniform.
template <typename T>
class FillOp final : public CompiledOp {
 public:
  FillOp(Seed seed, int64_t n, bool normal, double scale, double offset)
      : seed_(seed), n_(n), normal_(normal), scale_(scale), offset_(offset) {}
  Status Run(const RunArgs& args) const override {
    const RandomStream stream = seed_.Stream();
    T* out = args.out<T>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask / 8,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           const auto at = static_cast<uint64_t>(i);
                           const double x = normal_ ? stream.Normal(at) : stream.Uniform(at);
                           out[i] = kernels::Convert<T>(x * scale_ + offset_);
                         }
                       });
    return OkStatus();
  }

 private:
  const Seed seed_;
  const int64_t n_;
  const bool normal_;
  const double scale_;
  const double offset_;
};

bool IsLike(const OpContext& context) { return context.op_type().ends_with("Like"); }

Status InferFill(InferContext& context) {
  if (IsLike(context)) {
    Fact fact = context.Input(0);
    WNN_ASSIGN_OR_RETURN(fact.dtype, ReadType(context, fact.dtype, kFloatSet));
    fact.constant = nullptr;
    context.SetOutput(0, std::move(fact));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(DType dtype, ReadType(context, DType::kFloat, kFloatSet));
  WNN_ASSIGN_OR_RETURN(auto shape, context.attributes().Ints("shape"));
  if (!ElementCount(shape)) {
    return InvalidArgument("attribute 'shape' is " + ShapeToString(shape) + ", no shape");
  }
  context.SetOutput(0, Fact::Concrete(dtype, shape));
  return OkStatus();
}

Result<CompiledPtr> CompileFill(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Seed seed, ReadSeed(context));
  const bool normal = context.op_type().starts_with("RandomNormal");
  double scale = 1, offset = 0;
  if (normal) {
    WNN_ASSIGN_OR_RETURN(scale, context.attributes().Float("scale", 1));
    WNN_ASSIGN_OR_RETURN(offset, context.attributes().Float("mean", 0));
  } else {
    WNN_ASSIGN_OR_RETURN(float high, context.attributes().Float("high", 1));
    WNN_ASSIGN_OR_RETURN(offset, context.attributes().Float("low", 0));
    scale = double{high} - offset;
  }
  const int64_t n = ShapeProduct(context.OutputShape(0));
  return kernels::Visit(context.Output(0).dtype, kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<FillOp<T>>(seed, n, normal, scale, offset);
                        });
}

// 1 with the probability that the input has, else 0.
template <typename T>
class BernoulliOp final : public CompiledOp {
 public:
  BernoulliOp(Seed seed, DType out, int64_t n) : seed_(seed), out_(out), n_(n) {}
  Status Run(const RunArgs& args) const override {
    const RandomStream stream = seed_.Stream();
    kernels::Visit(out_, kernels::AllTypes(), [&]<typename Out>() {
      kernels::ForRanges(
          *args.parallel, n_, kernels::kElementsPerTask, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
              const double p = static_cast<double>(kernels::Widen(args.in<T>(0)[i]));
              args.out<Out>(0)[i] =
                  kernels::Convert<Out>(stream.Uniform(static_cast<uint64_t>(i)) < p ? 1.0f : 0.0f);
            }
          });
      return true;
    });
    return OkStatus();
  }

 private:
  const Seed seed_;
  const DType out_;
  const int64_t n_;
};

Status InferBernoulli(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  Fact fact = context.Input(0);
  WNN_ASSIGN_OR_RETURN(fact.dtype, ReadType(context, fact.dtype, kAllSet));
  fact.constant = nullptr;
  context.SetOutput(0, std::move(fact));
  return OkStatus();
}

Result<CompiledPtr> CompileBernoulli(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Seed seed, ReadSeed(context));
  const int64_t n = ShapeProduct(context.InputShape(0));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<BernoulliOp<T>>(seed, context.Output(0).dtype, n);
                        });
}

// Classes drawn by their unnormalised log-probabilities.
template <typename T>
class MultinomialOp final : public CompiledOp {
 public:
  MultinomialOp(Seed seed, int64_t batch, int64_t classes, int64_t samples, bool wide)
      : seed_(seed), batch_(batch), classes_(classes), samples_(samples), wide_(wide) {}
  // The running sum of one row's probabilities, for each thread.
  uint64_t ScratchBytes(int n_threads) const override {
    return sizeof(double) * static_cast<uint64_t>(classes_) * static_cast<uint64_t>(n_threads);
  }
  Status Run(const RunArgs& args) const override {
    const RandomStream stream = seed_.Stream();
    args.parallel->ForEach(static_cast<size_t>(batch_), [&](size_t row, int thread) {
      double* sums = reinterpret_cast<double*>(args.scratch) + thread * classes_;
      const T* in = args.in<T>(0) + static_cast<int64_t>(row) * classes_;
      double max = -std::numeric_limits<double>::infinity(), sum = 0;
      StopCheck check(*args.parallel);
      for (int64_t c = 0; c < classes_ && !check.Stopped(2); ++c) max = std::max(max, At(in, c));
      for (int64_t c = 0; c < classes_; ++c) {
        if (check.Stopped(8)) return;
        sums[c] = sum += std::exp(At(in, c) - max);
      }
      for (int64_t s = 0; s < samples_; ++s) {
        if (check.Stopped(64)) return;
        const int64_t at = static_cast<int64_t>(row) * samples_ + s;
        const double x = stream.Uniform(static_cast<uint64_t>(at)) * sum;
        const int64_t c = std::upper_bound(sums, sums + classes_, x) - sums;
        const int64_t drawn = std::min(c, classes_ - 1);
        if (wide_) args.out<int64_t>(0)[at] = drawn;
        if (!wide_) args.out<int32_t>(0)[at] = static_cast<int32_t>(drawn);
      }
    });
    return OkStatus();
  }

 private:
  static double At(const T* in, int64_t c) { return static_cast<double>(kernels::Widen(in[c])); }

  const Seed seed_;
  const int64_t batch_;
  const int64_t classes_;
  const int64_t samples_;
  const bool wide_;
};

Status InferMultinomial(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, 2));
  WNN_ASSIGN_OR_RETURN(DType dtype, ReadType(context, DType::kInt32, kIndexSet));
  WNN_ASSIGN_OR_RETURN(int64_t samples, context.attributes().Int("sample_size", 1));
  if (samples < 0) return InvalidArgument("attribute 'sample_size' is negative");
  const Fact& in = context.Input(0);
  if (in.has_rank && in.dims[1].value == 0) {
    return InvalidArgument("input " + in.ToString() + " has no classes");
  }
  context.SetOutput(
      0, Fact::Ranked(dtype, {in.has_rank ? in.dims[0] : Dim(), graph::KnownDim(samples)}));
  return OkStatus();
}

Result<CompiledPtr> CompileMultinomial(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Seed seed, ReadSeed(context));
  const Shape in = context.InputShape(0), out = context.OutputShape(0);
  const bool wide = context.Output(0).dtype == DType::kInt64;
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<MultinomialOp<T>>(seed, in[0], in[1], out[1], wide);
      });
}

// Dropout: a copy unless training_mode is true.
template <typename T>
class DropoutOp final : public CompiledOp {
 public:
  DropoutOp(Seed seed, DType ratio_type, int64_t n) : seed_(seed), ratio_type_(ratio_type), n_(n) {}
  Status Run(const RunArgs& args) const override {
    const bool* training = args.in<bool>(2);
    double ratio = args.in<std::byte>(1) == nullptr ? 0.5 : Ratio(args.inputs[1]);
    if (training == nullptr || !*training) ratio = 0;
    if (!(ratio >= 0 && ratio < 1)) {
      return RuntimeError("ratio is " + std::to_string(ratio) + ", not in [0, 1)");
    }
    const RandomStream stream = seed_.Stream();
    const double scale = 1 / (1 - ratio);
    const T* in = args.in<T>(0);
    T* out = args.out<T>(0);
    bool* mask = args.out<bool>(1);
    kernels::ForRanges(
        *args.parallel, n_, kernels::kElementsPerTask, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const bool kept = ratio == 0 || stream.Uniform(static_cast<uint64_t>(i)) >= ratio;
            if (mask != nullptr) mask[i] = kept;
            if (out == nullptr) continue;
            const double x = static_cast<double>(kernels::Widen(in[i]));
            out[i] = ratio == 0 ? in[i] : kernels::Convert<T>(kept ? x * scale : 0.0);
          }
        });
    return OkStatus();
  }

 private:
  double Ratio(const std::byte* data) const {
    return kernels::Visit(ratio_type_, kernels::FloatTypes(), [&]<typename R>() {
      R ratio;
      std::memcpy(&ratio, data, sizeof(ratio));
      return static_cast<double>(kernels::Widen(ratio));
    });
  }

  const Seed seed_;
  const DType ratio_type_;
  const int64_t n_;
};

Status InferDropout(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(2, kBoolSet));
  for (size_t i : {size_t{1}, size_t{2}}) {
    if (!context.HasInput(i) || !context.Input(i).IsConcrete()) continue;
    if (ShapeProduct(context.Input(i).ConcreteShape()) != 1) {
      return InvalidArgument("input " + std::to_string(i) + " is not one value");
    }
  }
  Fact mask = context.Input(0);
  mask.dtype = DType::kBool;
  mask.constant = nullptr;
  context.SetOutput(1, std::move(mask));
  return InferSame(context);
}

Result<CompiledPtr> CompileDropout(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(Seed seed, ReadSeed(context));
  const DType ratio_type = context.HasInput(1) ? context.InputType(1) : DType::kFloat;
  const int64_t n = ShapeProduct(context.InputShape(0));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<DropoutOp<T>>(seed, ratio_type, n);
                        });
}

constexpr OpDef Fill(std::string_view name, int n_inputs) {
  return {.name = name,
          .inputs = {n_inputs, n_inputs},
          .infer = InferFill,
          .compile = CompileFill,
          .is_random = true};
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Bernoulli",
     .since_version = 15,
     .infer = InferBernoulli,
     .compile = CompileBernoulli,
     .is_random = true},
    {.name = "Dropout",
     .since_version = 12,
     .inputs = {1, 3},
     .outputs = {1, 2},
     .infer = InferDropout,
     .compile = CompileDropout,
     .inplace_inputs = 0b1,
     .is_random = true},
    {.name = "Multinomial",
     .since_version = 7,
     .infer = InferMultinomial,
     .compile = CompileMultinomial,
     .is_random = true},
    Fill("RandomNormal", 0),
    Fill("RandomNormalLike", 1),
    Fill("RandomUniform", 0),
    Fill("RandomUniformLike", 1),
});

}  // namespace

std::span<const OpDef> RandomOps() { return kOps; }

}  // namespace wnn::ops
