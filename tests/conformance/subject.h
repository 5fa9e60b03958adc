// What runs the suite's models: the engine, or a runtime of the host.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/image_decoder.h"
#include "engine/base/status.h"
#include "tests/conformance/case_value.h"

namespace wnn::conformance {

class Subject {
 public:
  virtual ~Subject() = default;
  // All outputs for these inputs, which are as many as the model has.
  virtual Result<std::vector<CaseValue>> Run(const std::vector<CaseValue>& inputs) = 0;
};

// The engine, its graph optimised or not. `model` is borrowed for the call; `decoder` may be null.
Result<std::unique_ptr<Subject>> LoadInEngine(std::span<const std::byte> model, bool optimize,
                                              std::shared_ptr<const ImageDecoder> decoder);

// ONNX Runtime through host/runtimes. kNotFound if its library is not there.
Result<std::unique_ptr<Subject>> LoadInOnnxRuntime(std::span<const std::byte> model);

}  // namespace wnn::conformance
