// The inverted residual of MobileNetV2 and its kin, on blocked maps, in one node: a 1x1 convolution
// that expands the channels (or the net's first layer, or none), a depthwise one, and a 1x1 one
// that projects them down, with its residual.
#include "engine/kernels/blocked/conv.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/inverted_residual.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using ops::BlockedConvNode;
using Stage = ops::InvertedResidualStage;

struct Block {
  NodeId expand = graph::kNoNode;  // there may be none
  NodeId depthwise = graph::kNoNode;
  NodeId project = graph::kNoNode;
};

std::optional<BlockedConvNode> ReadConv(const graph::Graph& graph, NodeId id) {
  if (id == graph::kNoNode || !IsOwn(graph.node(id), "Conv")) return std::nullopt;
  auto conv = BlockedConvNode::Read(ops::OpContext(graph.node(id), graph.facts()));
  if (!conv) return std::nullopt;
  return std::move(*conv);
}

bool IsDepthwise(const graph::Graph& graph, NodeId id) {
  const auto conv = ReadConv(graph, id);
  return conv && conv->spec.groups > 1 && conv->spec.dilation_h == 1 &&
         conv->spec.dilation_w == 1 &&
         kernels::SupportsConv(kernels::ConvAlgorithm::kDepthwise, conv->spec).ok();
}

// A 1x1 convolution of every pixel.
bool IsPointwise(const graph::Graph& graph, NodeId id) {
  const auto conv = ReadConv(graph, id);
  if (!conv || conv->nchw_input || conv->spec.global_average) return false;
  const std::vector<int64_t> none{0, 0};
  return conv->spec.stride_h == 1 && conv->spec.stride_w == 1 && conv->window.pads_begin == none &&
         conv->window.pads_end == none && conv->spec.groups == 1 &&
         kernels::SupportsConv(kernels::ConvAlgorithm::kPointwise, conv->spec).ok();
}

bool IsFirstLayer(const graph::Graph& graph, NodeId id) {
  const auto conv = ReadConv(graph, id);
  return conv && conv->nchw_input && !conv->pool;
}

std::optional<Block> FindBlock(const graph::Graph& graph, const Readers& readers, NodeId id) {
  if (!IsDepthwise(graph, id)) return std::nullopt;
  Block block{.depthwise = id};
  block.project = readers.Only(graph, graph.node(id).outputs[0]);
  if (!IsPointwise(graph, block.project)) return std::nullopt;
  if (graph.node(block.project).inputs[BlockedConvNode::kX] != graph.node(id).outputs[0]) {
    return std::nullopt;  // it is the residual
  }
  const graph::ValueId x = graph.node(id).inputs[BlockedConvNode::kX];
  const NodeId before = graph.value(x).producer;
  if (readers.Only(graph, x) != graph::kNoNode &&
      ((IsPointwise(graph, before) && !HasInput(graph.node(before), BlockedConvNode::kResidual)) ||
       IsFirstLayer(graph, before))) {
    block.expand = before;
  }
  return block;
}

void AddStage(const graph::Node& conv, Stage stage, NewNode& made) {
  const size_t weights = ops::InvertedResidualWeights(stage);
  made.inputs[weights] = conv.inputs[BlockedConvNode::kWeights];
  if (HasInput(conv, BlockedConvNode::kBias)) {
    made.inputs[weights + 1] = conv.inputs[BlockedConvNode::kBias];
  }
  for (std::string_view name : ops::kBlockedConvAttributes) {
    const graph::AttributeValue* value = conv.attributes.Find(name);
    if (value != nullptr) {
      made.attributes.Set(ops::InvertedResidualAttribute(stage, name), *value);
    }
  }
}

Status Fuse(PassContext& context, const Block& block) {
  graph::Graph& graph = context.graph();
  const graph::Node &depthwise = graph.node(block.depthwise), &project = graph.node(block.project);
  NewNode made{OwnOp("InvertedResidual"),
               1,
               project.name,
               std::vector<graph::ValueId>(ops::kInvertedResidualInputs, graph::kNoValue),
               {}};
  made.inputs[0] = depthwise.inputs[BlockedConvNode::kX];
  if (block.expand != graph::kNoNode) {
    made.inputs[0] = graph.node(block.expand).inputs[BlockedConvNode::kX];
    AddStage(graph.node(block.expand), Stage::kExpand, made);
  }
  AddStage(depthwise, Stage::kDepthwise, made);
  AddStage(project, Stage::kProject, made);
  if (HasInput(project, BlockedConvNode::kResidual)) {
    made.inputs.back() = project.inputs[BlockedConvNode::kResidual];
  }
  const graph::ValueId output = project.outputs[0];
  for (NodeId id : {block.expand, block.depthwise, block.project}) {
    if (id == graph::kNoNode) continue;
    context.Rewrote(graph.node(id), "part of an inverted residual");
    graph.RemoveNode(id);
  }
  return AddNode(graph, std::move(made), output);
}

}  // namespace

Status FuseInvertedResidual(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  const size_t n_nodes = graph.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const auto block = FindBlock(graph, readers, static_cast<NodeId>(i));
    if (block) WNN_RETURN_IF_ERROR(Fuse(context, *block));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
