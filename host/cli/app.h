// The command line program, apart from the process around it.
#pragma once

#include <span>
#include <string>

namespace wnn::cli {

// Exit codes beside the guest's own.
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;

// Does what `words` (the program's own name not among them) ask for and returns the exit code.
// Prints results to standard output, errors and reports to standard error. Call once a process.
int RunApp(std::span<const std::string> words);

}  // namespace wnn::cli
