// A Parallel of real threads for tests: started for each ForEach, so that races show.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "engine/base/parallel.h"

namespace wnn::testing {

class ThreadParallel final : public Parallel {
 public:
  explicit ThreadParallel(int n_threads) : n_threads_(n_threads) {}
  int n_threads() const override { return n_threads_; }
  void ForEach(size_t n_tasks, FunctionRef<void(size_t task, int thread)> task) override {
    std::atomic<size_t> next{0};
    auto work = [&](int thread) {
      for (size_t i = next++; i < n_tasks; i = next++) task(i, thread);
    };
    std::vector<std::thread> threads;
    for (int t = 1; t < n_threads_; ++t) threads.emplace_back(work, t);
    work(0);
    for (std::thread& thread : threads) thread.join();
  }

 private:
  const int n_threads_;
};

}  // namespace wnn::testing
