// Times subjects in turns.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "bench/phases.h"
#include "bench/subject.h"
#include "engine/base/status.h"

namespace wnn::bench {

struct MeasureOptions {
  nanoseconds budget = std::chrono::seconds(20);  // of all subjects together; min_runs goes first
  size_t min_runs = 20;                           // of each subject
  // A block is at least this many runs and at least this long.
  size_t min_block_runs = 5;
  nanoseconds min_block = std::chrono::milliseconds(100);
};

struct Measurements {
  std::vector<std::vector<PhaseTimes>> runs;  // one vector for each subject, in order
  nanoseconds longest_wait{};                 // of WaitUntilIdle
};

// A B C A B C ...: each turn waits until the process is idle, runs one inference untimed and
// then a block of timed ones. REQUIRES: each subject has its input.
Result<Measurements> Measure(std::span<const std::unique_ptr<Subject>> subjects,
                             const MeasureOptions& options);

// Sleeps until every other thread of this process and every thread of `others` sleeps, pools that
// spin after their last job among them, but not longer than half a second. Returns the time that it
// took.
nanoseconds WaitUntilIdle(std::span<const pid_t> others = {});

}  // namespace wnn::bench
