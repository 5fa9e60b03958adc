#include "host/cli/values.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/base/checked_math.h"

namespace wnn::cli {
namespace {

using TwoParts = std::pair<std::string, std::string>;

// What is before and after the first "::", if there is one.
std::optional<TwoParts> SplitAtColons(std::string_view text) {
  const size_t colons = text.find("::");
  if (colons == std::string_view::npos) return std::nullopt;
  return TwoParts(text.substr(0, colons), text.substr(colons + 2));
}

// Of ASCII words: WasmEdge takes `ONNX` and `CPU` in either case.
bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

Result<bool> ParseBool(std::optional<std::string_view> text) {
  if (!text || *text == "y" || *text == "yes" || *text == "true") return true;
  if (*text == "n" || *text == "no" || *text == "false") return false;
  return InvalidArgument(Quoted(*text) + " is neither y, yes, true nor n, no, false");
}

Result<uint64_t> ParseCount(std::string_view text) {
  uint64_t count = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), count);
  if (result.ec == std::errc::result_out_of_range)
    return InvalidArgument(Quoted(text) + " is too large");
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) {
    return InvalidArgument(Quoted(text) + " is not a whole number");
  }
  return count;
}

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  struct Unit {
    std::string_view name;
    int64_t nanoseconds;
  };
  constexpr int64_t kSecond = 1'000'000'000;
  static constexpr Unit kUnits[] = {
      {"", kSecond},  {"ns", 1},           {"us", 1'000},         {"ms", 1'000'000},
      {"s", kSecond}, {"m", 60 * kSecond}, {"h", 3600 * kSecond},
  };
  int64_t count = 0;
  const auto number = std::from_chars(text.data(), text.data() + text.size(), count);
  if (number.ec == std::errc{} && count > 0) {
    const std::string_view unit_name = text.substr(static_cast<size_t>(number.ptr - text.data()));
    for (const Unit& unit : kUnits) {
      if (unit.name != unit_name) continue;
      const std::optional<int64_t> total = CheckedMul(count, unit.nanoseconds);
      if (!total) return InvalidArgument(Quoted(text) + " is too long a time");
      return std::chrono::nanoseconds(*total);
    }
  }
  return InvalidArgument(Quoted(text) +
                         " is not a time: give a whole number above 0 with ns, us, ms, s, m or h, "
                         "for example 500ms");
}

Result<wasm::Preopen> ParseDir(std::string_view text) {
  const std::optional<TwoParts> parts = SplitAtColons(text);
  wasm::Preopen preopen;
  preopen.host = parts ? parts->first : std::string(text);
  preopen.guest = parts ? parts->second : preopen.host;
  if (preopen.host.empty() || preopen.guest.empty()) {
    return InvalidArgument(Quoted(text) + " is not HOST or HOST::GUEST, for example data::/data");
  }
  return preopen;
}

Result<wasm::Preopen> ParseMapDir(std::string_view text) {
  const std::optional<TwoParts> parts = SplitAtColons(text);
  if (!parts || parts->first.empty() || parts->second.empty()) {
    return InvalidArgument(Quoted(text) + " is not GUEST::HOST, for example /data::data");
  }
  wasm::Preopen preopen;
  preopen.guest = parts->first;
  preopen.host = parts->second;
  return preopen;
}

Result<EnvironmentVariable> ParseEnv(std::string_view text) {
  const size_t equals = text.find('=');
  EnvironmentVariable variable;
  variable.name = text.substr(0, equals);
  if (variable.name.empty()) {
    return InvalidArgument(Quoted(text) + " is not NAME=VALUE, or NAME to pass on our own value");
  }
  if (equals != std::string_view::npos) variable.value = text.substr(equals + 1);
  return variable;
}

Result<nn::NamedModel> ParseNnGraph(std::string_view text) {
  const std::optional<TwoParts> parts = SplitAtColons(text);
  if (!parts || parts->first.empty() || parts->second.empty()) {
    return InvalidArgument(Quoted(text) +
                           " is not onnx::DIR, where DIR/model.onnx is the model and DIR's last "
                           "part its name");
  }
  if (parts->first != "onnx") {
    return InvalidArgument(Quoted(text) + ": the format " + Quoted(parts->first) +
                           " is not supported, only onnx is (onnx::DIR)");
  }
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(parts->second, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  nn::NamedModel model;
  model.name = path.filename().string();
  model.path = parts->second;
  if (error || model.name.empty()) {
    return InvalidArgument(Quoted(text) + ": the directory has no name that a guest could load");
  }
  return model;
}

Result<nn::NamedTarget> ParseTarget(std::string_view text) {
  constexpr std::pair<std::string_view, nn::NamedTarget> kTargets[] = {
      {"cpu", nn::NamedTarget::kCpu},
      {"gpu", nn::NamedTarget::kGpu},
      {"auto", nn::NamedTarget::kAuto}};
  for (const auto& [word, value] : kTargets) {
    if (EqualsIgnoringCase(text, word)) return value;
  }
  return InvalidArgument("the target " + Quoted(text) + " is unknown; it is cpu, gpu or auto");
}

Result<nn::NamedModel> ParseNnPreload(std::string_view text) {
  constexpr std::string_view kForm =
      " is not NAME:onnx:TARGET:PATH, where TARGET is cpu, gpu or auto";
  std::array<std::string_view, 3> fields;
  std::string_view rest = text;
  for (std::string_view& field : fields) {
    const size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return InvalidArgument(Quoted(text) + std::string(kForm));
    field = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  const auto [name, encoding, target] = fields;
  if (name.empty() || rest.empty()) return InvalidArgument(Quoted(text) + std::string(kForm));
  if (!EqualsIgnoringCase(encoding, "onnx")) {
    return InvalidArgument(Quoted(text) + ": the encoding " + Quoted(encoding) +
                           " is not supported, only onnx is");
  }
  Result<nn::NamedTarget> where = ParseTarget(target);
  if (!where) return std::move(where.error()).WithContext(Quoted(text));
  return nn::NamedModel{std::string(name), rest, *where};
}

}  // namespace wnn::cli
