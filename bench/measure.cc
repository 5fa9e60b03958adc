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

// Whether a thread of this process other than the calling one runs or wants to, which is what a
// spinning pool does. Not from the processor time used, which the kernel counts in ticks of
// milliseconds for threads that are running.
bool OthersRun() {
  const std::string own = std::to_string(gettid());
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/task", error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename() == own) continue;
    std::ifstream file(it->path() / "stat");
    std::string stat;
    std::getline(file, stat);
    // "id (name) state ...", and the name may hold anything.
    const size_t name_end = stat.rfind(") ");
    if (name_end != std::string::npos && stat.compare(name_end + 2, 1, "R") == 0) return true;
  }
  return false;
}

Status RunBlock(Subject& subject, const MeasureOptions& options, std::vector<PhaseTimes>& runs) {
  WNN_ASSIGN_OR_RETURN(PhaseTimes warm_up, subject.Infer());
  static_cast<void>(warm_up);
  const Clock::time_point end = Clock::now() + options.min_block;
  for (size_t i = 0; i < options.min_block_runs || Clock::now() < end; ++i) {
    WNN_ASSIGN_OR_RETURN(PhaseTimes times, subject.Infer());
    runs.push_back(times);
  }
  return OkStatus();
}

}  // namespace

nanoseconds WaitUntilIdle() {
  const Clock::time_point start = Clock::now();
  nanoseconds waited{};
  for (int quiet = 0; quiet < kQuietLooks && waited < kLongestWait;) {
    std::this_thread::sleep_for(kLook);
    quiet = OthersRun() ? 0 : quiet + 1;
    waited = Clock::now() - start;
  }
  return waited;
}

Result<Measurements> Measure(std::span<const std::unique_ptr<Subject>> subjects,
                             const MeasureOptions& options) {
  Measurements result;
  result.runs.resize(subjects.size());
  if (subjects.empty()) return result;
  const Clock::time_point end = Clock::now() + options.budget;
  while (result.runs.back().size() < options.min_runs || Clock::now() < end) {
    for (size_t i = 0; i < subjects.size(); ++i) {
      result.longest_wait = std::max(result.longest_wait, WaitUntilIdle());
      Status status = RunBlock(*subjects[i], options, result.runs[i]);
      if (!status.ok()) return std::move(status).WithContext(ToString(subjects[i]->id()));
    }
  }
  return result;
}

}  // namespace wnn::bench
