// Fourier transforms: DFT, STFT.
#include <algorithm>
#include <array>
#include <complex>
#include <string>

#include "engine/kernels/fft.h"
#include "engine/kernels/reference/convert.h"
#include "engine/ops/constant_values.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using Complex = std::complex<double>;

// Lengths whose tables, which are nobody's budget, take at most 32 MiB and are soon made.
constexpr int64_t kMaxLength = int64_t{1} << 19;

Status CheckLength(int64_t n) {
  if (n >= 1 && n <= kMaxLength) return OkStatus();
  return InvalidArgument("a transform of length " + std::to_string(n) + " is out of bounds");
}

// One component or two: real or complex.
Status CheckComponents(const Fact& x) {
  const Dim& last = x.dims.back();
  if (!IsKnown(last) || last.value == 1 || last.value == 2) return OkStatus();
  return InvalidArgument("the last dimension of " + x.ToString() + " is neither 1 nor 2");
}

// Reads and writes rows of numbers of any floating-point type, real or complex.
template <typename T>
Complex Load(const T* data, int64_t i, int64_t components) {
  const T* at = data + i * components;
  return {static_cast<double>(kernels::Widen(at[0])),
          components == 2 ? static_cast<double>(kernels::Widen(at[1])) : 0.0};
}
template <typename T>
void Store(const Complex& value, int64_t i, int64_t components, T* data) {
  data[i * components] = kernels::Convert<T>(value.real());
  if (components == 2) data[i * components + 1] = kernels::Convert<T>(value.imag());
}

struct DftSpec {
  bool inverse = false, onesided = false;
  size_t axis = 0;
  int64_t length = 0;  // of the transform
  int64_t out = 0;     // numbers along the axis that are kept
};

// Nothing while an input's value or the axis' extent is not known.
Result<std::optional<DftSpec>> ReadDftSpec(const OpContext& context) {
  DftSpec spec;
  const Fact& x = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t inverse, context.attributes().Int("inverse", 0));
  WNN_ASSIGN_OR_RETURN(int64_t onesided, context.attributes().Int("onesided", 0));
  spec.inverse = inverse != 0;
  spec.onesided = onesided != 0;
  constexpr int kFirstWithAxisInput = 20;
  std::optional<int64_t> axis;
  if (context.opset() >= kFirstWithAxisInput) {
    WNN_ASSIGN_OR_RETURN(axis, ConstantInt(context, 2, -2));
  } else {
    WNN_ASSIGN_OR_RETURN(axis, context.attributes().Int("axis", 1));
  }
  WNN_ASSIGN_OR_RETURN(auto length, ConstantInt(context, 1, -1));
  if (!axis || !length) return std::optional<DftSpec>();
  WNN_ASSIGN_OR_RETURN(spec.axis, NormalizeAxis(*axis, x.rank()));
  if (spec.axis + 1 == x.rank()) return InvalidArgument("the last dimension is not an axis");
  if (context.HasInput(1)) {
    spec.length = *length;
  } else if (!IsKnown(x.dims[spec.axis])) {
    return std::optional<DftSpec>();
  } else {
    spec.length = x.dims[spec.axis].value;
    if (spec.inverse && spec.onesided) spec.length = 2 * (spec.length - 1);
  }
  WNN_RETURN_IF_ERROR(CheckLength(spec.length));
  spec.out = spec.onesided && !spec.inverse ? spec.length / 2 + 1 : spec.length;
  return std::optional(spec);
}

