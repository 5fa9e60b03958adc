// Conv + BatchNormalization -> Conv with other weights.
#include "engine/optimizer/affine.h"

namespace wnn::optimizer {

Status FoldBatchNorm(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    if (!IsOnnx(graph.node(id), "Conv") || !HasConstantWeights(graph, graph.node(id))) continue;
    const graph::NodeId reader = readers.Only(graph, graph.node(id).outputs[0]);
    if (reader == graph::kNoNode) continue;
    const graph::Node& norm = graph.node(reader);
    const int64_t channels = graph.fact(graph.node(id).inputs[1]).dims[0].value;
    const std::optional<Affine> affine = BatchNormAffine(graph, norm, channels);
    if (!affine || norm.inputs[0] != graph.node(id).outputs[0]) continue;
    if (!affine->IsFinite()) {
      context.Note(norm, "stays: its scale is not finite");
      continue;
    }
    context.Rewrote(norm, "its convolution's weights scale and shift");
    WNN_RETURN_IF_ERROR(ScaleOutputs(graph, id, *affine));
    AbsorbReader(graph, id, reader);
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
