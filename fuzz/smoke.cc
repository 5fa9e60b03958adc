// Runs a fuzz target without libFuzzer: on its seeds and on mutations of them, the same ones each
// time. Or writes the seeds, for libFuzzer to begin with.
#include <cstring>
#include <filesystem>
#include <fstream>

#include "fuzz/target.h"

namespace {

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

int WriteSeeds(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  int n = 0;
  for (const std::string& seed : wnn::fuzz::Seeds()) {
    std::ofstream(folder / ("seed" + std::to_string(n++)), std::ios::binary) << seed;
  }
  return 0;
}

int Usage() {
  std::fprintf(
      stderr,
      "usage: --mutations N [--first SEED [--keep FILE]] | --write-seeds FOLDER | FILE...\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--write-seeds") == 0) return WriteSeeds(argv[2]);
  if (argc < 2) return Usage();
  if (std::strcmp(argv[1], "--mutations") != 0) {
    for (int i = 1; i < argc; ++i) {
      std::ifstream file(argv[i], std::ios::binary);
      Run(std::string(std::istreambuf_iterator<char>(file), {}));
    }
    return 0;
  }
  if (argc != 3 && argc != 5 && argc != 7) return Usage();
  const long n_mutations = std::strtol(argv[2], nullptr, 10);
  const long first = argc >= 5 ? std::strtol(argv[4], nullptr, 10) : 1;
  const char* keep = argc == 7 ? argv[6] : nullptr;  // where the input that breaks is found
  const std::vector<std::string> seeds = wnn::fuzz::Seeds();
  for (const std::string& seed : seeds) Run(seed);
  for (long i = 0; i < n_mutations; ++i) {
    // Every mutation by its own number, so that a failure is found again.
    std::mt19937 random(static_cast<unsigned>(first + i));
    std::string input = seeds[random() % seeds.size()];
    for (size_t n = 1 + random() % 3; n > 0; --n) input = wnn::fuzz::Mutate(input, random);
    if (keep != nullptr) std::ofstream(keep, std::ios::binary) << input;
    Run(input);
  }
  std::printf("%zu seeds, %ld mutations\n", seeds.size(), n_mutations);
  return 0;
}
