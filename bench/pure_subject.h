// A model computed inside WebAssembly: the engine is part of the guest (guest/pure-wasm/infer.cc),
// and nothing is asked of the host.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <utility>

#include "bench/subject.h"
#include "engine/base/status.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"

namespace wnn::bench {

// infer-pure-*.wasm, compiled at its first use: that takes seconds, and every model uses it.
class PureGuest {
 public:
  // Lifetime: `engine` outlives the guest and its subjects.
  PureGuest(wasm::Engine& engine, std::filesystem::path path)
      : engine_(engine), path_(std::move(path)) {}

  Result<std::unique_ptr<Subject>> MakeSubject(SubjectId id, std::span<const std::byte> model);

 private:
  wasm::Engine& engine_;
  const std::filesystem::path path_;
  std::unique_ptr<wasm::Module> module_;
  nanoseconds compile_time_{};
};

}  // namespace wnn::bench
