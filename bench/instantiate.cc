#include "bench/instantiate.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/memory_use.h"
#include "bench/wasm_guest.h"
#include "engine/base/function_ref.h"
#include "host/nn/environment.h"
#include "host/nn/session.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"

namespace wnn::bench {
namespace {

constexpr size_t kCompileRuns = 5;
constexpr size_t kLoadRuns = 100;
constexpr size_t kInstantiateRuns = 500;
constexpr size_t kInstances[] = {1, 10, 100, 1000};
constexpr size_t kInstanceRounds = 5;

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  static Result<std::unique_ptr<TemporaryFolder>> Make() {
    std::string name = (std::filesystem::temp_directory_path() / "wnn-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) return RuntimeError("cannot make the folder " + name);
    return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(std::move(name)));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Calls `step`, which returns a Status, `n_runs` times.
template <typename Step>
Result<Summary> TimeRuns(size_t n_runs, Step step) {
  std::vector<nanoseconds> samples;
  for (size_t i = 0; i < n_runs; ++i) {
    Lap lap;
    WNN_RETURN_IF_ERROR(step());
    samples.push_back(lap());
  }
  return Summarize(std::move(samples));
}

Status LoadOnce(wasm::Engine& engine, const std::filesystem::path& guest) {
  WNN_ASSIGN_OR_RETURN(auto module, wasm::Module::Load(engine, guest));
  return OkStatus();
}

Result<Summary> TimeCached(const std::filesystem::path& guest,
                           const std::filesystem::path& folder) {
  const std::filesystem::path config = folder / "cache.toml";
  std::ofstream(config) << "[cache]\ndirectory = '" << (folder / "cache").string() << "'\n";
  wasm::EngineOptions options;
  options.cache.config_file = config.string();
  WNN_ASSIGN_OR_RETURN(auto engine, wasm::Engine::Create(options));
  WNN_RETURN_IF_ERROR(LoadOnce(*engine, guest));  // fills the cache
  if (!std::filesystem::exists(folder / "cache")) {
    return RuntimeError("Wasmtime did not use its cache in " + folder.string());
  }
  return TimeRuns(kLoadRuns, [&] { return LoadOnce(*engine, guest); });
}

Result<Summary> TimeDeserialize(wasm::Engine& engine, const wasm::Module& module,
                                const std::filesystem::path& folder) {
  const std::string path = (folder / "guest.cwasm").string();
  auto bytes = module.get().serialize();
  if (!bytes) return RuntimeError(bytes.err().message());
  {
    std::ofstream file(path, std::ios::binary);
    const std::vector<uint8_t> data = bytes.ok();
    file.write(reinterpret_cast<const char*>(data.data()),
               static_cast<std::streamsize>(data.size()));
    if (!file) return RuntimeError("cannot write " + path);
  }
  return TimeRuns(kLoadRuns, [&]() -> Status {
    auto loaded = wasmtime::Module::deserialize_file(engine.get(), path);
    return loaded ? OkStatus() : RuntimeError(loaded.err().message());
  });
}

using MakeGuest = FunctionRef<Result<std::unique_ptr<WasmGuest>>()>;

// Makes `n` instances, which live until all are there.
Result<Instances> MakeInstances(size_t n, MakeGuest make) {
  std::vector<std::unique_ptr<WasmGuest>> guests(n);
  const int64_t before = ResidentBytes();
  Lap lap;
  for (auto& guest : guests) {
    WNN_ASSIGN_OR_RETURN(guest, make());
  }
  const double seconds = static_cast<double>(lap().count()) / 1e9;
  const int64_t bytes = std::max<int64_t>(ResidentBytes() - before, 0);
  return Instances{.n = n,
                   .per_second = static_cast<double>(n) / seconds,
                   .bytes_each = bytes / static_cast<int64_t>(n)};
}

Result<std::vector<Instances>> CountInstances(MakeGuest make) {
  std::vector<Instances> all;
  for (size_t n : kInstances) {
    Instances best;
    for (size_t round = 0; round < kInstanceRounds; ++round) {
      WNN_ASSIGN_OR_RETURN(Instances made, MakeInstances(n, make));
      if (made.per_second > best.per_second) best = made;
    }
    all.push_back(best);
  }
  return all;
}

Result<Summary> TimeGuests(MakeGuest make) {
  return TimeRuns(kInstantiateRuns, [&]() -> Status {
    WNN_ASSIGN_OR_RETURN(auto instance, make());
    return OkStatus();
  });
}

Status TimePooled(const std::filesystem::path& guest, nn::Session& session, Instantiation& times) {
  wasm::EngineOptions options;
  options.cache.enabled = false;
  options.pooling.emplace();
  WNN_ASSIGN_OR_RETURN(auto engine, wasm::Engine::Create(options));
  WNN_ASSIGN_OR_RETURN(auto module, wasm::Module::Load(*engine, guest));
  WNN_ASSIGN_OR_RETURN(auto prepared, PreparedModule::Create(*engine, *module, &session));
  auto make = [&] { return WasmGuest::Create(*engine, *prepared); };
  WNN_ASSIGN_OR_RETURN(times.instantiate_pooled, TimeGuests(make));
  WNN_ASSIGN_OR_RETURN(times.pooled, CountInstances(make));
  return OkStatus();
}

}  // namespace

Result<Instantiation> TimeInstantiation(const std::filesystem::path& guest,
                                        const RuntimePtr& runtime) {
  WNN_ASSIGN_OR_RETURN(auto folder, TemporaryFolder::Make());
  wasm::EngineOptions uncached;
  uncached.cache.enabled = false;
  WNN_ASSIGN_OR_RETURN(auto engine, wasm::Engine::Create(uncached));
  WNN_ASSIGN_OR_RETURN(auto module, wasm::Module::Load(*engine, guest));

  Instantiation times;
  times.guest = guest.stem().string();
  WNN_ASSIGN_OR_RETURN(times.compile,
                       TimeRuns(kCompileRuns, [&] { return LoadOnce(*engine, guest); }));
  WNN_ASSIGN_OR_RETURN(times.cached, TimeCached(guest, folder->path()));
  WNN_ASSIGN_OR_RETURN(times.deserialize, TimeDeserialize(*engine, *module, folder->path()));

  nn::EnvironmentOptions environment_options;
  environment_options.runtime = runtime;
  nn::Session session(std::make_shared<nn::Environment>(std::move(environment_options)), {});
  auto make = [&] { return WasmGuest::Create(*engine, *module, &session); };
  WNN_ASSIGN_OR_RETURN(times.instantiate, TimeGuests(make));
  WNN_ASSIGN_OR_RETURN(times.instances, CountInstances(make));
  WNN_RETURN_IF_ERROR(TimePooled(guest, session, times));
  return times;
}

}  // namespace wnn::bench
