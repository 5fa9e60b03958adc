// classify: names what pictures show, with any ONNX image classifier, through WASI-NN.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "guest/examples/classify/options.h"
#include "guest/image/image.h"
#include "guest/image/ranking.h"
#include "guest/image/resize.h"
#include "guest/image/tensor.h"
#include "guest/support/file.h"
#include "wasi_nn.hpp"

namespace wnn::classify {
namespace {

template <typename T>
using Outcome = std::expected<T, std::string>;

constexpr int kExitUsage = 2;
constexpr std::uint32_t kChannels = 3;

Outcome<wasi_nn::Graph> LoadGraph(const Options& options) {
  if (!options.graph.empty()) {
    auto graph = wasi_nn::Graph::LoadByName(options.graph);
    if (!graph) return std::unexpected(graph.error().message);
    return std::move(*graph);
  }
  const auto model = support::ReadFile(options.model);
  if (!model) return std::unexpected(model.error());
  auto graph = wasi_nn::Graph::Load(*model, wasi_nn::Encoding::kOnnx, options.target);
  if (!graph) return std::unexpected(options.model + ": " + graph.error().message);
  return std::move(*graph);
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

// One inference on a batch of `n_pictures`; the scores of all of them, one picture after the other.
wasi_nn::Result<std::vector<float>> Infer(const wasi_nn::Context& context, const Options& options,
                                          std::uint32_t n_pictures,
                                          const std::vector<float>& pixels) {
  const auto size = static_cast<std::uint32_t>(options.size);
  const std::array dims = options.layout == image::Layout::kNchw
                              ? std::array{n_pictures, kChannels, size, size}
                              : std::array{n_pictures, size, size, kChannels};
  return context.SetInput(0, dims, pixels)
      .and_then([&] { return context.Compute(); })
      .and_then([&] { return context.GetOutput<float>(0); });
}

Outcome<void> Print(const std::string& path, std::span<float> scores, const Options& options,
                    const std::vector<std::string>& labels) {
  if (!labels.empty() && labels.size() != scores.size()) {
    return std::unexpected("the model gives " + std::to_string(scores.size()) +
                           " scores for a picture, but '" + options.labels + "' names " +
                           std::to_string(labels.size()) + " classes");
  }
  if (!options.raw) image::Softmax(scores);
  std::printf("%s\n", path.c_str());
  int place = 1;
  for (const image::Ranked& ranked : image::TopK(scores, options.top)) {
    const std::string name =
        labels.empty() ? "class " + std::to_string(ranked.index) : labels[ranked.index];
    std::printf("%3d. %s  %.3f\n", place++, name.c_str(), static_cast<double>(ranked.score));
  }
  return {};
}

// Classifies `pictures` in one inference.
Outcome<void> Classify(const wasi_nn::Context& context, std::span<const std::string> pictures,
                       const Options& options, const std::vector<std::string>& labels) {
  const std::size_t slot_size = std::size_t{kChannels} * options.size * options.size;
  std::vector<float> pixels(pictures.size() * slot_size);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::span slot = std::span(pixels).subspan(i * slot_size, slot_size);
    if (auto prepared = PreparePicture(pictures[i], options, slot); !prepared) return prepared;
  }
  auto scores = Infer(context, options, static_cast<std::uint32_t>(pictures.size()), pixels);
  if (!scores) return std::unexpected(scores.error().message);
  if (scores->empty() || scores->size() % pictures.size() != 0) {
    return std::unexpected("the model gives " + std::to_string(scores->size()) + " scores for " +
                           std::to_string(pictures.size()) + " pictures; is it a classifier?");
  }
  const std::size_t n_classes = scores->size() / pictures.size();
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::span of_picture = std::span(*scores).subspan(i * n_classes, n_classes);
    if (auto printed = Print(pictures[i], of_picture, options, labels); !printed) return printed;
  }
  return {};
}

Outcome<void> Run(const Options& options) {
  const auto labels = LoadLabels(options);
  if (!labels) return std::unexpected(labels.error());
  const auto graph = LoadGraph(options);
  if (!graph) return std::unexpected(graph.error());
  const auto context = graph->CreateContext();
  if (!context) return std::unexpected(context.error().message);

  const std::span<const std::string> pictures = options.pictures;
  if (options.batch) return Classify(*context, pictures, options, *labels);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    auto classified = Classify(*context, pictures.subspan(i, 1), options, *labels);
    if (!classified) return classified;
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
