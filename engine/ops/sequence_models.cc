// Operators of recent language models that keep a state from token to token: CausalConvWithState,
// LinearAttention, and those that ONNX Runtime had before ONNX; and SwiGLU.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/kernels/reference/scalar_functions.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
constexpr TypeSet kModelSet = {DType::kFloat, DType::kFloat16, DType::kBfloat16};
using ModelTypes = kernels::Types<float, kernels::Float16, kernels::Bfloat16>;

// Dimension d of input i, if known, is that of `other`, if known.
Status RequireSameDim(const OpContext& context, size_t i, size_t d, const Dim& other) {
  if (!context.HasInput(i) || !context.Input(i).has_rank) return OkStatus();
  const Dim& dim = context.Input(i).dims[d];
  if (!IsKnown(dim) || !IsKnown(other) || dim.value == other.value) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                         ", does not have " + std::to_string(other.value) + " in dimension " +
                         std::to_string(d));
}

// A depthwise convolution that looks back only. Inputs: x [batch, channels, length], weights
// [channels, 1, k], bias, past state [batch, channels, (k - 1) * dilation]; with channels_last the
// channels of x and of the state are their last dimension.
template <typename T>
class CausalConvOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 1, channels = 1, length = 1, kernel = 1, dilation = 1;
    bool channels_last = false;
    bool silu = false;
  };
  explicit CausalConvOp(const Geometry& g) : g_(g) {}

  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(g_.batch * g_.channels),
                           [&](size_t row, int) { Row(args, static_cast<int64_t>(row)); });
    return OkStatus();
  }

 private:
  void Row(const RunArgs& args, int64_t row) const {
    const int64_t channel = row % g_.channels, states = (g_.kernel - 1) * g_.dilation;
    // Element i of that row of a tensor of n elements a row.
    const int64_t image = row / g_.channels;
    auto place = [&](int64_t n, int64_t i) {
      return g_.channels_last ? (image * n + i) * g_.channels + channel : row * n + i;
    };
    const T *x = args.in<T>(0), *w = args.in<T>(1) + channel * g_.kernel;
    const T *bias = args.in<T>(2), *past = args.in<T>(3);
    // Position i of the past state followed by x.
    auto at = [&](int64_t i) {
      if (i >= states) return kernels::Widen(x[place(g_.length, i - states)]);
      return past != nullptr ? kernels::Widen(past[place(states, i)]) : kernels::Compute<T>{0};
    };
    if (T* y = args.out<T>(0)) {
      const double start = bias != nullptr ? static_cast<double>(kernels::Widen(bias[channel])) : 0;
      for (int64_t i = 0; i < g_.length; ++i) {
        double sum = start;
        for (int64_t k = 0; k < g_.kernel; ++k) {
          sum += static_cast<double>(kernels::Widen(w[k])) *
                 static_cast<double>(at(i + k * g_.dilation));
        }
        if (g_.silu) sum = kernels::Swish()(sum);
        y[place(g_.length, i)] = kernels::Convert<T>(sum);
      }
    }
    if (T* present = args.out<T>(1)) {
      for (int64_t i = 0; i < states; ++i) {
        present[place(states, i)] = kernels::Narrow<T>(at(g_.length + i));
      }
    }
  }

  const Geometry g_;
};

Result<bool> ReadSilu(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String("activation", "none"));
  if (word == "none") return false;
  if (word == "silu" || word == "swish") return true;
  return InvalidArgument("attribute 'activation' is " + graph::Quoted(word) +
                         ", not none, silu or swish");
}

// Attributes of ONNX Runtime's operator.
struct CausalLayout {
  int64_t dilation = 1;
  bool channels_last = false;

  size_t channels() const { return channels_last ? 2 : 1; }  // dimensions
  size_t length() const { return channels_last ? 1 : 2; }
};
Result<CausalLayout> ReadCausalLayout(const OpContext& context) {
  CausalLayout layout;
  const Attributes& attributes = context.attributes();
  for (const auto& [name, usual] : {std::pair("ndim", 1),
                                    {"state_window", 0},
                                    {"state_length", 0},
                                    {"state_update_capacity", 0},
                                    {"state_channels_last", -1},
                                    {"input_channels", 0},
                                    {"input_channel_offset", 0}}) {
    WNN_ASSIGN_OR_RETURN(int64_t given, attributes.Int(name, usual));
    if (given != usual) {
      return Unsupported("attribute '" + std::string(name) + "' is " + std::to_string(given) +
                         ": ONNX Runtime has that on GPUs only");
    }
  }
  WNN_ASSIGN_OR_RETURN(layout.dilation, attributes.Int("dilation", 1));
  WNN_ASSIGN_OR_RETURN(int64_t channels_last, attributes.Int("channels_last", 0));
  layout.channels_last = channels_last != 0;
  if (layout.dilation >= 1 && layout.dilation <= graph::kMaxExtent) return layout;
  return InvalidArgument("attribute 'dilation' is " + std::to_string(layout.dilation));
}