Status InferDft(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, graph::kMaxRank));
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  WNN_RETURN_IF_ERROR(CheckComponents(x));
  WNN_ASSIGN_OR_RETURN(auto spec, ReadDftSpec(context));
  std::vector<Dim> dims(x.rank());
  if (spec) {
    const bool to_real = spec->inverse && spec->onesided;
    if (spec->onesided && IsKnown(x.dims.back()) && x.dims.back().value != (to_real ? 2 : 1)) {
      return InvalidArgument("a one-sided transform wants " +
                             std::string(to_real ? "complex" : "real") + " input, not " +
                             x.ToString());
    }
    dims = x.dims;
    dims[spec->axis] = graph::KnownDim(spec->out);
    dims.back() = graph::KnownDim(to_real ? 1 : 2);
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class DftOp final : public CompiledOp {
 public:
  // `view` is the input's without its components.
  DftOp(const DftSpec& spec, const AxisView& view, int64_t components)
      : spec_(spec), view_(view), components_(components), fft_(spec.length) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return RowSize() * sizeof(Complex) * static_cast<uint64_t>(n_threads);
  }

  Status Run(const RunArgs& args) const override {
    const size_t n = static_cast<size_t>(spec_.length);
    args.parallel->ForEach(
        static_cast<size_t>(view_.outer * view_.inner), [&](size_t row, int thread) {
          Complex* data =
              reinterpret_cast<Complex*>(args.scratch) + RowSize() * static_cast<uint64_t>(thread);
          const int64_t outer = static_cast<int64_t>(row) / view_.inner;
          const int64_t inner = static_cast<int64_t>(row) % view_.inner;
          ReadRow(args.in<T>(0), outer, inner, data);
          fft_.Run({data, n}, spec_.inverse, data + n, *args.parallel);
          const double scale = spec_.inverse ? 1 / static_cast<double>(n) : 1;
          for (int64_t k = 0; k < spec_.out; ++k) {
            Store(data[k] * scale, (outer * spec_.out + k) * view_.inner + inner,
                  spec_.inverse && spec_.onesided ? 1 : 2, args.out<T>(0));
          }
        });
    return OkStatus();
  }

 private:
  uint64_t RowSize() const {
    return static_cast<uint64_t>(spec_.length) + static_cast<uint64_t>(fft_.ScratchSize());
  }

  // The input cut or filled with zeros to the transform's length.
  void ReadRow(const T* in, int64_t outer, int64_t inner, Complex* data) const {
    const int64_t n = spec_.length;
    auto at = [&](int64_t k) {
      return k < view_.extent
                 ? Load(in, (outer * view_.extent + k) * view_.inner + inner, components_)
                 : Complex();
    };
    if (!spec_.inverse || !spec_.onesided) {
      for (int64_t k = 0; k < n; ++k) data[k] = at(k);
      return;
    }
    // The half that is there implies the other: the signal is real.
    for (int64_t k = 0; k <= n / 2; ++k) {
      data[k] = at(k);
      if (k > 0 && k < n - k) data[n - k] = std::conj(data[k]);
    }
  }

  const DftSpec spec_;
  const AxisView view_;
  const int64_t components_;
  const kernels::Fft fft_;
};

Result<CompiledPtr> CompileDft(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(auto spec, ReadDftSpec(context));
  if (!spec) return Internal("the transform's length is not known");
  const Shape x = context.InputShape(0);
  const AxisView view = ViewAxis(std::span(x).first(x.size() - 1), spec->axis);
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<DftOp<T>>(*spec, view, x.back());
                        });
}

// STFT: a window slides over the signal; each frame is transformed.
struct StftSpec {
  bool onesided = true;
  int64_t step = 0, length = 0, frames = 0, bins = 0;
};

Result<std::optional<StftSpec>> ReadStftSpec(const OpContext& context) {
  StftSpec spec;
  const Fact& signal = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t onesided, context.attributes().Int("onesided", 1));
  spec.onesided = onesided != 0;
  WNN_ASSIGN_OR_RETURN(auto step, ConstantInt(context, 1, 0));
  WNN_ASSIGN_OR_RETURN(auto length, ConstantInt(context, 3, 0));
  if (!step || !length || !IsKnown(signal.dims[1])) return std::optional<StftSpec>();
  spec.step = *step;
  spec.length = context.HasInput(3) ? *length : signal.dims[1].value;
  if (context.HasInput(2)) {
    const Fact& window = context.Input(2);
    if (!window.has_rank || !IsKnown(window.dims[0])) return std::optional<StftSpec>();
    if (context.HasInput(3) && window.dims[0].value != spec.length) {
      return InvalidArgument("window " + window.ToString() + " is not as long as a frame of " +
                             std::to_string(spec.length));
    }
    spec.length = window.dims[0].value;
  }
  WNN_RETURN_IF_ERROR(CheckLength(spec.length));
  if (spec.step < 1 || spec.length > signal.dims[1].value) {
    return InvalidArgument("frames of " + std::to_string(spec.length) + " every " +
                           std::to_string(spec.step) + " do not fit signal " + signal.ToString());
  }
  spec.frames = (signal.dims[1].value - spec.length) / spec.step + 1;
  spec.bins = spec.onesided ? spec.length / 2 + 1 : spec.length;
  return std::optional(spec);
}

