// Conv + Add -> Conv with a residual, on blocked maps: the sum costs a read instead of a pass.
#include "engine/kernels/blocked/conv.h"
#include "engine/ops/blocked.h"
#include "engine/ops/conv_spec.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using graph::ValueId;

// Whether the node's kernel, whichever it will be, adds a residual, and none of what it does
// already comes after that.
bool TakesResidual(const graph::Graph& graph, const graph::Node& node) {
  if (!IsOwn(node, "Conv") || HasInput(node, 3)) return false;
  for (std::string_view later : {ops::kClampMin, ops::kClampMax, std::string_view("nchw_input"),
                                 std::string_view("global_average")}) {
    if (node.attributes.Has(later)) return false;
  }
  auto spec = ops::ReadConvSpec(ops::OpContext(node, graph.facts()));
  return spec && !kernels::SupportsConv(kernels::ConvAlgorithm::kDepthwise, *spec).ok();
}

// The input of `add` that comes from a convolution which can take the other one; the later one if
// both do.
std::optional<size_t> ConvInput(const graph::Graph& graph, const Readers& readers,
                                const graph::Node& add) {
  std::optional<size_t> found;
  NodeId found_node = graph::kNoNode;
  for (size_t i = 0; i < 2; ++i) {
    const NodeId producer = graph.value(add.inputs[i]).producer;
    if (producer == graph::kNoNode || readers.Only(graph, add.inputs[i]) == graph::kNoNode) {
      continue;
    }
    if (!TakesResidual(graph, graph.node(producer)) || producer < found_node) continue;
    found = i;
    found_node = producer;
  }
  return found;
}

}  // namespace

Status FuseResidual(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& add = graph.node(id);
    if (!IsAdd(add) || add.inputs[0] == add.inputs[1]) continue;
    const std::optional<size_t> from = ConvInput(graph, readers, add);
    if (!from) continue;
    const ValueId residual = add.inputs[1 - *from];
    if (!SameShape(graph.fact(residual), graph.fact(add.inputs[*from]))) continue;
    const NodeId conv = graph.value(add.inputs[*from]).producer;
    context.Rewrote(add, "its convolution adds the residual");
    AbsorbReader(graph, conv, id);
    graph.node(conv).inputs.resize(4, graph::kNoValue);
    graph.node(conv).inputs[3] = residual;
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
