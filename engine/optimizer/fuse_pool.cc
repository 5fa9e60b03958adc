// What stands behind a convolution on blocked maps and makes them smaller, computed at once:
//   1x1 convolution + GlobalAveragePool -> the means, without the map;
//   first layer + MaxPool               -> the pooled map.
#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/pool.h"
#include "engine/ops/conv_spec.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;

bool MakesMeans(const graph::Graph& graph, const graph::Node& conv) {
  if (conv.attributes.Has("nchw_input") || HasInput(conv, 3)) return false;
  auto spec = ops::ReadConvSpec(ops::OpContext(conv, graph.facts()));
  if (!spec) return false;
  spec->global_average = true;
  return kernels::SupportsConv(kernels::ConvAlgorithm::kPointwise, *spec).ok();
}

// A pooling of the plain kind, by attributes that wnn.Conv has too.
bool IsPlainMaxPool(const graph::Graph& graph, const graph::Node& pool) {
  if (!IsOwn(pool, "MaxPool")) return false;
  auto window = ops::ParseWindowAttributes(ops::OpContext(pool, graph.facts()), 2, {});
  if (!window || window->auto_pad != ops::WindowAttributes::AutoPad::kNotSet) return false;
  return window->dilations == std::vector<int64_t>{1, 1} &&
         window->kernel[0] <= kernels::kMaxPoolRows &&
         window->kernel[1] <= kernels::kMaxPoolColumns;
}

Status MoveWindow(const graph::Node& pool, graph::Attributes& attributes) {
  for (std::string_view name : {"kernel_shape", "strides", "pads"}) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> values, pool.attributes.Ints(name));
    if (values.empty()) continue;
    attributes.Set("pool_" + std::string(name), std::vector<int64_t>(values.begin(), values.end()));
  }
  WNN_ASSIGN_OR_RETURN(int64_t ceil_mode, pool.attributes.Int("ceil_mode", 0));
  attributes.Set("pool_ceil_mode", ceil_mode);
  return OkStatus();
}

}  // namespace

Status FusePool(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& conv = graph.node(id);
    if (!IsOwn(conv, "Conv")) continue;
    const NodeId reader = readers.Only(graph, conv.outputs[0]);
    if (reader == graph::kNoNode) continue;
    const graph::Node& pool = graph.node(reader);
    if (IsOwn(pool, "GlobalAveragePool") && MakesMeans(graph, conv)) {
      context.Rewrote(pool, "its convolution makes the means");
      graph.node(id).attributes.Set("global_average", int64_t{1});
    } else if (conv.attributes.Has("nchw_input") && IsPlainMaxPool(graph, pool)) {
      context.Rewrote(pool, "the first layer pools at once");
      WNN_RETURN_IF_ERROR(MoveWindow(pool, graph.node(id).attributes));
    } else {
      continue;
    }
    AbsorbReader(graph, id, reader);
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
