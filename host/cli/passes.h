// `--nn-optimize` and `--nn-isa`: choices of the built-in engine. A build without it has none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace wnn::cli {

// Applies comma-separated NAME[=y|n] to the passes that are off, in their order: NAME is a pass or
// `all`. kInvalidArgument for an unknown name, listing those that there are, and for a bad value.
Status ApplyPasses(std::string_view text, std::vector<std::string>& disabled);

// engine::InstructionSets() and engine::UseInstructionSet().
std::vector<std::string> InstructionSets();
Status UseInstructionSet(std::string_view name);

// The passes, a line each in the order in which they run: the answer to `--nn-optimize help`.
std::string DescribePasses();

}  // namespace wnn::cli