Status InferStft(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 2));
  WNN_RETURN_IF_ERROR(context.RequireType(3, kIndexSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 2, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(2, 1, 1));
  const Fact& signal = context.Input(0);
  if (!signal.has_rank) {
    context.SetOutput(0, Fact::Unranked(signal.dtype));
    return OkStatus();
  }
  // Without a last dimension the signal is real.
  if (signal.rank() == 3) WNN_RETURN_IF_ERROR(CheckComponents(signal));
  WNN_ASSIGN_OR_RETURN(auto spec, ReadStftSpec(context));
  std::vector<Dim> dims = {signal.dims[0], Dim(), Dim(), graph::KnownDim(2)};
  if (spec) {
    if (spec->onesided && signal.rank() == 3 && signal.dims[2].value == 2) {
      return InvalidArgument("a one-sided transform wants a real signal, not " + signal.ToString());
    }
    dims[1] = graph::KnownDim(spec->frames);
    dims[2] = graph::KnownDim(spec->bins);
  }
  context.SetOutput(0, Fact::Ranked(signal.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class StftOp final : public CompiledOp {
 public:
  StftOp(const StftSpec& spec, int64_t batch, int64_t signal, int64_t components)
      : spec_(spec), batch_(batch), signal_(signal), components_(components), fft_(spec.length) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return RowSize() * sizeof(Complex) * static_cast<uint64_t>(n_threads);
  }

  Status Run(const RunArgs& args) const override {
    const T* window = args.in<T>(2);
    const size_t n = static_cast<size_t>(spec_.length);
    args.parallel->ForEach(static_cast<size_t>(batch_ * spec_.frames), [&](size_t i, int thread) {
      Complex* data =
          reinterpret_cast<Complex*>(args.scratch) + RowSize() * static_cast<uint64_t>(thread);
      const int64_t frame = static_cast<int64_t>(i);
      const int64_t first = frame / spec_.frames * signal_ + frame % spec_.frames * spec_.step;
      for (int64_t k = 0; k < spec_.length; ++k) {
        data[k] = Load(args.in<T>(0), first + k, components_);
        if (window != nullptr) data[k] *= static_cast<double>(kernels::Widen(window[k]));
      }
      fft_.Run({data, n}, false, data + n, *args.parallel);
      for (int64_t k = 0; k < spec_.bins; ++k) {
        Store(data[k], frame * spec_.bins + k, 2, args.out<T>(0));
      }
    });
    return OkStatus();
  }

 private:
  uint64_t RowSize() const {
    return static_cast<uint64_t>(spec_.length) + static_cast<uint64_t>(fft_.ScratchSize());
  }

  const StftSpec spec_;
  const int64_t batch_;
  const int64_t signal_;
  const int64_t components_;
  const kernels::Fft fft_;
};

Result<CompiledPtr> CompileStft(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(auto spec, ReadStftSpec(context));
  if (!spec) return Internal("the frames' length is not known");
  const Shape x = context.InputShape(0);
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<StftOp<T>>(*spec, x[0], x[1], x.size() == 3 ? x[2] : 1);
      });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "DFT",
     .since_version = 17,
     .inputs = {1, 3},
     .infer = InferDft,
     .compile = CompileDft,
     .value_inputs = 0b110},
    {.name = "STFT",
     .since_version = 17,
     .inputs = {2, 4},
     .infer = InferStft,
     .compile = CompileStft,
     .value_inputs = 0b1010},
});

}  // namespace

std::span<const OpDef> SpectralOps() { return kOps; }

}  // namespace wnn::ops
