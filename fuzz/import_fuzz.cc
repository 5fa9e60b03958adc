// Any bytes through the scan of models, then import, inference, optimisation and a plan.
#include <chrono>

#include "engine/engine.h"
#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "fuzz/target.h"
#include "host/nn/model_scan.h"

namespace wnn::fuzz {

std::vector<std::string> Seeds() { return MoreSeedModels(); }
std::string Mutate(const std::string& input, std::mt19937& random) {
  return random() % 8 == 0 ? MutateBytes(input, random) : MutateModel(input, random);
}

}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  static_cast<void>(wnn::nn::ScanModel(bytes, wnn::fuzz::FuzzLimits(), nullptr).has_value());
  // The engine stands on its own feet, too: it is given what the scan refuses.
  wnn::engine::LoadOptions options;
  options.limits = wnn::fuzz::FuzzLimits();
  options.stop.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  static_cast<void>(wnn::engine::Model::Load(bytes, options).has_value());
  return 0;
}
