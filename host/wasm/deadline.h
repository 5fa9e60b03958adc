// Interrupts guests that run too long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/base/status.h"
#include "host/wasm/engine.h"

namespace wnn::wasm {

// From the deadline on, ticks the engine's epoch until it is destroyed, so that every store of the
// engine looks whether its own deadline has passed (see PrepareStore).
//
// Owns a thread, which its destructor ends and joins. Lifetime: the engine outlives it.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  // kRuntimeError when the system has no thread to give.
  static Result<std::unique_ptr<Deadline>> Start(Engine& engine, Clock::time_point when);
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline();

 private:
  Deadline(Engine& engine, Clock::time_point when) : engine_(engine), when_(when) {}
  void Tick();

  Engine& engine_;
  const Clock::time_point when_;
  std::mutex mutex_;
  std::condition_variable ended_changed_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace wnn::wasm
