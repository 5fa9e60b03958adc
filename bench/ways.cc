#include "bench/ways.h"

#include <algorithm>
#include <string_view>

#include "bench/isa_subject.h"
#include "bench/native_subject.h"
#include "bench/outside_subject.h"
#include "bench/pure_subject.h"
#include "bench/wit_subject.h"
#include "bench/witx_subject.h"
#include "engine/kernels/isa.h"
#include "host/runtimes/built.h"

namespace wnn::bench {
namespace {

using SubjectPtr = std::unique_ptr<Subject>;

// A lesser machine's instruction set, to compare with runtimes that use all of this one's.
constexpr std::string_view kHeldTo = "AVX2";

// On a GPU, and to Tract, the number of threads says nothing: once is enough.
int MaxThreads(const RuntimePtr& runtime, runtimes::Target target) {
  return target == runtimes::Target::kCpu && runtime->name() != "tract" ? 1024 : 1;
}

Way NativeWay(const RuntimePtr& runtime, runtimes::Target target) {
  return {.runtime = std::string(runtime->name()),
          .path = "native",
          .target = target,
          .max_threads = MaxThreads(runtime, target),
          .make = [runtime](SubjectId id, const ModelData& model) {
            return MakeNativeSubject(std::move(id), runtime, model.bytes);
          }};
}

Way WitxWay(const RuntimePtr& runtime, runtimes::Target target, wasm::Engine& engine) {
  return {.runtime = std::string(runtime->name()),
          .path = "witx",
          .target = target,
          .max_threads = MaxThreads(runtime, target),
          .make = [runtime, &engine](SubjectId id, const ModelData& model) -> Result<SubjectPtr> {
            WNN_ASSIGN_OR_RETURN(SubjectPtr subject,
                                 MakeWitxSubject(std::move(id), engine, runtime, model.bytes));
            return subject;
          }};
}

Way WitWay(const RuntimePtr& runtime, runtimes::Target target, wasm::Engine& engine) {
  return {.runtime = std::string(runtime->name()),
          .path = "wit",
          .target = target,
          .max_threads = MaxThreads(runtime, target),
          .make = [runtime, &engine](SubjectId id, const ModelData& model) -> Result<SubjectPtr> {
            WNN_ASSIGN_OR_RETURN(SubjectPtr subject,
                                 MakeWitSubject(std::move(id), engine, runtime, model.bytes));
            return subject;
          }};
}

void AddHeldWay(const RuntimePtr& runtime, Ways& ways) {
  const std::string isa(kHeldTo);
  const std::vector<std::string> supported = kernels::SupportedIsas();
  const auto found = std::find(supported.begin(), supported.end(), isa);
  const std::string name = std::string(runtime->name()) + " (" + isa + ")";
  if (found == supported.end() || found == supported.begin()) {
    ways.skipped.push_back(
        {name, found == supported.end() ? "this machine lacks it" : "this machine has no more"});
    return;
  }
  Way way = NativeWay(runtime, runtimes::Target::kCpu);
  way.runtime = name;
  way.make = [isa, native = way.make](SubjectId id, const ModelData& model) {
    return MakeIsaSubject(isa, [&] { return native(id, model); });
  };
  ways.all.push_back(std::move(way));
}

void AddPureWays(const std::filesystem::path& guests, wasm::Engine& engine, Ways& ways) {
  for (const std::string variant : {"simd", "relaxed", "scalar"}) {
    const std::filesystem::path guest = guests / ("infer-pure-" + variant + ".wasm");
    const std::string path = "pure-" + variant;
    if (guests.empty() || !std::filesystem::exists(guest)) {
      ways.skipped.push_back({path, guest.filename().string() + " is not built"});
      continue;
    }
    auto compiled = std::make_shared<PureGuest>(engine, guest);
    ways.all.push_back({.runtime = "builtin",
                        .path = path,
                        .max_threads = 1,
                        .make = [compiled](SubjectId id, const ModelData& model) {
                          return compiled->MakeSubject(std::move(id), model.bytes);
                        }});
  }
}

// The runtimes that load a model for the GPU.
std::vector<RuntimePtr> FindGpus(const WaysOptions& options, Ways& ways) {
  std::vector<RuntimePtr> found;
  for (const RuntimePtr& runtime : options.runtimes) {
    if (runtime->name() == "builtin") continue;  // computes on the CPU, by design
    runtimes::LoadOptions load;
    load.target = runtimes::Target::kGpu;
    const auto graph = runtime->Load(IdentityModel(Shape{1, 4}), load);
    if (graph) {
      found.push_back(runtime);
    } else {
      ways.skipped.push_back(
          {std::string(runtime->name()) + " on a GPU", std::string(graph.error().message())});
    }
  }
  return found;
}

}  // namespace

Result<Runtimes> OpenRuntimes(std::span<const std::string> names,
                              const std::string& onnxruntime_path) {
  Runtimes runtimes;
  for (const std::string& name : names) {
    auto runtime = runtimes::OpenRuntime(name, {.onnxruntime_library = onnxruntime_path});
    const auto is_known = [&](const auto& known) { return known.name == name; };
    if (runtime) {
      runtimes.available.push_back(std::move(*runtime));
    } else if (std::ranges::any_of(runtimes::KnownRuntimes(), is_known)) {
      runtimes.skipped.push_back({name, std::string(runtime.error().message())});
    } else {
      return InvalidArgument(std::string(runtime.error().message()));
    }
  }
  return runtimes;
}

Ways FindWays(const WaysOptions& options, wasm::Engine& engine) {
  Ways ways;
  const auto has_builtin = std::find_if(options.runtimes.begin(), options.runtimes.end(),
                                        [](const auto& one) { return one->name() == "builtin"; });
  for (const RuntimePtr& runtime : options.runtimes) {
    ways.all.push_back(NativeWay(runtime, runtimes::Target::kCpu));
  }
  if (has_builtin != options.runtimes.end()) AddHeldWay(*has_builtin, ways);
  for (const auto& [name, program] : options.outside) {
    ways.all.push_back({.runtime = name,
                        .path = "native",
                        .optional = true,
                        .make = [program](SubjectId id, const ModelData& model) {
                          return MakeOutsideSubject(std::move(id), program, model.path);
                        }});
  }
  for (const RuntimePtr& runtime : options.runtimes) {
    ways.all.push_back(WitxWay(runtime, runtimes::Target::kCpu, engine));
  }
  for (const RuntimePtr& runtime : options.runtimes) {
    ways.all.push_back(WitWay(runtime, runtimes::Target::kCpu, engine));
  }
  if (has_builtin != options.runtimes.end()) AddPureWays(options.guests, engine, ways);
  for (const RuntimePtr& runtime : FindGpus(options, ways)) {
    ways.all.push_back(NativeWay(runtime, runtimes::Target::kGpu));
    ways.all.push_back(WitxWay(runtime, runtimes::Target::kGpu, engine));
    ways.all.push_back(WitWay(runtime, runtimes::Target::kGpu, engine));
  }
  return ways;
}

}  // namespace wnn::bench
