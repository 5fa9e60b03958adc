// ONNX Runtime's operators on tensors of 8-bit integers that are not products: QLinearAdd and
// QLinearMul; QLinearSigmoid, QLinearLeakyRelu and QLinearSoftmax; QLinearConcat;
// QLinearAveragePool and QLinearGlobalAveragePool.
//
// Every one computes with the real numbers (q - zero point) * scale and quantises its result. A
// function of one 8-bit number is a table.
#include <array>
#include <cmath>
#include <cstring>

#include "engine/kernels/quantized/quantize.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/kernels/reference/pool.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using ByteTypes = kernels::Types<int8_t, uint8_t>;

// A quantised tensor's scale and zero point, at inputs `at` and `at + 1`.
struct Quantizer {
  float scale = 1;
  int32_t zero = 0;

  template <typename T>
  static Quantizer Read(const RunArgs& run, size_t at) {
    return {*run.in<float>(at), ZeroPointAt(run, at + 1, 0, std::is_signed_v<T>)};
  }
  template <typename T>
  float Real(T q) const {
    return static_cast<float>(int32_t{q} - zero) * scale;
  }
  template <typename T>
  T Quantized(float x) const {
    return kernels::QuantizeOne<T>(x, scale, zero);
  }
};

// Checks a tensor at input `x` with its scale and zero point behind it.
Status CheckQuantized(const OpContext& context, size_t x) {
  WNN_RETURN_IF_ERROR(context.RequireType(x, kByteSet));
  return OkStatus();
}
Status CheckQuantizer(const OpContext& context, size_t scale) {
  if (!context.HasInput(scale)) {
    return InvalidArgument("input " + std::to_string(scale) + ", a scale, is missing");
  }
  WNN_RETURN_IF_ERROR(context.RequireType(scale, {DType::kFloat}));
  WNN_RETURN_IF_ERROR(RequireCount(context, scale, graph::KnownDim(1)));
  WNN_RETURN_IF_ERROR(context.RequireType(scale + 1, kByteSet));
  return RequireCount(context, scale + 1, graph::KnownDim(1));
}

template <typename Make>
CompiledPtr ForType(const CompileContext& context, Make&& make) {
  return kernels::Visit(context.Output(0).dtype, ByteTypes(), make);
}

// ---- QLinearAdd, QLinearMul: A, its scale and zero point, B and its, C's scale and zero point.

constexpr size_t kA = 0, kB = 3, kC = 6;

Status InferQLinearBinary(InferContext& context) {
  for (size_t i : {kA, kB}) {
    WNN_RETURN_IF_ERROR(CheckQuantized(context, i));
    WNN_RETURN_IF_ERROR(CheckQuantizer(context, i + 1));
  }
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, kC));
  WNN_RETURN_IF_ERROR(context.RequireSameType(kA, kB));
  const Fact &a = context.Input(kA), &b = context.Input(kB);
  if (!a.has_rank || !b.has_rank) {
    context.SetOutput(0, Fact::Unranked(a.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(a.dims, b.dims));
  context.SetOutput(0, Fact::Ranked(a.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class QLinearBinaryOp final : public CompiledOp {
 public:
  QLinearBinaryOp(kernels::LoopNest<3> nest, bool is_add) : nest_(std::move(nest)), add_(is_add) {}

  Status Run(const RunArgs& run) const override {
    const Quantizer a_q = Quantizer::Read<T>(run, kA + 1), b_q = Quantizer::Read<T>(run, kB + 1),
                    c_q = Quantizer::Read<T>(run, kC);
    const auto& steps = nest_.inner_strides();
    nest_.Run(*run.parallel, [&](const kernels::LoopNest<3>::Offsets& at, int64_t n) {
      const T *a = run.in<T>(kA) + at[1], *b = run.in<T>(kB) + at[2];
      T* c = run.out<T>(0) + at[0];
      if (add_) {
        Loop(a, steps[1], b, steps[2], n, c, c_q,
             [&](T x, T y) { return a_q.Real(x) + b_q.Real(y); });
      } else {
        Loop(a, steps[1], b, steps[2], n, c, c_q,
             [&](T x, T y) { return a_q.Real(x) * b_q.Real(y); });
      }
    });
    return OkStatus();
  }

 private:
  template <typename F>
  static void Loop(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t n, T* c,
                   const Quantizer& q, F&& f) {
    if (a_step == 1 && b_step == 1) {
      for (int64_t i = 0; i < n; ++i) c[i] = q.Quantized<T>(f(a[i], b[i]));
      return;
    }
    for (int64_t i = 0; i < n; ++i) c[i] = q.Quantized<T>(f(a[i * a_step], b[i * b_step]));
  }

  const kernels::LoopNest<3> nest_;
  const bool add_;
};

Result<CompiledPtr> CompileQLinearBinary(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  kernels::LoopNest<3> nest(
      out,
      std::array{kernels::DenseStrides(out), kernels::BroadcastStrides(context.InputShape(kA), out),
                 kernels::BroadcastStrides(context.InputShape(kB), out)});
  const bool is_add = context.op_type() == "QLinearAdd";
  return ForType(context, [&]<typename T>() -> CompiledPtr {
    return std::make_unique<QLinearBinaryOp<T>>(nest, is_add);
  });
}

// ---- Functions of one number: X, its scale and zero point, Y's scale and zero point.

Status InferQLinearUnary(InferContext& context) {
  WNN_RETURN_IF_ERROR(CheckQuantized(context, 0));
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, 1));
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, 3));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 4));
  return InferSame(context);
}

