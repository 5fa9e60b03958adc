// One way of running one model: what the benchmark times.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/phases.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/runtimes/runtime.h"

namespace wnn::bench {

// The names under which a subject is reported.
struct SubjectId {
  std::string model;    // the file's stem
  std::string runtime;  // "builtin", "onnxruntime", "openvino", ...
  std::string path;     // "native", "witx", "wit", "pure-simd", ...
  int n_threads = 1;
  runtimes::Target target = runtimes::Target::kCpu;
};

// "squeezenet1.1 on builtin, witx, 2 threads"
std::string ToString(const SubjectId& id);

// `SetInput (Infer output | RunBlock)*`, any number of times. The model has one input; output 0
// counts. Thread-compatible.
class Subject {
 public:
  virtual ~Subject() = default;

  virtual const SubjectId& id() const = 0;
  // What creating it took: compile, instantiate, load.
  virtual const PhaseTimes& setup() const = 0;

  // Puts `input` where the caller of an inference has it; not part of an inference.
  // Lifetime: `input.data` outlives the inferences.
  virtual Status SetInput(const TensorView& input) = 0;

  // One inference: from the caller's tensor to the caller's buffer. Returns at least kTotal, timed
  // by the subject, so that one in another process can time itself.
  virtual Result<PhaseTimes> Infer() = 0;

  // An inference that is not timed, then timed ones: at least `min_runs`, and for at least
  // `min_time`. Subjects in another process do the whole block there.
  virtual Result<std::vector<PhaseTimes>> RunBlock(size_t min_runs, nanoseconds min_time);

  // What the last inference put into the caller's buffer, until the next call.
  virtual TensorView output() = 0;

  // The process that computes, if it is another one.
  virtual std::optional<pid_t> process() const { return std::nullopt; }
};

}  // namespace wnn::bench
