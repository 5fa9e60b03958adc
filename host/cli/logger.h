// The log of the command line: lines on standard error.
#pragma once

#include <memory>

#include "engine/base/log.h"

namespace wnn::cli {

// Messages at `level` and graver go to standard error as "[warning] message". Thread-safe.
std::unique_ptr<Logger> MakeStderrLogger(LogLevel level);

}  // namespace wnn::cli
