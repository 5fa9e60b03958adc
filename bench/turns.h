// Several models by turns within one process.
#pragma once

#include <span>
#include <vector>

#include "bench/phases.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::bench {

// The times of single computes of each context, whose inputs are set: they take turns of some 20
// ms, for about `seconds` each and three turns at least. Before a turn all threads sleep, the pools
// of the others among them; then comes a compute that is not timed. Errors of Compute.
Result<std::vector<std::vector<nanoseconds>>> TimeInTurns(
    std::span<runtimes::Context* const> contexts, double seconds);

}  // namespace wnn::bench
