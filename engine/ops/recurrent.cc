// RNN, GRU, LSTM and ONNX Runtime's DynamicQuantizeLSTM: one product for the inputs of all time
// steps, one for the state of each.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/quantize.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/quad_weights.h"
#include "engine/ops/quantized.h"
#include "engine/ops/recurrent_cell.h"
#include "engine/ops/recurrent_spec.h"
#include "engine/ops/recurrent_weights.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/widened.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
using Cell = RecurrentSpec::Cell;

constexpr int64_t kAlignment = 64;
// DynamicQuantizeLSTM's.
constexpr size_t kWScale = 8, kWZero = 9, kRScale = 10, kRZero = 11;

// Hands out pieces of the scratch memory; with no memory it only counts.
class Bump {
 public:
  explicit Bump(std::byte* memory) : memory_(memory) {}
  template <typename C>
  C* Take(int64_t n) {
    std::byte* piece = memory_ != nullptr ? memory_ + used_ : nullptr;
    used_ += (n * static_cast<int64_t>(sizeof(C)) + kAlignment - 1) / kAlignment * kAlignment;
    return reinterpret_cast<C*>(piece);
  }
  int64_t used() const { return used_; }

 private:
  std::byte* memory_;
  int64_t used_ = 0;
};

template <typename C>
class RecurrentOp final : public CompiledOp {
 public:
  struct Direction {
    GateWeights<C> w;
    GateWeights<C> r;            // GRU: of the update and reset gates
    GateWeights<C> r_hidden;     // GRU: of the hidden gate
    QuadWeights quad_w, quad_r;  // instead of the others, with `quantized`
  };
  struct Geometry {
    RecurrentSpec spec;
    int64_t sequence = 0, batch = 0, input = 0;
    std::vector<Direction> directions;
  };
  explicit RecurrentOp(Geometry geometry)
      : g_(std::move(geometry)), h_(g_.spec.hidden), gates_(g_.spec.n_gates() * h_) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return CheckedAdd(static_cast<uint64_t>(Layout(nullptr).used), GemmBytes(n_threads))
        .value_or(UINT64_MAX);
  }

  Status Run(const RunArgs& args) const override {
    WNN_RETURN_IF_ERROR(CheckLengths(args.in<int32_t>(kRecurrentLens)));
    const Buffers buffers = Layout(args.scratch);
    for (size_t d = 0; d < g_.directions.size(); ++d) RunDirection(args, d, buffers);
    return OkStatus();
  }

 private:
  struct Buffers {
    C *prepared_w, *prepared_r, *prepared_hidden;  // see GateWeights
    C* bias;                                       // [gates], then [hidden] of R's hidden gate
    C* inputs;                                     // [sequence x batch][gates]: X W^T + bias
    C* gates;                                      // [batch][gates]
    C* gathered;                                   // [batch][gates] of `inputs`
    C *h, *c;                                      // [batch][hidden]
    C *reset, *candidate;                          // GRU: [batch][hidden]
    uint8_t* bytes;                                // with `quantized`: X, or h
    std::byte* gemm;
    int64_t used;
  };

  Buffers Layout(std::byte* scratch) const {
    Bump bump(scratch);
    const Direction& first = g_.directions.front();
    const bool gru = g_.spec.cell == Cell::kGru;
    Buffers b;
    b.prepared_w = bump.Take<C>(first.w.PreparedSize());
    b.prepared_r = bump.Take<C>(first.r.PreparedSize());
    b.prepared_hidden = bump.Take<C>(first.r_hidden.PreparedSize());
    b.bias = bump.Take<C>(gates_ + h_);
    b.inputs = bump.Take<C>(g_.sequence * g_.batch * gates_);
    b.gates = bump.Take<C>(g_.batch * gates_);
    b.gathered = bump.Take<C>(g_.batch * gates_);
    b.h = bump.Take<C>(g_.batch * h_);
    b.c = bump.Take<C>(g_.batch * h_);
    b.reset = bump.Take<C>(gru ? g_.batch * h_ : 0);
    b.candidate = bump.Take<C>(gru ? g_.batch * h_ : 0);
    b.bytes =
        bump.Take<uint8_t>(g_.spec.quantized ? g_.batch * std::max(g_.sequence * g_.input, h_) : 0);
    b.used = bump.used();
    b.gemm = scratch != nullptr ? scratch + b.used : nullptr;
    return b;
  }

  uint64_t GemmBytes(int n_threads) const {
    uint64_t bytes = 0;
    for (const Direction& d : g_.directions) {
      bytes = std::max({bytes, d.w.ScratchBytes(g_.sequence * g_.batch, n_threads),
                        d.r.ScratchBytes(g_.batch, n_threads),
                        d.r_hidden.ScratchBytes(g_.batch, n_threads)});
      if (g_.spec.quantized) {
        bytes = std::max({bytes, d.quad_w.ScratchBytes(g_.sequence * g_.batch),
                          d.quad_r.ScratchBytes(g_.batch)});
      }
    }
    return bytes;
  }

  Status CheckLengths(const int32_t* lengths) const {
    for (int64_t b = 0; lengths != nullptr && b < g_.batch; ++b) {
      if (lengths[b] < 0 || lengths[b] > g_.sequence) {
        return RuntimeError("sequence_lens has " + std::to_string(lengths[b]) +
                            ", but the sequences are " + std::to_string(g_.sequence) + " long");
      }
    }
    return OkStatus();
  }

  // Which row of X, and of `inputs`, a time step of a sequence is.
  int64_t Row(int64_t time, int64_t b) const {
    return g_.spec.batch_first ? b * g_.sequence + time : time * g_.batch + b;
  }
  int64_t StateAt(size_t direction, int64_t b) const {
    const int64_t d = static_cast<int64_t>(direction), n = g_.spec.directions();
    return (g_.spec.batch_first ? b * n + d : d * g_.batch + b) * h_;
  }
  int64_t OutputAt(size_t direction, int64_t time, int64_t b) const {
    const int64_t d = static_cast<int64_t>(direction), n = g_.spec.directions();
    return (g_.spec.batch_first ? (b * g_.sequence + time) * n + d
                                : (time * n + d) * g_.batch + b) *
           h_;
  }

  // `bias` gets what is added to the inputs' product: all biases, but for R's of the hidden gate
  // when it is added before the reset.
  void MakeBias(const RunArgs& args, size_t direction, C* bias) const {
    std::fill(bias, bias + gates_ + h_, C{0});
    const C* b = args.in<C>(kRecurrentB);
    if (b == nullptr) return;
    b += static_cast<int64_t>(direction) * 2 * gates_;
    const bool apart = g_.spec.cell == Cell::kGru && g_.spec.linear_before_reset;
    for (int64_t i = 0; i < gates_; ++i) {
      const bool added_later = apart && i >= 2 * h_;
      bias[i] = b[i] + (added_later ? C{0} : b[gates_ + i]);
      if (added_later) bias[gates_ + i - 2 * h_] = b[gates_ + i];
    }
  }

  void InitialState(const C* initial, size_t direction, C* state, StopCheck& check) const {
    for (int64_t b = 0; b < g_.batch; ++b) {
      if (check.Stopped(h_)) return;
      if (initial == nullptr) {
        std::fill(state + b * h_, state + (b + 1) * h_, C{0});
      } else {
        std::copy_n(initial + StateAt(direction, b), h_, state + b * h_);
      }
    }
  }

  void RunDirection(const RunArgs& args, size_t direction, const Buffers& m) const {
    const Direction& d = g_.directions[direction];
    StopCheck check(*args.parallel);
    d.w.Prepare(args, m.prepared_w, check);
    d.r.Prepare(args, m.prepared_r, check);
    if (g_.spec.cell == Cell::kGru) d.r_hidden.Prepare(args, m.prepared_hidden, check);
    MakeBias(args, direction, m.bias);
    const C* x = args.in<C>(kRecurrentX);
    const int64_t rows = g_.sequence * g_.batch;
    if (g_.spec.quantized) {
      MultiplyBytes(d.quad_w, x, rows, g_.input, m.bias, m.inputs, m, *args.parallel);
    } else {
      d.w.Multiply(x, g_.input, rows, m.bias, 0, m.inputs, gates_, m.prepared_w, m.gemm,
                   *args.parallel);
    }
    InitialState(args.in<C>(kRecurrentH), direction, m.h, check);
    InitialState(args.in<C>(kRecurrentC), direction, m.c, check);

    const int32_t* lengths = args.in<int32_t>(kRecurrentLens);
    auto length = [&](int64_t b) { return lengths != nullptr ? lengths[b] : g_.sequence; };
    bool uniform = true;
    for (int64_t b = 0; b < g_.batch; ++b) uniform = uniform && length(b) == g_.sequence;
    C* y = args.out<C>(0);
    for (int64_t step = 0; step < g_.sequence; ++step) {
      if (check.Stopped(g_.batch * gates_ * (h_ / 4 + 8) + 1000)) return;
      auto time = [&](int64_t b) {
        return g_.spec.reversed[direction] ? length(b) - 1 - step : step;
      };
      const C* inputs = m.inputs + Row(time(0), 0) * gates_;
      int64_t stride = (g_.spec.batch_first ? g_.sequence : 1) * gates_;
      if (!uniform) {
        for (int64_t b = 0; b < g_.batch; ++b) {
          std::copy_n(m.inputs + Row(std::max<int64_t>(time(b), 0), b) * gates_, gates_,
                      m.gathered + b * gates_);
        }
        inputs = m.gathered;
        stride = gates_;
      }
      Step(args, direction, m, inputs, stride, [&](int64_t b) { return step < length(b); });
      for (int64_t b = 0; y != nullptr && b < g_.batch; ++b) {
        if (check.Stopped(h_)) return;
        if (step < length(b)) {
          std::copy_n(m.h + b * h_, h_, y + OutputAt(direction, time(b), b));
        } else {
          std::fill_n(y + OutputAt(direction, step, b), h_, C{0});
        }
      }
    }
    for (int64_t b = 0; b < g_.batch; ++b) {
      if (check.Stopped(h_)) return;
      if (C* h = args.out<C>(1)) std::copy_n(m.h + b * h_, h_, h + StateAt(direction, b));
      if (C* c = args.out<C>(2)) std::copy_n(m.c + b * h_, h_, c + StateAt(direction, b));
    }
  }

  // out[m][gates] = x[m][k] times the weights, x in bytes by the range that it has.
  void MultiplyBytes(const QuadWeights& weights, const C* x, int64_t m, int64_t k, const C* bias,
                     C* out, const Buffers& buffers, Parallel& parallel) const {
    if constexpr (std::is_same_v<C, float>) {
      const kernels::DynamicScale range = kernels::DynamicRange(x, m * k, parallel);
      InSteps(parallel, m * k, [&](int64_t begin, int64_t end) {
        kernels::QuantizeTo(x + begin, end - begin, range.scale, range.zero_point,
                            buffers.bytes + begin);
      });
      weights.Multiply({buffers.bytes, false, range.scale, range.zero_point, m}, bias, out,
                       buffers.gemm, parallel);
    }
  }

  // Calls body(b) for every sequence that still runs.
  template <typename Active, typename Body>
  void ForActive(Parallel& parallel, Active active, Body body) const {
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / 8 / std::max<int64_t>(gates_, 1), 1);
    kernels::ForRanges(parallel, g_.batch, grain, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        if (active(b)) body(b);
      }
    });
  }

  template <typename Active>
  void Step(const RunArgs& args, size_t direction, const Buffers& m, const C* inputs,
            int64_t stride, Active active) const {
    const Direction& d = g_.directions[direction];
    const std::vector<Activation>& f = g_.spec.activations[direction];
    if (g_.spec.quantized) {
      MultiplyBytes(d.quad_r, m.h, g_.batch, h_, nullptr, m.gates, m, *args.parallel);
      for (int64_t b = 0; b < g_.batch; ++b) {
        C* gates = m.gates + b * gates_;
        for (int64_t i = 0; i < gates_; ++i) gates[i] += inputs[b * stride + i];
      }
    } else {
      d.r.Multiply(m.h, h_, g_.batch, inputs, stride, m.gates, gates_, m.prepared_r, m.gemm,
                   *args.parallel);
    }
    switch (g_.spec.cell) {
      case Cell::kRnn:
        ForActive(*args.parallel, active, [&](int64_t b) {
          Activate(f[0], g_.spec.clip, m.gates + b * gates_, h_);
          std::copy_n(m.gates + b * gates_, h_, m.h + b * h_);
        });
        return;
      case Cell::kLstm: {
        const C* peepholes = args.in<C>(kRecurrentP);
        if (peepholes != nullptr) peepholes += static_cast<int64_t>(direction) * 3 * h_;
        ForActive(*args.parallel, active, [&](int64_t b) {
          LstmStep(g_.spec, f, peepholes, m.gates + b * gates_, m.h + b * h_, m.c + b * h_);
        });
        return;
      }
      case Cell::kGru: GruStep(args, d, f, m, inputs, stride, active); return;
    }
  }

  // `gates` has z and r before their function.
  template <typename Active>
  void GruStep(const RunArgs& args, const Direction& d, const std::vector<Activation>& f,
               const Buffers& m, const C* inputs, int64_t stride, Active active) const {
    auto all = [](int64_t) { return true; };
    ForActive(*args.parallel, all, [&](int64_t b) {
      C* gates = m.gates + b * gates_;
      Activate(f[0], g_.spec.clip, gates, 2 * h_);
      for (int64_t k = 0; k < h_; ++k) m.reset[b * h_ + k] = gates[h_ + k] * m.h[b * h_ + k];
    });
    if (g_.spec.linear_before_reset) {
      d.r_hidden.Multiply(m.h, h_, g_.batch, m.bias + gates_, 0, m.candidate, h_, m.prepared_hidden,
                          m.gemm, *args.parallel);
    } else {
      d.r_hidden.Multiply(m.reset, h_, g_.batch, inputs + 2 * h_, stride, m.candidate, h_,
                          m.prepared_hidden, m.gemm, *args.parallel);
    }
    ForActive(*args.parallel, active, [&](int64_t b) {
      const C* gates = m.gates + b * gates_;
      C* candidate = m.candidate + b * h_;
      if (g_.spec.linear_before_reset) {
        const C* input = inputs + b * stride + 2 * h_;
        for (int64_t k = 0; k < h_; ++k) candidate[k] = input[k] + gates[h_ + k] * candidate[k];
      }
      Activate(f[1], g_.spec.clip, candidate, h_);
      GruBlend(gates, candidate, h_, m.h + b * h_);
    });
  }

  const Geometry g_;
  const int64_t h_;
  const int64_t gates_;
};

