// The most multiply-adds that a core does: what benchmarks are compared with.
#pragma once

#include <cstdint>

namespace wnn::kernels {

// Runs `steps` rounds of independent multiply-adds on registers with the active instruction set;
// returns how many multiply-adds of floats that were. `sink` receives a value that depends on all.
double RunFmaPeak(int64_t steps, float* sink);

}  // namespace wnn::kernels