// What y is for each of the 256 values of x, by their bits.
template <typename T, typename F>
std::array<T, 256> MakeTable(const Quantizer& x, const Quantizer& y, F&& f) {
  std::array<T, 256> table;
  for (int i = 0; i < 256; ++i) {
    table[static_cast<size_t>(i)] =
        y.Quantized<T>(f(x.Real(static_cast<T>(static_cast<uint8_t>(i)))));
  }
  return table;
}

template <typename T>
void LookUp(const std::array<T, 256>& table, const T* x, int64_t n, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[static_cast<uint8_t>(x[i])];
}

template <typename T>
class QLinearUnaryOp final : public CompiledOp {
 public:
  QLinearUnaryOp(int64_t n, bool is_sigmoid, float alpha)
      : n_(n), sigmoid_(is_sigmoid), alpha_(alpha) {}
  Status Run(const RunArgs& run) const override {
    const Quantizer x = Quantizer::Read<T>(run, 1), y = Quantizer::Read<T>(run, 3);
    const auto table = MakeTable<T>(x, y, [this](float v) {
      if (sigmoid_) return 1 / (1 + std::exp(-v));
      return v < 0 ? alpha_ * v : v;
    });
    kernels::ForRanges(*run.parallel, n_, kernels::kElementsPerTask,
                       [&](int64_t begin, int64_t end) {
                         LookUp(table, run.in<T>(0) + begin, end - begin, run.out<T>(0) + begin);
                       });
    return OkStatus();
  }

 private:
  const int64_t n_;
  const bool sigmoid_;
  const float alpha_;
};

Result<CompiledPtr> CompileQLinearUnary(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float alpha, context.attributes().Float("alpha", 0.01f));
  const int64_t n = ShapeProduct(context.InputShape(0));
  const bool is_sigmoid = context.op_type() == "QLinearSigmoid";
  return ForType(context, [&]<typename T>() -> CompiledPtr {
    return std::make_unique<QLinearUnaryOp<T>>(n, is_sigmoid, alpha);
  });
}

