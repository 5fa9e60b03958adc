// Guests that do their worst on one engine and one environment with guests that do not: each of the
// former ends by its own budget, with its own error, and the latter get what they would get alone.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "host/wasm/engine.h"
#include "host/wasm/module.h"
#include "host/wasm/run.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

using std::chrono::milliseconds;
using wasm::RunResult;

// y = x + w, with weights of 256 KiB. The first bytes are a name that nobody reads.
std::string AddModel() {
  constexpr int64_t kWidth = 65'536;
  const std::vector<float> weights(kWidth, 0.5f);
  return Bytes(2, "AAAA") +
         Model(Initializer("w", DType::kFloat, {kWidth}, weights) + Node("Add", {"x", "w"}, {"y"}) +
               GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {kWidth}));
}

// A loop of 10^13 rounds of some hundred operations.
std::string EndlessModel() {
  const std::string number = Bytes(2, TensorType(DType::kInt64, {}));
  const std::string yes = Bytes(2, TensorType(DType::kBool, {}));
  const std::string value = Bytes(2, TensorType(DType::kFloat, {1}));
  const std::string body = Node("Identity", {"c"}, {"c2"}) + Node("Cos", {"v"}, {"v2"}) +
                           Bytes(11, Bytes(1, "i") + number) + Bytes(11, Bytes(1, "c") + yes) +
                           Bytes(11, Bytes(1, "v") + value) + Bytes(12, Bytes(1, "c2") + yes) +
                           Bytes(12, Bytes(1, "v2") + value);
  return Bytes(2, "AAAA") +
         Model(Int64Scalar("rounds", 10'000'000'000'000) +
               Initializer<uint8_t>("true", DType::kBool, {}, {1}) +
               Node("Loop", {"rounds", "true", "x"}, {"y"}, GraphAttribute("body", body)) +
               GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1}));
}

