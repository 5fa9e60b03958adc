// Guests that call WASI-NN from several threads, and before they are instantiated.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>
#include <vector>
#include <wasmtime.hh>

#include "host/abi/witx/witx.h"
#include "host/nn/fake_runtime.h"
#include "tests/abi/witx_fixture.h"

namespace wnn::testing {
namespace {

constexpr uint32_t kF32 = 1;  // in every dialect

class WitxThreadTest : public WitxTest {};

INSTANTIATE_TEST_SUITE_P(Abi, WitxThreadTest, EveryRuntimeAndDialect(), WitxParamName);

// Two instances on one memory, as threads are in WebAssembly.
TEST_P(WitxThreadTest, ContextsSideBySide) {
  Restart(GuestMemoryKind::kShared);
  Guest second(*session_, guest());
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {-1}));
  const auto infer = [graph](Guest& guest, float first_value) {
    uint32_t context = kUntouched;
    ASSERT_EQ(guest.InitExecutionContext(graph, &context), Errno::kSuccess);
    for (uint32_t n = 1; n <= 50; ++n) {
      std::vector<float> values(n);
      std::iota(values.begin(), values.end(), first_value);
      ASSERT_EQ(guest.SetInput(context, 0, {n}, kF32, std::as_bytes(std::span(values))),
                Errno::kSuccess);
      ASSERT_EQ(guest.Compute(context), Errno::kSuccess);
      std::vector<std::byte> output;
      uint32_t size = kUntouched;
      ASSERT_EQ(guest.GetOutput(context, 0, n * 4, &output, &size), Errno::kSuccess);
      ASSERT_EQ(std::memcmp(output.data(), values.data(), size), 0);
    }
  };
  std::thread other(infer, std::ref(second), 1000.0f);
  infer(guest(), 0.0f);
  other.join();
}

// A context that the other thread is computing on.
class WitxBusyTest : public ::testing::TestWithParam<WitxDialect> {};

INSTANTIATE_TEST_SUITE_P(Abi, WitxBusyTest,
                         ::testing::Values(WitxDialect::kAuto, WitxDialect::kCurrent,
                                           WitxDialect::kOld),
                         [](const auto& test) { return WitxParamName({{"fake", test.param}, 0}); });

TEST_P(WitxBusyTest, EveryCallOnTheContext) {
  auto control = std::make_shared<nn::FakeRuntime::Control>();
  nn::EnvironmentOptions options;
  options.runtime = std::make_shared<nn::FakeRuntime>(control);
  nn::Session session(std::make_shared<nn::Environment>(options), {});
  Guest first(session, GuestMemoryKind::kShared, GetParam());
  Guest second(session, first);
  const std::string model = IdentityModel(DType::kFloat, {1});
  const std::vector<float> value = {1};
  uint32_t graph = kUntouched;
  uint32_t context = kUntouched;
  ASSERT_EQ(first.Load(AsBytes(model), &graph), Errno::kSuccess);
  ASSERT_EQ(first.InitExecutionContext(graph, &context), Errno::kSuccess);
  ASSERT_EQ(first.SetInput(context, 0, {1}, kF32, std::as_bytes(std::span(value))),
            Errno::kSuccess);

  std::vector<Errno> seen;
  control->during_compute = [&] {
    std::thread other([&] {
      std::vector<std::byte> output;
      uint32_t size = 0;
      seen = {second.SetInput(context, 0, {1}, kF32, std::as_bytes(std::span(value))),
              second.Compute(context), second.GetOutput(context, 0, 4, &output, &size),
              second.Call("finalize_execution_context", {context})};
    });
    other.join();
  };
  EXPECT_EQ(first.Compute(context), Errno::kSuccess);
  const Errno busy = GetParam() == WitxDialect::kOld ? Errno{3} : Errno{4};
  EXPECT_EQ(seen, std::vector<Errno>(4, busy));
  control->during_compute = nullptr;
  EXPECT_EQ(second.Compute(context), Errno::kSuccess);
}

std::string StartSource(const std::string& model) {
  std::ifstream file(WNN_SOURCE_DIR "/tests/abi/start.wat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::string bytes;
  constexpr const char* kDigits = "0123456789abcdef";
  for (unsigned char byte : model) {
    bytes += {'\\', kDigits[byte / 16], kDigits[byte % 16]};
  }
  const auto replace = [&text](std::string_view place, const std::string& value) {
    text.replace(text.rfind(place), place.size(), value);
  };
  replace("(SIZE)", std::to_string(model.size()));
  replace("(MODEL)", bytes);
  return text;
}

TEST_P(WitxThreadTest, StartSectionsMayInfer) {
  wasmtime::Engine engine;
  wasmtime::Store store(engine);
  wasmtime::Linker linker(engine);
  ASSERT_TRUE(abi::AddWitxToLinker(
                  linker.capi(), [this](wasmtime_context_t*) -> nn::Session& { return *session_; },
                  dialect())
                  .ok());
  auto module = wasmtime::Module::compile(engine, StartSource(IdentityModel(DType::kFloat, {1})));
  ASSERT_TRUE(module) << module.err().message();
  auto instance = linker.instantiate(store, module.ok());
  ASSERT_TRUE(instance) << instance.err().message();
  auto errors = std::get<wasmtime::Global>(*instance.ok().get(store, "errors"));
  EXPECT_EQ(errors.get(store).i32(), 0);
  auto output = std::get<wasmtime::Func>(*instance.ok().get(store, "output"));
  EXPECT_EQ(output.call(store, {}).unwrap()[0].f32(), 2.5f);
}

}  // namespace
}  // namespace wnn::testing