template <typename C>
Result<CompiledPtr> Make(const CompileContext& context, RecurrentSpec spec) {
  typename RecurrentOp<C>::Geometry g;
  const Shape x = context.InputShape(kRecurrentX);
  g.sequence = x[spec.batch_first ? 1 : 0];
  g.batch = x[spec.batch_first ? 0 : 1];
  g.input = x[2];
  const int64_t h = spec.hidden, gates = spec.n_gates() * h;
  const auto inputs = ElementCount(std::array{g.sequence, g.batch, gates + h});
  if (!inputs || *inputs > graph::kMaxExtent) return TooLarge("the gates of all steps");

  const bool gru = spec.cell == Cell::kGru;
  for (int64_t d = 0; d < spec.directions(); ++d) {
    typename RecurrentOp<C>::Direction direction;
    if (spec.quantized) {
      WNN_ASSIGN_OR_RETURN(direction.quad_w,
                           QuadWeights::Create(context, {kRecurrentW, kWScale, kWZero}, d,
                                               spec.directions(), g.input, gates));
      WNN_ASSIGN_OR_RETURN(direction.quad_r,
                           QuadWeights::Create(context, {kRecurrentR, kRScale, kRZero}, d,
                                               spec.directions(), h, gates));
      g.directions.push_back(std::move(direction));
      continue;
    }
    WNN_ASSIGN_OR_RETURN(direction.w, GateWeights<C>::Create(context, kRecurrentW,
                                                             d * gates * g.input, gates, g.input));
    const int64_t r = d * gates * h;
    WNN_ASSIGN_OR_RETURN(direction.r,
                         GateWeights<C>::Create(context, kRecurrentR, r, gru ? 2 * h : gates, h));
    if (gru) {
      WNN_ASSIGN_OR_RETURN(direction.r_hidden,
                           GateWeights<C>::Create(context, kRecurrentR, r + 2 * h * h, h, h));
    }
    g.directions.push_back(std::move(direction));
  }
  g.spec = std::move(spec);
  return CompiledPtr(std::make_unique<RecurrentOp<C>>(std::move(g)));
}

