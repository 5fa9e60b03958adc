// The tests that a host of WASI-NN runs by name, as `wasmtime-onnx wasi-nn-tests.wasm --dir DIR
// --invoke NAME`. Each returns if all is well; otherwise it says on stderr what it expected, and
// traps. A reactor: hosts call `_initialize` before the function.
//
//   load_empty                the host refuses empty bytes as a model (invalid_encoding)
//   load_model                a model loads
//   init_execution_context    a context is made; an unknown graph is refused
//   set_input                 a tensor is accepted; unknown handles and inputs are refused
//   compute                   a context computes, twice, and gives its outputs
//   load_simple_tensor        a small tensor is accepted; malformed ones are refused
//   test_squeezenet           two pictures one by one: their best classes and probabilities
//   batch_squeezenet          the same pictures in one inference
//   test_mobilenetv2
//   batch_mobilenetv2
//   infernece_identity_model  an identity model gives back what it gets, bit for bit
//
// Files that they read, below the folder that the host opens as `.`:
//   models/squeezenet1.1.onnx  models/mobilenetv2.onnx  models/identity_input_output.onnx
//   models/synset_words.txt    images/n04350905.jpg     images/n07734744.jpg
// Without models/squeezenet1.1.onnx, `load_model` to `compute` use the identity model; without its
// file, that is made here. The tests of trained models fail without their files.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <expected>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "guest/image/image.h"
#include "guest/image/ranking.h"
#include "guest/image/resize.h"
#include "guest/image/tensor.h"
#include "guest/support/file.h"
#include "guest/tests/identity_model.h"
#include "wasi_nn.hpp"

#define WNN_TEST(name) extern "C" __attribute__((export_name(#name))) void name()

namespace wnn {
namespace {

constexpr char kSqueezeNet[] = "models/squeezenet1.1.onnx";
constexpr char kMobileNetV2[] = "models/mobilenetv2.onnx";
constexpr char kIdentity[] = "models/identity_input_output.onnx";
constexpr char kLabels[] = "models/synset_words.txt";
constexpr std::uint32_t kImageSize = 224;
constexpr std::uint32_t kClasses = 1000;
constexpr std::size_t kImageElements = std::size_t{3} * kImageSize * kImageSize;
constexpr float kTolerance = 0.005F;
constexpr std::uint32_t kNoSuchHandle = 0xFFFF0000;

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "FAILED: %s\n", message.c_str());
  std::abort();
}

void Check(bool condition, const std::string& message) {
  if (!condition) Fail(message);
}

// The value, or a failed test.
template <typename T, typename E>
T Take(std::expected<T, E> result) {
  if (!result) {
    if constexpr (std::is_same_v<E, wasi_nn::Error>) {
      Fail(result.error().message);
    } else {
      Fail(result.error());
    }
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void CheckErrno(std::string_view what, wasi_nn_errno actual, wasi_nn_errno expected) {
  Check(actual == expected, std::string(what) + " returned " + std::to_string(actual) +
                                ", expected " + std::to_string(expected));
}

struct Model {
  std::vector<std::byte> bytes;
  std::vector<std::uint32_t> input_dims;
  std::size_t n_outputs;
};

Model IdentityModel() {
  auto file = support::ReadFile(kIdentity);
  return {file ? std::move(*file) : tests::MakeIdentityModel(), {1, 4}, 4};
}

// The model of the tests that need just any.
Model AnyModel() {
  auto file = support::ReadFile(kSqueezeNet);
  if (file) return {std::move(*file), {1, 3, kImageSize, kImageSize}, kClasses};
  std::fprintf(stderr, "%s is not there; using the identity model\n", kSqueezeNet);
  return IdentityModel();
}

std::vector<float> Ramp(const std::vector<std::uint32_t>& dims) {
  std::vector<float> values(wasi_nn::Dims(dims).NumElements());
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 255) / 255;
  return values;
}

struct Expected {
  const char* label;
  float probability;
};

// A picture and the classes that a model ranks first on it.
struct Picture {
  const char* path;
  std::vector<Expected> best;
};

const std::vector<Picture> kSqueezeNetPictures = {
    {"images/n04350905.jpg", {{"bow tie", 0.549F}, {"suit", 0.353F}}},
    {"images/n07734744.jpg", {{"mushroom", 0.486F}, {"bolete", 0.455F}}},
};
const std::vector<Picture> kMobileNetPictures = {
    {"images/n04350905.jpg", {{"military uniform", 0.922F}, {"racket", 0.007F}}},
    {"images/n07734744.jpg", {{"mushroom", 0.680F}, {"bolete", 0.291F}}},
};

void ReadPicture(const char* path, std::span<float> pixels) {
  const auto picture = Take(image::Decode(Take(support::ReadFile(path))));
  image::ToTensor(image::Resize(picture, kImageSize, kImageSize), {}, image::Layout::kNchw, pixels);
}

void CheckBest(const Picture& picture, std::span<float> scores) {
  static const std::vector<std::string> labels =
      image::ParseLabels(support::AsText(Take(support::ReadFile(kLabels))));
  Check(labels.size() == kClasses, std::string(kLabels) + " does not have 1000 labels");
  image::Softmax(scores);
  const auto ranked = image::TopK(scores, picture.best.size());
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    const Expected& expected = picture.best[i];
    const std::string& label = labels[ranked[i].index];
    const std::string place = std::string(picture.path) + ", place " + std::to_string(i + 1) + ": ";
    Check(label == expected.label, place + label + ", expected " + expected.label);
    Check(std::abs(ranked[i].score - expected.probability) < kTolerance,
          place + std::to_string(ranked[i].score) + ", expected " +
              std::to_string(expected.probability));
    std::fprintf(stderr, "%s%s %.3f\n", place.c_str(), label.c_str(),
                 static_cast<double>(ranked[i].score));
  }
}

