// Writes docs/models.md: trained models of other packages under `builtin` and `onnxruntime`, how
// far apart and how fast.
//
//   wnn-bench-real-models [SECONDS [NAME]...]
//
// The two take turns, each for as many seconds a model as said (2 if nothing is said); before each
// turn all threads sleep, the other's pool among them. The least time of one inference counts.
// Models that are not on this machine are left out. NAME "4-bit" is the section on 4-bit weights.
#include "tests/models/real_models.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/nbit_models.h"
#include "bench/stats.h"
#include "bench/turns.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

constexpr const char* kHead =
    "# Trained models\n\n"
    "`make real-models` writes this page: models that other packages carry (`tools/pins.toml`) and "
    "those of `../shared`, on\n"
    "inputs that `tests/models/real_models.cc` makes, under both runtimes of this build. Every "
    "output has the same type, shape\n"
    "and largest element; *difference* is that of the outputs' numbers, relative to the largest of "
    "them if that is above 1.\n"
    "Times are the least milliseconds of one inference, the runtimes in turns within one process, "
    "whose other threads sleep\n"
    "when a turn begins; *ratio* is builtin / ONNX Runtime.\n\n";

constexpr const char* kTableHead =
    "| model | what | difference | 1 thread: builtin | ONNX Runtime | ratio | 2 threads: builtin | "
    "ONNX Runtime | ratio |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|\n";

constexpr std::string_view kNBitModels = "4-bit";

// The processor's name, and how busy the machine was: times of a busy one tell little.
void PrintMachine() {
  std::string name = "an unnamed processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!line.starts_with("model name")) continue;
    name = line.substr(std::min(line.find(": ") + 2, line.size()));
    break;
  }
  double load[1] = {0};
  getloadavg(load, 1);
  std::printf("On %s of %u cores; the load of the machine was %.1f when this began%s.\n\n",
              name.c_str(), std::thread::hardware_concurrency(), load[0],
              load[0] > 1 ? ", so that the times are not to be relied on" : "");
}

Status Report(const RealModel& model, const std::filesystem::path& file, double seconds) {
  std::string times;
  double difference = 0;
  for (int n_threads : {1, 2}) {
    WNN_ASSIGN_OR_RETURN(PreparedModel ours,
                         Prepare(model, file, *RuntimeNamed("builtin"), n_threads));
    WNN_ASSIGN_OR_RETURN(PreparedModel theirs,
                         Prepare(model, file, *RuntimeNamed("onnxruntime"), n_threads));
    runtimes::Context* const contexts[] = {ours.context.get(), theirs.context.get()};
    WNN_ASSIGN_OR_RETURN(auto measured, bench::TimeInTurns(contexts, seconds));
    double least[2];
    for (size_t i = 0; i < 2; ++i) {
      least[i] = bench::Milliseconds(*std::ranges::min_element(measured[i]));
    }
    WNN_ASSIGN_OR_RETURN(std::vector<OutputNumbers> got, Outputs(ours));
    WNN_ASSIGN_OR_RETURN(std::vector<OutputNumbers> expected, Outputs(theirs));
    WNN_ASSIGN_OR_RETURN(difference, Difference(got, expected, model.tolerance));
    char row[128];
    std::snprintf(row, sizeof(row), " %.3f | %.3f | %.2f |", least[0], least[1],
                  least[0] / least[1]);
    times += row;
  }
  std::printf("| %s | %s | %.1e |%s\n", model.name, model.kind, difference, times.c_str());
  std::fflush(stdout);
  return OkStatus();
}

int Main(std::span<char* const> words) {
  const double seconds = words.empty() ? 2 : std::atof(words[0]);
  const std::span names = words.subspan(std::min<size_t>(words.size(), 1));
  if (RuntimeNamed("builtin") == nullptr || RuntimeNamed("onnxruntime") == nullptr) {
    std::fprintf(stderr, "wnn-bench-real-models: %s\n", kNoRuntime);
    return 1;
  }
  std::fputs(kHead, stdout);
  PrintMachine();
  std::fputs(kTableHead, stdout);
  int n_failed = 0;
  for (const RealModel& model : RealModels()) {
    const auto file = FileOf(model);
    const bool asked =
        names.empty() || std::ranges::find(names, std::string_view(model.name)) != names.end();
    if (!file || !asked) continue;
    if (Status status = Report(model, *file, seconds); !status.ok()) {
      std::fprintf(stderr, "%s: %s\n", model.name, std::string(status.message()).c_str());
      ++n_failed;
    }
  }
  if (names.empty() || std::ranges::find(names, kNBitModels) != names.end()) {
    if (Status status = bench::ReportNBitModels(seconds); !status.ok()) {
      std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
      ++n_failed;
    }
  }
  return n_failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace wnn::testing

int main(int argc, char** argv) {
  return wnn::testing::Main(std::span(argv + 1, static_cast<size_t>(argc - 1)));
}
