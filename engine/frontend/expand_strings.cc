#include "engine/frontend/expand_strings.h"

#include <numeric>
#include <utility>
#include <vector>

#include "engine/ops/registry.h"

namespace wnn::frontend {
namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;

constexpr std::string_view kMl = "ai.onnx.ml";
constexpr int kLabelEncoderVersion = 2;  // the first with keys and values

// The attributes that list an operator's strings, and its integers.
struct Lists {
  std::string_view op, strings, integers;
};
constexpr Lists kLists[] = {
    {"LinearClassifier", "classlabels_strings", "classlabels_ints"},
    {"OneHotEncoder", "cats_strings", "cats_int64s"},
    {"SVMClassifier", "classlabels_strings", "classlabels_ints"},
    {"TreeEnsembleClassifier", "classlabels_strings", "classlabels_int64s"},
};

Node LabelEncoder(const Node& beside, ValueId from, ValueId to) {
  Node encoder;
  encoder.op = ops::FindOp(kMl, "LabelEncoder", kLabelEncoderVersion);
  encoder.op_type = "LabelEncoder";
  encoder.opset = kLabelEncoderVersion;
  encoder.name = beside.name + "/labels";
  encoder.inputs = {from};
  encoder.outputs = {to};
  return encoder;
}

}  // namespace

Status AddWithoutStrings(Graph& graph, Node node) {
  const Lists* lists = nullptr;
  for (const Lists& row : kLists) {
    if (node.op->domain == kMl && node.op->name == row.op) lists = &row;
  }
  if (lists == nullptr || !node.attributes.Has(lists->strings)) {
    graph.AddNode(std::move(node));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::span<const std::string> strings,
                       node.attributes.Strings(lists->strings));
  std::vector<std::string> labels(strings.begin(), strings.end());
  node.attributes.Remove(lists->strings);
  if (labels.empty()) {
    graph.AddNode(std::move(node));
    return OkStatus();
  }
  std::vector<int64_t> places(labels.size());
  std::iota(places.begin(), places.end(), 0);
  node.attributes.Set(std::string(lists->integers), places);
  const ValueId made = graph.AddValue(node.name + "/places", {});
  if (node.op->name == "OneHotEncoder") {
    Node encoder = LabelEncoder(node, std::exchange(node.inputs[0], made), made);
    encoder.attributes.Set("keys_strings", std::move(labels));
    encoder.attributes.Set("values_int64s", std::move(places));
    encoder.attributes.Set("default_int64", int64_t{-1});  // no place
    graph.AddNode(std::move(encoder));
  } else if (node.outputs[0] != graph::kNoValue) {
    Node encoder = LabelEncoder(node, made, std::exchange(node.outputs[0], made));
    encoder.attributes.Set("keys_int64s", std::move(places));
    encoder.attributes.Set("values_strings", std::move(labels));
    graph.AddNode(std::move(encoder));
  }
  graph.AddNode(std::move(node));
  return OkStatus();
}

}  // namespace wnn::frontend
