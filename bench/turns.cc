#include "bench/turns.h"

#include <chrono>

#include "bench/measure.h"

namespace wnn::bench {

Result<std::vector<std::vector<nanoseconds>>> TimeInTurns(
    std::span<runtimes::Context* const> contexts, double seconds) {
  constexpr nanoseconds kTurn = std::chrono::milliseconds(20);
  std::vector<std::vector<nanoseconds>> times(contexts.size());
  const auto end =
      Clock::now() + std::chrono::duration<double>(seconds * static_cast<double>(contexts.size()));
  for (int round = 0; round < 3 || Clock::now() < end; ++round) {
    for (size_t i = 0; i < contexts.size(); ++i) {
      WaitUntilIdle();
      WNN_RETURN_IF_ERROR(contexts[i]->Compute({}));
      for (nanoseconds turn{}; turn < kTurn; turn += times[i].back()) {
        const auto begin = Clock::now();
        WNN_RETURN_IF_ERROR(contexts[i]->Compute({}));
        times[i].push_back(Clock::now() - begin);
      }
    }
  }
  return times;
}

}  // namespace wnn::bench
