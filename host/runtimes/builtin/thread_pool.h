// The threads behind the engine's Parallel: started once, shared by everything that computes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "engine/base/parallel.h"

namespace wnn::runtimes {

// Workers spin for a while after each job, since the next operator's comes within microseconds, and
// then sleep. Tasks are handed out one by one, so that a thread whose core was taken away delays no
// more than its own task.
//
// Thread-safe: while one caller has the workers, ForEach of another runs on its own thread alone,
// so that many contexts computing at once do not share cores with more threads than there are.
class ThreadPool final : public Parallel {
 public:
  // REQUIRES: n_threads >= 1. Starts n_threads - 1 workers: the caller of ForEach is one more.
  explicit ThreadPool(int n_threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int n_threads() const override { return static_cast<int>(workers_.size()) + 1; }
  void ForEach(size_t n_tasks, FunctionRef<void(size_t task, int thread)> task) override;

 private:
  using Task = FunctionRef<void(size_t task, int thread)>;

  void Work(int thread);
  uint64_t WaitForJob(uint64_t seen_job);
  // Runs tasks of the present job until none is left to claim.
  void RunTasks(int thread);
  void RunJob(size_t first, size_t n_tasks, const Task& task);

  // The present job in one word, so that a claim is one fetch_add and can never mix two jobs:
  // job number (24 bits), tasks in it (20), next task (20).
  std::atomic<uint64_t> job_{0};
  // Of the present job. Valid while tasks_left_ > 0: whoever claimed a task may read them.
  const Task* task_ = nullptr;
  size_t first_ = 0;
  std::atomic<size_t> tasks_left_{0};

  std::atomic<bool> taken_{false};  // a caller has the workers
  std::atomic<bool> stopping_{false};
  std::atomic<int> n_sleeping_{0};
  std::vector<std::thread> workers_;
};

}  // namespace wnn::runtimes