void ClassifyOneByOne(const char* model, const std::vector<Picture>& pictures) {
  const auto graph = Take(wasi_nn::Graph::Load(Take(support::ReadFile(model))));
  const auto context = Take(graph.CreateContext());
  std::vector<float> pixels(kImageElements);
  for (const Picture& picture : pictures) {
    ReadPicture(picture.path, pixels);
    Take(context.SetInput(0, {1, 3, kImageSize, kImageSize}, pixels));
    Take(context.Compute());
    auto scores = Take(context.GetOutput<float>(0));
    Check(scores.size() == kClasses, "expected 1000 scores, got " + std::to_string(scores.size()));
    CheckBest(picture, scores);
  }
}

void ClassifyBatch(const char* model, const std::vector<Picture>& pictures) {
  const auto graph = Take(wasi_nn::Graph::Load(Take(support::ReadFile(model))));
  const auto context = Take(graph.CreateContext());
  std::vector<float> pixels(pictures.size() * kImageElements);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    ReadPicture(pictures[i].path, std::span(pixels).subspan(i * kImageElements, kImageElements));
  }
  const auto n_pictures = static_cast<std::uint32_t>(pictures.size());
  Take(context.SetInput(0, {n_pictures, 3, kImageSize, kImageSize}, pixels));
  Take(context.Compute());
  auto scores = Take(context.GetOutput<float>(0));
  Check(scores.size() == pictures.size() * kClasses,
        "expected 1000 scores for each picture, got " + std::to_string(scores.size()) + " in all");
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    CheckBest(pictures[i], std::span(scores).subspan(i * kClasses, kClasses));
  }
}

}  // namespace

WNN_TEST(load_empty) {
  const auto graph = wasi_nn::Graph::Load(std::vector<std::byte>());
  Check(!graph.has_value(), "load accepted empty bytes");
  CheckErrno("load of empty bytes", static_cast<wasi_nn_errno>(graph.error().code),
             WASI_NN_ERRNO_INVALID_ENCODING);
}

WNN_TEST(load_model) {
  const Model model = AnyModel();
  const auto first = Take(wasi_nn::Graph::Load(model.bytes));
  const auto second = Take(wasi_nn::Graph::Load(model.bytes));
  Check(first.handle() != second.handle(), "two graphs have one handle");
}

WNN_TEST(init_execution_context) {
  const auto graph = Take(wasi_nn::Graph::Load(AnyModel().bytes));
  const auto first = Take(graph.CreateContext());
  const auto second = Take(graph.CreateContext());
  Check(first.handle() != second.handle(), "two contexts have one handle");
  wasi_nn_graph_execution_context context = 0;
  CheckErrno("init_execution_context of an unknown graph",
             wasi_nn_init_execution_context(kNoSuchHandle, &context),
             WASI_NN_ERRNO_INVALID_ARGUMENT);
}

WNN_TEST(set_input) {
  const Model model = AnyModel();
  const auto graph = Take(wasi_nn::Graph::Load(model.bytes));
  const auto context = Take(graph.CreateContext());
  const std::vector<float> values = Ramp(model.input_dims);
  Take(context.SetInput(0, model.input_dims, values));
  Take(context.SetInput(0, model.input_dims, values));
  const auto beyond = context.SetInput(1, model.input_dims, values);
  Check(!beyond && beyond.error().code == wasi_nn::Errno::kInvalidArgument,
        "set_input accepted an input that the model does not have");
  const wasi_nn_tensor tensor = {
      model.input_dims.data(), static_cast<std::uint32_t>(model.input_dims.size()),
      WASI_NN_TENSOR_TYPE_F32, reinterpret_cast<const std::uint8_t*>(values.data()),
      static_cast<std::uint32_t>(values.size() * sizeof(float))};
  CheckErrno("set_input of an unknown context", wasi_nn_set_input(kNoSuchHandle, 0, &tensor),
             WASI_NN_ERRNO_INVALID_ARGUMENT);
}

