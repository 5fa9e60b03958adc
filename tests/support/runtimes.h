// The runtimes of this build, for tests that run under every one of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/runtimes/built.h"

namespace wnn::testing {

inline std::vector<std::string> BuiltRuntimes() {
  std::vector<std::string> names;
  for (const runtimes::KnownRuntime& runtime : runtimes::KnownRuntimes()) {
    if (runtime.is_built()) names.emplace_back(runtime.name);
  }
  return names;
}

// One for all tests of the process. Null where it is not built, or its library not on this machine.
inline std::shared_ptr<const runtimes::Runtime> RuntimeNamed(const std::string& name) {
  static std::map<std::string, std::shared_ptr<const runtimes::Runtime>> opened;
  const auto [entry, is_new] = opened.try_emplace(name);
  if (is_new) entry->second = runtimes::OpenRuntime(name, {}).value_or(nullptr);
  return entry->second;
}

// Why a test is skipped for which RuntimeNamed is null.
inline constexpr const char* kNoRuntime =
    "there is no such runtime in this build or on this machine";

}  // namespace wnn::testing
