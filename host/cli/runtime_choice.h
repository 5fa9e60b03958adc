// Which runtime the words of a command line mean.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "engine/base/status.h"
#include "host/runtimes/built.h"

namespace wnn::cli {

struct RuntimeWords {
  std::optional<std::string> runtime = std::nullopt;  // --runtime NAME
  bool c_runtime = false;  // --c-runtime: onnxruntime, in the original's spelling
  bool tract = false;      // --tract, likewise
};

// `name`, for which `words` asked, if it is one of `known` that is built; else what ChooseRuntime
// says of it.
Result<std::string> BuiltRuntime(const std::string& name, const std::string& words,
                                 std::span<const runtimes::KnownRuntime> known);

// The name of the runtime, one of `known` that is built. Without words that is builtin or, where it
// is not built, the only one: which of several others reads a guest's bytes is for the user to say.
// kInvalidArgument for words that contradict each other, for an unknown name and for none where one
// is needed; kUnsupportedOperation, saying how to get it, for one that is not built.
Result<std::string> ChooseRuntime(const RuntimeWords& words,
                                  std::span<const runtimes::KnownRuntime> known);

}  // namespace wnn::cli
