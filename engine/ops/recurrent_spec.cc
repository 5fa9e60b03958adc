#include "engine/ops/recurrent_spec.h"

#include <algorithm>
#include <array>
#include <string>
#include <variant>

#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using Cell = RecurrentSpec::Cell;
using Kind = Activation::Kind;

struct KnownActivation {
  std::string_view name;  // in lower case
  Kind kind;
  bool has_alpha, has_beta;
  float alpha, beta;  // defaults: those of the operators of these names
};

constexpr auto kActivations = std::to_array<KnownActivation>({
    {"relu", Kind::kRelu, false, false, 0, 0},
    {"tanh", Kind::kTanh, false, false, 0, 0},
    {"sigmoid", Kind::kSigmoid, false, false, 0, 0},
    {"affine", Kind::kAffine, true, true, 1, 0},
    {"leakyrelu", Kind::kLeakyRelu, true, false, 0.01f, 0},
    {"thresholdedrelu", Kind::kThresholdedRelu, true, false, 1, 0},
    {"scaledtanh", Kind::kScaledTanh, true, true, 1, 1},
    {"hardsigmoid", Kind::kHardSigmoid, true, true, 0.2f, 0.5f},
    {"elu", Kind::kElu, true, false, 1, 0},
    {"softsign", Kind::kSoftsign, false, false, 0, 0},
    {"softplus", Kind::kSoftplus, false, false, 0, 0},
});

Result<const KnownActivation*> FindActivation(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  for (const KnownActivation& known : kActivations) {
    if (known.name == lower) return &known;
  }
  return InvalidArgument("attribute 'activations' has " + graph::Quoted(name) +
                         ", which is no activation function");
}

std::vector<std::string> DefaultActivations(Cell cell) {
  switch (cell) {
    case Cell::kRnn: return {"Tanh"};
    case Cell::kGru: return {"Sigmoid", "Tanh"};
    case Cell::kLstm: return {"Sigmoid", "Tanh", "Tanh"};
  }
  return {};
}

// activation_alpha and activation_beta have a number for each function that takes one, in order.
Status ReadActivations(const OpContext& context, RecurrentSpec& spec) {
  const std::vector<std::string> defaults = DefaultActivations(spec.cell);
  const size_t n = defaults.size();
  std::vector<std::string> names;
  if (const graph::AttributeValue* value = context.attributes().Find("activations")) {
    const auto* strings = std::get_if<std::vector<std::string>>(value);
    if (strings == nullptr) return InvalidArgument("attribute 'activations' is not strings");
    names = *strings;
  }
  while (names.size() < n * spec.reversed.size() && (names.empty() || names.size() % n == 0)) {
    // RNN's default is written for two directions, and none is written for the others.
    names.insert(names.end(), defaults.begin(), defaults.end());
  }
  if (names.size() < n * spec.reversed.size()) {
    return InvalidArgument("attribute 'activations' has " + std::to_string(names.size()) +
                           " names, not " + std::to_string(n * spec.reversed.size()));
  }
  WNN_ASSIGN_OR_RETURN(auto alphas, context.attributes().Floats("activation_alpha"));
  WNN_ASSIGN_OR_RETURN(auto betas, context.attributes().Floats("activation_beta"));
  size_t next_alpha = 0, next_beta = 0;
  for (size_t direction = 0; direction < spec.reversed.size(); ++direction) {
    std::vector<Activation> functions;
    for (size_t i = 0; i < n; ++i) {
      WNN_ASSIGN_OR_RETURN(const KnownActivation* known, FindActivation(names[direction * n + i]));
      Activation function{known->kind, known->alpha, known->beta};
      if (known->has_alpha && next_alpha < alphas.size()) function.alpha = alphas[next_alpha++];
      if (known->has_beta && next_beta < betas.size()) function.beta = betas[next_beta++];
      functions.push_back(function);
    }
    spec.activations.push_back(std::move(functions));
  }
  return OkStatus();
}

// Dimension d of input i, if known, is `expected`, if that is known.
Status RequireDim(const OpContext& context, size_t i, size_t d, const Dim& expected) {
  if (!context.HasInput(i) || !context.Input(i).has_rank) return OkStatus();
  const Fact& fact = context.Input(i);
  if (!IsKnown(fact.dims[d]) || !IsKnown(expected) || fact.dims[d].value == expected.value) {
    return OkStatus();
  }
  return InvalidArgument("input " + std::to_string(i) + ", " + fact.ToString() +
                         ", does not have " + std::to_string(expected.value) + " in dimension " +
                         std::to_string(d));
}

