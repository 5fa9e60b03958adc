// Conv or BatchNormalization + Mul, Add, Sub or Div by constants -> the same with other weights.
#include "engine/optimizer/affine.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using graph::ValueId;

// The input of the node that is not its constant; nothing if `value` is not there just once.
std::optional<size_t> InputIndex(const graph::Node& node, ValueId value) {
  if (node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) return std::nullopt;
  if (node.inputs[0] == value) return 0;
  if (node.inputs[1] == value) return 1;
  return std::nullopt;
}

// The nodes that follow one another behind `output` and scale and shift it; absorbs them into
// `node` and returns what they do together. Nothing if there are none.
std::optional<Affine> AbsorbAffines(PassContext& context, const Readers& readers, NodeId node,
                                    int64_t channels) {
  graph::Graph& graph = context.graph();
  std::optional<Affine> all;
  for (;;) {
    const ValueId output = graph.node(node).outputs[0];
    const NodeId reader = readers.Only(graph, output);
    if (reader == graph::kNoNode || MapChannels(graph.fact(output)) != channels) return all;
    const std::optional<size_t> i = InputIndex(graph.node(reader), output);
    if (!i) return all;
    std::optional<Affine> affine = ArithmeticAffine(graph, graph.node(reader), *i, channels);
    if (!affine) return all;
    Affine together = all ? *all : *affine;
    if (all) together.Then(*affine);
    if (!together.IsFinite()) return all;
    all = std::move(together);
    context.Rewrote(graph.node(reader), "goes into the weights of the node before it");
    AbsorbReader(graph, node, reader);
  }
}

Status FoldBehindConv(PassContext& context, const Readers& readers, NodeId id) {
  graph::Graph& graph = context.graph();
  const int64_t channels = graph.fact(graph.node(id).inputs[1]).dims[0].value;
  const std::optional<Affine> affine = AbsorbAffines(context, readers, id, channels);
  return affine ? ScaleOutputs(graph, id, *affine) : OkStatus();
}

// BatchNormalization's scale and bias, inputs 1 and 2, take what follows.
Status FoldBehindNorm(PassContext& context, const Readers& readers, NodeId id) {
  graph::Graph& graph = context.graph();
  const int64_t channels = MapChannels(graph.fact(graph.node(id).inputs[0]));
  if (!BatchNormAffine(graph, graph.node(id), channels)) return OkStatus();
  const std::optional<Affine> affine = AbsorbAffines(context, readers, id, channels);
  if (!affine) return OkStatus();
  for (size_t input : {1, 2}) {
    const ValueId old_value = graph.node(id).inputs[input];
    const std::span<const float> from = ConstantFloats(graph.fact(old_value));
    WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(DType::kFloat, {channels}));
    auto* to = reinterpret_cast<float*>(tensor.bytes().data());
    for (size_t c = 0; c < from.size(); ++c) {
      const double scaled = static_cast<double>(from[c]) * affine->scale[c];
      to[c] = static_cast<float>(input == 1 ? scaled : scaled + affine->shift[c]);
    }
    const std::string name = graph.value(old_value).name + "/folded";
    graph.node(id).inputs[input] = AddConstant(graph, name, std::move(tensor));
  }
  return OkStatus();
}

}  // namespace

Status FoldAffine(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (IsOnnx(node, "Conv") && HasConstantWeights(graph, node)) {
      WNN_RETURN_IF_ERROR(FoldBehindConv(context, readers, id));
    } else if (IsOnnx(node, "BatchNormalization")) {
      WNN_RETURN_IF_ERROR(FoldBehindNorm(context, readers, id));
    }
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
