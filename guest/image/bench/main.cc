// The image helpers against themselves: built without SIMD, with it, and with relaxed SIMD.
//
//   image-bench check     digests of many results, for the builds to be compared; each tensor is
//                         also held against the formula, in double precision
//   image-bench time N    the shortest of N runs of each step, in microseconds
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "guest/image/images.h"

namespace wnn::image {
namespace {

// Of ToTensor against the formula, for ImageNet's normalisation: the values reach 2.7.
constexpr double kTolerance = 2e-6;

// Pixels as if at random, the same everywhere.
Image Picture(int width, int height) {
  Image image{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  std::uint32_t state = 12345u + static_cast<std::uint32_t>(width * 31 + height);
  for (std::uint8_t& value : image.rgb) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

template <typename T>
void PrintDigest(const std::string& what, const std::vector<T>& values) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (std::size_t i = 0; i < values.size() * sizeof(T); ++i) {
    hash = (hash ^ bytes[i]) * 1099511628211u;
  }
  std::printf("%s %016llx\n", what.c_str(), static_cast<unsigned long long>(hash));
}

std::string Name(const Image& image) {
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

void CheckTensor(const Image& image, Layout layout) {
  const Normalization normalization;
  std::vector<float> values(image.rgb.size());
  ToTensor(image, normalization, layout, values);
  const std::size_t n_pixels = image.rgb.size() / 3;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    const std::size_t c = i % 3;
    const double expected =
        (image.rgb[i] / 255.0 - double{normalization.mean[c]}) / double{normalization.std[c]};
    const float value = values[layout == Layout::kNhwc ? i : c * n_pixels + i / 3];
    if (std::abs(double{value} - expected) <= kTolerance) continue;
    std::fprintf(stderr, "%s: element %zu is %.9g, not %.9g\n", Name(image).c_str(), i,
                 double{value}, expected);
    std::exit(1);
  }
  PrintDigest("tensor " + Name(image) + (layout == Layout::kNhwc ? " nhwc" : " nchw"), values);
}

void CheckRanking(std::size_t n, std::size_t k, int levels) {
  const Image noise = Picture(static_cast<int>(n), 1);
  std::vector<float> scores(n);
  for (std::size_t i = 0; i < n; ++i) {
    scores[i] = static_cast<float>(noise.rgb[3 * i] % levels) - 3;
    if (levels > 100 && noise.rgb[3 * i + 1] < 40) {
      scores[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  std::vector<std::uint32_t> indices;
  for (const Ranked& ranked : TopK(scores, k)) {
    indices.push_back(static_cast<std::uint32_t>(ranked.index));
  }
  PrintDigest("ranking " + std::to_string(n) + " " + std::to_string(k), indices);
}

void Check() {
  constexpr Size kSizes[][2] = {
      {{1, 1}, {5, 4}},         {{7, 5}, {3, 2}},       {{2, 9}, {11, 7}},
      {{64, 48}, {64, 48}},     {{50, 333}, {224, 17}}, {{333, 50}, {23, 224}},
      {{640, 480}, {224, 224}}, {{5000, 2}, {1, 1}},    {{3, 4000}, {6, 3}}};
  for (const auto& [from, to] : kSizes) {
    const Image picture = Picture(from.width, from.height);
    const Image resized = Resize(picture, to.width, to.height);
    PrintDigest("resize " + Name(picture) + " " + Name(resized), resized.rgb);
    for (const Layout layout : {Layout::kNchw, Layout::kNhwc}) {
      CheckTensor(resized, layout);
      CheckTensor(picture, layout);
    }
  }
  for (const int levels : {7, 200}) {
    for (const std::size_t n : {1, 3, 8, 1000, 1001}) {
      for (const std::size_t k : {0, 1, 5, 1000, 2000}) CheckRanking(n, k, levels);
    }
  }
}

template <typename Step>
void Time(const char* name, int n_runs, Step step) {
  using Clock = std::chrono::steady_clock;
  auto best = Clock::duration::max();
  for (int i = 0; i < n_runs; ++i) {
    const auto start = Clock::now();
    step();
    best = std::min(best, Clock::now() - start);
  }
  std::printf("%s %.1f\n", name, std::chrono::duration<double, std::micro>(best).count());
}

void TimeAll(int n_runs) {
  const Image picture = Picture(1024, 768);
  const Image small = Resize(picture, 224, 224);
  std::vector<float> values(small.rgb.size());
  std::vector<float> scores(1000);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = small.rgb[7 * i];
  std::size_t sink = 0;
  Time("resize_down", n_runs, [&] { sink += Resize(picture, 224, 224).rgb[0]; });
  Time("resize_up", n_runs, [&] { sink += Resize(small, 640, 640).rgb[0]; });
  const auto tensor = [&](Layout layout) {
    ToTensor(small, {}, layout, values);
    sink += values[0] > 0 ? 1 : 0;
  };
  Time("tensor_nchw", n_runs, [&] { tensor(Layout::kNchw); });
  Time("tensor_nhwc", n_runs, [&] { tensor(Layout::kNhwc); });
  Time("top5_of_1000", n_runs, [&] { sink += TopK(scores, 5)[0].index; });
  if (sink == 0) std::printf("\n");  // so that nothing is left out
}

}  // namespace
}  // namespace wnn::image

int main(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word == "check") {
    wnn::image::Check();
  } else if (word == "time" && argc > 2 && std::atoi(argv[2]) > 0) {
    wnn::image::TimeAll(std::atoi(argv[2]));
  } else {
    std::fprintf(stderr, "usage: image-bench check | time N\n");
    return 2;
  }
  return 0;
}
