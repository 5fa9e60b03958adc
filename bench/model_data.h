// A model with inputs to run it on and the outputs that it must give.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn::bench {

struct Case {
  std::string name;
  Tensor input;
  std::optional<Tensor> output;  // nothing: there is nothing to compare with
};

struct ModelData {
  std::string name;  // the file's stem
  std::filesystem::path path;
  std::vector<std::byte> bytes;
  std::vector<Case> cases;
  double tolerance = 0;  // of |output - expected|
};

// kNotFound if the file cannot be read.
Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path);

// The cases in `directory`, laid out as the ONNX backend tests: test_data_set_N/input_0.pb and
// output_0.pb. Folders that lack one of them are left out.
Result<std::vector<Case>> ReadCases(const std::filesystem::path& directory);

// A float tensor that `declared` allows, with fixed pseudo-random values as of a normalised
// picture; symbolic dimensions are 1. kUnsupportedOperation for other types.
Result<Tensor> MakeInput(const ValueInfo& declared);

// The bytes of a model with one Identity node, input "0" and output "1": float of `dims`.
std::vector<std::byte> IdentityModel(std::span<const int64_t> dims);

}  // namespace wnn::bench
