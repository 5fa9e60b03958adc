// wnn-bench: times models and writes the report's JSON. bench/report.py is how people call it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/contexts.h"
#include "bench/instantiate.h"
#include "bench/models.h"
#include "bench/overhead.h"
#include "bench/report.h"
#include "bench/ways.h"
#include "engine/engine.h"
#include "host/runtimes/built.h"
#include "host/wasm/engine.h"

namespace wnn::bench {
namespace {

std::vector<std::string> BuiltRuntimes() {
  std::vector<std::string> names;
  for (const runtimes::KnownRuntime& known : runtimes::KnownRuntimes()) {
    if (known.is_built()) names.emplace_back(known.name);
  }
  return names;
}

struct Options {
  std::vector<std::string> models;
  std::string test_data;
  std::vector<std::string> runtimes = BuiltRuntimes();
  std::string onnxruntime;
  std::vector<int> threads{1, 2};
  double seconds = 20;
  double overhead_seconds = 2;
  double tolerance = 2e-4;
  std::string guest;
  std::string guests;
  std::vector<std::string> outside;
  bool contexts = false;
  std::string out;
};

nanoseconds Seconds(double seconds) { return nanoseconds(static_cast<int64_t>(seconds * 1e9)); }

void Say(const std::string& message) { std::fprintf(stderr, "-- %s\n", message.c_str()); }

void AddOptions(CLI::App& app, Options& options) {
  app.add_option("--model", options.models, "an ONNX file; once or more")->check(CLI::ExistingFile);
  app.add_option("--test-data", options.test_data,
                 "folder with test_data_set_N of each model, by the file's stem");
  app.add_option("--runtime", options.runtimes, "names; default: all that are built")
      ->delimiter(',');
  app.add_option("--onnxruntime", options.onnxruntime, "ONNX Runtime's library or its folder");
  app.add_option("--threads", options.threads, "numbers of threads")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "for each model and number of threads")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--overhead-seconds", options.overhead_seconds,
                 "for each runtime and tensor; 0 leaves this part out")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--tolerance", options.tolerance, "of |output - expected|")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--guest", options.guest, "the module whose instantiation is timed");
  app.add_option("--guests", options.guests, "folder with infer-pure-*.wasm");
  app.add_option("--outside", options.outside,
                 "NAME=PROGRAM of another library (bench/outside/); once or more");
  app.add_flag("--contexts", options.contexts, "measure the memory of a thousand contexts");
  app.add_option("--out", options.out, "the report")->required();
}

std::optional<std::filesystem::path> TestDataOf(const Options& options, const std::string& model) {
  if (options.test_data.empty()) return std::nullopt;
  const std::filesystem::path folder =
      std::filesystem::path(options.test_data) / std::filesystem::path(model).stem();
  if (!std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

// The runtime whose output counts where there is no test data: the one that is not ours.
RuntimePtr ReferenceOf(const Runtimes& runtimes) {
  for (const RuntimePtr& runtime : runtimes.available) {
    if (runtime->name() != "builtin") return runtime;
  }
  return nullptr;
}

void Append(std::vector<Skipped> more, std::vector<Skipped>& skipped) {
  for (Skipped& one : more) skipped.push_back(std::move(one));
}

Status TimeModels(const Options& options, const Runtimes& runtimes, std::span<const Way> ways,
                  Report& report) {
  const MeasureOptions measure{.budget = Seconds(options.seconds)};
  for (const std::string& model : options.models) {
    WNN_ASSIGN_OR_RETURN(
        const ModelData data,
        LoadModelData(model, TestDataOf(options, model), ReferenceOf(runtimes), options.tolerance));
    if (options.contexts) {
      for (ContextMemory& one : MeasureContexts(data, runtimes.available)) {
        report.contexts.push_back(std::move(one));
      }
    }
    for (int n_threads : options.threads) {
      Say(data.name + ", " + std::to_string(n_threads) + (n_threads == 1 ? " thread" : " threads"));
      WNN_ASSIGN_OR_RETURN(Group group, TimeModel(data, n_threads, ways, measure));
      report.longest_wait = std::max(report.longest_wait, group.longest_wait);
      for (Row& row : group.rows) report.rows.push_back(std::move(row));
      Append(std::move(group.skipped), report.skipped);
    }
  }
  return OkStatus();
}

Result<Ways> WaysOf(const Options& options, const Runtimes& runtimes, wasm::Engine& engine) {
  WaysOptions ways{.runtimes = runtimes.available, .guests = options.guests, .outside = {}};
  for (const std::string& word : options.outside) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      return InvalidArgument("--outside " + word + ": NAME=PROGRAM is wanted");
    }
    ways.outside.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return FindWays(ways, engine);
}

Result<Report> Measure(const Options& options) {
  Report report;
  WNN_ASSIGN_OR_RETURN(Runtimes runtimes, OpenRuntimes(options.runtimes, options.onnxruntime));
  for (const RuntimePtr& runtime : runtimes.available) {
    report.host[std::string(runtime->name())] = runtime->description();
  }
  report.skipped = runtimes.skipped;
  report.host["instruction_set"] = engine::ActiveInstructionSet();
  report.host["wasmtime"] = wasm::WasmtimeVersion();
  report.host["version"] = WNN_VERSION;
  report.host["compiler"] = WNN_COMPILER;
  if (runtimes.available.empty()) return report;

  wasm::EngineOptions engine_options;
  engine_options.cache.enabled = false;
  WNN_ASSIGN_OR_RETURN(auto engine, wasm::Engine::Create(engine_options));
  WNN_ASSIGN_OR_RETURN(Ways ways, WaysOf(options, runtimes, *engine));
  Append(std::move(ways.skipped), report.skipped);
  WNN_RETURN_IF_ERROR(TimeModels(options, runtimes, ways.all, report));
  if (options.overhead_seconds > 0) {
    Say("what WASI-NN adds to a native call");
    WNN_ASSIGN_OR_RETURN(report.overhead, TimeOverhead(runtimes.available, *engine,
                                                       Seconds(options.overhead_seconds)));
  }
  if (!options.guest.empty()) {
    Say("compiling and instantiating a guest");
    WNN_ASSIGN_OR_RETURN(report.instantiation,
                         TimeInstantiation(options.guest, runtimes.available.front()));
  }
  return report;
}

int Main(const Options& options) {
  Result<Report> report = Measure(options);
  if (!report) {
    Say("wnn-bench: " + std::string(report.error().message()));
    return 1;
  }
  std::ofstream file(options.out, std::ios::binary);
  file << ToJson(*report);
  file.close();
  if (!file) {
    Say("wnn-bench: cannot write " + options.out);
    return 1;
  }
  return report->AllVerified() ? 0 : 1;
}

}  // namespace
}  // namespace wnn::bench

int main(int argc, char** argv) {
  wnn::bench::Options options;
  CLI::App app("Times models in every way of running them.", "wnn-bench");
  wnn::bench::AddOptions(app, options);
  CLI11_PARSE(app, argc, argv);
  return wnn::bench::Main(options);
}