// Softmax along an axis; before opset 13 over all dimensions from the axis on.
template <typename T>
class QLinearSoftmaxOp final : public CompiledOp {
 public:
  explicit QLinearSoftmaxOp(const AxisView& view) : view_(view) {}
  Status Run(const RunArgs& run) const override {
    const Quantizer x_q = Quantizer::Read<T>(run, 1), y_q = Quantizer::Read<T>(run, 3);
    // exp(-d * scale) of every distance from the largest element.
    std::array<float, 256> exps;
    for (int d = 0; d < 256; ++d) {
      exps[static_cast<size_t>(d)] = std::exp(-static_cast<float>(d) * x_q.scale);
    }
    run.parallel->ForEach(static_cast<size_t>(view_.outer * view_.inner), [&](size_t row, int) {
      const auto at = static_cast<int64_t>(row);
      const int64_t first = at / view_.inner * view_.extent * view_.inner + at % view_.inner;
      const T* x = run.in<T>(0) + first;
      T* y = run.out<T>(0) + first;
      int largest = std::numeric_limits<T>::min();
      Parallel& parallel = *run.parallel;
      InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          largest = std::max<int>(largest, x[i * view_.inner]);
        }
      });
      float sum = 0;
      const auto exp_of = [&](T q) { return exps[static_cast<size_t>(largest - q)]; };
      constexpr int64_t kShort = 1 << 16;
      // Without the largest there is no table to read from.
      if (view_.extent > kShort && IsStopped(parallel)) return;
      InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) sum += exp_of(x[i * view_.inner]);
      });
      InSteps(parallel, view_.extent, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          y[i * view_.inner] = y_q.Quantized<T>(exp_of(x[i * view_.inner]) / sum);
        }
      });
    });
    return OkStatus();
  }

 private:
  const AxisView view_;
};

Result<CompiledPtr> CompileQLinearSoftmax(const CompileContext& context) {
  const Shape shape = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().Int("axis", -1));
  WNN_ASSIGN_OR_RETURN(int64_t opset, context.attributes().Int("opset", 13));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, shape.size()));
  AxisView view = ViewAxis(shape, axis);
  constexpr int64_t kFirstOfOneAxis = 13;
  if (opset < kFirstOfOneAxis) view = {view.outer, view.extent * view.inner, 1};
  return ForType(context, [&]<typename T>() -> CompiledPtr {
    return std::make_unique<QLinearSoftmaxOp<T>>(view);
  });
}

// ---- QLinearConcat: Y's scale and zero point, then each input with its own.

size_t PartCount(const OpContext& context) { return (context.n_inputs() - 2) / 3; }
size_t PartAt(size_t part) { return 2 + 3 * part; }

Status InferQLinearConcat(InferContext& context) {
  if ((context.n_inputs() - 2) % 3 != 0) {
    return InvalidArgument("a part has no scale or no zero point");
  }
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, 0));
  const Fact& first = context.Input(PartAt(0));
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
  std::vector<Dim> dims = first.dims;
  size_t axis = 0;
  for (size_t p = 0; p < PartCount(context); ++p) {
    WNN_RETURN_IF_ERROR(CheckQuantized(context, PartAt(p)));
    WNN_RETURN_IF_ERROR(CheckQuantizer(context, PartAt(p) + 1));
    WNN_RETURN_IF_ERROR(context.RequireSameType(1, PartAt(p)));
    const Fact& part = context.Input(PartAt(p));
    if (!part.has_rank) {
      context.SetOutput(0, Fact::Unranked(first.dtype));
      return OkStatus();
    }
    WNN_ASSIGN_OR_RETURN(axis, NormalizeAxis(wanted, part.rank()));
    if (p == 0) continue;
    bool fits = part.rank() == dims.size();
    for (size_t d = 0; fits && d < dims.size(); ++d) {
      const bool known = IsKnown(dims[d]) && IsKnown(part.dims[d]);
      if (d == axis) {
        dims[d] = known ? graph::KnownDim(dims[d].value + part.dims[d].value) : graph::UnknownDim();
      } else if (known) {
        fits = dims[d].value == part.dims[d].value;
      } else if (IsKnown(part.dims[d])) {
        dims[d] = part.dims[d];
      }
    }
    if (!fits) {
      return InvalidArgument("inputs " + first.ToString() + " and " + part.ToString() +
                             " differ outside axis " + std::to_string(axis));
    }
  }
  context.SetOutput(0, Fact::Ranked(first.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class QLinearConcatOp final : public CompiledOp {
 public:
  struct Part {
    size_t input;
    int64_t row;     // elements of a row of this part
    int64_t offset;  // in a row of the output
  };
  QLinearConcatOp(std::vector<Part> parts, int64_t n_rows, int64_t row)
      : parts_(std::move(parts)), n_rows_(n_rows), row_(row) {}

  Status Run(const RunArgs& run) const override {
    const Quantizer y = Quantizer::Read<T>(run, 0);
    for (const Part& part : parts_) {
      const Quantizer x = Quantizer::Read<T>(run, part.input + 1);
      const bool same = x.scale == y.scale && x.zero == y.zero;
      const auto table = MakeTable<T>(x, y, [](float v) { return v; });
      const T* from = run.in<T>(part.input);
      // Pieces of rows, so that one long row is shared out too.
      const int64_t pieces = (part.row + kernels::kElementsPerTask - 1) / kernels::kElementsPerTask;
      const int64_t grain =
          std::max<int64_t>(kernels::kElementsPerTask / std::max<int64_t>(part.row, 1), 1);
      kernels::ForRanges(*run.parallel, n_rows_ * pieces, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t first = i % pieces * kernels::kElementsPerTask;
          const int64_t n = std::min(kernels::kElementsPerTask, part.row - first);
          const T* source = from + i / pieces * part.row + first;
          T* to = run.out<T>(0) + i / pieces * row_ + part.offset + first;
          if (same) {
            std::memcpy(to, source, static_cast<size_t>(n));
          } else {
            LookUp(table, source, n, to);
          }
        }
      });
    }
    return OkStatus();
  }

 private:
  const std::vector<Part> parts_;
  const int64_t n_rows_;
  const int64_t row_;
};

