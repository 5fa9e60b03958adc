#include "bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace wnn::bench {
namespace {

constexpr nanoseconds kLook = std::chrono::microseconds(200);
constexpr int kQuietLooks = 3;  // in a row: a thread that yields may be caught between two turns
constexpr nanoseconds kLongestWait = std::chrono::milliseconds(500);

// Whether a thread in this folder of /proc, other than `except`, runs or waits for a core.
bool AnyRuns(const std::string& tasks, const std::string& except) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(tasks, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename() == except) continue;
    std::ifstream file(it->path() / "stat");
    std::string stat;
    std::getline(file, stat);
    // "id (name) state ...", and the name may hold anything.
    const size_t name_end = stat.rfind(") ");
    if (name_end != std::string::npos && stat.compare(name_end + 2, 1, "R") == 0) return true;
  }
  return false;
}

// Whether a thread of this process other than the calling one, or of one of `others`, runs or wants
// to, which is what a spinning pool does. Not from the processor time used, which the kernel counts
// in ticks of milliseconds for threads that are running.
bool OthersRun(std::span<const pid_t> others) {
  const std::string own = std::to_string(gettid());
  if (AnyRuns("/proc/self/task", own)) return true;
  return std::any_of(others.begin(), others.end(), [](pid_t process) {
    return AnyRuns("/proc/" + std::to_string(process) + "/task", "");
  });
}

std::vector<pid_t> ProcessesOf(std::span<const std::unique_ptr<Subject>> subjects) {
  std::vector<pid_t> processes;
  for (const auto& subject : subjects) {
    if (const auto process = subject->process()) processes.push_back(*process);
  }
  return processes;
}

}  // namespace

nanoseconds WaitUntilIdle(std::span<const pid_t> others) {
  const Clock::time_point start = Clock::now();
  nanoseconds waited{};
  for (int quiet = 0; quiet < kQuietLooks && waited < kLongestWait;) {
    std::this_thread::sleep_for(kLook);
    quiet = OthersRun(others) ? 0 : quiet + 1;
    waited = Clock::now() - start;
  }
  return waited;
}

Result<Measurements> Measure(std::span<const std::unique_ptr<Subject>> subjects,
                             const MeasureOptions& options) {
  Measurements result;
  result.runs.resize(subjects.size());
  if (subjects.empty()) return result;
  const std::vector<pid_t> processes = ProcessesOf(subjects);
  const Clock::time_point end = Clock::now() + options.budget;
  while (result.runs.back().size() < options.min_runs || Clock::now() < end) {
    for (size_t i = 0; i < subjects.size(); ++i) {
      result.longest_wait = std::max(result.longest_wait, WaitUntilIdle(processes));
      auto block = subjects[i]->RunBlock(options.min_block_runs, options.min_block);
      if (!block) return std::move(block.error()).WithContext(ToString(subjects[i]->id()));
      result.runs[i].insert(result.runs[i].end(), block->begin(), block->end());
    }
  }
  return result;
}

}  // namespace wnn::bench
