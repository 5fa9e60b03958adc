// Moves convolutions of bytes, and what stands between them, to maps with their channels last
// ([N, H, W, C]), which their kernels read as they are.
//
// Values get a twin in that layout (twins.h). A convolution makes one; pools, joins of channels and
// elementwise operators follow where their inputs have one.
#include <algorithm>
#include <array>

#include "engine/kernels/quantized/channels_last_conv.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/quantized.h"
#include "engine/ops/registry.h"
#include "engine/ops/window_attributes.h"
#include "engine/optimizer/rewrite.h"
#include "engine/optimizer/twins.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// Fewer leave most lanes of a tile without work.
constexpr int64_t kFewestChannels = 8;

constexpr std::string_view kReason = "on maps with their channels last";

NewNode Transpose(std::vector<int64_t> perm) {
  constexpr int kOpset = 13;
  graph::Attributes attributes;
  attributes.Set("perm", std::move(perm));
  return {ops::FindOp("", "Transpose", kOpset), kOpset, {}, {}, std::move(attributes)};
}

constexpr Twins::Form kChannelsLast = {
    .name = "channels_last",
    .to = [](const Fact&) { return Transpose({0, 2, 3, 1}); },
    .from = [](const Fact&) { return Transpose({0, 3, 1, 2}); },
};

class ChannelsLast {
 public:
  explicit ChannelsLast(PassContext& context)
      : context_(context), graph_(context.graph()), twins_(context, kChannelsLast) {}

  Status Run();

 private:
  bool IsByteMap(ValueId id) const;
  // Whether every zero point of the weights is what makes them signed bytes around 0.
  bool HasCentredWeights(const Node& node) const;

  Status ConvertConv(NodeId id);
  Status ConvertMaxPool(NodeId id);
  Status ConvertConcat(NodeId id);
  // Operators that compute each element from those of inputs `maps`, which may broadcast.
  Status ConvertElementwise(NodeId id, std::span<const size_t> maps);
  Status Convert(NodeId id);

  PassContext& context_;
  graph::Graph& graph_;
  Twins twins_;
};

bool ChannelsLast::IsByteMap(ValueId id) const {
  const Fact& fact = graph_.fact(id);
  return ops::kByteSet.Has(fact.dtype) && fact.has_rank && fact.rank() == 4;
}

bool ChannelsLast::HasCentredWeights(const Node& node) const {
  constexpr size_t kW = 3, kWZero = 5;
  const Fact &w = graph_.fact(node.inputs[kW]), &zero = graph_.fact(node.inputs[kWZero]);
  const std::byte centre{static_cast<uint8_t>(w.dtype == DType::kInt8 ? 0 : 128)};
  return zero.constant &&
         std::ranges::all_of(zero.constant->bytes(), [&](std::byte b) { return b == centre; });
}

Status ChannelsLast::ConvertConv(NodeId id) {
  constexpr size_t kX = 0, kW = 3;
  const Node& node = graph_.node(id);
  const Fact& w = graph_.fact(node.inputs[kW]);
  if (!IsByteMap(node.inputs[kX]) || !w.constant || !HasCentredWeights(node)) return OkStatus();
  auto groups = node.attributes.Int("group", 1);
  const Shape shape = w.ConcreteShape();
  if (!groups || shape.size() != 4 || shape[0] < kFewestChannels || shape[1] < 1) {
    return OkStatus();
  }
  const bool depthwise = *groups == shape[0] && shape[1] == 1;
  if (*groups != 1 && !depthwise) {
    context_.Note(node, "stays: no kernel does it on maps with their channels last");
    return OkStatus();
  }
  std::vector<ValueId> inputs = node.inputs;
  graph::Attributes attributes = node.attributes;
  const bool reads_planes = twins_.Find(inputs[kX]) == kNoValue && *groups == 1 &&
                            shape[1] <= kernels::ChannelsLastConv::kMaxPlanes;
  if (reads_planes) {
    attributes.Set("channels_first_input", int64_t{1});
  } else {
    WNN_ASSIGN_OR_RETURN(inputs[kX], twins_.Get(inputs[kX]));
  }
  return twins_.Replace(
      id, {OwnOp("ChannelsLastQLinearConv"), 1, {}, std::move(inputs), std::move(attributes)},
      kReason);
}

Status ChannelsLast::ConvertMaxPool(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  if (!twins_.IsInside(x) || (node.outputs.size() > 1 && node.outputs[1] != kNoValue))
    return OkStatus();
  return twins_.Replace(
      id, {OwnOp("ChannelsLastMaxPool"), 1, {}, {twins_.Find(x)}, node.attributes}, kReason);
}

Status ChannelsLast::ConvertConcat(NodeId id) {
  constexpr size_t kFirstPart = 2, kPartInputs = 3;
  const Node& node = graph_.node(id);
  auto axis = node.attributes.Int("axis", 0);
  if (!axis || (*axis != 1 && *axis != -3)) return OkStatus();
  for (size_t i = kFirstPart; i < node.inputs.size(); i += kPartInputs) {
    if (!twins_.IsInside(node.inputs[i])) return OkStatus();
  }
  std::vector<ValueId> inputs = node.inputs;
  for (size_t i = kFirstPart; i < inputs.size(); i += kPartInputs) {
    inputs[i] = twins_.Find(inputs[i]);
  }
  graph::Attributes attributes = node.attributes;
  attributes.Set("axis", int64_t{3});
  return twins_.Replace(id, {node.op, node.opset, {}, std::move(inputs), std::move(attributes)},
                        kReason);
}

Status ChannelsLast::ConvertElementwise(NodeId id, std::span<const size_t> maps) {
  const Node& node = graph_.node(id);
  std::vector<ValueId> inputs = node.inputs;
  for (const size_t i : maps) {
    if (!twins_.IsInside(inputs[i])) return OkStatus();
    inputs[i] = twins_.Find(inputs[i]);
  }
  return twins_.Replace(id, {node.op, node.opset, {}, std::move(inputs), node.attributes}, kReason);
}

Status ChannelsLast::Convert(NodeId id) {
  static constexpr std::array<size_t, 1> kUnary = {0};
  static constexpr std::array<size_t, 2> kBinary = {0, 3};
  const Node& node = graph_.node(id);
  if (node.removed) return OkStatus();
  if (IsOnnx(node, "QLinearConv")) return ConvertConv(id);
  if (IsOnnx(node, "MaxPool")) return ConvertMaxPool(id);
  if (node.op->domain != ops::kMicrosoftDomain) return OkStatus();
  const std::string_view name = node.op->name;
  if (name == "QLinearConcat") return ConvertConcat(id);
  if (name == "QLinearAdd" || name == "QLinearMul") return ConvertElementwise(id, kBinary);
  if (name == "QLinearLeakyRelu" || name == "QLinearSigmoid") {
    return ConvertElementwise(id, kUnary);
  }
  return OkStatus();
}

Status ChannelsLast::Run() {
  const size_t n_nodes = graph_.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context_.stop().Check());
    WNN_RETURN_IF_ERROR(Convert(static_cast<NodeId>(i)));
  }
  return twins_.ConvertBack();
}

}  // namespace

Status MoveChannelsLast(PassContext& context) { return ChannelsLast(context).Run(); }

}  // namespace wnn::optimizer