Status CheckShapes(const OpContext& context, const RecurrentSpec& spec, const Dim& batch,
                   const Dim& input) {
  auto times = [&](int64_t factor) {
    return spec.hidden < 0 ? graph::UnknownDim() : graph::KnownDim(factor * spec.hidden);
  };
  const Dim directions = graph::KnownDim(spec.directions()), gates = times(spec.n_gates());
  const size_t d = spec.batch_first ? 1 : 0, b = spec.batch_first ? 0 : 1;
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentW, 0, directions));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentW, 1, gates));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentW, 2, input));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentR, 0, directions));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentR, 1, gates));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentB, 0, directions));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentB, 1, times(2 * spec.n_gates())));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentLens, 0, batch));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentP, 0, directions));
  WNN_RETURN_IF_ERROR(RequireDim(context, kRecurrentP, 1, times(3)));
  for (size_t i : {kRecurrentH, kRecurrentC}) {
    WNN_RETURN_IF_ERROR(RequireDim(context, i, d, directions));
    WNN_RETURN_IF_ERROR(RequireDim(context, i, b, batch));
    WNN_RETURN_IF_ERROR(RequireDim(context, i, 2, times(1)));
  }
  return OkStatus();
}

}  // namespace

Result<RecurrentSpec> ReadRecurrentSpec(const OpContext& context) {
  RecurrentSpec spec;
  spec.quantized = context.op_type() == "DynamicQuantizeLSTM";
  spec.cell = context.op_type().ends_with("LSTM") ? Cell::kLstm
              : context.op_type() == "GRU"        ? Cell::kGru
                                                  : Cell::kRnn;
  WNN_ASSIGN_OR_RETURN(std::string_view direction,
                       context.attributes().String("direction", "forward"));
  if (direction == "forward") {
    spec.reversed = {false};
  } else if (direction == "reverse") {
    spec.reversed = {true};
  } else if (direction == "bidirectional") {
    spec.reversed = {false, true};
  } else {
    return InvalidArgument("attribute 'direction' is " + graph::Quoted(direction) +
                           ", not forward, reverse or bidirectional");
  }
  WNN_RETURN_IF_ERROR(ReadActivations(context, spec));
  WNN_ASSIGN_OR_RETURN(spec.clip, context.attributes().Float("clip", 0));
  WNN_ASSIGN_OR_RETURN(int64_t input_forget, context.attributes().Int("input_forget", 0));
  WNN_ASSIGN_OR_RETURN(int64_t linear, context.attributes().Int("linear_before_reset", 0));
  WNN_ASSIGN_OR_RETURN(int64_t layout, context.attributes().Int("layout", 0));
  WNN_ASSIGN_OR_RETURN(spec.hidden, context.attributes().Int("hidden_size", -1));
  spec.input_forget = input_forget != 0;
  spec.linear_before_reset = linear != 0;
  spec.batch_first = layout != 0;
  const Fact& r = context.Input(kRecurrentR);
  const size_t at = spec.quantized ? 1 : 2;  // whose weights are transposed
  if (r.has_rank && r.rank() == 3 && IsKnown(r.dims[at])) {
    if (spec.hidden >= 0 && spec.hidden != r.dims[at].value) {
      return InvalidArgument("attribute 'hidden_size' is " + std::to_string(spec.hidden) +
                             ", but R is " + r.ToString());
    }
    spec.hidden = r.dims[at].value;
  }
  return spec;
}

Status InferRecurrent(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kRecurrentX, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireType(kRecurrentLens, {DType::kInt32}));
  for (size_t i : {kRecurrentW, kRecurrentR, kRecurrentB, kRecurrentH, kRecurrentC, kRecurrentP}) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(kRecurrentX, i));
  }
  for (size_t i : {kRecurrentX, kRecurrentW, kRecurrentR, kRecurrentH, kRecurrentC}) {
    WNN_RETURN_IF_ERROR(context.RequireRank(i, 3, 3));
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kRecurrentB, 2, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(kRecurrentP, 2, 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(kRecurrentLens, 1, 1));
  WNN_ASSIGN_OR_RETURN(RecurrentSpec spec, ReadRecurrentSpec(context));
  const Fact& x = context.Input(kRecurrentX);
  std::vector<Dim> x_dims = x.has_rank ? x.dims : std::vector<Dim>(3);
  const Dim sequence = x_dims[spec.batch_first ? 1 : 0], batch = x_dims[spec.batch_first ? 0 : 1];
  WNN_RETURN_IF_ERROR(CheckShapes(context, spec, batch, x_dims[2]));

  const Dim directions = graph::KnownDim(spec.directions());
  const Dim hidden = spec.hidden < 0 ? graph::UnknownDim() : graph::KnownDim(spec.hidden);
  std::vector<Dim> y = {sequence, directions, batch, hidden}, last = {directions, batch, hidden};
  if (spec.batch_first) {
    y = {batch, sequence, directions, hidden};
    last = {batch, directions, hidden};
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(y)));
  context.SetOutput(1, Fact::Ranked(x.dtype, last));
  context.SetOutput(2, Fact::Ranked(x.dtype, std::move(last)));
  return OkStatus();
}

}  // namespace wnn::ops
