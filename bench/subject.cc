#include "bench/subject.h"

namespace wnn::bench {

std::string ToString(const SubjectId& id) {
  return id.model + " on " + id.runtime + ", " + id.path + ", " + std::to_string(id.n_threads) +
         (id.n_threads == 1 ? " thread" : " threads") +
         (id.target == runtimes::Target::kGpu ? ", GPU" : "");
}

Result<std::vector<PhaseTimes>> Subject::RunBlock(size_t min_runs, nanoseconds min_time) {
  WNN_ASSIGN_OR_RETURN(PhaseTimes warm_up, Infer());
  static_cast<void>(warm_up);
  std::vector<PhaseTimes> runs;
  const Clock::time_point end = Clock::now() + min_time;
  while (runs.size() < min_runs || Clock::now() < end) {
    WNN_ASSIGN_OR_RETURN(PhaseTimes times, Infer());
    runs.push_back(times);
  }
  return runs;
}

}  // namespace wnn::bench
