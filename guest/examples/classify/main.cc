// classify: names what pictures show, with any ONNX image classifier.
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "guest/examples/classify/classifier.h"
#include "guest/examples/classify/options.h"
#include "guest/examples/classify/report.h"
#include "guest/image/image.h"
#include "guest/image/ranking.h"
#include "guest/image/resize.h"
#include "guest/image/tensor.h"
#include "guest/support/file.h"

namespace wnn::classify {
namespace {

constexpr int kExitUsage = 2;
constexpr std::uint32_t kChannels = 3;

// Milliseconds from one call to the next.
class Stopwatch {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> lap = now - last_;
    last_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct Loaded {
  std::unique_ptr<Classifier> classifier;
  double load_ms = 0;
};

Outcome<Loaded> Load(const Options& options) {
  std::vector<std::byte> bytes;
  if (options.graph.empty()) {
    auto read = support::ReadFile(options.model);
    if (!read) return std::unexpected(read.error());
    bytes = std::move(*read);
  }
  Stopwatch watch;
  auto classifier =
      options.graph.empty() ? LoadModel(bytes, options.target) : LoadGraph(options.graph);
  const double load_ms = watch.Lap();
  if (!classifier) {
    return std::unexpected(options.graph.empty() ? options.model + ": " + classifier.error()
                                                 : classifier.error());
  }
  return Loaded{std::move(*classifier), load_ms};
}

Outcome<std::vector<std::string>> LoadLabels(const Options& options) {
  if (options.labels.empty()) return std::vector<std::string>();
  const auto text = support::ReadFile(options.labels);
  if (!text) return std::unexpected(text.error());
  auto labels = image::ParseLabels(support::AsText(*text));
  if (labels.empty()) return std::unexpected("'" + options.labels + "' has no labels");
  return labels;
}

// Decodes, resizes and normalises one picture into its slot of a batch.
Outcome<void> PreparePicture(const std::string& path, const Options& options,
                             std::span<float> slot) {
  const auto bytes = support::ReadFile(path);
  if (!bytes) return std::unexpected(bytes.error());
  const auto picture = image::Decode(*bytes);
  if (!picture) return std::unexpected("'" + path + "': " + picture.error());
  image::ToTensor(image::Resize(*picture, options.size, options.size), options.normalization,
                  options.layout, slot);
  return {};
}

// One timed inference on a batch of `n_pictures`; the scores of all of them, one picture after the
// other, borrowed from `classifier`.
Outcome<std::span<const float>> InferOnce(Classifier& classifier, const Options& options,
                                          std::uint32_t n_pictures, std::span<const float> pixels,
                                          RunTimes& times) {
  const auto size = static_cast<std::uint32_t>(options.size);
  const std::array dims = options.layout == image::Layout::kNchw
                              ? std::array{n_pictures, kChannels, size, size}
                              : std::array{n_pictures, size, size, kChannels};
  Stopwatch watch;
  if (auto set = classifier.SetInput(dims, pixels); !set) return std::unexpected(set.error());
  times.input_ms.push_back(watch.Lap());
  if (auto run = classifier.Compute(); !run) return std::unexpected(run.error());
  times.compute_ms.push_back(watch.Lap());
  auto scores = classifier.Scores();
  times.output_ms.push_back(watch.Lap());
  return scores;
}

bool SameBits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

// One inference on one batch, or `options.repeat` of them, which must all give the same bits.
Outcome<std::vector<float>> Infer(Classifier& classifier, const Options& options,
                                  std::uint32_t n_pictures, std::span<const float> pixels,
                                  RunTimes& times) {
  std::vector<float> first;
  const std::size_t n_runs = std::max<std::size_t>(options.repeat, 1);
  for (std::size_t run = 1; run <= n_runs; ++run) {
    const auto scores = InferOnce(classifier, options, n_pictures, pixels, times);
    if (!scores) return std::unexpected(scores.error());
    if (run == 1) {
      first.assign(scores->begin(), scores->end());
    } else if (!std::ranges::equal(first, *scores, SameBits)) {
      return std::unexpected("run " + std::to_string(run) +
                             " of one inference gave other scores than the first");
    }
  }
  return first;
}

// The best classes of one picture. `scores` are worked on in place.
Outcome<PictureClasses> Rank(const std::string& path, std::span<float> scores,
                             const Options& options, const std::vector<std::string>& labels) {
  if (!labels.empty() && labels.size() != scores.size()) {
    return std::unexpected("the model gives " + std::to_string(scores.size()) +
                           " scores for a picture, but '" + options.labels + "' names " +
                           std::to_string(labels.size()) + " classes");
  }
  if (!options.raw) image::Softmax(scores);
  PictureClasses picture{path, {}};
  for (const image::Ranked& ranked : image::TopK(scores, options.top)) {
    picture.classes.push_back(
        {ranked.index,
         labels.empty() ? "class " + std::to_string(ranked.index) : labels[ranked.index],
         ranked.score});
  }
  return picture;
}

// Classifies `pictures` in one inference.
Outcome<Inference> Classify(Classifier& classifier, std::span<const std::string> pictures,
                            const Options& options, const std::vector<std::string>& labels) {
  const std::size_t slot_size = std::size_t{kChannels} * options.size * options.size;
  Inference inference;
  Stopwatch watch;
  std::vector<float> pixels(pictures.size() * slot_size);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::span slot = std::span(pixels).subspan(i * slot_size, slot_size);
    if (auto prepared = PreparePicture(pictures[i], options, slot); !prepared) {
      return std::unexpected(prepared.error());
    }
  }
  inference.preprocess_ms = watch.Lap();
  auto scores = Infer(classifier, options, static_cast<std::uint32_t>(pictures.size()), pixels,
                      inference.times);
  if (!scores) return std::unexpected(scores.error());
  if (scores->empty() || scores->size() % pictures.size() != 0) {
    return std::unexpected("the model gives " + std::to_string(scores->size()) + " scores for " +
                           std::to_string(pictures.size()) + " pictures; is it a classifier?");
  }
  const std::size_t n_classes = scores->size() / pictures.size();
  watch.Lap();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::span of_picture = std::span(*scores).subspan(i * n_classes, n_classes);
    auto ranked = Rank(pictures[i], of_picture, options, labels);
    if (!ranked) return std::unexpected(ranked.error());
    inference.pictures.push_back(std::move(*ranked));
  }
  inference.postprocess_ms = watch.Lap();
  return inference;
}

Outcome<void> Run(const Options& options) {
  const auto labels = LoadLabels(options);
  if (!labels) return std::unexpected(labels.error());
  const auto loaded = Load(options);
  if (!loaded) return std::unexpected(loaded.error());

  const bool with_times = options.repeat > 0;
  const std::span<const std::string> pictures = options.pictures;
  const std::size_t batch = options.batch ? pictures.size() : 1;
  std::vector<Inference> inferences;
  for (std::size_t i = 0; i < pictures.size(); i += batch) {
    auto inference = Classify(*loaded->classifier, pictures.subspan(i, batch), options, *labels);
    if (!inference) return std::unexpected(inference.error());
    if (options.json) {
      inferences.push_back(std::move(*inference));
    } else {
      std::fputs(ToText(*inference, with_times).c_str(), stdout);
    }
  }
  if (options.json) {
    std::fputs(ToJson(loaded->load_ms, inferences).c_str(), stdout);
  } else if (with_times) {
    std::printf("load: %.3f ms\n", loaded->load_ms);
  }
  return {};
}

}  // namespace
}  // namespace wnn::classify

int main(int argc, char** argv) {
  using namespace wnn::classify;
  const std::span arguments(const_cast<const char* const*>(argv), static_cast<std::size_t>(argc));
  const auto options = ParseOptions(arguments.empty() ? arguments : arguments.subspan(1));
  if (!options) {
    std::fprintf(stderr, "classify: %s; --help shows how to use it\n", options.error().c_str());
    return kExitUsage;
  }
  if (options->help) {
    std::fputs(kHelp, stdout);
    return EXIT_SUCCESS;
  }
  if (const auto run = Run(*options); !run) {
    std::fprintf(stderr, "classify: %s\n", run.error().c_str());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
