#include "engine/optimizer/twins.h"

#include <string>
#include <utility>

namespace wnn::optimizer {

using graph::kNoValue;
using graph::ValueId;

Twins::Twins(PassContext& context, const Form& form)
    : context_(context), graph_(context.graph()), form_(form), twins_(graph_.n_values()) {}

ValueId Twins::AddTwin(ValueId id) {
  return graph_.AddValue(graph_.value(id).name + "/" + std::string(form_.name), {});
}

Result<ValueId> Twins::Get(ValueId id) {
  if (Find(id) != kNoValue) return Find(id);
  const ValueId twin = AddTwin(id);
  NewNode node = form_.to(graph_.fact(id));
  node.name = graph_.value(id).name + "/to_" + std::string(form_.name);
  node.inputs = {id};
  WNN_RETURN_IF_ERROR(AddNode(graph_, std::move(node), twin));
  Set(id, twin);
  return twin;
}

ValueId Twins::AddInside(ValueId id) {
  const ValueId twin = AddTwin(id);
  Slot(id) = {twin, true};
  return twin;
}

Status Twins::Replace(graph::NodeId id, NewNode node, std::string_view reason) {
  context_.Rewrote(graph_.node(id), reason);
  node.name = graph_.node(id).name;
  const ValueId output = graph_.node(id).outputs[0];
  graph_.RemoveNode(id);
  return AddNode(graph_, std::move(node), AddInside(output));
}

Status Twins::ConvertBack() {
  const std::vector<int> uses = graph_.CountUses();
  for (size_t v = 0; v < twins_.size(); ++v) {
    const ValueId id = static_cast<ValueId>(v);
    if (!IsInside(id) || uses[v] == 0 || graph_.fact(id).constant) continue;
    NewNode node = form_.from(graph_.fact(id));
    node.name = graph_.value(id).name + "/from_" + std::string(form_.name);
    node.inputs = {Find(id)};
    WNN_RETURN_IF_ERROR(AddNode(graph_, std::move(node), id));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
