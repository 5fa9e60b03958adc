// Which SIMD instruction set the kernels use, and how to hold them to a lesser one.
//
// Kernels choose when a kernel object is created (weights are packed for the choice), so a change
// concerns objects created after it; those that exist keep running as they were made.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace wnn::kernels {

// The set in use: "AVX512", "AVX2", "SSE4", "NEON", "WASM" or "SCALAR" (plain C++).
std::string_view ActiveIsa();

// Every set that this build has and this machine can run, best first.
std::vector<std::string> SupportedIsas();

// Uses no other set than `name` (any case) from here on; an empty name lifts the restriction.
// kInvalidArgument, naming the possible ones, if the machine or the build lacks it.
// Not for use while other threads create kernels.
Status RestrictIsa(std::string_view name);

}  // namespace wnn::kernels
