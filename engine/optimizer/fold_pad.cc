// Pad + Conv, AveragePool or MaxPool -> the same with wider padding, where padding means the same:
// zeros before a convolution, zeros that an average counts, the lowest number before a maximum.
#include <limits>

#include "engine/ops/op_context.h"
#include "engine/ops/window_attributes.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;

constexpr int kFirstWithInputs = 11;  // Pad's pads and value were attributes before

struct Padding {
  std::vector<int64_t> begin, end;  // of the spatial dimensions
  float value = 0;
};

// What a Pad node adds, if it adds a constant around the spatial dimensions of a float map alone.
std::optional<Padding> ReadPadding(const graph::Graph& graph, const graph::Node& pad) {
  const graph::Fact& x = graph.fact(pad.inputs[0]);
  auto mode = pad.attributes.String("mode", "constant");
  if (!mode || *mode != "constant" || x.dtype != DType::kFloat || !x.has_rank || x.rank() < 3) {
    return std::nullopt;
  }
  Padding padding;
  std::vector<int64_t> pads;
  if (pad.opset < kFirstWithInputs) {
    auto values = pad.attributes.Ints("pads");
    auto value = pad.attributes.Float("value", 0.0f);
    if (!values || !value) return std::nullopt;
    pads.assign(values->begin(), values->end());
    padding.value = *value;
  } else {
    if (HasInput(pad, 3) || !HasInput(pad, 1)) return std::nullopt;  // axes: rare
    auto values = graph::ConstantInts(graph.fact(pad.inputs[1]));
    if (!values || !*values) return std::nullopt;
    pads = **values;
    if (HasInput(pad, 2)) {
      const std::optional<float> value = ConstantScalar(graph.fact(pad.inputs[2]));
      if (!value) return std::nullopt;
      padding.value = *value;
    }
  }
  const size_t rank = x.rank();
  if (pads.size() != 2 * rank || pads[0] != 0 || pads[1] != 0 || pads[rank] != 0 ||
      pads[rank + 1] != 0) {
    return std::nullopt;
  }
  for (size_t d = 2; d < rank; ++d) {
    if (pads[d] < 0 || pads[rank + d] < 0) return std::nullopt;
    padding.begin.push_back(pads[d]);
    padding.end.push_back(pads[rank + d]);
  }
  return padding;
}

bool IsLowest(float value) { return value == -std::numeric_limits<float>::infinity(); }

// Whether the reader's own padding, made wider, means what `padding` does.
bool CanAbsorb(const graph::Node& reader, const ops::WindowAttributes& window,
               const Padding& padding) {
  using AutoPad = ops::WindowAttributes::AutoPad;
  if (window.auto_pad != AutoPad::kNotSet && window.auto_pad != AutoPad::kValid) return false;
  if (IsOnnx(reader, "Conv")) return padding.value == 0;
  if (window.ceil_mode) return false;  // where the last window starts depends on the padding
  if (IsOnnx(reader, "MaxPool")) return reader.outputs.size() == 1 && IsLowest(padding.value);
  if (!IsOnnx(reader, "AveragePool") || padding.value != 0) return false;
  auto counts = reader.attributes.Int("count_include_pad", 0);
  const bool pads = window.pads_begin != std::vector<int64_t>(window.rank(), 0) ||
                    window.pads_end != std::vector<int64_t>(window.rank(), 0);
  return counts && (*counts != 0 || !pads);
}

// The reader's window; nothing if it has none.
std::optional<ops::WindowAttributes> ReadWindow(const graph::Graph& graph,
                                                const graph::Node& reader, size_t spatial_rank) {
  std::vector<int64_t> kernel;
  if (IsOnnx(reader, "Conv")) {
    const graph::Fact& w = graph.fact(reader.inputs[1]);
    if (!w.IsConcrete() || w.rank() != spatial_rank + 2) return std::nullopt;
    const Shape shape = w.ConcreteShape();
    kernel.assign(shape.begin() + 2, shape.end());
  } else if (!IsOnnx(reader, "MaxPool") && !IsOnnx(reader, "AveragePool")) {
    return std::nullopt;
  }
  auto window =
      ops::ParseWindowAttributes(ops::OpContext(reader, graph.facts()), spatial_rank, kernel);
  if (!window) return std::nullopt;
  return std::move(*window);
}

void Widen(graph::Node& reader, const ops::WindowAttributes& window, const Padding& padding) {
  std::vector<int64_t> pads;
  for (size_t d = 0; d < window.rank(); ++d) {
    pads.push_back(window.pads_begin[d] + padding.begin[d]);
  }
  for (size_t d = 0; d < window.rank(); ++d) pads.push_back(window.pads_end[d] + padding.end[d]);
  reader.attributes.Remove("auto_pad");
  reader.attributes.Set("pads", std::move(pads));
  if (IsOnnx(reader, "AveragePool")) reader.attributes.Set("count_include_pad", int64_t{1});
}

}  // namespace

Status FoldPad(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& pad = graph.node(id);
    if (!IsOnnx(pad, "Pad")) continue;
    const NodeId reader = readers.Only(graph, pad.outputs[0]);
    if (reader == graph::kNoNode || graph.node(reader).inputs[0] != pad.outputs[0]) continue;
    const std::optional<Padding> padding = ReadPadding(graph, pad);
    if (!padding) continue;
    const auto window = ReadWindow(graph, graph.node(reader), padding->begin.size());
    if (!window || !CanAbsorb(graph.node(reader), *window, *padding)) continue;
    context.Rewrote(pad, "its reader pads");
    Widen(graph.node(reader), *window, *padding);
    graph.node(reader).inputs[0] = pad.inputs[0];
    graph.RemoveNode(id);
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
