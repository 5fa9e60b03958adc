// Components under Run: what run_test.cc has for core modules.
#include <gtest/gtest.h>

#include <string_view>

#include "host/nn/fake_runtime.h"
#include "host/wasm/run_text.h"

namespace wnn::wasm {
namespace {

using std::chrono_literals::operator""ms;

// `body`: the core function of a command, which returns 0 for ok and 1 for an error.
std::string Command(const std::string& body, const std::string& imports = "") {
  return "(component " + imports + R"(
      (core module $m (func $f (export "run") (result i32) )" +
         body + R"())
      (core instance $i (instantiate $m))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (instance $command (export "run" (func $run)))
      (export "wasi:cli/run@0.2.3" (instance $command))))";
}

constexpr std::string_view kFunctions = R"((component
    (core module $m
      (memory (export "memory") 1)
      (func (export "add") (param i32 i32) (result i32)
        (i32.add (local.get 0) (local.get 1)))
      (func (export "not") (param i32) (result i32) (i32.eqz (local.get 0)))
      (func (export "echo") (param $at i32) (param $size i32) (result i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $size))
        (i32.const 0))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
      (func (export "fail") unreachable))
    (core instance $i (instantiate $m))
    (func $add (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add")))
    (func $not (param "a" bool) (result bool) (canon lift (core func $i "not")))
    (func $echo (param "text" string) (result string)
      (canon lift (core func $i "echo") (memory (core memory $i "memory"))
        (realloc (core func $i "realloc"))))
    (func $fail (canon lift (core func $i "fail")))
    (instance $one (export "not" (func $not)) (export "fail" (func $fail)))
    (instance $two (export "fail" (func $fail)))
    (export "add" (func $add))
    (export "echo" (func $echo))
    (export "test:things/one@1.0.0" (instance $one))
    (export "test:things/two" (instance $two))))";

TEST(ComponentTest, CommandsEndWithTheirResult) {
  auto good = RunText(Command("(i32.const 0)"), {});
  ASSERT_TRUE(good.has_value()) << good.error().message();
  EXPECT_EQ(good->end, RunResult::End::kReturned);
  EXPECT_EQ(good->exit_code, 0);
  auto bad = RunText(Command("(i32.const 1)"), {});
  ASSERT_TRUE(bad.has_value()) << bad.error().message();
  EXPECT_EQ(bad->end, RunResult::End::kExited);
  EXPECT_EQ(bad->exit_code, 1);
}

TEST(ComponentTest, CommandsMayExit) {
  auto result = RunText(R"((component
      (import "wasi:cli/exit@0.2.3" (instance $exit
        (export "exit" (func (param "status" (result))))))
      (core func $exit (canon lower (func $exit "exit")))
      (core module $m (import "e" "exit" (func $exit (param i32)))
        (func (export "run") (result i32) (call $exit (i32.const 1)) (i32.const 0)))
      (core instance $i
        (instantiate $m (with "e" (instance (export "exit" (func $exit))))))
      (func $run (result (result)) (canon lift (core func $i "run")))
      (instance $command (export "run" (func $run)))
      (export "wasi:cli/run@0.2.3" (instance $command))))",
                        {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kExited);
  EXPECT_EQ(result->exit_code, 1);
}