WNN_TEST(compute) {
  const Model model = AnyModel();
  const auto graph = Take(wasi_nn::Graph::Load(model.bytes));
  const auto context = Take(graph.CreateContext());
  Check(!context.Compute(), "compute succeeded without an input");
  Take(context.SetInput(0, model.input_dims, Ramp(model.input_dims)));
  Take(context.Compute());
  const auto first = Take(context.GetOutput<float>(0));
  Check(first.size() == model.n_outputs, "the output has " + std::to_string(first.size()) +
                                             " elements, expected " +
                                             std::to_string(model.n_outputs));
  Check(std::ranges::all_of(first, [](float x) { return std::isfinite(x); }),
        "an output is not finite");
  Take(context.Compute());
  Check(Take(context.GetOutput<float>(0)) == first, "the same inputs gave other outputs");
}

WNN_TEST(load_simple_tensor) {
  const auto graph = Take(wasi_nn::Graph::Load(IdentityModel().bytes));
  const auto context = Take(graph.CreateContext());
  const std::array<std::uint32_t, 2> dims = {1, 4};
  const std::array<float, 4> values = {1, 2, 3, 4};
  Take(context.SetInput(0, dims, values));

  const wasi_nn_tensor good = {dims.data(), dims.size(), WASI_NN_TENSOR_TYPE_F32,
                               reinterpret_cast<const std::uint8_t*>(values.data()),
                               sizeof(values)};
  const auto refused = [&](std::string_view what, const wasi_nn_tensor& tensor) {
    CheckErrno(what, wasi_nn_set_input(context.handle(), 0, &tensor),
               WASI_NN_ERRNO_INVALID_ARGUMENT);
  };
  wasi_nn_tensor bad = good;
  bad.size_bytes = sizeof(values) - 1;
  refused("a tensor that lacks a byte", bad);
  bad = good;
  bad.type = WASI_NN_TENSOR_TYPE_I32;
  refused("a tensor of another type", bad);
  bad = good;
  bad.n_dimensions = 1;
  refused("a tensor of another rank", bad);
  bad = good;
  bad.data = reinterpret_cast<const std::uint8_t*>(~std::uintptr_t{15});
  refused("a tensor outside the memory", bad);
  CheckErrno("the good tensor again", wasi_nn_set_input(context.handle(), 0, &good),
             WASI_NN_ERRNO_SUCCESS);
}

WNN_TEST(test_squeezenet) { ClassifyOneByOne(kSqueezeNet, kSqueezeNetPictures); }
WNN_TEST(batch_squeezenet) { ClassifyBatch(kSqueezeNet, kSqueezeNetPictures); }
WNN_TEST(test_mobilenetv2) { ClassifyOneByOne(kMobileNetV2, kMobileNetPictures); }
WNN_TEST(batch_mobilenetv2) { ClassifyBatch(kMobileNetV2, kMobileNetPictures); }

WNN_TEST(infernece_identity_model) {
  const auto graph = Take(wasi_nn::Graph::Load(IdentityModel().bytes));
  const auto context = Take(graph.CreateContext());
  const std::array<float, 4> values = {-0.0F, 1.5F, std::numeric_limits<float>::denorm_min(),
                                       std::numeric_limits<float>::infinity()};
  Take(context.SetInput(0, {1, 4}, values));
  Take(context.Compute());
  std::array<float, 4> output = {};
  const std::size_t n = Take(context.GetOutputInto(0, std::span<float>(output)));
  Check(n == output.size(), "the output has " + std::to_string(n) + " elements, expected 4");
  for (std::size_t i = 0; i < n; ++i) {
    Check(std::bit_cast<std::uint32_t>(output[i]) == std::bit_cast<std::uint32_t>(values[i]),
          "element " + std::to_string(i) + " is " + std::to_string(output[i]) + ", expected " +
              std::to_string(values[i]));
  }
  std::array<float, 3> small = {};
  const auto cut = context.GetOutputInto(0, std::span<float>(small));
  Check(!cut && cut.error().code == wasi_nn::Errno::kTooLarge,
        "get_output into a small buffer did not fail with too_large");
}

}  // namespace wnn
