// How classify infers: one interface, and one of two implementations linked behind it.
//
//   wasi_nn_classifier.cc                    the host infers, through WASI-NN
//   guest/pure-wasm/engine_classifier.cc     the engine is part of the module
//
// Errors are texts for the person at the command line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace wnn::classify {

template <typename T>
using Outcome = std::expected<T, std::string>;

// Where a model is computed.
enum class Target { kCpu, kGpu };

// A loaded model: (SetInput Compute Scores)*. Thread-compatible.
class Classifier {
 public:
  virtual ~Classifier() = default;

  // Sets the model's input 0. `pixels`, as many as `dims` multiply to, are borrowed until the next
  // call of SetInput or the classifier's end.
  virtual Outcome<void> SetInput(std::span<const std::uint32_t> dims,
                                 std::span<const float> pixels) = 0;
  virtual Outcome<void> Compute() = 0;
  // The model's output 0, whole. Borrowed until the next Scores.
  virtual Outcome<std::span<const float>> Scores() = 0;
};

// Loads an ONNX file's bytes, borrowed for the call.
Outcome<std::unique_ptr<Classifier>> LoadModel(std::span<const std::byte> model, Target target);

// Loads a model that the host offers by name.
Outcome<std::unique_ptr<Classifier>> LoadGraph(const std::string& name);

}  // namespace wnn::classify
