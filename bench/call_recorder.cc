#include "bench/call_recorder.h"

#include <optional>
#include <utility>

namespace wnn::bench {
namespace {

// Nothing for calls that belong to no phase of an inference.
std::optional<Phase> PhaseOf(nn::Call call) {
  switch (call) {
    case nn::Call::kLoad:
    case nn::Call::kLoadByName:
    case nn::Call::kInitExecutionContext: return Phase::kLoad;
    case nn::Call::kCompute: return Phase::kCompute;
    case nn::Call::kSetInput:
    case nn::Call::kGetOutput:
    case nn::Call::kNewTensor:
    case nn::Call::kReadTensor: return Phase::kCopies;
    case nn::Call::kUnload:
    case nn::Call::kFinalizeExecutionContext:
    case nn::Call::kBindOutput:
    case nn::Call::kCarryState: break;
  }
  return std::nullopt;
}

}  // namespace

void CallRecorder::OnCall(nn::Call call, nanoseconds duration, uint64_t bytes_copied) {
  std::lock_guard lock(mutex_);
  if (const std::optional<Phase> phase = PhaseOf(call)) times_[*phase] += duration;
  bytes_copied_ += bytes_copied;
}

PhaseTimes CallRecorder::Take(uint64_t* bytes_copied) {
  std::lock_guard lock(mutex_);
  *bytes_copied = std::exchange(bytes_copied_, 0);
  return std::exchange(times_, {});
}

void LastMessage::Log(LogLevel level, std::string_view message) {
  if (!Enabled(level)) return;
  std::lock_guard lock(mutex_);
  text_ = message;
}

std::string LastMessage::text() const {
  std::lock_guard lock(mutex_);
  return text_;
}

}  // namespace wnn::bench
