// The C++ of README.md and docs/embedding.md, as it stands there.
#include <gtest/gtest.h>

#include <memory>
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

TEST(Readme, AddsWasiNnToALinker) {
  wasmtime::Engine engine;
  wasmtime::Linker linker(engine);
#include "README.0.inc"
  ASSERT_TRUE(status.ok()) << status.message();
  wasmtime::Store store(engine);
  const auto module = wasmtime::Module::compile(engine, R"((module
    (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
    (func (export "f") (result i32) (call $compute (i32.const 0)))))");
  ASSERT_TRUE(module) << module.err().message();
  auto instance = linker.instantiate(store, module.ok());
  ASSERT_TRUE(instance) << instance.err().message();
  const auto f = std::get<wasmtime::Func>(*instance.ok().get(store, "f"));
  const auto result = f.call(store, {});
  ASSERT_TRUE(result) << result.err().message();
  EXPECT_EQ(result.ok()[0].i32(), 3);  // missing_memory: the module exports none
}

TEST(Embedding, TakesARuntimeOfOnesOwn) {
#include "embedding.0.inc"
  EXPECT_EQ(environment->options().runtime->name(), "mine");
}

}  // namespace