Status InferCausalConv(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kModelSet));
  for (size_t i : {1, 2, 3}) WNN_RETURN_IF_ERROR(context.RequireSameType(0, i));
  for (size_t i : {0, 1, 3}) WNN_RETURN_IF_ERROR(context.RequireRank(i, 3, 3));
  WNN_RETURN_IF_ERROR(context.RequireRank(2, 1, 1));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] bool silu, ReadSilu(context));
  WNN_ASSIGN_OR_RETURN(const CausalLayout layout, ReadCausalLayout(context));
  const Fact &x = context.Input(0), &w = context.Input(1);
  const std::vector<Dim> dims = x.has_rank ? x.dims : std::vector<Dim>(3);
  const Dim kernel = w.has_rank ? w.dims[2] : Dim();
  if (kernel.value == 0) return InvalidArgument("weights " + w.ToString() + " are empty");
  if (kernel.value > graph::kMaxExtent / layout.dilation) return TooLarge("the state is too long");
  const Dim states =
      IsKnown(kernel) ? graph::KnownDim((kernel.value - 1) * layout.dilation) : Dim();
  const Dim channels = dims[layout.channels()];
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 1, 0, channels));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 1, 1, graph::KnownDim(1)));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 2, 0, channels));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 3, 0, dims[0]));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 3, layout.channels(), channels));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, 3, layout.length(), states));
  context.SetOutput(0, Fact::Ranked(x.dtype, dims));
  std::vector<Dim> state = dims;
  state[layout.length()] = states;
  context.SetOutput(1, Fact::Ranked(x.dtype, std::move(state)));
  return OkStatus();
}

Result<CompiledPtr> CompileCausalConv(const CompileContext& context) {
  const Shape x = context.InputShape(0), w = context.InputShape(1);
  WNN_ASSIGN_OR_RETURN(const CausalLayout layout, ReadCausalLayout(context));
  const int64_t channels = x[layout.channels()], length = x[layout.length()];
  if (!ElementCount(std::array{x[0], channels, w[2], layout.dilation})) {
    return TooLarge("the state of all channels");
  }
  WNN_ASSIGN_OR_RETURN(bool silu, ReadSilu(context));
  return kernels::Visit(context.InputType(0), ModelTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<CausalConvOp<T>>(typename CausalConvOp<T>::Geometry{
        x[0], channels, length, w[2], layout.dilation, layout.channels_last, silu});
  });
}

// LinearAttention: every head has a matrix S [d_k][d_v] that each token changes and reads.
struct LinearAttentionSpec {
  int64_t q_heads = 1, kv_heads = 1;
  int64_t key_heads = 1;  // a divisor of kv_heads; in ONNX as many
  float scale = 0;
  bool gated = false, delta = false;
};

constexpr size_t kQuery = 0, kKey = 1, kValue = 2, kPast = 3, kDecay = 4, kBeta = 5;

// By the sizes of queries and keys, as far as they are known.
Result<int64_t> KeyHeads(const OpContext& context, const LinearAttentionSpec& spec,
                         bool is_microsoft) {
  const Fact &query = context.Input(kQuery), &key = context.Input(kKey);
  if (!is_microsoft || !query.has_rank || !key.has_rank || query.rank() != 3 || key.rank() != 3 ||
      !IsKnown(query.dims[2]) || !IsKnown(key.dims[2])) {
    return spec.kv_heads;
  }
  const int64_t size = query.dims[2].value / spec.q_heads;
  const int64_t heads = size > 0 ? key.dims[2].value / size : 0;
  if (heads > 0 && spec.kv_heads % heads == 0) return heads;
  return InvalidArgument("keys " + key.ToString() + " do not fit queries " + query.ToString());
}