Result<CompiledPtr> CompileRecurrent(const CompileContext& context) {
  const DType dtype = context.InputType(kRecurrentX);
  if (dtype == DType::kFloat16 || dtype == DType::kBfloat16) {
    return CompileWidened(context, CompileRecurrent);
  }
  WNN_ASSIGN_OR_RETURN(RecurrentSpec spec, ReadRecurrentSpec(context));
  if (dtype == DType::kDouble) return Make<double>(context, std::move(spec));
  return Make<float>(context, std::move(spec));
}

// ---- ONNX Runtime's DynamicQuantizeLSTM: weights of 8 bits, transposed: W is [directions, input,
// gates], R [directions, hidden, gates], each with a scale and a zero point a direction or a gate's
// row.

Status InferQuantizedLstm(InferContext& context) {
  for (size_t i :
       {kRecurrentX, kRecurrentB, kRecurrentH, kRecurrentC, kRecurrentP, kWScale, kRScale}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat}));
  }
  for (size_t i : {kRecurrentW, kRecurrentR, kWZero, kRZero}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kByteSet));
  }
  WNN_RETURN_IF_ERROR(context.RequireType(kRecurrentLens, {DType::kInt32}));
  for (size_t i : {kRecurrentX, kRecurrentW, kRecurrentR}) {
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 3, 3));
  }
  WNN_ASSIGN_OR_RETURN(RecurrentSpec spec, ReadRecurrentSpec(context));
  if (spec.batch_first) return Unsupported("attribute 'layout' is not supported");
  const Fact& x = context.Input(kRecurrentX);
  const Dim directions = graph::KnownDim(spec.directions());
  const Dim hidden = spec.hidden < 0 ? Dim() : graph::KnownDim(spec.hidden);
  const Dim sequence = x.has_rank ? x.dims[0] : Dim(), batch = x.has_rank ? x.dims[1] : Dim();
  context.SetOutput(0, Fact::Ranked(DType::kFloat, {sequence, directions, batch, hidden}));
  for (size_t i : {size_t{1}, size_t{2}}) {
    context.SetOutput(i, Fact::Ranked(DType::kFloat, {directions, batch, hidden}));
  }
  return OkStatus();
}

