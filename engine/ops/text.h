// What operators on strings share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/stop_check.h"
#include "engine/ops/evaluate_context.h"

namespace wnn::ops {

// Collects the strings of an output, within the limits while they are made.
class TextBuilder {
 public:
  // For at most `n` strings.
  static Result<TextBuilder> Make(const EvaluateContext& context, int64_t n);
  // kTooLarge when all strings together are over the limit of one tensor or of the run. kTimeout,
  // now and then, once the run is to stop.
  Status Add(std::string text);
  int64_t size() const { return static_cast<int64_t>(strings_.elements.size()); }
  // REQUIRES: as many strings as `shape` has.
  Result<Value> Finish(Shape shape) &&;

 private:
  explicit TextBuilder(const EvaluateContext& context)
      : context_(&context), strings_(context.budget()), check_(context.parallel()) {}

  const EvaluateContext* context_;
  StringTensor strings_;
  uint64_t n_bytes_ = 0;
  StopCheck check_;
};

// The text with its letters in the other case: Latin, Greek and Cyrillic ones that have one
// counterpart, which are all that have no rules of their own. Ends early once `parallel` is
// stopped.
std::string ToLower(std::string_view text, Parallel& parallel = NeverStopped());
std::string ToUpper(std::string_view text, Parallel& parallel = NeverStopped());

}  // namespace wnn::ops