Result<LinearAttentionSpec> ReadLinearAttentionSpec(const OpContext& context) {
  LinearAttentionSpec spec;
  WNN_ASSIGN_OR_RETURN(spec.q_heads, context.attributes().RequiredInt("q_num_heads"));
  WNN_ASSIGN_OR_RETURN(spec.kv_heads, context.attributes().RequiredInt("kv_num_heads"));
  WNN_ASSIGN_OR_RETURN(spec.scale, context.attributes().Float("scale", 0));
  WNN_ASSIGN_OR_RETURN(std::string_view rule,
                       context.attributes().String("update_rule", "gated_delta"));
  const bool is_microsoft = context.node().op->domain == kMicrosoftDomain;
  if (spec.q_heads < 1 || spec.kv_heads < 1 ||
      (spec.q_heads % spec.kv_heads != 0 && !(is_microsoft && spec.kv_heads % spec.q_heads == 0))) {
    return InvalidArgument("attribute 'q_num_heads' is no multiple of 'kv_num_heads'");
  }
  WNN_ASSIGN_OR_RETURN(int64_t window, context.attributes().Int("state_window", 0));
  if (window != 0) {
    return Unsupported("attribute 'state_window' is " + std::to_string(window) +
                       ": ONNX Runtime has that on GPUs only");
  }
  WNN_ASSIGN_OR_RETURN(spec.key_heads, KeyHeads(context, spec, is_microsoft));
  spec.gated = rule == "gated" || rule == "gated_delta";
  spec.delta = rule == "delta" || rule == "gated_delta";
  if (!spec.gated && !spec.delta && rule != "linear") {
    return InvalidArgument("attribute 'update_rule' is " + graph::Quoted(rule));
  }
  if ((spec.gated && !context.HasInput(kDecay)) || (spec.delta && !context.HasInput(kBeta))) {
    return InvalidArgument("an input that attribute 'update_rule' needs is left out");
  }
  return spec;
}

// The heads' size that the last dimension of input i makes.
Result<Dim> HeadSize(const OpContext& context, size_t i, int64_t heads) {
  const Fact& fact = context.Input(i);
  if (!fact.has_rank || !IsKnown(fact.dims[2])) return Dim();
  if (fact.dims[2].value % heads != 0) {
    return InvalidArgument("input " + fact.ToString() + " does not divide into " +
                           std::to_string(heads) + " heads");
  }
  return graph::KnownDim(fact.dims[2].value / heads);
}

Dim Times(const Dim& dim, int64_t factor) {
  return IsKnown(dim) ? graph::KnownDim(dim.value * factor) : Dim();
}

Status InferLinearAttention(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kQuery, kModelSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kPast, kModelSet));
  for (size_t i : {kKey, kValue, kDecay, kBeta}) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(kQuery, i));
  }
  for (size_t i : {kQuery, kKey, kValue, kDecay, kBeta}) {
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 3, 3));
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kPast, 4, 4));
  WNN_ASSIGN_OR_RETURN(LinearAttentionSpec spec, ReadLinearAttentionSpec(context));
  const Fact& query = context.Input(kQuery);
  const std::vector<Dim> dims = query.has_rank ? query.dims : std::vector<Dim>(3);
  for (size_t i : {kKey, kValue, kDecay, kBeta}) {
    WNN_RETURN_IF_ERROR(RequireSameDim(context, i, 0, dims[0]));
    WNN_RETURN_IF_ERROR(RequireSameDim(context, i, 1, dims[1]));
  }
  WNN_ASSIGN_OR_RETURN(Dim d_k, HeadSize(context, kQuery, spec.q_heads));
  WNN_ASSIGN_OR_RETURN(Dim d_v, HeadSize(context, kValue, spec.kv_heads));
  WNN_RETURN_IF_ERROR(RequireSameDim(context, kKey, 2, Times(d_k, spec.key_heads)));
  const std::vector<Dim> state = {dims[0], graph::KnownDim(spec.kv_heads), d_k, d_v};
  for (size_t d = 0; d < 4; ++d) WNN_RETURN_IF_ERROR(RequireSameDim(context, kPast, d, state[d]));
  // Decay has a number a head or one a key's dimension, beta one a head or one for all.
  auto last_is = [&](size_t i, const Dim& a, const Dim& b) {
    if (!context.HasInput(i) || !context.Input(i).has_rank) return true;
    const Dim& last = context.Input(i).dims[2];
    return !IsKnown(last) || !IsKnown(a) || !IsKnown(b) || last.value == a.value ||
           last.value == b.value;
  };
  const Dim heads = graph::KnownDim(spec.kv_heads);
  if (!last_is(kDecay, heads, Times(d_k, spec.kv_heads)) ||
      !last_is(kBeta, heads, graph::KnownDim(1))) {
    return InvalidArgument("decay or beta does not fit the heads");
  }
  context.SetOutput(
      0, Fact::Ranked(query.dtype,
                      {dims[0], dims[1], Times(d_v, std::max(spec.q_heads, spec.kv_heads))}));
  const DType state_type = context.HasInput(kPast) ? context.Input(kPast).dtype : query.dtype;
  context.SetOutput(1, Fact::Ranked(state_type, state));
  return OkStatus();
}

