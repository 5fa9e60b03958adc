// Nodes that scale and shift each channel of a map by constants, and what a convolution makes of
// them.
#pragma once

#include <optional>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {

// y = x * scale + shift, by channel.
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;

  // First `this`, then `next`. REQUIRES: as many channels.
  void Then(const Affine& next);
  bool IsFinite() const;
};

// What the node does to input i, a map of that many channels (dimension 1 of 4): Add, Sub, Mul and
// Div with a constant. Nothing for anything else.
std::optional<Affine> ArithmeticAffine(const graph::Graph& graph, const graph::Node& node, size_t i,
                                       int64_t channels);
// The same for BatchNormalization with constant statistics.
std::optional<Affine> BatchNormAffine(const graph::Graph& graph, const graph::Node& node,
                                      int64_t channels);

// Channels of the float NCHW map; -1 if it is not one.
int64_t MapChannels(const graph::Fact& fact);

// Whether the node is a convolution whose weights and bias are float constants.
bool HasConstantWeights(const graph::Graph& graph, const graph::Node& conv);

// Gives the convolution, HasConstantWeights(), new weights and a new bias that do to its results
// what `affine` does.
Status ScaleOutputs(graph::Graph& graph, graph::NodeId conv, const Affine& affine);
// The same for its input. Padding then has to hold -shift / scale.
Status ScaleInputs(graph::Graph& graph, graph::NodeId conv, const Affine& affine);

}  // namespace wnn::optimizer
