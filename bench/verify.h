// Whether a subject computes what it should.
#pragma once

#include <optional>
#include <string>

#include "bench/model_data.h"
#include "bench/subject.h"
#include "engine/base/status.h"

namespace wnn::bench {

// The largest absolute difference between two float32 tensors; infinite when one has a NaN that the
// other has not. kInvalidArgument when type or number of elements differ.
Result<double> MaxAbsError(const TensorView& actual, const TensorView& expected);

struct Verdict {
  bool verified = false;
  std::optional<double> max_abs_error;  // nothing when no output was there to compare
  std::string problem;                  // empty exactly when verified
  nanoseconds first_inference{};        // the very first one; zero when it failed
};

// Runs the subject on every case of `data` and leaves case 0 as its input.
Verdict Verify(Subject& subject, const ModelData& data);

// Whether the last output is still that of case 0: for after the measurement.
Verdict VerifyLastOutput(Subject& subject, const ModelData& data);

}  // namespace wnn::bench