Result<CompiledPtr> CompileQLinearConcat(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t wanted, context.attributes().RequiredInt("axis"));
  WNN_ASSIGN_OR_RETURN(size_t axis, NormalizeAxis(wanted, out.size()));
  const AxisView view = ViewAxis(out, axis);
  return ForType(context, [&]<typename T>() -> CompiledPtr {
    std::vector<typename QLinearConcatOp<T>::Part> parts;
    int64_t offset = 0;
    for (size_t p = 0; p < PartCount(context); ++p) {
      const int64_t row = context.InputShape(PartAt(p))[axis] * view.inner;
      if (row > 0) parts.push_back({PartAt(p), row, offset});
      offset += row;
    }
    return std::make_unique<QLinearConcatOp<T>>(std::move(parts), view.outer,
                                                view.extent * view.inner);
  });
}

// ---- Averages: X, its scale and zero point, Y's scale and zero point.

Status InferQLinearPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(CheckQuantized(context, 0));
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, 1));
  WNN_RETURN_IF_ERROR(CheckQuantizer(context, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, kernels::kMaxSpatialRank + 2));
  WNN_ASSIGN_OR_RETURN(int64_t channels_last, context.attributes().Int("channels_last", 0));
  if (channels_last != 0) return Unsupported("attribute 'channels_last' is not supported");
  const Fact& x = context.Input(0);
  if (!x.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  std::vector<Dim> dims = {x.dims[0], x.dims[1]};
  if (context.op_type() == "QLinearGlobalAveragePool") {
    dims.resize(x.rank(), graph::KnownDim(1));
  } else {
    const std::span<const Dim> spatial(x.dims.begin() + 2, x.dims.end());
    WNN_ASSIGN_OR_RETURN(WindowAttributes window,
                         ParseWindowAttributes(context, spatial.size(), {}));
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> out, WindowOutputDims(window, spatial));
    dims.insert(dims.end(), out.begin(), out.end());
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

template <typename T>
class QLinearPoolOp final : public CompiledOp {
 public:
  QLinearPoolOp(const kernels::Window& window, int64_t n_planes, bool count_padding)
      : window_(window), n_planes_(n_planes), count_padding_(count_padding) {}
  Status Run(const RunArgs& run) const override {
    const Quantizer x_q = Quantizer::Read<T>(run, 1), y_q = Quantizer::Read<T>(run, 3);
    const kernels::Window& w = window_;
    const bool pads = w.pad_begin != decltype(w.pad_begin){} || w.pad_end != decltype(w.pad_end){};
    if (w.out_size() == 1 && w.kernel == w.in && w.in_size() > 0 && !pads) {
      RunWhole(run, x_q, y_q);
      return OkStatus();
    }
    run.parallel->ForEach(static_cast<size_t>(n_planes_), [&](size_t plane, int) {
      const T* x = run.in<T>(0) + static_cast<int64_t>(plane) * w.in_size();
      T* y = run.out<T>(0) + static_cast<int64_t>(plane) * w.out_size();
      kernels::ForWindows(
          w, *run.parallel,
          [&](int64_t out, const auto& taps, const auto& start, StopCheck& check) {
            int64_t sum = 0, n = 0;
            kernels::ForTaps(w, taps, start, check, [&](int64_t offset) {
              sum += x[offset];
              ++n;
            });
            const int64_t count = kernels::WindowElements(w, count_padding_, taps, start);
            const auto centred = static_cast<double>(sum - n * x_q.zero);
            const double mean = count > 0 ? centred / static_cast<double>(count) : 0.0;
            y[out] = y_q.Quantized<T>(static_cast<float>(mean * x_q.scale));
          });
    });
    return OkStatus();
  }

 private:
  // The mean of each plane.
  void RunWhole(const RunArgs& run, const Quantizer& x_q, const Quantizer& y_q) const {
    const int64_t size = window_.in_size();
    const int64_t grain = std::max<int64_t>(4 * kernels::kElementsPerTask / size, 1);
    kernels::ForRanges(*run.parallel, n_planes_, grain, [&](int64_t begin, int64_t end) {
      StopCheck check(*run.parallel);
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* x = run.in<T>(0) + plane * size;
        int64_t sum = 0;
        constexpr int64_t kPiece = 1 << 16;  // whose sum fits 32 bits
        for (int64_t first = 0; first < size; first += kPiece) {
          if (check.Stopped(std::min(size - first, kPiece))) return;
          int32_t part = 0;
          for (int64_t i = first; i < std::min(size, first + kPiece); ++i) part += x[i];
          sum += part;
        }
        const auto mean = static_cast<double>(sum - size * x_q.zero) / static_cast<double>(size);
        run.out<T>(0)[plane] = y_q.Quantized<T>(static_cast<float>(mean * x_q.scale));
      }
    });
  }

  const kernels::Window window_;
  const int64_t n_planes_;
  const bool count_padding_;
};

