// Layers of 4-bit weights, as language models have them.
#pragma once

#include "engine/base/status.h"

namespace wnn::bench {

// Prints a section of Markdown: chains of MatMulNBits under `builtin` and `onnxruntime`, and the
// same numbers as floats under `builtin`, each for `seconds` a way and number of threads. The
// outputs agree before anything is timed. Errors of the runtimes; kRuntimeError where outputs
// differ.
Status ReportNBitModels(double seconds);

}  // namespace wnn::bench
