// How late calls end that have a deadline.
#pragma once

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace wnn::testing {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Milliseconds of processor time that a thread has used.
inline double CpuTime(pthread_t thread) {
  clockid_t clock;
  timespec time{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// How late a call ended, in milliseconds: by the clock, and by what its thread computed, which is
// the same on a machine that is not busy.
struct Late {
  double wall = 0;
  double cpu = 0;
  int stopped = 0;  // how many calls were
};

// Calls `call` with its deadline, `time` after it begins.
template <typename Call>
Late Measure(milliseconds time, Call call) {
  const pthread_t self = pthread_self();
  const auto at = Clock::now() + time;
  double cpu_then = 0;
  std::thread watch([&] {
    std::this_thread::sleep_until(at);
    cpu_then = CpuTime(self);
  });
  const bool stopped = call(at);
  const double wall = std::chrono::duration<double, std::milli>(Clock::now() - at).count();
  const double cpu_now = CpuTime(self);
  watch.join();
  if (!stopped) return {};
  return {wall, std::max(cpu_now - cpu_then, 0.0), 1};
}

// The latest of several calls, each with half as much time again as the one before, until one says
// that it was not stopped. WNN_ROUNDS=n: at most so many, else one.
template <typename Call>
Late Sweep(Call call) {
  const char* wanted = std::getenv("WNN_ROUNDS");
  const int rounds = wanted != nullptr ? std::max(std::atoi(wanted), 1) : 1;
  Late most;
  milliseconds time{20};
  for (int round = 0; round < rounds; ++round, time += time / 2) {
    const Late late = Measure(time, call);
    if (late.stopped == 0) break;
    most = {std::max(most.wall, late.wall), std::max(most.cpu, late.cpu), round + 1};
  }
  return most;
}

inline void Print(const Late& late, const std::string& name) {
  std::printf("%8.1f ms late, %8.1f ms of computing, stopped %d times: %s\n", late.wall, late.cpu,
              late.stopped, name.c_str());
  std::fflush(stdout);
}

}  // namespace wnn::testing
