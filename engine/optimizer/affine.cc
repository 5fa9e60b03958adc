#include "engine/optimizer/affine.h"

#include <algorithm>
#include <cmath>

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::ValueId;

// Before this version arithmetic operators broadcast by attributes.
constexpr int kFirstWithNumpyBroadcast = 7;

enum class Arithmetic { kAdd, kSub, kMul, kDiv };

std::optional<Arithmetic> ArithmeticOf(const graph::Node& node) {
  if (IsOnnx(node, "Add")) return Arithmetic::kAdd;
  if (IsOnnx(node, "Sub")) return Arithmetic::kSub;
  if (IsOnnx(node, "Mul")) return Arithmetic::kMul;
  if (IsOnnx(node, "Div")) return Arithmetic::kDiv;
  return std::nullopt;
}

// The numbers of a constant that broadcasts along the channels of an NCHW map, one a channel.
std::optional<std::vector<double>> PerChannel(const Fact& fact, int64_t channels) {
  const std::span<const float> floats = ConstantFloats(fact);
  if (floats.empty() || fact.rank() > 4) return std::nullopt;
  for (size_t d = 0; d < fact.rank(); ++d) {
    const int64_t extent = fact.dims[d].value;
    const bool is_channel = d + 3 == fact.rank();
    if (extent != 1 && !(is_channel && extent == channels)) return std::nullopt;
  }
  const size_t n = static_cast<size_t>(channels);
  if (floats.size() == 1) return std::vector<double>(n, static_cast<double>(floats[0]));
  return std::vector<double>(floats.begin(), floats.end());
}

std::span<float> MutableFloats(const Tensor& tensor) {
  return {reinterpret_cast<float*>(tensor.bytes().data()), tensor.bytes().size() / sizeof(float)};
}

// The weights of a convolution seen as [out][in of the group][taps].
struct WeightSizes {
  size_t out = 0, in = 0, taps = 1, out_of_group = 0;
};

Result<WeightSizes> SizesOf(const graph::Graph& graph, const graph::Node& conv) {
  const Shape shape = graph.fact(conv.inputs[1]).ConcreteShape();
  WNN_ASSIGN_OR_RETURN(int64_t groups, conv.attributes.Int("group", 1));
  WeightSizes sizes{static_cast<size_t>(shape[0]), static_cast<size_t>(shape[1])};
  for (size_t d = 2; d < shape.size(); ++d) sizes.taps *= static_cast<size_t>(shape[d]);
  sizes.out_of_group = sizes.out / static_cast<size_t>(std::max<int64_t>(groups, 1));
  return sizes;
}

// The convolution's new constants, before they are its inputs.
struct NewWeights {
  Tensor weights, bias;
  std::vector<double> old_bias;
};

Result<NewWeights> AllocateWeights(const graph::Graph& graph, const graph::Node& conv) {
  const Fact& w = graph.fact(conv.inputs[1]);
  NewWeights made;
  WNN_ASSIGN_OR_RETURN(made.weights, Tensor::Allocate(DType::kFloat, w.ConcreteShape()));
  WNN_ASSIGN_OR_RETURN(made.bias, Tensor::Allocate(DType::kFloat, {w.dims[0].value}));
  made.old_bias.assign(static_cast<size_t>(w.dims[0].value), 0.0);
  if (HasInput(conv, 2)) {
    const std::span<const float> bias = ConstantFloats(graph.fact(conv.inputs[2]));
    std::copy(bias.begin(), bias.end(), made.old_bias.begin());
  }
  return made;
}

void SetWeights(graph::Graph& graph, graph::NodeId conv, NewWeights made) {
  const std::string name = graph.value(graph.node(conv).inputs[1]).name;
  const ValueId weights = AddConstant(graph, name + "/folded", std::move(made.weights));
  const ValueId bias = AddConstant(graph, name + "/folded_bias", std::move(made.bias));
  std::vector<ValueId>& inputs = graph.node(conv).inputs;
  inputs.resize(std::max<size_t>(inputs.size(), 3), graph::kNoValue);
  inputs[1] = weights;
  inputs[2] = bias;
}

}  // namespace

void Affine::Then(const Affine& next) {
  for (size_t c = 0; c < scale.size(); ++c) {
    scale[c] *= next.scale[c];
    shift[c] = shift[c] * next.scale[c] + next.shift[c];
  }
}

bool Affine::IsFinite() const {
  auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(scale.begin(), scale.end(), finite) &&
         std::all_of(shift.begin(), shift.end(), finite);
}

