#include "host/cli/passes.h"

#include <algorithm>
#include <optional>

#include "host/cli/values.h"
#if WNN_WITH_BUILTIN
#include "engine/engine.h"
#endif

namespace wnn::cli {
namespace {

std::vector<std::string> Passes() {
#if WNN_WITH_BUILTIN
  return engine::OptimizerPasses();
#else
  return {};
#endif
}

Status ApplyPass(std::string_view word, std::vector<std::string>& disabled) {
  const std::vector<std::string> passes = Passes();
  const size_t equals = word.find('=');
  const std::string name(word.substr(0, equals));
  std::optional<std::string_view> value;
  if (equals != std::string_view::npos) value = word.substr(equals + 1);
  Result<bool> enabled = ParseBool(value);
  if (!enabled) return std::move(enabled.error()).WithContext(name);
  if (name == "all") {
    disabled = *enabled ? std::vector<std::string>() : passes;
    return OkStatus();
  }
  if (std::find(passes.begin(), passes.end(), name) == passes.end()) {
    std::string known = "all";
    for (const std::string& pass : passes) known += ", " + pass;
    return InvalidArgument("there is no pass '" + name + "'; there are " + known);
  }
  std::erase(disabled, name);
  if (!*enabled) disabled.push_back(name);
  return OkStatus();
}

}  // namespace

Status ApplyPasses(std::string_view text, std::vector<std::string>& disabled) {
  while (true) {
    const size_t comma = text.find(',');
    WNN_RETURN_IF_ERROR(ApplyPass(text.substr(0, comma), disabled));
    if (comma == std::string_view::npos) return OkStatus();
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> InstructionSets() {
#if WNN_WITH_BUILTIN
  return engine::InstructionSets();
#else
  return {};
#endif
}

Status UseInstructionSet(std::string_view name) {
#if WNN_WITH_BUILTIN
  return engine::UseInstructionSet(name);
#else
  return name.empty() ? OkStatus() : Unsupported("this build leaves out the built-in engine");
#endif
}

std::string DescribePasses() {
  std::string text =
      "--nn-optimize NAME[=y|n],... with `all`, or these passes, in the order in which they run\n";
  for (const std::string& pass : Passes()) text += "  " + pass + "\n";
  return text;
}

}  // namespace wnn::cli
