// A core module that calls WASI-NN with any arguments, on a memory of anything.
#include <memory>
#include <optional>

#include "fuzz/calls.h"
#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "fuzz/target.h"
#include "host/nn/session.h"
#include "tests/abi/guest.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::fuzz {
namespace {

constexpr std::pair<const char*, size_t> kFunctions[] = {{"load", 5},
                                                         {"load_by_name", 3},
                                                         {"set_input", 3},
                                                         {"init_execution_context", 2},
                                                         {"compute", 1},
                                                         {"get_output", 5},
                                                         {"unload", 1},
                                                         {"finalize_execution_context", 1},
                                                         {"load_by_name_with_config", 5}};

// Where things lie in the guest's memory, for arguments that make sense.
constexpr uint32_t kOut = 64, kModel = 4096, kBuilder = 128, kTensor = 192, kDims = 256,
                   kData = 320, kBuffer = 512;

// The session is made anew for each input; the guest, whose code was compiled, stays.
struct World {
  World() {
    nn::EnvironmentOptions options;
    options.runtime = testing::RuntimeNamed("builtin");
    options.limits = FuzzLimits();
    environment = std::make_shared<nn::Environment>(options);
    session.emplace(environment, nn::SessionOptions{});
    guest.emplace(*session);
  }
  std::shared_ptr<nn::Environment> environment;
  std::optional<nn::Session> session;
  std::optional<testing::Guest> guest;
};

void Store(std::span<std::byte> memory, uint32_t at, uint32_t value) {
  std::memcpy(memory.data() + at, &value, sizeof(value));
}

void Prepare(std::span<std::byte> memory) {
  static const std::string model = testing::IdentityModel(DType::kFloat, {2});
  std::memcpy(memory.data() + kModel, model.data(), model.size());
  Store(memory, kBuilder, kModel);
  Store(memory, kBuilder + 4, static_cast<uint32_t>(model.size()));
  Store(memory, kTensor, kDims);
  Store(memory, kTensor + 4, 1);
  Store(memory, kTensor + 8, 1);
  Store(memory, kTensor + 12, kData);
  Store(memory, kTensor + 16, 8);
  Store(memory, kDims, 2);
}

uint32_t Argument(CallReader& calls) {
  constexpr uint32_t kKnown[] = {kOut,
                                 kBuilder,
                                 kTensor,
                                 kBuffer,
                                 kModel,
                                 kData,
                                 8,
                                 0xffffffff,
                                 testing::Guest::kMemoryBytes - 4,
                                 testing::Guest::kMemoryBytes};
  const uint8_t kind = calls.Byte();
  if (kind < 128) return kind % 6;
  if (kind < 230) return kKnown[kind % std::size(kKnown)];
  return calls.U32();
}

}  // namespace

// A byte for the function, one for each argument.
std::vector<std::string> Seeds() {
  const auto text = [](std::initializer_list<int> bytes) {
    std::string out;
    for (int byte : bytes) out += static_cast<char>(byte);
    return out;
  };
  // 128 + k is the k-th known number, from 130 on: kOut is 130, kBuilder 131, kTensor 132.
  const std::string load = text({0, 131, 1, 1, 0, 130});
  const std::string init = text({3, 0, 130});
  const std::string set = text({2, 0, 0, 132});
  const std::string get = text({5, 0, 0, 133, 136, 130});
  return {load + init + set + text({4, 0}) + get + text({7, 0}) + text({6, 0}),
          text({1, 134, 4, 130}) + text({8, 134, 4, 134, 4, 130}),
          load + load + init + text({6, 0}) + set + text({4, 0}) + get,
          text({9, 4, 0, 0, 0, 0, 0}) + load};
}
std::string Mutate(const std::string& input, std::mt19937& random) {
  return MutateBytes(input, random);
}

namespace {

void Run(std::span<const std::byte> bytes) {
  static World world;
  world.session.emplace(world.environment, nn::SessionOptions{});
  Prepare(world.guest->memory());
  CallReader calls(bytes);
  for (int n = 0; n < 64 && !calls.AtEnd(); ++n) {
    const uint8_t choice = calls.Byte();
    const size_t function = choice % (std::size(kFunctions) + 1);
    if (function == std::size(kFunctions)) {  // the guest writes to its memory
      const uint32_t at = calls.U32() % 8192;
      Store(world.guest->memory(), at, calls.U32());
      continue;
    }
    std::vector<uint32_t> args;
    for (size_t i = 0; i < kFunctions[function].second; ++i) args.push_back(Argument(calls));
    const auto error = static_cast<int>(world.guest->Call(kFunctions[function].first, args));
    if (error < 0 || error > 8) Fail("an errno that there is not: " + std::to_string(error));
  }
}

}  // namespace
}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wnn::fuzz::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
