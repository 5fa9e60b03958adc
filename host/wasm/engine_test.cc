#include "host/wasm/engine.h"

#include <gtest/gtest.h>

#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "host/wasm/module.h"
#include "host/wasm/run_text.h"

namespace wnn::wasm {
namespace {

class RecordingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel, std::string_view message) override { messages.emplace_back(message); }
  std::vector<std::string> messages;
};

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

constexpr std::optional<bool> Features::* kFeatures[] = {
    &Features::bulk_memory,
    &Features::custom_page_sizes,
    &Features::exceptions,
    &Features::function_references,
    &Features::gc,
    &Features::memory64,
    &Features::multi_memory,
    &Features::multi_value,
    &Features::reference_types,
    &Features::relaxed_simd,
    &Features::relaxed_simd_deterministic,
    &Features::shared_memory,
    &Features::simd,
    &Features::tail_call,
    &Features::threads,
    &Features::wide_arithmetic,
};

// Wasmtime would end the process, not fail, for a configuration that it refuses.
TEST(EngineTest, SurvivesEveryPairOfFeatureSwitches) {
  for (auto first : kFeatures) {
    for (auto second : kFeatures) {
      for (int bits = 0; bits < 4; ++bits) {
        EngineOptions options = Uncached();
        options.features.*first = (bits & 1) != 0;
        options.features.*second = (bits & 2) != 0;
        auto engine = Engine::Create(options);
        if (!engine) {
          EXPECT_EQ(engine.error().code(), Code::kInvalidArgument);
          continue;
        }
        EXPECT_TRUE(Module::Compile(**engine, AsBytes("(module)"), "test").has_value());
      }
    }
  }
}

TEST(EngineTest, RelaxedSimdFollowsSimd) {
  EngineOptions options = Uncached();
  options.features.simd = false;
  EXPECT_TRUE(Engine::Create(options).has_value());
  options.features.relaxed_simd = true;
  EXPECT_FALSE(Engine::Create(options).has_value());
}

TEST(EngineTest, StackHasARange) {
  EngineOptions options = Uncached();
  for (uint64_t size_bytes : {uint64_t{1}, uint64_t{3} << 20, kMaxWasmStackBytes}) {
    options.max_wasm_stack_bytes = size_bytes;
    EXPECT_TRUE(Engine::Create(options).has_value()) << size_bytes;
  }
  for (uint64_t size_bytes : {uint64_t{0}, kMaxWasmStackBytes + 1, UINT64_MAX}) {
    options.max_wasm_stack_bytes = size_bytes;
    EXPECT_FALSE(Engine::Create(options).has_value()) << size_bytes;
  }
}

TEST(EngineTest, MemoryOptionsSurviveExtremes) {
  EngineOptions options = Uncached();
  for (uint64_t size_bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 33, UINT64_MAX}) {
    for (int which = 0; which < 3; ++which) {
      options.memory = MemoryOptions();
      options.memory.init_copy_on_write = which == 0;
      options.memory.may_move = which != 1;
      if (which == 0) options.memory.reservation_bytes = size_bytes;
      if (which == 1) options.memory.reservation_for_growth_bytes = size_bytes;
      if (which == 2) options.memory.guard_bytes = size_bytes;
      auto engine = Engine::Create(options);
      ASSERT_TRUE(engine.has_value()) << size_bytes;
      auto module = Module::Compile(**engine, AsBytes("(module (memory 1))"), "test");
      // It may fail for want of address space, but it comes back.
      if (module) std::ignore = wasm::Run(**engine, **module, {});
    }
  }
}

TEST(EngineTest, APoolGivesInstancesAndTakesThemBack) {
  EngineOptions options = Uncached();
  options.pooling.emplace();
  options.pooling->total_core_instances = 2;
  options.pooling->total_memories = 2;
  options.pooling->max_memory_bytes = 1 << 20;
  auto engine = Engine::Create(options);
  ASSERT_TRUE(engine.has_value()) << engine.error().message();
  auto module = Module::Compile(**engine, AsBytes(R"((module (memory 1)
      (func (export "grow") (result i32) (memory.grow (i32.const 100)))))"),
                                "test");
  ASSERT_TRUE(module.has_value()) << module.error().message();
  RunOptions run;
  run.function = "grow";
  for (int i = 0; i < 10; ++i) {
    const auto result = wasm::Run(**engine, **module, run);
    ASSERT_TRUE(result.has_value()) << result.error().message();
    EXPECT_EQ(result->results, std::vector<std::string>{"-1"});
  }
  auto large = Module::Compile(**engine, AsBytes("(module (memory 100))"), "test");
  if (large) EXPECT_FALSE(wasm::Run(**engine, **large, {}).has_value());
}

TEST(EngineTest, RefusesPoolsThatWasmtimeWouldNotMake) {
  EngineOptions options = Uncached();
  for (uint64_t total : {uint64_t{0}, kMaxPooled + 1, UINT64_MAX}) {
    options.pooling.emplace().total_tables = total;
    EXPECT_FALSE(Engine::Create(options).has_value()) << total;
  }
  options.pooling.emplace().max_memory_bytes = kMaxPooledMemoryBytes + 1;
  EXPECT_FALSE(Engine::Create(options).has_value());
  options.pooling.emplace().total_memories = 10;
  options.memory.guard_bytes = 0;
  EXPECT_FALSE(Engine::Create(options).has_value());
}

TEST(EngineTest, UnusableCacheIsAWarning) {
  RecordingLogger log;
  EngineOptions options;
  options.cache.config_file = "no/such/cache.toml";
  options.log = &log;
  EXPECT_TRUE(Engine::Create(options).has_value());
  ASSERT_EQ(log.messages.size(), 1u);
  EXPECT_NE(log.messages[0].find("no/such/cache.toml"), std::string::npos);
}

}  // namespace
}  // namespace wnn::wasm
