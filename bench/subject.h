// One way of running one model: what the benchmark times.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "bench/phases.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn::bench {

// The names under which a subject is reported.
struct SubjectId {
  std::string model;    // the file's stem
  std::string runtime;  // "builtin", "onnxruntime"
  std::string path;     // "native", "witx"
  int n_threads = 1;
};

// "squeezenet1.1 on builtin, witx, 2 threads"
std::string ToString(const SubjectId& id);

// `SetInput (Infer output)*`, any number of times. The model has one input; output 0 counts.
// Thread-compatible.
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

  // What the last Infer put into the caller's buffer, until the next Infer or SetInput.
  virtual TensorView output() = 0;
};

}  // namespace wnn::bench