std::optional<Affine> ArithmeticAffine(const graph::Graph& graph, const graph::Node& node, size_t i,
                                       int64_t channels) {
  const std::optional<Arithmetic> arithmetic = ArithmeticOf(node);
  if (!arithmetic || node.opset < kFirstWithNumpyBroadcast || channels < 1) return std::nullopt;
  auto numbers = PerChannel(graph.fact(node.inputs[1 - i]), channels);
  if (!numbers) return std::nullopt;
  const size_t n = numbers->size();
  switch (*arithmetic) {
    case Arithmetic::kAdd: return Affine{std::vector<double>(n, 1.0), std::move(*numbers)};
    case Arithmetic::kMul: return Affine{std::move(*numbers), std::vector<double>(n, 0.0)};
    case Arithmetic::kSub:
      if (i == 1) return Affine{std::vector<double>(n, -1.0), std::move(*numbers)};
      for (double& x : *numbers) x = -x;
      return Affine{std::vector<double>(n, 1.0), std::move(*numbers)};
    case Arithmetic::kDiv:
      if (i == 1) return std::nullopt;
      for (double& x : *numbers) x = 1 / x;
      return Affine{std::move(*numbers), std::vector<double>(n, 0.0)};
  }
  return std::nullopt;
}

std::optional<Affine> BatchNormAffine(const graph::Graph& graph, const graph::Node& node,
                                      int64_t channels) {
  if (!IsOnnx(node, "BatchNormalization") || channels < 1) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != graph::kNoValue) return std::nullopt;  // as training has them
  }
  auto training = node.attributes.Int("training_mode", 0);
  auto epsilon = node.attributes.Float("epsilon", 1e-5f);
  if (!training || *training != 0 || !epsilon) return std::nullopt;
  std::span<const float> numbers[4];  // scale, bias, mean, variance
  for (size_t i = 0; i < 4; ++i) {
    numbers[i] = ConstantFloats(graph.fact(node.inputs[1 + i]));
    if (numbers[i].size() != static_cast<size_t>(channels)) return std::nullopt;
  }
  Affine affine;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double deviation =
        std::sqrt(static_cast<double>(numbers[3][c]) + static_cast<double>(*epsilon));
    const double scale = static_cast<double>(numbers[0][c]) / deviation;
    affine.scale.push_back(scale);
    affine.shift.push_back(static_cast<double>(numbers[1][c]) -
                           static_cast<double>(numbers[2][c]) * scale);
  }
  return affine;
}

int64_t MapChannels(const Fact& fact) {
  if (fact.dtype != DType::kFloat || !fact.has_rank || fact.rank() != 4) return -1;
  return fact.dims[1].value;
}

bool HasConstantWeights(const graph::Graph& graph, const graph::Node& conv) {
  const Fact& w = graph.fact(conv.inputs[1]);
  if (ConstantFloats(w).empty() || w.rank() < 3) return false;
  if (!HasInput(conv, 2)) return true;
  return ConstantFloats(graph.fact(conv.inputs[2])).size() == static_cast<size_t>(w.dims[0].value);
}

Status ScaleOutputs(graph::Graph& graph, graph::NodeId conv, const Affine& affine) {
  const graph::Node& node = graph.node(conv);
  WNN_ASSIGN_OR_RETURN(const WeightSizes sizes, SizesOf(graph, node));
  WNN_ASSIGN_OR_RETURN(NewWeights made, AllocateWeights(graph, node));
  const std::span<const float> from = ConstantFloats(graph.fact(node.inputs[1]));
  const std::span<float> to = MutableFloats(made.weights), bias = MutableFloats(made.bias);
  for (size_t o = 0; o < sizes.out; ++o) {
    for (size_t i = o * sizes.in * sizes.taps; i < (o + 1) * sizes.in * sizes.taps; ++i) {
      to[i] = static_cast<float>(static_cast<double>(from[i]) * affine.scale[o]);
    }
    bias[o] = static_cast<float>(made.old_bias[o] * affine.scale[o] + affine.shift[o]);
  }
  SetWeights(graph, conv, std::move(made));
  return OkStatus();
}

Status ScaleInputs(graph::Graph& graph, graph::NodeId conv, const Affine& affine) {
  const graph::Node& node = graph.node(conv);
  WNN_ASSIGN_OR_RETURN(const WeightSizes sizes, SizesOf(graph, node));
  WNN_ASSIGN_OR_RETURN(NewWeights made, AllocateWeights(graph, node));
  const std::span<const float> from = ConstantFloats(graph.fact(node.inputs[1]));
  const std::span<float> to = MutableFloats(made.weights), bias = MutableFloats(made.bias);
  size_t i = 0;
  for (size_t o = 0; o < sizes.out; ++o) {
    double sum = made.old_bias[o];
    for (size_t c = 0; c < sizes.in; ++c) {
      const size_t channel = o / sizes.out_of_group * sizes.in + c;
      for (size_t t = 0; t < sizes.taps; ++t, ++i) {
        const double weight = static_cast<double>(from[i]);
        to[i] = static_cast<float>(weight * affine.scale[channel]);
        sum += weight * affine.shift[channel];
      }
    }
    bias[o] = static_cast<float>(sum);
  }
  SetWeights(graph, conv, std::move(made));
  return OkStatus();
}

}  // namespace wnn::optimizer
