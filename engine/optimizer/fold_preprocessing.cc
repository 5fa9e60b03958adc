// Mul, Add, Sub and Div by constants before a net's first layer (preprocessing) -> other weights.
// Where the layer pads with zeros, the folded one pads with what would have become zero.
#include <algorithm>
#include <cmath>

#include "engine/optimizer/affine.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using graph::ValueId;

// What produces the convolution's input, if it scales and shifts one input of its own.
struct Step {
  NodeId node = graph::kNoNode;
  ValueId from = graph::kNoValue;
  Affine affine;
};

std::optional<Step> StepBefore(const graph::Graph& graph, const Readers& readers, ValueId value,
                               int64_t channels) {
  const NodeId id = graph.value(value).producer;
  if (id == graph::kNoNode || readers.Only(graph, value) == graph::kNoNode) return std::nullopt;
  const graph::Node& node = graph.node(id);
  if (node.inputs.size() != 2) return std::nullopt;
  for (size_t i : {0, 1}) {
    if (MapChannels(graph.fact(node.inputs[i])) != channels) continue;
    if (graph.fact(node.inputs[i]).constant) continue;
    auto affine = ArithmeticAffine(graph, node, i, channels);
    if (affine) return Step{id, node.inputs[i], std::move(*affine)};
  }
  return std::nullopt;
}

bool ScalesToNothing(const Affine& affine) {
  for (double scale : affine.scale) {
    if (scale == 0 || !std::isfinite(1 / scale)) return true;
  }
  return false;
}

Status FoldInputs(PassContext& context, const Readers& readers, NodeId id) {
  graph::Graph& graph = context.graph();
  const int64_t channels = MapChannels(graph.fact(graph.node(id).inputs[0]));
  const size_t n = static_cast<size_t>(std::max<int64_t>(channels, 0));
  Affine all{std::vector<double>(n, 1.0), std::vector<double>(n, 0.0)};
  ValueId input = graph.node(id).inputs[0];
  std::vector<NodeId> folded;
  while (auto step = StepBefore(graph, readers, input, channels)) {
    Affine with = std::move(step->affine);
    with.Then(all);
    if (!with.IsFinite() || ScalesToNothing(with)) break;
    all = std::move(with);
    input = step->from;
    folded.push_back(step->node);
  }
  if (folded.empty()) return OkStatus();
  WNN_RETURN_IF_ERROR(ScaleInputs(graph, id, all));
  std::vector<float> pad_values(n);
  for (size_t c = 0; c < n; ++c) pad_values[c] = static_cast<float>(-all.shift[c] / all.scale[c]);
  graph::Node& conv = graph.node(id);
  conv.inputs[0] = input;
  conv.attributes.Set("pad_values", std::move(pad_values));
  for (NodeId step : folded) {
    context.Rewrote(graph.node(step), "goes into the weights of the first layer");
    graph.RemoveNode(step);
  }
  return OkStatus();
}

}  // namespace

Status FoldPreprocessing(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (IsOwn(node, "Conv") && node.attributes.Has("nchw_input") &&
        !node.attributes.Has("pad_values")) {
      WNN_RETURN_IF_ERROR(FoldInputs(context, readers, id));
    }
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
