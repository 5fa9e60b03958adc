#include "host/runtimes/builtin/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace wnn::runtimes {
namespace {

TEST(ThreadPool, RunsEachTaskOnce) {
  for (int n_threads : {1, 2, 4}) {
    ThreadPool pool(n_threads);
    EXPECT_EQ(pool.n_threads(), n_threads);
    for (size_t n_tasks : {0, 1, 2, 3, 17, 1000}) {
      std::vector<std::atomic<int>> runs(n_tasks);
      pool.ForEach(n_tasks, [&](size_t task, int thread) {
        EXPECT_GE(thread, 0);
        EXPECT_LT(thread, n_threads);
        runs[task].fetch_add(1);
      });
      for (size_t i = 0; i < n_tasks; ++i) EXPECT_EQ(runs[i].load(), 1) << i << " of " << n_tasks;
    }
  }
}

TEST(ThreadPool, RunsMoreTasksThanFitInOneJob) {
  ThreadPool pool(3);
  constexpr size_t kTasks = 1'200'000;
  std::vector<uint8_t> runs(kTasks);
  pool.ForEach(kTasks, [&](size_t task, int) { ++runs[task]; });
  for (size_t i = 0; i < kTasks; ++i) ASSERT_EQ(runs[i], 1) << i;
}

TEST(ThreadPool, TasksOfOneThreadDoNotOverlap) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  pool.ForEach(2000, [&](size_t, int thread) {
    EXPECT_EQ(inside[thread].fetch_add(1), 0);
    std::this_thread::yield();
    inside[thread].fetch_sub(1);
  });
}

TEST(ThreadPool, ManyShortJobsInARow) {
  ThreadPool pool(2);
  std::atomic<size_t> sum{0};
  for (int job = 0; job < 20'000; ++job) {
    pool.ForEach(3, [&](size_t task, int) { sum.fetch_add(task); });
  }
  EXPECT_EQ(sum.load(), 3u * 20'000);
}

TEST(ThreadPool, ManyCallersAtOnce) {
  ThreadPool pool(2);
  std::atomic<size_t> n_runs{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int job = 0; job < 500; ++job) {
        pool.ForEach(7, [&](size_t, int) { n_runs.fetch_add(1); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(n_runs.load(), 4u * 500 * 7);
}

}  // namespace
}  // namespace wnn::runtimes
