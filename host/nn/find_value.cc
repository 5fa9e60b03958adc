#include "host/nn/find_value.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace wnn::nn {
namespace {

std::string Names(std::span<const ValueInfo> values) {
  constexpr size_t kMaxShown = 8;
  constexpr size_t kMaxNameBytes = 64;
  std::string names;
  for (size_t i = 0; i < std::min(values.size(), kMaxShown); ++i) {
    names += (i == 0 ? "'" : ", '") + values[i].name.substr(0, kMaxNameBytes) + "'";
  }
  return values.size() > kMaxShown ? names + ", ..." : names;
}

}  // namespace

Result<size_t> FindValue(std::span<const ValueInfo> values, std::string_view name,
                         std::string_view what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].name == name) return i;
  }
  size_t index = 0;
  const auto number = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_number = number.ec == std::errc{} && number.ptr == name.data() + name.size();
  if (is_number && index < values.size()) return index;
  return InvalidArgument("the model has no " + std::string(what) + " '" + std::string(name) +
                         "'; it has " + Names(values) +
                         ", which also go by \"0\", \"1\" and so on");
}

}  // namespace wnn::nn