std::string Escaped(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    text += {'\\', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

// Memory: 0 the builder, 8 graph, 12 context, 16 tensor, 40 bytes of the output, 64 dimensions, 72
// the input, 65536 the output, 524288 the model. Functions return an errno, or -1 for wrong
// numbers.
std::string Guest(const std::string& model) {
  return R"((module
  (import "wasi_ephemeral_nn" "load" (func $load (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "init_execution_context"
    (func $init (param i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "set_input" (func $set_input (param i32 i32 i32) (result i32)))
  (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
  (import "wasi_ephemeral_nn" "get_output"
    (func $get_output (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 32)
  (data (i32.const 0) "\00\00\08\00")
  (data (i32.const 16) "\40\00\00\00\01\00\00\00\01\00\00\00\48\00\00\00\04\00\00\00")
  (data (i32.const 64) "\01\00\00\00")
  (func $load_model (result i32)
    (i32.store (i32.const 4) (i32.const )" +
         std::to_string(model.size()) + R"())
    (call $load (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 8)))
  (func $infer (result i32)
    (local $errno i32)
    (local.set $errno (call $set_input (i32.load (i32.const 12)) (i32.const 0) (i32.const 16)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (call $compute (i32.load (i32.const 12))))
  (func (export "infer_once") (result i32)
    (local $errno i32)
    (local.set $errno (call $load_model))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $errno (call $init (i32.load (i32.const 8)) (i32.const 12)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (call $infer))
  (func (export "be_polite") (param $rounds i32) (result i32)
    (local $errno i32)
    (local.set $errno (call $load_model))
    (if (local.get $errno) (then (return (local.get $errno))))
    (local.set $errno (call $init (i32.load (i32.const 8)) (i32.const 12)))
    (if (local.get $errno) (then (return (local.get $errno))))
    (loop $again
      (f32.store (i32.const 72) (f32.convert_i32_s (local.get $rounds)))
      (local.set $errno (call $infer))
      (if (local.get $errno) (then (return (local.get $errno))))
      (local.set $errno (call $get_output (i32.load (i32.const 12)) (i32.const 0)
        (i32.const 65536) (i32.const 262144) (i32.const 40)))
      (if (local.get $errno) (then (return (local.get $errno))))
      (if (f32.ne (f32.load (i32.const 327676))
                  (f32.add (f32.convert_i32_s (local.get $rounds)) (f32.const 0.5)))
        (then (return (i32.const -1))))
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $again (local.get $rounds)))
    (i32.const 0))
  (func (export "loop") (result i32) (loop $forever (br $forever)) (i32.const 0))
  (func (export "grow") (result i32)
    (loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    (memory.size))
  (func (export "load_forever") (result i32)
    (local $errno i32)
    (loop $again
      (i32.store (i32.const 524290) (i32.add (i32.load (i32.const 524290)) (i32.const 1)))
      (local.set $errno (call $load_model))
      (br_if $again (i32.eqz (local.get $errno))))
    (local.get $errno))
  (data (i32.const 524288) ")" +
         Escaped(model) + "\"))";
}

class TenantsTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    nn::EnvironmentOptions environment;
    environment.runtime = RuntimeNamed(GetParam());
    if (environment.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
    options_.nn = std::make_shared<nn::Environment>(environment);
    options_.timeout = std::chrono::minutes(10);  // of the polite: no budget of theirs
    wasm::EngineOptions engine;
    engine.cache.enabled = false;
    engine.interruptible = true;
    auto created = wasm::Engine::Create(engine);
    ASSERT_TRUE(created.has_value()) << created.error().message();
    engine_ = std::move(*created);
    adds_ = Compile(AddModel());
    endless_ = Compile(EndlessModel());
  }

  std::unique_ptr<wasm::Module> Compile(const std::string& model) {
    const std::string text = Guest(model);
    auto module = wasm::Module::Compile(*engine_, AsBytes(text), "guest");
    EXPECT_TRUE(module.has_value()) << module.error().message();
    return std::move(*module);
  }

  wasm::RunOptions Calling(std::string function, std::vector<std::string> arguments = {}) const {
    wasm::RunOptions options = options_;
    options.function = std::move(function);
    options.function_arguments = std::move(arguments);
    return options;
  }
  // What the function returned, or how the guest ended.
  std::string Run(const wasm::Module& module, const wasm::RunOptions& options) const {
    const auto result = wasm::Run(*engine_, module, options);
    if (!result) return std::string(result.error().message());
    if (result->timed_out) return "timed out";
    if (result->end == RunResult::End::kTrapped) return result->trap;
    return result->results.empty() ? "nothing" : result->results[0];
  }

  wasm::RunOptions options_;
  std::unique_ptr<wasm::Engine> engine_;
  std::unique_ptr<wasm::Module> adds_;
  std::unique_ptr<wasm::Module> endless_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, TenantsTest, ::testing::ValuesIn(BuiltRuntimes()),
                         [](const auto& test) { return test.param; });

TEST_P(TenantsTest, TheHostileEndByTheirBudgetsAndTheOthersGoOn) {
  constexpr int kPolite = 4;
  constexpr int kLeastRounds = 3;  // of each, beside those that run meanwhile
  std::atomic<bool> hostile_ended{false};
  std::atomic<int> n_served{0};
  std::vector<std::string> failures(kPolite);
  std::vector<std::thread> polite;
  for (size_t i = 0; i < kPolite; ++i) {
    polite.emplace_back([&, i] {
      for (int round = 0; round < kLeastRounds || !hostile_ended; ++round) {
        const std::string end = Run(*adds_, Calling("be_polite", {"20"}));
        if (end != "0") failures[i] = end;
        ++n_served;
      }
    });
  }

  std::string loop, grow, load, compute;
  std::vector<std::thread> hostile;
  hostile.emplace_back([&] {
    wasm::RunOptions options = Calling("loop");
    options.timeout = milliseconds(200);
    loop = Run(*adds_, options);
  });
  hostile.emplace_back([&] {
    wasm::RunOptions options = Calling("grow");
    options.limits.max_memory_bytes = uint64_t{16} << 20;
    grow = Run(*adds_, options);
  });
  hostile.emplace_back([&] {
    wasm::RunOptions options = Calling("load_forever");
    options.nn_limits.max_memory_bytes = uint64_t{16} << 20;
    load = Run(*adds_, options);
  });
  hostile.emplace_back([&] {
    wasm::RunOptions options = Calling("infer_once");
    options.nn_limits.max_call_time = milliseconds(500);
    compute = Run(*endless_, options);
  });
  for (std::thread& thread : hostile) thread.join();
  hostile_ended = true;
  for (std::thread& thread : polite) thread.join();

  EXPECT_EQ(loop, "timed out");
  EXPECT_EQ(grow, "256");   // pages: its 16 MiB
  EXPECT_EQ(load, "7");     // too_large
  EXPECT_EQ(compute, "5");  // runtime_error, which is what witx has for a timeout
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
  EXPECT_GE(n_served.load(), kPolite * kLeastRounds);
}

// As the timeout does: by the engine's own count.
TEST_P(TenantsTest, FuelEndsALoopAndNotItsNeighbour) {
  wasm::EngineOptions engine;
  engine.cache.enabled = false;
  engine.meters_fuel = true;
  auto created = wasm::Engine::Create(engine);
  ASSERT_TRUE(created.has_value()) << created.error().message();
  engine_ = std::move(*created);
  const auto module = Compile(AddModel());
  options_.timeout.reset();
  std::string loop, polite;
  std::thread hostile([&] {
    wasm::RunOptions options = Calling("loop");
    options.fuel = 100'000'000;
    loop = Run(*module, options);
  });
  wasm::RunOptions options = Calling("be_polite", {"20"});
  options.fuel = 1'000'000;
  polite = Run(*module, options);
  hostile.join();
  EXPECT_NE(loop.find("all fuel consumed"), std::string::npos) << loop;
  EXPECT_EQ(polite, "0");
}

}  // namespace
}  // namespace wnn::testing