Result<CompiledPtr> CompileQuantizedLstm(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(RecurrentSpec spec, ReadRecurrentSpec(context));
  const Shape x = context.InputShape(kRecurrentX), w = context.InputShape(kRecurrentW),
              r = context.InputShape(kRecurrentR);
  const int64_t gates = 4 * spec.hidden;
  bool fits = w == Shape{spec.directions(), x[2], gates} &&
              r == Shape{spec.directions(), spec.hidden, gates};
  const auto is = [&](size_t i, const Shape& shape) {
    return !context.HasInput(i) || context.InputShape(i) == shape;
  };
  const Shape state = {spec.directions(), x[1], spec.hidden};
  fits = fits && is(kRecurrentB, {spec.directions(), 2 * gates}) && is(kRecurrentLens, {x[1]}) &&
         is(kRecurrentH, state) && is(kRecurrentC, state) &&
         is(kRecurrentP, {spec.directions(), 3 * spec.hidden});
  if (!fits) return InvalidArgument("the weights, bias or states do not fit the input");
  return Make<float>(context, std::move(spec));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kMicrosoftDomain,
     .name = "DynamicQuantizeLSTM",
     .inputs = {3, 12},
     .outputs = {0, 3},
     .infer = InferQuantizedLstm,
     .compile = CompileQuantizedLstm},
    {.name = "GRU",
     .inputs = {3, 6},
     .outputs = {0, 2},
     .infer = InferRecurrent,
     .compile = CompileRecurrent},
    {.name = "LSTM",
     .inputs = {3, 8},
     .outputs = {0, 3},
     .infer = InferRecurrent,
     .compile = CompileRecurrent},
    {.name = "RNN",
     .inputs = {3, 6},
     .outputs = {0, 2},
     .infer = InferRecurrent,
     .compile = CompileRecurrent},
});

}  // namespace

std::span<const OpDef> RecurrentOps() { return kOps; }

}  // namespace wnn::ops
