// Moves convolutions, and what stands between them, to the blocked layout NCHW16c, for which the
// fast kernels are written.
//
// Values get a blocked twin (twins.h). A convolution makes one (and, reading a map of few channels
// that has none, reads it as it is); operators that mean the same on blocked values follow where an
// input of theirs has one.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/pool.h"
#include "engine/ops/blocked.h"
#include "engine/ops/conv_spec.h"
#include "engine/ops/shape_math.h"
#include "engine/optimizer/affine.h"
#include "engine/optimizer/rewrite.h"
#include "engine/optimizer/twins.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

NewNode FromBlocked(const Fact& value) {
  graph::Attributes attributes;
  attributes.Set("channels", MapChannels(value));
  return {OwnOp("FromBlocked"), 1, {}, {}, std::move(attributes)};
}

constexpr Twins::Form kBlocked = {
    .name = "blocked",
    .to = [](const Fact&) { return NewNode{OwnOp("ToBlocked"), 1, {}, {}, {}}; },
    .from = FromBlocked,
};

class BlockedLayout {
 public:
  explicit BlockedLayout(PassContext& context)
      : context_(context), graph_(context.graph()), readers_(graph_), twins_(context, kBlocked) {}

  Status Run();

 private:
  using Convert = Status (BlockedLayout::*)(NodeId id);
  struct Rule {
    std::string_view op;
    Convert convert;
  };
  static std::span<const Rule> Rules();

  Status ConvertConv(NodeId id);
  Status ConvertPool(NodeId id);
  Status ConvertGlobalAverage(NodeId id);
  Status ConvertUnary(NodeId id);
  Status ConvertBroadcast(NodeId id);
  Status ConvertConcat(NodeId id);
  Status ConvertBatchNorm(NodeId id);
  Status ConvertLrn(NodeId id);
  Status ConvertShuffle(NodeId id);

  int64_t ChannelsOf(ValueId id) const { return MapChannels(graph_.fact(id)); }
  // What stands for an operand of an elementwise operator whose result has `channels`; kNoValue if
  // it cannot be said in the blocked layout.
  Result<ValueId> Operand(ValueId id, int64_t channels);
  // A blocked constant of one number a channel.
  Result<ValueId> PerChannelConstant(std::string name, std::span<const float> numbers);
  bool CanBeOperand(ValueId id, int64_t channels) const;

  PassContext& context_;
  graph::Graph& graph_;
  const Readers readers_;
  Twins twins_;
};

std::span<const BlockedLayout::Rule> BlockedLayout::Rules() {
  // Elementwise operators of any kind fit; listed are those of networks with convolutions.
  static constexpr auto kRules = std::to_array<Rule>({
      {"Conv", &BlockedLayout::ConvertConv},
      {"MaxPool", &BlockedLayout::ConvertPool},
      {"AveragePool", &BlockedLayout::ConvertPool},
      {"GlobalAveragePool", &BlockedLayout::ConvertGlobalAverage},
      {"BatchNormalization", &BlockedLayout::ConvertBatchNorm},
      {"LRN", &BlockedLayout::ConvertLrn},
      {"Concat", &BlockedLayout::ConvertConcat},
      {"Reshape", &BlockedLayout::ConvertShuffle},
      {"Clip", &BlockedLayout::ConvertUnary},
      {"Elu", &BlockedLayout::ConvertUnary},
      {"Erf", &BlockedLayout::ConvertUnary},
      {"Exp", &BlockedLayout::ConvertUnary},
      {"HardSigmoid", &BlockedLayout::ConvertUnary},
      {"HardSwish", &BlockedLayout::ConvertUnary},
      {"LeakyRelu", &BlockedLayout::ConvertUnary},
      {"Mish", &BlockedLayout::ConvertUnary},
      {"Neg", &BlockedLayout::ConvertUnary},
      {"Relu", &BlockedLayout::ConvertUnary},
      {"Selu", &BlockedLayout::ConvertUnary},
      {"Sigmoid", &BlockedLayout::ConvertUnary},
      {"Softplus", &BlockedLayout::ConvertUnary},
      {"Sqrt", &BlockedLayout::ConvertUnary},
      {"Tanh", &BlockedLayout::ConvertUnary},
      {"Add", &BlockedLayout::ConvertBroadcast},
      {"Div", &BlockedLayout::ConvertBroadcast},
      {"Max", &BlockedLayout::ConvertBroadcast},
      {"Min", &BlockedLayout::ConvertBroadcast},
      {"Mul", &BlockedLayout::ConvertBroadcast},
      {"PRelu", &BlockedLayout::ConvertBroadcast},
      {"Sub", &BlockedLayout::ConvertBroadcast},
      {"Sum", &BlockedLayout::ConvertBroadcast},
  });
  return kRules;
}

