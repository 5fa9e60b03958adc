// What WASI-NN adds to a native call, shown by models that compute nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "bench/stats.h"
#include "bench/ways.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/wasm/engine.h"

namespace wnn::bench {

inline constexpr nanoseconds kOverheadTarget = std::chrono::microseconds(20);

// An Identity model of one float tensor.
struct Overhead {
  std::string runtime;
  Shape shape;
  size_t tensor_bytes = 0;    // of the input and of the output together
  uint64_t bytes_copied = 0;  // by WASI-NN in one inference, as the host reports
  Summary native;             // copying the input in and the output out
  Summary native_borrowed;    // copying neither
  Summary witx;
  Summary memcpy;  // of tensor_bytes, the same two copies
  bool verified = false;
  std::string problem;  // empty exactly when verified

  // Of minimum times: over a native call that copies, and over one that does not plus the copies.
  nanoseconds Added() const { return witx.min - native.min; }
  nanoseconds AddedOverCopies() const { return witx.min - native_borrowed.min - memcpy.min; }
  // One copy of input and output, and no more time than the target besides.
  bool WithinTarget() const {
    return verified && bytes_copied == tensor_bytes && Added() <= kOverheadTarget &&
           AddedOverCopies() <= kOverheadTarget;
  }
};

// The four, measured in turns on one thread, for each runtime and shape.
Result<std::vector<Overhead>> TimeOverhead(std::span<const RuntimePtr> runtimes,
                                           wasm::Engine& engine, nanoseconds budget_each);

}  // namespace wnn::bench
