// What runs the suite's models: the engine, or a runtime of the host.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
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

// The runtimes of host/runtimes that are built, but `builtin`.
std::vector<std::string_view> OtherRuntimes();

// One of them, the same for every call in a process. kNotFound if its library is not there.
Result<std::unique_ptr<Subject>> LoadInRuntime(std::string_view name,
                                               std::span<const std::byte> model);

}  // namespace wnn::conformance
