#include "host/wasm/run.h"

#include <gtest/gtest.h>

#include <string_view>

#include "host/wasm/run_text.h"

namespace wnn::wasm {
namespace {

using std::chrono_literals::operator""ms;

constexpr std::string_view kArithmetic = R"((module
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "two") (result i64 f64) (i64.const -1) (f64.const 0.5))))";

constexpr std::string_view kLoop = R"((module (func (export "_start") (loop (br 0)))))";

TEST(RunTest, ReturnsResultsOfAFunctionByName) {
  auto sum = RunText(kArithmetic, Calling("add", {"2", "-5"}));
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  EXPECT_EQ(sum->end, RunResult::End::kReturned);
  EXPECT_EQ(sum->exit_code, 0);
  EXPECT_EQ(sum->results, std::vector<std::string>{"-3"});
  auto two = RunText(kArithmetic, Calling("two"));
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->results, (std::vector<std::string>{"-1", "0.5"}));
}

TEST(RunTest, SaysWhatIsWrongWithACall) {
  auto few = RunText(kArithmetic, Calling("add", {"2"}));
  ASSERT_FALSE(few.has_value());
  EXPECT_EQ(few.error().code(), Code::kInvalidArgument);
  auto bad = RunText(kArithmetic, Calling("add", {"2", "x"}));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().message(), "calling 'add': argument 2: 'x' is not a number of type i32");
  auto unknown = RunText(kArithmetic, Calling("sub"));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_NE(unknown.error().message().find("add, two"), std::string_view::npos);
}

TEST(RunTest, ExitsWithTheGuestsCode) {
  auto result = RunText(R"((module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (i32.const 7)))))",
                        {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kExited);
  EXPECT_EQ(result->exit_code, 7);
}

TEST(RunTest, TrapsCarryABacktrace) {
  auto result =
      RunText(R"((module (func $inner unreachable) (func (export "_start") call $inner)))", {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
  EXPECT_EQ(result->exit_code, kTrapExitCode);
  EXPECT_NE(result->trap.find("unreachable"), std::string::npos);
  EXPECT_NE(result->trap.find("inner"), std::string::npos);
  EXPECT_FALSE(result->timed_out);
}

TEST(RunTest, AStartFunctionMayTrapToo) {
  auto result = RunText("(module (func $f unreachable) (start $f))", {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
}

TEST(RunTest, InitializesReactorsBeforeTheCall) {
  auto result = RunText(R"((module
      (global $ready (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $ready (i32.const 42)))
      (func (export "get") (result i32) (global.get $ready))))",
                        Calling("get"));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->results, std::vector<std::string>{"42"});
}

TEST(RunTest, RunsNothingWithoutADefaultFunction) {
  auto result = RunText("(module)", {});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->end, RunResult::End::kReturned);
}

TEST(RunTest, NamesEveryMissingImport) {
  auto result = RunText(R"((module
      (import "env" "one" (func)) (import "env" "memory" (memory 1))
      (import "wasi_ephemeral_nn" "load" (func (param i32 i32 i32 i32 i32) (result i32)))))",
                        {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kNotFound);
  EXPECT_NE(result.error().message().find("env::one, env::memory, wasi_ephemeral_nn::load"),
            std::string_view::npos);
  EXPECT_NE(result.error().message().find("WASI-NN is switched off"), std::string_view::npos);
}

TEST(RunTest, TimeoutEndsAnEndlessLoop) {
  EngineOptions engine = Uncached();
  engine.interruptible = true;
  RunOptions options;
  options.timeout = 20ms;
  auto result = RunText(kLoop, options, engine);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
  EXPECT_TRUE(result->timed_out);
}

TEST(RunTest, TheLongestTimeoutIsNoTimeout) {
  EngineOptions engine = Uncached();
  engine.interruptible = true;
  RunOptions options = Calling("add", {"1", "2"});
  options.timeout = std::chrono::nanoseconds::max();
  auto result = RunText(kArithmetic, options, engine);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kReturned);
}

TEST(RunTest, FuelEndsAnEndlessLoop) {
  EngineOptions engine = Uncached();
  engine.meters_fuel = true;
  RunOptions options;
  options.fuel = 1000;
  auto result = RunText(kLoop, options, engine);
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
  EXPECT_NE(result->trap.find("fuel"), std::string::npos);
}

TEST(RunTest, FuelAndTimeoutNeedAnEngineThatCanDoThem) {
  RunOptions options;
  options.fuel = 1;
  EXPECT_FALSE(RunText("(module)", options).has_value());
  options.fuel.reset();
  options.timeout = 1ms;
  EXPECT_FALSE(RunText("(module)", options).has_value());
}

TEST(RunTest, LimitsMemory) {
  constexpr std::string_view kGrow = R"((module (memory 1)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))))";
  RunOptions options = Calling("grow", {"1"});
  options.limits.max_memory_bytes = 2 * 65536;
  EXPECT_EQ(RunText(kGrow, options)->results, std::vector<std::string>{"1"});
  options.function_arguments = {"2"};
  EXPECT_EQ(RunText(kGrow, options)->results, std::vector<std::string>{"-1"});
  options.limits.max_memory_bytes = 1;
  EXPECT_EQ(RunText(kGrow, options).error().code(), Code::kRuntimeError);
}

TEST(RunTest, StackOverflowIsATrap) {
  auto result = RunText(R"((module (func $f (export "_start") call $f)))", {});
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
}

TEST(RunTest, InvokingWhatIsNoFunctionIsAnError) {
  EngineOptions engine = Uncached();
  engine.features.shared_memory = true;
  constexpr std::string_view kShared = R"((module (memory (export "memory") 1 1 shared)))";
  auto result = RunText(kShared, Calling("memory"), engine);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kNotFound);
}

TEST(RunTest, RefusesWhatWasiCannotHold) {
  RunOptions options;
  options.wasi.argv = {"a\xff"};
  EXPECT_EQ(RunText("(module)", options).error().code(), Code::kInvalidArgument);
  options.wasi.argv = {std::string("a\0b", 3)};
  EXPECT_EQ(RunText("(module)", options).error().code(), Code::kInvalidArgument);
  options.wasi.argv = {};
  options.wasi.env = {{"", "x"}};
  EXPECT_EQ(RunText("(module)", options).error().code(), Code::kInvalidArgument);
  options.wasi.env = {};
  options.wasi.preopens = {{"no/such/directory", "data"}};
  EXPECT_EQ(RunText("(module)", options).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace wnn::wasm