TEST(ComponentTest, TrapsCarryABacktrace) {
  auto result = RunText(Command("unreachable"), {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kTrapped);
  EXPECT_EQ(result->exit_code, kTrapExitCode);
  EXPECT_NE(result->trap.find("unreachable"), std::string::npos);
  EXPECT_FALSE(result->timed_out);
}

TEST(ComponentTest, CallsFunctionsByName) {
  EXPECT_EQ(RunText(kFunctions, Calling("add", {"2", "-5"}))->results,
            std::vector<std::string>{"-3"});
  EXPECT_EQ(RunText(kFunctions, Calling("add(2, 3)"))->results, std::vector<std::string>{"5"});
  EXPECT_EQ(RunText(kFunctions, Calling("not", {"true"}))->results,
            std::vector<std::string>{"false"});
  EXPECT_EQ(RunText(kFunctions, Calling("test:things/one@1.0.0#not", {"false"}))->results,
            std::vector<std::string>{"true"});
  EXPECT_EQ(RunText(kFunctions, Calling("echo", {"hällo"}))->results,
            std::vector<std::string>{"\"hällo\""});
  EXPECT_EQ(RunText(kFunctions, Calling("test:things/two#fail"))->end, RunResult::End::kTrapped);
}

TEST(ComponentTest, SaysWhatIsWrongWithACall) {
  EXPECT_EQ(RunText(kFunctions, Calling("add", {"2"})).error().message(),
            "calling 'add': not enough arguments: it takes 2, but 1 came");
  EXPECT_EQ(RunText(kFunctions, Calling("add", {"2", "x"})).error().message(),
            "calling 'add': argument 2 (b): 'x' is not a number of type s32");
  EXPECT_EQ(RunText(kFunctions, Calling("add(2, 3")).error().code(), Code::kInvalidArgument);
  auto several = RunText(kFunctions, Calling("fail"));
  ASSERT_FALSE(several.has_value());
  EXPECT_NE(
      several.error().message().find("say which: test:things/one@1.0.0#fail, test:things/two#fail"),
      std::string_view::npos)
      << several.error().message();
  auto unknown = RunText(kFunctions, Calling("sub"));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  EXPECT_NE(unknown.error().message().find("component 'test' exports no function 'sub'"),
            std::string_view::npos);
}

TEST(ComponentTest, RunsNothingWithoutACommand) {
  auto result = RunText(kFunctions, {});
  ASSERT_TRUE(result.has_value()) << result.error().message();
  EXPECT_EQ(result->end, RunResult::End::kReturned);
}

TEST(ComponentTest, NamesAMissingImport) {
  auto result = RunText(R"((component (import "test:absent/thing" (instance
      (export "f" (func))))))",
                        {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kNotFound);
  EXPECT_NE(result.error().message().find("test:absent/thing"), std::string_view::npos)
      << result.error().message();
}

constexpr std::string_view kImportsNn = R"((component
    (import "wasi:nn/errors@0.2.0-rc-2024-10-28" (instance (export "error" (type (sub resource)))))
  ))";

TEST(ComponentTest, ImportsAnyPartOfWasiNn) {
  RunOptions options;
  nn::EnvironmentOptions environment;
  environment.runtime =
      std::make_shared<nn::FakeRuntime>(std::make_shared<nn::FakeRuntime::Control>());
  options.nn = std::make_shared<nn::Environment>(environment);
  auto result = RunText(kImportsNn, options);
  EXPECT_TRUE(result.has_value()) << result.error().message();
}

TEST(ComponentTest, SaysThatWasiNnIsSwitchedOff) {
  auto result = RunText(kImportsNn, {});
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message().find("WASI-NN is switched off"), std::string_view::npos)
      << result.error().message();
}

TEST(ComponentTest, TimeoutAndFuelEndAnEndlessLoop) {
  const std::string loop = Command("(loop (br 0)) (i32.const 0)");
  EngineOptions engine = Uncached();
  engine.interruptible = true;
  RunOptions options;
  options.timeout = 20ms;
  auto late = RunText(loop, options, engine);
  ASSERT_TRUE(late.has_value()) << late.error().message();
  EXPECT_EQ(late->end, RunResult::End::kTrapped);
  EXPECT_TRUE(late->timed_out);

  engine = Uncached();
  engine.meters_fuel = true;
  options.timeout.reset();
  options.fuel = 1000;
  auto empty = RunText(loop, options, engine);
  ASSERT_TRUE(empty.has_value()) << empty.error().message();
  EXPECT_EQ(empty->end, RunResult::End::kTrapped);
  EXPECT_NE(empty->trap.find("fuel"), std::string::npos);
}

TEST(ComponentTest, LimitsMemory) {
  constexpr std::string_view kMemory = R"((component
      (core module $m (memory 2)) (core instance (instantiate $m))))";
  RunOptions options;
  options.limits.max_memory_bytes = 65536;
  auto result = RunText(kMemory, options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), Code::kRuntimeError);
}

}  // namespace
}  // namespace wnn::wasm
