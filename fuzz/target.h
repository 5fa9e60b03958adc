// What a fuzz target is: one input, and the seeds to begin with. A mistake ends the process.
//
// Each target is linked twice: to libFuzzer under the `fuzz` preset, and everywhere to smoke.cc,
// which replays the seeds and some mutations of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace wnn::fuzz {

// Inputs of our own making that reach far into the target.
std::vector<std::string> Seeds();

// Changes `input` a little, keeping its structure where the target has one.
std::string Mutate(const std::string& input, std::mt19937& random);

[[noreturn]] inline void Fail(const std::string& message) {
  std::fprintf(stderr, "FUZZ FAILURE: %s\n", message.c_str());
  std::abort();
}

}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
