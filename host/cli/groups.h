// Wasmtime's grouped options, `-O`, `-C`, `-W` and `-S`, and `--nn-limit` of our own:
// comma-separated KEY or KEY=VALUE.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "host/cli/options.h"

namespace wnn::cli {

enum class Group { kOptimize, kCodegen, kWasm, kWasi, kNnLimits };

// Applies each key of `text`. kInvalidArgument for an unknown key, listing those that there are,
// and for a bad value.
Status ApplyGroup(Group group, std::string_view text, Options& options);

// The keys with what they do, a line each: the answer to `-W help`.
std::string DescribeGroup(Group group);

}  // namespace wnn::cli
