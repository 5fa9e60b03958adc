#include <algorithm>
#include <string>
#include <tuple>

#include "engine/ops/attribute_table.h"

namespace wnn::ops {
namespace {

// The types of an attribute in a row; nothing if it is not there.
std::string_view TypesOf(std::string_view attributes, std::string_view name) {
  while (!attributes.empty()) {
    const size_t end = std::min(attributes.find(' '), attributes.size());
    const std::string_view entry = attributes.substr(0, end);
    const size_t colon = entry.find(':');
    if (entry.substr(0, colon) == name) return entry.substr(colon + 1);
    attributes.remove_prefix(std::min(end + 1, attributes.size()));
  }
  return {};
}

}  // namespace

Status CheckAttribute(std::string_view domain, std::string_view op, std::string_view name,
                      char type) {
  const std::span<const AttributeRow> rows = AttributeRows();
  const auto row = std::lower_bound(
      rows.begin(), rows.end(), std::tuple(domain, op),
      [](const AttributeRow& a, const auto& key) { return std::tuple(a.domain, a.op) < key; });
  if (row == rows.end() || row->domain != domain || row->op != op || name.starts_with("__")) {
    return OkStatus();
  }
  const std::string_view types = TypesOf(row->attributes, name);
  if (types.empty()) return InvalidArgument("the operator has no such attribute");
  const bool is_sparse = type == 't' && types.find('p') != std::string_view::npos;
  if (is_sparse || types.find(type) != std::string_view::npos) return OkStatus();
  return InvalidArgument("it is of another type than the operator's");
}

}  // namespace wnn::ops
