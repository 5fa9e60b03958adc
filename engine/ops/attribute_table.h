// Which attributes each of ONNX's operators has, so that a model with others is refused.
#pragma once

#include <span>
#include <string_view>

#include "engine/base/status.h"

namespace wnn::ops {

struct AttributeRow {
  std::string_view domain;  // "" is ai.onnx
  std::string_view op;
  std::string_view attributes;  // "axis:i keepdims:i": see attribute_table.cc
};

// Every operator of ONNX's own domains, sorted by domain and name.
std::span<const AttributeRow> AttributeRows();

// kInvalidArgument unless the operator has, in some version, an attribute of that name and type (a
// letter as in AttributeRow). Operators that are not ONNX's may have any, and names that begin with
// "__" are nobody's. A sparse tensor counts as a tensor.
Status CheckAttribute(std::string_view domain, std::string_view op, std::string_view name,
                      char type);

}  // namespace wnn::ops
