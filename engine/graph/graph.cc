#include "engine/graph/graph.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace wnn::graph {

ValueId Graph::AddValue(std::string name, Fact fact) {
  values_.push_back({std::move(name), kNoNode});
  facts_.push_back(std::move(fact));
  return static_cast<ValueId>(values_.size() - 1);
}

NodeId Graph::AddNode(Node node) {
  NodeId id = static_cast<NodeId>(nodes_.size());
  for (ValueId output : node.outputs) {
    if (output != kNoValue) value(output).producer = id;
  }
  nodes_.push_back(std::move(node));
  return id;
}

void Graph::RemoveNode(NodeId id) {
  for (ValueId output : node(id).outputs) {
    if (output != kNoValue && value(output).producer == id) value(output).producer = kNoNode;
  }
  node(id).removed = true;
}

void Graph::ReplaceUses(std::span<const ValueId> replacement) {
  // Chains become shorter as they are followed: each value's is followed once in all.
  std::vector<ValueId> next(replacement.begin(), replacement.end());
  auto replace = [&](ValueId& id) {
    if (id == kNoValue) return;
    ValueId last = id;
    while (next[static_cast<size_t>(last)] != last) last = next[static_cast<size_t>(last)];
    while (id != last) id = std::exchange(next[static_cast<size_t>(id)], last);
  };
  for (Node& node : nodes_) {
    for (ValueId& input : node.inputs) replace(input);
  }
  for (ValueId& output : outputs) replace(output);
}

std::vector<int> Graph::CountUses() const {
  std::vector<int> uses(values_.size(), 0);
  for (const Node& node : nodes_) {
    if (node.removed) continue;
    for (ValueId input : node.inputs) {
      if (input != kNoValue) ++uses[static_cast<size_t>(input)];
    }
  }
  for (ValueId output : outputs) ++uses[static_cast<size_t>(output)];
  return uses;
}

Status Graph::SortAndCompact() {
  // Kahn's algorithm; the smallest ready index first keeps the model's own order.
  std::vector<int> n_missing(nodes_.size(), 0);
  std::vector<std::vector<NodeId>> readers(nodes_.size());
  std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>> ready;
  size_t n_live = 0;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].removed) continue;
    ++n_live;
    for (ValueId input : nodes_[i].inputs) {
      NodeId producer = input == kNoValue ? kNoNode : value(input).producer;
      if (producer == kNoNode) continue;
      readers[static_cast<size_t>(producer)].push_back(static_cast<NodeId>(i));
      ++n_missing[i];
    }
    if (n_missing[i] == 0) ready.push(static_cast<NodeId>(i));
  }

  std::vector<Node> sorted;
  sorted.reserve(n_live);
  while (!ready.empty()) {
    NodeId id = ready.top();
    ready.pop();
    for (NodeId reader : readers[static_cast<size_t>(id)]) {
      if (--n_missing[static_cast<size_t>(reader)] == 0) ready.push(reader);
    }
    NodeId new_id = static_cast<NodeId>(sorted.size());
    sorted.push_back(std::move(node(id)));
    node(id).removed = true;
    for (ValueId output : sorted.back().outputs) {
      if (output != kNoValue) value(output).producer = new_id;
    }
  }
  if (sorted.size() != n_live) {
    auto stuck =
        std::find_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return !node.removed; });
    return InvalidArgument("the graph has a cycle through " + NodeLabel(*this, *stuck));
  }
  nodes_ = std::move(sorted);
  return OkStatus();
}

bool HasSubgraphs(const Node& node) {
  const auto& attributes = node.attributes.all();
  return std::any_of(attributes.begin(), attributes.end(), [](const auto& attribute) {
    return std::holds_alternative<GraphPtr>(attribute.second);
  });
}

std::string Printable(std::string_view name) {
  constexpr size_t kMaxLength = 120;
  std::string text;
  for (char c : name.substr(0, kMaxLength)) {
    bool printable = static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    text += printable ? c : '?';
  }
  if (name.size() > kMaxLength) text += "...";
  return text;
}

std::string Quoted(std::string_view name) { return "'" + Printable(name) + "'"; }

std::string NodeName(std::string_view name, std::string_view first_output) {
  return name.empty() ? "the node of value " + Quoted(first_output) : "node " + Quoted(name);
}

std::string NodeLabel(const Graph& graph, const Node& node) {
  auto output = std::find_if(node.outputs.begin(), node.outputs.end(),
                             [](ValueId id) { return id != kNoValue; });
  std::string_view first_output;
  if (output != node.outputs.end()) first_output = graph.value(*output).name;
  return NodeName(node.name, first_output) + " (" + Printable(node.op_type) + ")";
}

}  // namespace wnn::graph
