// The one way in which the engine uses more than one thread. The engine starts no thread: its
// caller passes a Parallel (a pool natively, SerialParallel in WebAssembly).
#pragma once

#include <cstddef>

#include "engine/base/function_ref.h"

namespace wnn {

class Parallel {
 public:
  virtual ~Parallel() = default;

  // How many threads may run tasks at once, the caller's included. At least 1.
  virtual int n_threads() const = 0;

  // Calls task(i, thread) for every i in [0, n_tasks), 0 <= thread < n_threads(), and returns when
  // all have returned; two tasks with the same `thread` never overlap. Tasks do not call ForEach.
  // Which thread runs which task is unspecified: a task's result must not depend on it.
  // Thread-safe: when the pool serves another caller, tasks run on the calling thread.
  virtual void ForEach(size_t n_tasks, FunctionRef<void(size_t task, int thread)> task) = 0;
};

class SerialParallel final : public Parallel {
 public:
  int n_threads() const override { return 1; }
  void ForEach(size_t n_tasks, FunctionRef<void(size_t task, int thread)> task) override {
    for (size_t i = 0; i < n_tasks; ++i) task(i, 0);
  }
};

// For work that nothing stops and that is not shared out.
inline Parallel& NeverStopped() {
  static SerialParallel serial;
  return serial;
}

}  // namespace wnn
