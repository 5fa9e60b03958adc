#include "bench/verify.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

namespace wnn::bench {
namespace {

float FloatAt(const TensorView& tensor, size_t index) {
  float value;
  std::memcpy(&value, tensor.data.data() + index * sizeof(value), sizeof(value));
  return value;
}

std::string Text(const TensorView& tensor) { return TensorTypeToString(tensor.dtype, tensor.dims); }

// Compares one output and adds what it finds to `verdict`. False when it is wrong.
bool Compare(const TensorView& output, const Case& expected, double tolerance, Verdict& verdict) {
  if (!expected.output) {
    verdict.problem = "case " + expected.name + ": there is no expected output to compare with";
    return false;
  }
  Result<double> error = MaxAbsError(output, expected.output->view());
  if (!error) {
    verdict.problem = "case " + expected.name + ": " + std::string(error.error().message());
    return false;
  }
  verdict.max_abs_error = std::max(verdict.max_abs_error.value_or(0), *error);
  if (*error <= tolerance) return true;
  verdict.problem = "case " + expected.name + ": the output is off by " + std::to_string(*error) +
                    ", more than " + std::to_string(tolerance);
  return false;
}

Status RunCase(Subject& subject, const Case& one, nanoseconds* time) {
  WNN_RETURN_IF_ERROR(subject.SetInput(one.input.view()));
  WNN_ASSIGN_OR_RETURN(PhaseTimes times, subject.Infer());
  *time = times[Phase::kTotal];
  return OkStatus();
}

}  // namespace

Result<double> MaxAbsError(const TensorView& actual, const TensorView& expected) {
  if (actual.dtype != DType::kFloat || expected.dtype != DType::kFloat ||
      actual.data.size() != expected.data.size()) {
    return InvalidArgument("the output is " + Text(actual) + ", expected is " + Text(expected) +
                           "; only float outputs can be compared");
  }
  double largest = 0;
  for (size_t i = 0; i < actual.data.size() / sizeof(float); ++i) {
    const float a = FloatAt(actual, i);
    const float b = FloatAt(expected, i);
    if (std::isnan(a) != std::isnan(b)) return std::numeric_limits<double>::infinity();
    if (std::isnan(a) || a == b) continue;
    largest = std::max(largest, std::abs(static_cast<double>(a) - static_cast<double>(b)));
  }
  return largest;
}

Verdict Verify(Subject& subject, const ModelData& data) {
  Verdict verdict;
  for (const Case& one : data.cases) {
    nanoseconds time{};
    Status status = RunCase(subject, one, &time);
    if (!status.ok()) {
      verdict.problem = "case " + one.name + ": " + std::string(status.message());
      return verdict;
    }
    if (verdict.first_inference == nanoseconds{}) verdict.first_inference = time;
    if (!Compare(subject.output(), one, data.tolerance, verdict)) return verdict;
  }
  if (data.cases.empty()) {
    verdict.problem = "there is no test data, and no other runtime whose output could be expected";
    return verdict;
  }
  Status status = subject.SetInput(data.cases.front().input.view());
  verdict.problem = std::string(status.message());
  verdict.verified = status.ok();
  return verdict;
}

Verdict VerifyLastOutput(Subject& subject, const ModelData& data) {
  Verdict verdict;
  verdict.verified = Compare(subject.output(), data.cases.front(), data.tolerance, verdict);
  if (!verdict.verified) verdict.problem = "after the measurement: " + verdict.problem;
  return verdict;
}

}  // namespace wnn::bench
