#include "host/runtimes/builtin/thread_pool.h"

#include <algorithm>
#include <chrono>

namespace wnn::runtimes {
namespace {

constexpr int kTaskBits = 20;
constexpr uint64_t kTaskMask = (uint64_t{1} << kTaskBits) - 1;
// Half the range: workers that find a job exhausted have still counted its next task up.
constexpr size_t kMaxTasksPerJob = size_t{1} << (kTaskBits - 1);

uint64_t JobNumber(uint64_t job) { return job >> (2 * kTaskBits); }
uint64_t TasksOf(uint64_t job) { return (job >> kTaskBits) & kTaskMask; }
uint64_t NextTask(uint64_t job) { return job & kTaskMask; }

// Longer than the serial work between two operators, shorter than anyone would call busy.
constexpr std::chrono::microseconds kSpinTime{200};
constexpr int kPausesPerClockRead = 64;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
  workers_.reserve(static_cast<size_t>(n_threads - 1));
  for (int thread = 1; thread < n_threads; ++thread) {
    workers_.emplace_back([this, thread] { Work(thread); });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  job_.fetch_add(uint64_t{1} << (2 * kTaskBits));
  job_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::ForEach(size_t n_tasks, Task task) {
  if (n_tasks <= 1 || workers_.empty() || taken_.exchange(true, std::memory_order_acquire)) {
    for (size_t i = 0; i < n_tasks; ++i) task(i, 0);
    return;
  }
  for (size_t first = 0; first < n_tasks; first += kMaxTasksPerJob) {
    RunJob(first, std::min(kMaxTasksPerJob, n_tasks - first), task);
  }
  taken_.store(false, std::memory_order_release);
}

void ThreadPool::RunJob(size_t first, size_t n_tasks, const Task& task) {
  task_ = &task;
  first_ = first;
  tasks_left_.store(n_tasks, std::memory_order_relaxed);
  const uint64_t number = JobNumber(job_.load(std::memory_order_relaxed)) + 1;
  job_.store((number << (2 * kTaskBits)) | (static_cast<uint64_t>(n_tasks) << kTaskBits),
             std::memory_order_seq_cst);
  if (n_sleeping_.load(std::memory_order_seq_cst) > 0) job_.notify_all();
  RunTasks(0);
  for (int spins = 0; tasks_left_.load(std::memory_order_acquire) > 0; ++spins) {
    // A worker that lost its core needs this one.
    if (spins < 20'000) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadPool::RunTasks(int thread) {
  for (;;) {
    const uint64_t job = job_.fetch_add(1, std::memory_order_acq_rel);
    if (NextTask(job) >= TasksOf(job)) return;
    (*task_)(first_ + NextTask(job), thread);
    tasks_left_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

uint64_t ThreadPool::WaitForJob(uint64_t seen_job) {
  const auto is_new = [&](uint64_t job) { return JobNumber(job) != seen_job; };
  const auto sleep_at = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPausesPerClockRead; ++i) {
      const uint64_t job = job_.load(std::memory_order_acquire);
      if (is_new(job)) return JobNumber(job);
      Pause();
    }
  } while (std::chrono::steady_clock::now() < sleep_at);
  n_sleeping_.fetch_add(1, std::memory_order_seq_cst);
  uint64_t job = job_.load(std::memory_order_seq_cst);
  while (!is_new(job)) {
    job_.wait(job, std::memory_order_seq_cst);
    job = job_.load(std::memory_order_seq_cst);
  }
  n_sleeping_.fetch_sub(1, std::memory_order_relaxed);
  return JobNumber(job);
}

void ThreadPool::Work(int thread) {
  uint64_t seen_job = 0;
  for (;;) {
    seen_job = WaitForJob(seen_job);
    if (stopping_.load(std::memory_order_relaxed)) return;
    RunTasks(thread);
  }
}

}  // namespace wnn::runtimes