Status BlockedLayout::ConvertConv(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  if (ChannelsOf(x) < 0 || ConstantFloats(graph_.fact(node.inputs[1])).empty()) return OkStatus();
  if (HasInput(node, 2) && ConstantFloats(graph_.fact(node.inputs[2])).empty()) return OkStatus();
  auto spec = ops::ReadConvSpec(ops::OpContext(node, graph_.facts()));
  if (!spec) return OkStatus();
  const bool nchw = twins_.Find(x) == kNoValue &&
                    kernels::ChooseConvAlgorithm(*spec, {}, {.input_is_nchw = true}) ==
                        kernels::ConvAlgorithm::kFirstLayer;
  if (!nchw && !kernels::ChooseConvAlgorithm(*spec, {}, {})) {
    context_.Note(node, "stays: no blocked kernel does it");
    return OkStatus();
  }
  graph::Attributes attributes = node.attributes;
  std::vector<ValueId> inputs = node.inputs;
  if (nchw) {
    attributes.Set("nchw_input", int64_t{1});
  } else {
    WNN_ASSIGN_OR_RETURN(inputs[0], twins_.Get(x));
  }
  return twins_.Replace(id, {OwnOp("Conv"), 1, {}, std::move(inputs), std::move(attributes)},
                        nchw ? "writes blocked maps from NCHW" : "on blocked maps");
}

// Whether the window of a pool is exactly the whole map.
bool IsGlobal(const ops::WindowAttributes& window, const Fact& x) {
  using AutoPad = ops::WindowAttributes::AutoPad;
  for (size_t d = 0; d < 2; ++d) {
    if (x.dims[2 + d].value != window.kernel[d] || window.dilations[d] != 1) return false;
    if (window.pads_begin[d] != 0 || window.pads_end[d] != 0) return false;
  }
  return window.auto_pad == AutoPad::kNotSet || window.auto_pad == AutoPad::kValid;
}

Status BlockedLayout::ConvertPool(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  const bool has_indices = node.outputs.size() > 1 && node.outputs[1] != kNoValue;
  if (!twins_.IsInside(x) || has_indices) return OkStatus();
  auto window = ops::ParseWindowAttributes(ops::OpContext(node, graph_.facts()), 2, {});
  if (!window) return OkStatus();
  const ValueId twin = twins_.Find(x);
  if (node.op->name == "AveragePool" && IsGlobal(*window, graph_.fact(x))) {
    return twins_.Replace(id, {OwnOp("GlobalAveragePool"), 1, {}, {twin}, {}},
                          "its window is the whole blocked map");
  }
  if (window->kernel[0] > kernels::kMaxPoolRows || window->kernel[1] > kernels::kMaxPoolColumns) {
    return OkStatus();
  }
  return twins_.Replace(id, {OwnOp(node.op->name), 1, {}, {twin}, node.attributes},
                        "on blocked maps");
}

Status BlockedLayout::ConvertGlobalAverage(NodeId id) {
  const ValueId x = graph_.node(id).inputs[0];
  if (!twins_.IsInside(x)) return OkStatus();
  return twins_.Replace(id, {OwnOp("GlobalAveragePool"), 1, {}, {twins_.Find(x)}, {}},
                        "on blocked maps");
}

Status BlockedLayout::ConvertUnary(NodeId id) {
  const Node& node = graph_.node(id);
  if (!twins_.IsInside(node.inputs[0])) return OkStatus();
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = twins_.Find(inputs[0]);
  return twins_.Replace(id, {node.op, node.opset, {}, std::move(inputs), node.attributes},
                        "on blocked maps");
}

// Before version 7 operators broadcast by attributes.
constexpr int kFirstWithNumpyBroadcast = 7;

