// Trained models of many kinds, and one input for each: what real_models_test.cc runs under every
// runtime and bench/real_models.cc times. They come from other packages (tools/pins.toml) and from
// ../shared.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "host/runtimes/runtime.h"

namespace wnn::testing {

struct ModelInput {
  DType dtype = DType::kUndefined;
  Shape dims;
  std::vector<std::byte> bytes;

  TensorView view() const { return {dtype, dims, bytes}; }
};

struct RealModel {
  const char* name;
  const char* file;  // "PACKAGE/FILE" below the cache, or "shared/FILE"
  const char* kind;  // for people: what it is
  std::vector<ModelInput> (*inputs)();
  // |got - expected| <= tolerance * max(1, largest |expected| of that output). float32 models
  // differ by the order of their sums; others by roundings that either runtime leaves out where it
  // fuses.
  double tolerance = 1e-4;
};

std::span<const RealModel> RealModels();

// Nothing where the model is not on this machine.
std::optional<std::filesystem::path> FileOf(const RealModel& model);

inline void PrintTo(const RealModel& model, std::ostream* os) { *os << model.name; }

struct PreparedModel {
  std::shared_ptr<const runtimes::Graph> graph;
  std::unique_ptr<runtimes::Context> context;  // with its inputs
};
Result<PreparedModel> Prepare(const RealModel& model, const std::filesystem::path& file,
                              const runtimes::Runtime& runtime, int n_threads);

// One of a model's outputs in numbers.
struct OutputNumbers {
  DType dtype = DType::kUndefined;
  Shape dims;
  std::vector<double> numbers;
};
// All outputs of the last compute.
Result<std::vector<OutputNumbers>> Outputs(const PreparedModel& model);

// How far the outputs are from each other at most, each relative to max(1, its largest number).
// kInvalidArgument, saying where, if types or shapes differ, or the largest number of a row (of the
// last dimension) stands elsewhere and is not as good as the other within `tolerance`.
Result<double> Difference(std::span<const OutputNumbers> got,
                          std::span<const OutputNumbers> expected, double tolerance);

}  // namespace wnn::testing
