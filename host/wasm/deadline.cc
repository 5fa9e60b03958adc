#include "host/wasm/deadline.h"

#include <string>
#include <system_error>

namespace wnn::wasm {

// A tick may come while the guest is in the host and just before its store's deadline is set anew,
// so one is not enough.
constexpr std::chrono::milliseconds kTickInterval{1};

Result<std::unique_ptr<Deadline>> Deadline::Start(Engine& engine, Clock::time_point when) {
  std::unique_ptr<Deadline> deadline(new Deadline(engine, when));
  try {
    deadline->thread_ = std::thread(&Deadline::Tick, deadline.get());
  } catch (const std::system_error& error) {
    return RuntimeError(std::string("cannot start the thread that watches the timeout: ") +
                        error.what());
  }
  return deadline;
}

Deadline::~Deadline() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  ended_changed_.notify_one();
  thread_.join();
}

void Deadline::Tick() {
  std::unique_lock lock(mutex_);
  ended_changed_.wait_until(lock, when_, [this] { return ended_; });
  while (!ended_) {
    wasmtime_engine_increment_epoch(engine_.get().capi());
    ended_changed_.wait_for(lock, kTickInterval, [this] { return ended_; });
  }
}

}  // namespace wnn::wasm