// Whether a constant varies along the channels of an NCHW map and not along anything else.
bool IsPerChannel(const Fact& fact, int64_t channels) {
  if (!fact.constant || fact.rank() > 4 || fact.rank() < 3) return false;
  for (size_t d = 0; d < fact.rank(); ++d) {
    const size_t axis = d + 4 - fact.rank();
    if (fact.dims[d].value != (axis == 1 ? channels : 1)) return false;
  }
  return true;
}

bool BlockedLayout::CanBeOperand(ValueId id, int64_t channels) const {
  const Fact& fact = graph_.fact(id);
  if (fact.dtype != DType::kFloat || !fact.has_rank) return false;
  if (fact.constant) {
    return (ConstantFloats(fact).size() == 1 && fact.rank() <= 4) || IsPerChannel(fact, channels);
  }
  return ChannelsOf(id) == channels;
}

Result<ValueId> BlockedLayout::PerChannelConstant(std::string name,
                                                  std::span<const float> numbers) {
  const int64_t blocks = kernels::BlockCount(static_cast<int64_t>(numbers.size()));
  WNN_ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Allocate(DType::kFloat, {blocks, 1, 1, kernels::kBlock}));
  std::memset(tensor.bytes().data(), 0, tensor.bytes().size());
  std::memcpy(tensor.bytes().data(), numbers.data(), numbers.size_bytes());
  return AddConstant(graph_, std::move(name), std::move(tensor));
}

Result<ValueId> BlockedLayout::Operand(ValueId id, int64_t channels) {
  const Fact& fact = graph_.fact(id);
  if (!fact.constant) return twins_.Get(id);
  if (IsPerChannel(fact, channels)) {
    return PerChannelConstant(graph_.value(id).name + "/blocked", ConstantFloats(fact));
  }
  return id;  // a scalar
}

Status BlockedLayout::ConvertBroadcast(NodeId id) {
  const Node& node = graph_.node(id);
  const int64_t channels = ChannelsOf(node.outputs[0]);
  if (channels < 0) return OkStatus();
  bool any_inside = false;
  for (ValueId input : node.inputs) {
    if (!CanBeOperand(input, channels)) return OkStatus();
    any_inside = any_inside || twins_.IsInside(input);
  }
  if (!any_inside || node.opset < kFirstWithNumpyBroadcast) return OkStatus();
  std::vector<ValueId> inputs;
  // A copy: operands may add nodes.
  for (ValueId input : std::vector<ValueId>(node.inputs)) {
    WNN_ASSIGN_OR_RETURN(const ValueId operand, Operand(input, channels));
    inputs.push_back(operand);
  }
  const Node& same = graph_.node(id);
  return twins_.Replace(id, {same.op, same.opset, {}, std::move(inputs), same.attributes},
                        "on blocked maps");
}

// Parts of whole blocks lie one after the other; only the last may end within one.
Status BlockedLayout::ConvertConcat(NodeId id) {
  const Node& node = graph_.node(id);
  auto axis = node.attributes.Int("axis", 1);
  if (!axis || (*axis != 1 && *axis != -3)) return OkStatus();
  bool any_inside = false;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int64_t channels = ChannelsOf(node.inputs[i]);
    const bool is_last = i + 1 == node.inputs.size();
    if (channels < 0 || (!is_last && channels % kernels::kBlock != 0)) return OkStatus();
    any_inside = any_inside || twins_.IsInside(node.inputs[i]);
  }
  if (!any_inside) return OkStatus();
  std::vector<ValueId> inputs;
  for (ValueId input : std::vector<ValueId>(node.inputs)) {
    WNN_ASSIGN_OR_RETURN(const ValueId twin, twins_.Get(input));
    inputs.push_back(twin);
  }
  graph::Attributes attributes;
  attributes.Set("axis", int64_t{1});
  const Node& same = graph_.node(id);
  return twins_.Replace(id, {same.op, same.opset, {}, std::move(inputs), std::move(attributes)},
                        "of blocked maps");
}

