// Small models as seeds, and one run of a model.
#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/runtimes/runtime.h"

namespace wnn::fuzz {

// One model or more for most families of operators, of a few hundred bytes each.
std::vector<std::string> SeedModels();
// Those, one with a function, and one or more for every operator there is.
std::vector<std::string> MoreSeedModels();

// Changes a model as a message, or joins it with one of those.
std::string MutateModel(const std::string& model, std::mt19937& random);

// Small, so that many models are tried in a second.
Limits FuzzLimits();

// Loads and runs a model once. Inputs are the same numbers for the same types and shapes; open
// dimensions are 2.
Result<std::vector<Tensor>> RunOnce(const runtimes::Runtime& runtime,
                                    std::span<const std::byte> model);

// Whether a model names an operator whose results may differ from run to run.
bool IsRandom(std::string_view model);

// Whether runs are compared: not with WNN_FUZZ_COMPARE=no. Where a mutation leaves ONNX's rules,
// two runtimes may both be right: a person should look, not every test run.
bool ComparesRuns();

// How two runs differ by more than rounding; empty if they do not.
std::string Difference(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace wnn::fuzz
