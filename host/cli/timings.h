// `--timings`: what a guest's run cost, by phase and by WASI-NN call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/nn/timings.h"

namespace wnn::cli {

// One WASI-NN call.
struct CallRecord {
  nn::Call call;
  std::chrono::nanoseconds duration;
  uint64_t bytes_copied;
};

// All calls of one kind.
struct CallTotal {
  nn::Call call;
  uint64_t count = 0;
  std::chrono::nanoseconds duration{};
  std::chrono::nanoseconds shortest{};
  uint64_t bytes_copied = 0;
};

// A guest decides how many calls there are; totals go on when this many are recorded.
inline constexpr size_t kMaxCallRecords = 100'000;

// Thread-safe.
class CallRecorder final : public nn::CallObserver {
 public:
  CallRecorder();
  void OnCall(nn::Call call, std::chrono::nanoseconds duration, uint64_t bytes_copied) override;

  std::vector<CallRecord> records() const;
  // One for every kind, called or not, in the order in which a guest calls them.
  std::vector<CallTotal> totals() const;

 private:
  mutable std::mutex mutex_;
  std::vector<CallRecord> records_;  // guarded by mutex_, as totals_ is
  std::vector<CallTotal> totals_;
};

struct TimingsReport {
  std::string module;
  std::string runtime;  // its description
  int n_threads = 1;
  // Nothing for a phase that was not reached or did not end.
  std::optional<std::chrono::nanoseconds> compile;
  std::optional<std::chrono::nanoseconds> instantiate;
  std::optional<std::chrono::nanoseconds> run;
  std::vector<CallRecord> calls;
  std::vector<CallTotal> totals;
};

// For people: the phases, the calls one by one (the first of many), and the totals.
std::string TimingsTable(const TimingsReport& report);
// For programs: one JSON document with all of it, in milliseconds.
std::string TimingsJson(const TimingsReport& report);

}  // namespace wnn::cli
