// Moves convolutions of bytes, and what stands between them, to maps with their channels last
// ([N, H, W, C]), which their kernels read as they are.
//
// Values get a twin in that layout. A convolution makes one; pools, joins of channels and
// elementwise operators follow where their inputs have one. Transposes stand only where a value is
// wanted in the layout that it does not have.
#include <algorithm>
#include <array>

#include "engine/kernels/quantized/channels_last_conv.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/quantized.h"
#include "engine/ops/registry.h"
#include "engine/ops/window_attributes.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// Fewer leave most lanes of a tile without work.
constexpr int64_t kFewestChannels = 8;

class ChannelsLast {
 public:
  explicit ChannelsLast(PassContext& context)
      : context_(context), graph_(context.graph()), twins_(graph_.n_values()) {}

  Status Run();

 private:
  struct Twin {
    ValueId value = kNoValue;
    bool is_copy = false;  // the original is computed, and the twin transposed from it
  };
  bool IsInside(ValueId id) const {
    const Twin& twin = twins_[static_cast<size_t>(id)];
    return twin.value != kNoValue && !twin.is_copy;
  }
  Result<ValueId> TwinOf(ValueId id);
  bool IsByteMap(ValueId id) const;
  // Whether every zero point of the weights is what makes them signed bytes around 0.
  bool HasCentredWeights(const Node& node) const;

  Status ConvertConv(NodeId id);
  Status ConvertMaxPool(NodeId id);
  Status ConvertConcat(NodeId id);
  // Operators that compute each element from those of inputs `maps`, which may broadcast.
  Status ConvertElementwise(NodeId id, std::span<const size_t> maps);
  Status Convert(NodeId id);
  Status Replace(NodeId id, const ops::OpDef* op, int opset, std::vector<ValueId> inputs,
                 graph::Attributes attributes);
  Status Transpose(ValueId from, ValueId to, std::vector<int64_t> perm, std::string_view what);
  Status AddTransposesBack();

  PassContext& context_;
  graph::Graph& graph_;
  std::vector<Twin> twins_;  // of the values that there were before the pass
};

bool ChannelsLast::IsByteMap(ValueId id) const {
  const Fact& fact = graph_.fact(id);
  return ops::kByteSet.Has(fact.dtype) && fact.has_rank && fact.rank() == 4;
}

Status ChannelsLast::Transpose(ValueId from, ValueId to, std::vector<int64_t> perm,
                               std::string_view what) {
  constexpr int kOpset = 13;
  graph::Attributes attributes;
  attributes.Set("perm", std::move(perm));
  return AddNode(graph_,
                 {ops::FindOp("", "Transpose", kOpset),
                  kOpset,
                  graph_.value(from).name + std::string(what),
                  {from},
                  std::move(attributes)},
                 to);
}

Result<ValueId> ChannelsLast::TwinOf(ValueId id) {
  Twin& twin = twins_[static_cast<size_t>(id)];
  if (twin.value != kNoValue) return twin.value;
  const ValueId made = graph_.AddValue(graph_.value(id).name + "/channels_last", {});
  WNN_RETURN_IF_ERROR(Transpose(id, made, {0, 2, 3, 1}, "/to_channels_last"));
  twin = {made, true};
  return made;
}

Status ChannelsLast::Replace(NodeId id, const ops::OpDef* op, int opset,
                             std::vector<ValueId> inputs, graph::Attributes attributes) {
  context_.Rewrote(graph_.node(id), "on maps with their channels last");
  const ValueId output = graph_.node(id).outputs[0];
  const std::string name = graph_.node(id).name;
  graph_.RemoveNode(id);
  const ValueId made = graph_.AddValue(graph_.value(output).name + "/channels_last", {});
  WNN_RETURN_IF_ERROR(
      AddNode(graph_, {op, opset, name, std::move(inputs), std::move(attributes)}, made));
  twins_[static_cast<size_t>(output)] = {made, false};
  return OkStatus();
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
  const bool reads_planes = twins_[static_cast<size_t>(inputs[kX])].value == kNoValue &&
                            *groups == 1 && shape[1] <= kernels::ChannelsLastConv::kMaxPlanes;
  if (reads_planes) {
    attributes.Set("channels_first_input", int64_t{1});
  } else {
    WNN_ASSIGN_OR_RETURN(inputs[kX], TwinOf(inputs[kX]));
  }
  return Replace(id, OwnOp("ChannelsLastQLinearConv"), 1, std::move(inputs), std::move(attributes));
}

Status ChannelsLast::ConvertMaxPool(NodeId id) {
  const Node& node = graph_.node(id);
  const ValueId x = node.inputs[0];
  if (!IsInside(x) || (node.outputs.size() > 1 && node.outputs[1] != kNoValue)) return OkStatus();
  return Replace(id, OwnOp("ChannelsLastMaxPool"), 1, {twins_[static_cast<size_t>(x)].value},
                 node.attributes);
}

Status ChannelsLast::ConvertConcat(NodeId id) {
  constexpr size_t kFirstPart = 2, kPartInputs = 3;
  const Node& node = graph_.node(id);
  auto axis = node.attributes.Int("axis", 0);
  if (!axis || (*axis != 1 && *axis != -3)) return OkStatus();
  for (size_t i = kFirstPart; i < node.inputs.size(); i += kPartInputs) {
    if (!IsInside(node.inputs[i])) return OkStatus();
  }
  std::vector<ValueId> inputs = node.inputs;
  for (size_t i = kFirstPart; i < inputs.size(); i += kPartInputs) {
    inputs[i] = twins_[static_cast<size_t>(inputs[i])].value;
  }
  graph::Attributes attributes = node.attributes;
  attributes.Set("axis", int64_t{3});
  return Replace(id, node.op, node.opset, std::move(inputs), std::move(attributes));
}

Status ChannelsLast::ConvertElementwise(NodeId id, std::span<const size_t> maps) {
  const Node& node = graph_.node(id);
  std::vector<ValueId> inputs = node.inputs;
  for (const size_t i : maps) {
    if (!IsInside(inputs[i])) return OkStatus();
    inputs[i] = twins_[static_cast<size_t>(inputs[i])].value;
  }
  return Replace(id, node.op, node.opset, std::move(inputs), node.attributes);
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

Status ChannelsLast::AddTransposesBack() {
  const std::vector<int> uses = graph_.CountUses();
  for (size_t v = 0; v < twins_.size(); ++v) {
    const ValueId id = static_cast<ValueId>(v);
    if (!IsInside(id) || uses[v] == 0) continue;
    WNN_RETURN_IF_ERROR(Transpose(twins_[v].value, id, {0, 3, 1, 2}, "/from_channels_last"));
  }
  return OkStatus();
}

Status ChannelsLast::Run() {
  const size_t n_nodes = graph_.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context_.stop().Check());
    WNN_RETURN_IF_ERROR(Convert(static_cast<NodeId>(i)));
  }
  return AddTransposesBack();
}

}  // namespace

Status MoveChannelsLast(PassContext& context) { return ChannelsLast(context).Run(); }

}  // namespace wnn::optimizer
