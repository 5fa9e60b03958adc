// Embeds Wasmtime, gives a guest WASI-NN on a runtime of this program's own, and calls it:
//
//   embed GUEST     GUEST: a module, binary or text, that exports infer: func(f32) -> f32
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <wasmtime.hh>

#include "host/abi/witx/witx.h"
#include "host/nn/environment.h"
#include "host/nn/session.h"
#include "host/runtimes/builtin/builtin.h"
#include "metered_runtime.h"

namespace {

constexpr int kQuota = 2;

// WASI-NN's refusals, with the reasons that guests are not told.
class StderrLogger final : public wnn::Logger {
 public:
  bool Enabled(wnn::LogLevel level) const override { return level <= wnn::LogLevel::kWarn; }
  void Log(wnn::LogLevel level, std::string_view message) override {
    if (Enabled(level)) std::fprintf(stderr, "%.*s\n", int(message.size()), message.data());
  }
};

std::string ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Binary modules begin with a NUL.
wasmtime::Result<wasmtime::Module> Compile(wasmtime::Engine& engine, const std::string& code) {
  if (!code.starts_with('\0')) return wasmtime::Module::compile(engine, code);
  return wasmtime::Module::compile(engine, {(uint8_t*)code.data(), code.size()});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: embed GUEST\n", stderr);
    return 2;
  }
  // One for the process: what runs models, and what guests may use of it.
  StderrLogger log;
  wnn::nn::EnvironmentOptions options;
  options.runtime = embed::MakeMeteredRuntime(wnn::runtimes::MakeBuiltinRuntime(),
                                              std::make_shared<embed::Meter>(kQuota));
  options.limits.max_model_bytes = 1 << 20;
  options.log = &log;
  auto environment = std::make_shared<wnn::nn::Environment>(options);

  // One for each guest: its graphs and contexts.
  wnn::nn::Session session(environment, {});

  // Wasmtime as ever.
  wasmtime::Engine engine;
  wasmtime::Linker linker(engine);
  const wnn::Status added = wnn::abi::AddWitxToLinker(
      linker.capi(), [&](wasmtime_context_t*) -> wnn::nn::Session& { return session; });
  if (!added.ok()) {
    std::fprintf(stderr, "%s\n", std::string(added.message()).c_str());
    return 1;
  }
  wasmtime::Store store(engine);
  wasmtime::Module module = Compile(engine, ReadFile(argv[1])).unwrap();
  wasmtime::Instance instance = linker.instantiate(store, module).unwrap();
  auto infer = std::get<wasmtime::Func>(*instance.get(store, "infer"));

  for (const float x : {1.5f, 20.f, 3.f}) {
    auto y = infer.call(store, {x});
    if (y) {
      std::printf("infer(%g) = %g\n", x, y.ok()[0].f32());
    } else {
      std::printf("infer(%g) was refused\n", x);
    }
  }
}
