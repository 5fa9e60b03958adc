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

// One inference through one of the ABIs.
struct AbiCall {
  Summary time;
  uint64_t bytes_copied = 0;  // by WASI-NN, as the host reports
};

// An Identity model of one float tensor.
struct Overhead {
  std::string runtime;
  Shape shape;
  size_t tensor_bytes = 0;  // of the input and of the output together
  Summary native;           // copying the input in and the output out
  Summary native_borrowed;  // copying neither
  Summary memcpy;           // of tensor_bytes, the same two copies
  AbiCall witx;
  AbiCall wit;
  bool verified = false;
  std::string problem;  // empty exactly when verified

  // Of minimum times: over a native call that copies, and over one that does not plus the copies.
  nanoseconds Added(const AbiCall& call) const { return call.time.min - native.min; }
  nanoseconds AddedOverCopies(const AbiCall& call) const {
    return call.time.min - native_borrowed.min - memcpy.min;
  }
  // One copy of input and output, and no more time than the target besides.
  bool WithinTarget(const AbiCall& call) const {
    return verified && call.bytes_copied == tensor_bytes && Added(call) <= kOverheadTarget &&
           AddedOverCopies(call) <= kOverheadTarget;
  }
};

// All of them, measured in turns on one thread, for each runtime and shape.
Result<std::vector<Overhead>> TimeOverhead(std::span<const RuntimePtr> runtimes,
                                           wasm::Engine& engine, nanoseconds budget_each);

}  // namespace wnn::bench
