// What each WASI-NN call cost. Sessions report; whoever wants figures (`--timings`) listens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace wnn::nn {

enum class Call {
  kLoad,
  kLoadByName,
  kInitExecutionContext,
  kSetInput,
  kCompute,
  kGetOutput,
  kUnload,
  kFinalizeExecutionContext,
  kNewTensor,   // the component ABI's tensors: made from the guest's bytes
  kReadTensor,  // and read into the guest
  kBindOutput,  // our extension: an output made an input's source
  kCarryState,  // within another call: such outputs handed on to their inputs
};

// "load", "set_input", ...
std::string_view CallName(Call call);

// Thread-safe: sessions call it from whatever thread the guest runs on.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  // `bytes_copied`: tensor bytes copied between the guest and the runtime by this call; by
  // kCarryState, within the host.
  virtual void OnCall(Call call, std::chrono::nanoseconds duration, uint64_t bytes_copied) = 0;
};

// Reports one call when it ends, whichever way it ends.
class CallTimer {
 public:
  // A null `observer` makes it do nothing. Lifetime: borrows `observer`.
  CallTimer(CallObserver* observer, Call call) : observer_(observer), call_(call) {
    if (observer_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~CallTimer() {
    if (observer_ == nullptr) return;
    observer_->OnCall(call_, std::chrono::steady_clock::now() - start_, bytes_copied_);
  }
  CallTimer(const CallTimer&) = delete;
  CallTimer& operator=(const CallTimer&) = delete;

  void set_bytes_copied(uint64_t bytes) { bytes_copied_ = bytes; }

 private:
  CallObserver* observer_;
  Call call_;
  std::chrono::steady_clock::time_point start_;
  uint64_t bytes_copied_ = 0;
};

}  // namespace wnn::nn