template <typename T, typename S>
class LinearAttentionOp final : public CompiledOp {
 public:
  struct Geometry {
    LinearAttentionSpec spec;
    int64_t batch = 1, tokens = 1, d_k = 1, d_v = 1;
    int64_t decay_size = 0, beta_size = 0;  // last dimensions
    float scale = 1;
  };
  explicit LinearAttentionOp(const Geometry& g) : g_(g) {}

  // For each thread: the state of one head, and one row.
  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(ThreadFloats()) * sizeof(float) * static_cast<uint64_t>(n_threads);
  }

  Status Run(const RunArgs& args) const override {
    const int64_t heads = g_.spec.kv_heads;
    args.parallel->ForEach(static_cast<size_t>(g_.batch * heads), [&](size_t i, int thread) {
      float* state = reinterpret_cast<float*>(args.scratch) + thread * ThreadFloats();
      const int64_t size = g_.d_k * g_.d_v, at = static_cast<int64_t>(i);
      const S* past = args.in<S>(kPast);
      for (int64_t k = 0; k < size; ++k) {
        state[k] = past != nullptr ? kernels::Widen(past[at * size + k]) : 0.0f;
      }
      for (int64_t t = 0; t < g_.tokens; ++t) {
        Token(args, (at / heads) * g_.tokens + t, at % heads, state, state + size);
      }
      if (S* present = args.out<S>(1)) {
        for (int64_t k = 0; k < size; ++k) present[at * size + k] = kernels::Narrow<S>(state[k]);
      }
    });
    return OkStatus();
  }

 private:
  int64_t ThreadFloats() const { return (g_.d_k * g_.d_v + g_.d_v + 15) / 16 * 16; }

  void Token(const RunArgs& args, int64_t row, int64_t head, float* state, float* change) const {
    const int64_t key_head = head / (g_.spec.kv_heads / g_.spec.key_heads);
    const T* key = args.in<T>(kKey) + (row * g_.spec.key_heads + key_head) * g_.d_k;
    const T* value = args.in<T>(kValue) + (row * g_.spec.kv_heads + head) * g_.d_v;
    if (g_.spec.gated) {
      const T* decay = args.in<T>(kDecay) + row * g_.decay_size;
      const bool by_head = g_.decay_size == g_.spec.kv_heads;
      for (int64_t i = 0; i < g_.d_k; ++i) {
        const float gate = std::exp(kernels::Widen(decay[by_head ? head : head * g_.d_k + i]));
        for (int64_t j = 0; j < g_.d_v; ++j) state[i * g_.d_v + j] *= gate;
      }
    }
    for (int64_t j = 0; j < g_.d_v; ++j) change[j] = kernels::Widen(value[j]);
    if (g_.spec.delta) {
      const T* beta = args.in<T>(kBeta) + row * g_.beta_size;
      const float rate = kernels::Widen(beta[g_.beta_size == 1 ? 0 : head]);
      for (int64_t i = 0; i < g_.d_k; ++i) {
        const float factor = kernels::Widen(key[i]);
        for (int64_t j = 0; j < g_.d_v; ++j) change[j] -= factor * state[i * g_.d_v + j];
      }
      for (int64_t j = 0; j < g_.d_v; ++j) change[j] *= rate;
    }
    for (int64_t i = 0; i < g_.d_k; ++i) {
      const float factor = kernels::Widen(key[i]);
      for (int64_t j = 0; j < g_.d_v; ++j) state[i * g_.d_v + j] += factor * change[j];
    }
    if (args.out<T>(0) == nullptr) return;
    // The heads of the output that read this state, and whose queries they are.
    const int64_t heads = std::max(g_.spec.q_heads, g_.spec.kv_heads);
    const int64_t shared = heads / g_.spec.kv_heads;
    for (int64_t q = head * shared; q < (head + 1) * shared; ++q) {
      const int64_t query_head = q / (heads / g_.spec.q_heads);
      const T* query = args.in<T>(kQuery) + (row * g_.spec.q_heads + query_head) * g_.d_k;
      T* out = args.out<T>(0) + (row * heads + q) * g_.d_v;
      std::fill(change, change + g_.d_v, 0.0f);
      for (int64_t i = 0; i < g_.d_k; ++i) {
        const float factor = kernels::Widen(query[i]);
        for (int64_t j = 0; j < g_.d_v; ++j) change[j] += factor * state[i * g_.d_v + j];
      }
      for (int64_t j = 0; j < g_.d_v; ++j) out[j] = kernels::Narrow<T>(change[j] * g_.scale);
    }
  }

  const Geometry g_;
};