Result<CompiledPtr> CompileQLinearPool(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  kernels::Window window;
  int64_t count_padding = 0;
  if (context.op_type() == "QLinearGlobalAveragePool") {
    window.in[2] = window.kernel[2] = ShapeProduct(std::span(x).subspan(2));
  } else {
    WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                         ParseWindowAttributes(context, x.size() - 2, {}));
    WNN_ASSIGN_OR_RETURN(window, MakeWindow(attributes, std::span(x).subspan(2)));
    WNN_ASSIGN_OR_RETURN(count_padding, context.attributes().Int("count_include_pad", 0));
  }
  return ForType(context, [&]<typename T>() -> CompiledPtr {
    return std::make_unique<QLinearPoolOp<T>>(window, x[0] * x[1], count_padding != 0);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "QLinearAdd",
     .inputs = {7, 8},
     .infer = InferQLinearBinary,
     .compile = CompileQLinearBinary},
    {.domain = kMicrosoftDomain,
     .name = "QLinearAveragePool",
     .inputs = {4, 5},
     .infer = InferQLinearPool,
     .compile = CompileQLinearPool},
    {.domain = kMicrosoftDomain,
     .name = "QLinearConcat",
     .inputs = {5, kVariadic},
     .infer = InferQLinearConcat,
     .compile = CompileQLinearConcat},
    {.domain = kMicrosoftDomain,
     .name = "QLinearGlobalAveragePool",
     .inputs = {4, 5},
     .infer = InferQLinearPool,
     .compile = CompileQLinearPool},
    {.domain = kMicrosoftDomain,
     .name = "QLinearLeakyRelu",
     .inputs = {4, 5},
     .infer = InferQLinearUnary,
     .compile = CompileQLinearUnary},
    {.domain = kMicrosoftDomain,
     .name = "QLinearMul",
     .inputs = {7, 8},
     .infer = InferQLinearBinary,
     .compile = CompileQLinearBinary},
    {.domain = kMicrosoftDomain,
     .name = "QLinearSigmoid",
     .inputs = {4, 5},
     .infer = InferQLinearUnary,
     .compile = CompileQLinearUnary},
    {.domain = kMicrosoftDomain,
     .name = "QLinearSoftmax",
     .inputs = {4, 5},
     .infer = InferQLinearUnary,
     .compile = CompileQLinearSoftmax},
});

}  // namespace

std::span<const OpDef> QLinearElementwiseOps() { return kOps; }

}  // namespace wnn::ops
