// Mutated models, loaded and run: nothing breaks, and where ONNX Runtime is on this machine and
// both can run the model, they agree.
#include <memory>

#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "fuzz/target.h"
#include "host/nn/model_scan.h"
#include "tests/support/runtimes.h"

namespace wnn::fuzz {

std::vector<std::string> Seeds() { return SeedModels(); }
std::string Mutate(const std::string& input, std::mt19937& random) {
  return MutateMessage(input, random);
}

namespace {

void RunBoth(std::span<const std::byte> model) {
  static const std::shared_ptr<const runtimes::Runtime> builtin = testing::RuntimeNamed("builtin");
  static const std::shared_ptr<const runtimes::Runtime> onnxruntime =
      testing::RuntimeNamed("onnxruntime");
  if (!nn::ScanModel(model, FuzzLimits(), nullptr)) return;
  const auto ours = RunOnce(*builtin, model);
  if (!ours || onnxruntime == nullptr) return;
  const auto theirs = RunOnce(*onnxruntime, model);
  if (!theirs || !ComparesRuns()) return;
  if (const std::string difference = Difference(*ours, *theirs); !difference.empty()) {
    Fail("builtin and onnxruntime disagree: " + difference);
  }
}

}  // namespace
}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wnn::fuzz::RunBoth(std::as_bytes(std::span(data, size)));
  return 0;
}