Result<CompiledPtr> CompileLinearAttention(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(LinearAttentionSpec spec, ReadLinearAttentionSpec(context));
  const Shape query = context.InputShape(kQuery), value = context.InputShape(kValue);
  const int64_t d_k = query[2] / spec.q_heads, d_v = value[2] / spec.kv_heads;
  const int64_t decay = context.HasInput(kDecay) ? context.InputShape(kDecay)[2] : 0;
  const int64_t beta = context.HasInput(kBeta) ? context.InputShape(kBeta)[2] : 0;
  const auto state = ElementCount(std::array{query[0], spec.kv_heads, d_k, d_v});
  if (!state || *state > graph::kMaxExtent) return TooLarge("the state of all heads");
  const float scale = spec.scale != 0 ? spec.scale : 1 / std::sqrt(static_cast<float>(d_k));
  const DType state_type =
      context.HasInput(kPast) ? context.InputType(kPast) : context.InputType(kQuery);
  return kernels::Visit(context.InputType(kQuery), ModelTypes(), [&]<typename T>() -> CompiledPtr {
    return kernels::Visit(state_type, ModelTypes(), [&]<typename S>() -> CompiledPtr {
      return std::make_unique<LinearAttentionOp<T, S>>(typename LinearAttentionOp<T, S>::Geometry{
          spec, query[0], query[1], d_k, d_v, decay, beta, scale});
    });
  });
}

// SwiGLU: swish(a) * b.
template <typename T>
class SwiGluOp final : public CompiledOp {
 public:
  SwiGluOp(float alpha, int64_t n) : alpha_(alpha), n_(n) {}
  Status Run(const RunArgs& args) const override {
    const T *a = args.in<T>(0), *b = args.in<T>(1);
    T* y = args.out<T>(0);
    kernels::ForRanges(*args.parallel, n_, kernels::kElementsPerTask / 4,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           const auto gate = kernels::Swish{alpha_}(kernels::Widen(a[i]));
                           y[i] = kernels::Narrow<T>(gate * kernels::Widen(b[i]));
                         }
                       });
    return OkStatus();
  }

 private:
  const float alpha_;
  const int64_t n_;
};

Status InferSwiGlu(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  const Fact &a = context.Input(0), &b = context.Input(1);
  if (a.IsConcrete() && b.IsConcrete() && a.ConcreteShape() != b.ConcreteShape()) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() +
                           " do not have the same shape");
  }
  return InferSame(context);
}

Result<CompiledPtr> CompileSwiGlu(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float alpha, context.attributes().Float("alpha", 1));
  const int64_t n = ShapeProduct(context.InputShape(0));
  return kernels::Visit(
      context.InputType(0), kernels::FloatTypes(),
      [&]<typename T>() -> CompiledPtr { return std::make_unique<SwiGluOp<T>>(alpha, n); });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "CausalConvWithState",
     .since_version = 27,
     .inputs = {2, 4},
     .outputs = {1, 2},
     .infer = InferCausalConv,
     .compile = CompileCausalConv},
    {.name = "LinearAttention",
     .since_version = 27,
     .inputs = {3, 6},
     .outputs = {1, 2},
     .infer = InferLinearAttention,
     .compile = CompileLinearAttention},
    {.domain = kMicrosoftDomain,
     .name = "CausalConvWithState",
     .inputs = {2, 4},
     .outputs = {1, 2},
     .infer = InferCausalConv,
     .compile = CompileCausalConv},
    {.domain = kMicrosoftDomain,
     .name = "LinearAttention",
     .inputs = {3, 6},
     .outputs = {1, 2},
     .infer = InferLinearAttention,
     .compile = CompileLinearAttention},
    {.name = "SwiGLU",
     .since_version = 28,
     .inputs = {2, 2},
     .infer = InferSwiGlu,
     .compile = CompileSwiGlu,
     .inplace_inputs = 0b11},
});

}  // namespace

std::span<const OpDef> SequenceModelOps() { return kOps; }

}  // namespace wnn::ops