Status BlockedLayout::ConvertBatchNorm(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  if (!twins_.IsInside(x)) return OkStatus();
  const std::optional<Affine> affine = BatchNormAffine(graph_, node, ChannelsOf(x));
  if (!affine) return OkStatus();
  const std::string name = graph_.value(node.outputs[0]).name;
  const std::vector<float> scale(affine->scale.begin(), affine->scale.end());
  const std::vector<float> shift(affine->shift.begin(), affine->shift.end());
  WNN_ASSIGN_OR_RETURN(const ValueId scales, PerChannelConstant(name + "/scale", scale));
  WNN_ASSIGN_OR_RETURN(const ValueId shifts, PerChannelConstant(name + "/shift", shift));
  return twins_.Replace(id, {OwnOp("ScaleShift"), 1, {}, {twins_.Find(x), scales, shifts}, {}},
                        "on blocked maps");
}

Status BlockedLayout::ConvertLrn(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  if (!twins_.IsInside(x)) return OkStatus();
  auto size = node.attributes.Int("size", 1);
  if (!size || *size < 1 || *size > 2 * ChannelsOf(x)) return OkStatus();
  graph::Attributes attributes = node.attributes;
  attributes.Set("channels", ChannelsOf(x));
  return twins_.Replace(id, {OwnOp("LRN"), 1, {}, {twins_.Find(x)}, std::move(attributes)},
                        "on blocked maps");
}

// Reshape to [N, groups, C / groups, H, W], Transpose of the two in the middle, and this Reshape
// back to [N, C, H, W].
Status BlockedLayout::ConvertShuffle(NodeId id) {
  const Node& node = graph_.node(id);
  const NodeId transpose_id = graph_.value(node.inputs[0]).producer;
  if (transpose_id == graph::kNoNode || !IsOnnx(graph_.node(transpose_id), "Transpose")) {
    return OkStatus();
  }
  const Node& transpose = graph_.node(transpose_id);
  auto perm = transpose.attributes.Ints("perm");
  constexpr int64_t kSwapGroups[] = {0, 2, 1, 3, 4};
  if (!perm || !std::ranges::equal(*perm, kSwapGroups)) return OkStatus();
  const Fact& apart = graph_.fact(transpose.inputs[0]);
  const NodeId reshape_id = graph_.value(transpose.inputs[0]).producer;
  if (reshape_id == graph::kNoNode || !IsOnnx(graph_.node(reshape_id), "Reshape")) {
    return OkStatus();
  }
  const ValueId x = graph_.node(reshape_id).inputs[0];
  if (!twins_.IsInside(x)) return OkStatus();
  const Fact &map = graph_.fact(x), &out = graph_.fact(node.outputs[0]);
  if (!apart.has_rank || apart.rank() != 5 || !out.has_rank || out.rank() != 4) return OkStatus();
  // The batch is the same then, whether it is known or not.
  for (size_t d : {1, 2, 3}) {
    if (!graph::SameDim(out.dims[d], map.dims[d])) return OkStatus();
    if (d > 1 && !graph::SameDim(apart.dims[d + 1], map.dims[d])) return OkStatus();
  }
  const int64_t groups = apart.dims[1].value;
  if (groups < 1 || groups * apart.dims[2].value != ChannelsOf(x)) return OkStatus();
  graph::Attributes attributes;
  attributes.Set("channels", ChannelsOf(x));
  attributes.Set("groups", groups);
  // What nobody else reads goes, so that nobody asks for x in NCHW.
  if (readers_.Only(graph_, node.inputs[0]) == id) {
    if (readers_.Only(graph_, transpose.inputs[0]) == transpose_id) graph_.RemoveNode(reshape_id);
    graph_.RemoveNode(transpose_id);
  }
  return twins_.Replace(id,
                        {OwnOp("ShuffleChannels"), 1, {}, {twins_.Find(x)}, std::move(attributes)},
                        "shuffles channels of blocked maps");
}

Status BlockedLayout::Run() {
  const size_t n_nodes = graph_.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context_.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    for (const Rule& rule : Rules()) {
      if (!IsOnnx(graph_.node(id), rule.op)) continue;
      WNN_RETURN_IF_ERROR((this->*rule.convert)(id));
      break;
    }
  }
  return twins_.ConvertBack();
}

}  // namespace

Status MoveToBlockedLayout(PassContext& context) { return BlockedLayout(context).Run(); }

}  // namespace wnn::optimizer
