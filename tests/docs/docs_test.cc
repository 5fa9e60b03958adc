// The C++ of README.md and docs/embedding.md, as it stands there.
#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <wasmtime.hh>

#include "host/abi/witx/witx.h"
#include "host/nn/environment.h"
#include "host/nn/session.h"
#include "host/runtimes/builtin/builtin.h"

namespace {

// A runtime of the reader's own, by that of the host.
class MyRuntime final : public wnn::runtimes::Runtime {
 public:
  std::string_view name() const override { return "mine"; }
  std::string description() const override { return "mine"; }
  wnn::Result<std::shared_ptr<const wnn::runtimes::Graph>> Load(
      std::span<const std::byte> bytes, const wnn::runtimes::LoadOptions& options) const override {
    return wnn::runtimes::MakeBuiltinRuntime()->Load(bytes, options);
  }
};

// A guest's call of compute, to whom its session answers.
constexpr std::string_view kGuest = R"((module
    (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
    (func (export "f") (result i32) (call $compute (i32.const 0)))))";

// What compute answers through `linker` in a store with `data`.
int32_t AnswerOfCompute(wasmtime::Engine& engine, wasmtime::Linker& linker, void* data) {
  wasmtime::Store store(wasmtime_store_new(engine.capi(), data, nullptr));
  wasmtime::Module module = wasmtime::Module::compile(engine, kGuest).unwrap();
  wasmtime::Instance instance = linker.instantiate(store, module).unwrap();
  const auto f = std::get<wasmtime::Func>(*instance.get(store, "f"));
  return f.call(store, {}).unwrap()[0].i32();
}

constexpr int32_t kMissingMemory = 3;  // the guest exports none

TEST(Readme, AddsWasiNnToALinker) {
  wasmtime::Engine engine;
  wasmtime::Linker linker(engine);
#include "README.0.inc"
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(AnswerOfCompute(engine, linker, nullptr), kMissingMemory);
}

TEST(Embedding, FindsTheSessionInTheStore) {
  wasmtime::Engine engine;
  wasmtime::Linker linker(engine);
#include "embedding.0.inc"
  ASSERT_TRUE(status.ok()) << status.message();
  wnn::nn::Session session(std::make_shared<wnn::nn::Environment>(wnn::nn::EnvironmentOptions{
                               .runtime = wnn::runtimes::MakeBuiltinRuntime()}),
                           {});
  EXPECT_EQ(AnswerOfCompute(engine, linker, &session), kMissingMemory);
  EXPECT_FALSE(session.last_error().empty());
}

TEST(Embedding, TakesARuntimeOfOnesOwn) {
#include "embedding.1.inc"
  EXPECT_EQ(environment->options().runtime->name(), "mine");
}

}  // namespace
