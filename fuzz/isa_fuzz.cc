// Mutated models under every instruction set of this machine: all give the same, up to rounding.
#include "engine/kernels/isa.h"
#include "fuzz/models.h"
#include "fuzz/target.h"
#include "host/nn/model_scan.h"
#include "tests/support/runtimes.h"

namespace wnn::fuzz {

std::vector<std::string> Seeds() { return MoreSeedModels(); }
std::string Mutate(const std::string& input, std::mt19937& random) {
  return MutateModel(input, random);
}

namespace {

void RunUnderEach(std::span<const std::byte> model) {
  static const std::shared_ptr<const runtimes::Runtime> builtin = testing::RuntimeNamed("builtin");
  static const std::vector<std::string> isas = kernels::SupportedIsas();
  if (!nn::ScanModel(model, FuzzLimits(), nullptr)) return;
  const bool compares =
      ComparesRuns() && !IsRandom({reinterpret_cast<const char*>(model.data()), model.size()});
  std::vector<Tensor> best;
  for (const std::string& isa : isas) {
    if (!kernels::RestrictIsa(isa).ok()) Fail("cannot restrict to " + isa);
    auto outputs = RunOnce(*builtin, model);
    if (&isa == &isas.front()) {
      if (!outputs) break;
      best = *std::move(outputs);
    } else if (!compares) {
      continue;
    } else if (!outputs) {
      if (outputs.error().code() != Code::kTimeout) Fail(isa + " refuses what others run");
    } else if (const std::string difference = Difference(*outputs, best); !difference.empty()) {
      Fail(isa + " and " + isas.front() + " disagree: " + difference);
    }
  }
  if (!kernels::RestrictIsa("").ok()) Fail("cannot lift the restriction");
}

}  // namespace
}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wnn::fuzz::RunUnderEach(std::as_bytes(std::span(data, size)));
  return 0;
}
