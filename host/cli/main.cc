#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "host/cli/app.h"

int main(int argc, char** argv) {
  // A guest that writes to a closed pipe gets an error, as under Wasmtime's own command.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return wnn::cli::RunApp(words);
  } catch (const std::exception& error) {  // the standard library's: out of memory
    std::fprintf(stderr, "Error: %s\n", error.what());
    return wnn::cli::kExitFailure;
  }
}
