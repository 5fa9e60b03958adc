// Where time goes when a model runs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace wnn::bench {

using std::chrono::nanoseconds;
using Clock = std::chrono::steady_clock;

enum class Phase : size_t {
  kCompile,         // WebAssembly to machine code
  kInstantiate,     // imports, memories and the instance
  kLoad,            // model bytes to a graph and a context
  kFirstInference,  // plans, packs and allocates what was not needed before
  kPreprocess,      // of the picture, by the guest
  kCopies,          // tensors into the runtime and out of it
  kCompute,
  kPostprocess,  // of the scores, by the guest
  kTotal,        // one inference, from the caller's tensor to the caller's buffer
};

inline constexpr std::array<std::string_view, 9> kPhaseNames = {
    "compile", "instantiate", "load", "first_inference", "preprocess", "copies",
    "compute", "postprocess", "total"};

inline constexpr std::string_view PhaseName(Phase phase) {
  return kPhaseNames[static_cast<size_t>(phase)];
}

// A duration for each phase; zero for those that a way of running does not have.
class PhaseTimes {
 public:
  nanoseconds& operator[](Phase phase) { return times_[static_cast<size_t>(phase)]; }
  nanoseconds operator[](Phase phase) const { return times_[static_cast<size_t>(phase)]; }

 private:
  std::array<nanoseconds, kPhaseNames.size()> times_{};
};

// `Lap lap; A(); times[kX] = lap(); B(); times[kY] = lap();`
class Lap {
 public:
  // Time since the last call, or since construction.
  nanoseconds operator()() {
    const Clock::time_point now = Clock::now();
    const nanoseconds passed = now - last_;
    last_ = now;
    return passed;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

}  // namespace wnn::bench
