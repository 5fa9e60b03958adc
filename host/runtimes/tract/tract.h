// The `tract` runtime: Tract, an ONNX runtime in Rust, out of Wasmtime's library when that was
// built with it (-DWNN_WITH_TRACT=ON).
//
// It computes on the CPU and in the calling thread: LoadOptions::n_threads changes nothing. A
// compute looks at its deadline between operators, a load between its phases; so does the first
// compute with other shapes, which plans anew. What either allocates is limited as it is allocated.
// Inputs are copied also by BindInput: Tract reads no memory but its own. Load refuses inputs of
// any rank, texts that are not in UTF-8, and the types that Tract lacks: bfloat16, strings, complex
// numbers, float8, those of less than a byte, and, on most CPUs, float16 in convolutions and
// products.
#pragma once

#include <memory>

#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

std::shared_ptr<const Runtime> MakeTractRuntime();

}  // namespace wnn::runtimes
