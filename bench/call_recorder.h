// What the subjects that go through WASI-NN learn from the host.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "bench/phases.h"
#include "engine/base/log.h"
#include "host/nn/timings.h"

namespace wnn::bench {

// Adds up what the session reports. Thread-safe.
class CallRecorder final : public nn::CallObserver {
 public:
  void OnCall(nn::Call call, nanoseconds duration, uint64_t bytes_copied) override;

  // The times since the last Take, by phase, and the tensor bytes copied; begins anew.
  PhaseTimes Take(uint64_t* bytes_copied);

 private:
  std::mutex mutex_;
  PhaseTimes times_;
  uint64_t bytes_copied_ = 0;
};

// Keeps the last refusal, which an errno only numbers. Thread-safe.
class LastMessage final : public Logger {
 public:
  bool Enabled(LogLevel level) const override { return level <= LogLevel::kWarn; }
  void Log(LogLevel level, std::string_view message) override;
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace wnn::bench
