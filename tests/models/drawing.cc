#include "tests/models/drawing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace wnn::testing {
namespace {

struct Glyph {
  char letter;
  std::array<std::string_view, 7> rows;  // '#' is ink
};

constexpr Glyph kGlyphs[] = {
    {'O', {" ### ", "#   #", "#   #", "#   #", "#   #", "#   #", " ### "}},
    {'N', {"#   #", "##  #", "# # #", "#  ##", "#   #", "#   #", "#   #"}},
    {'X', {"#   #", "#   #", " # # ", "  #  ", " # # ", "#   #", "#   #"}},
    {'0', {" ### ", "#   #", "#  ##", "# # #", "##  #", "#   #", " ### "}},
    {'2', {" ### ", "#   #", "    #", "   # ", "  #  ", " #   ", "#####"}},
    {'6', {"  ## ", " #   ", "#    ", "#### ", "#   #", "#   #", " ### "}},
};
constexpr int64_t kGlyphWidth = 5, kGlyphHeight = 7;

void Fill(Picture& picture, int64_t x0, int64_t y0, int64_t width, int64_t height, uint8_t grey) {
  for (int64_t y = std::max<int64_t>(y0, 0); y < std::min(y0 + height, picture.height); ++y) {
    for (int64_t x = std::max<int64_t>(x0, 0); x < std::min(x0 + width, picture.width); ++x) {
      std::fill_n(&picture.pixels[static_cast<size_t>((y * picture.width + x) * 3)], 3, grey);
    }
  }
}

void Write(Picture& picture, int64_t x, int64_t y, int64_t scale, std::string_view text) {
  for (char letter : text) {
    const auto* glyph =
        std::ranges::find_if(kGlyphs, [&](const Glyph& g) { return g.letter == letter; });
    for (int64_t row = 0; glyph != std::end(kGlyphs) && row < kGlyphHeight; ++row) {
      for (int64_t column = 0; column < kGlyphWidth; ++column) {
        if (glyph->rows[static_cast<size_t>(row)][static_cast<size_t>(column)] != '#') continue;
        Fill(picture, x + column * scale, y + row * scale, scale, scale, 20);
      }
    }
    x += (kGlyphWidth + 1) * scale;
  }
}

Picture Paper(int64_t width, int64_t height, uint8_t grey) {
  return {width, height, std::vector<uint8_t>(static_cast<size_t>(width * height * 3), grey)};
}

}  // namespace

Picture DrawLine(int64_t width, int64_t height, std::string_view text) {
  Picture picture = Paper(width, height, 235);
  const auto letters = static_cast<int64_t>(text.size());
  const int64_t scale = std::max<int64_t>(
      std::min(height / (kGlyphHeight + 2), width / ((letters + 1) * (kGlyphWidth + 1))), 1);
  Write(picture, kGlyphWidth * scale / 2, (height - kGlyphHeight * scale) / 2, scale, text);
  return picture;
}

Picture DrawPage(int64_t width, int64_t height) {
  Picture picture = Paper(width, height, 0);
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      auto* pixel = &picture.pixels[static_cast<size_t>((y * width + x) * 3)];
      pixel[0] = static_cast<uint8_t>(120 + 100 * x / width);
      pixel[1] = static_cast<uint8_t>(200 - 80 * y / height);
      pixel[2] = static_cast<uint8_t>(160 + (x / 8 + y / 8) % 2 * 20);
      const int64_t dx = x - width / 4, dy = y - height * 3 / 4;
      if (dx * dx + dy * dy < width * height / 40) std::fill_n(pixel, 3, static_cast<uint8_t>(60));
    }
  }
  Fill(picture, width / 10, height / 12, width * 8 / 10, height * 5 / 12, 240);
  const int64_t scale = std::max<int64_t>(width / 100, 1);
  for (int64_t line = 0; line < 3; ++line) {
    Write(picture, width / 8, height / 8 + line * height / 8, scale, kLine);
  }
  return picture;
}

std::vector<float> Sound(int64_t n) {
  const std::vector<float> noise = Noise(n, 7);
  std::vector<float> samples(static_cast<size_t>(n));
  for (size_t i = 0; i < samples.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    const double swell = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * 3 * t);
    double sum = 0;
    for (double harmonic : {1.0, 2.0, 3.0}) {
      sum += std::sin(2 * std::numbers::pi * harmonic * (140 * t + 40 * t * t)) / harmonic;
    }
    samples[i] = static_cast<float>(0.3 * swell * sum + 0.02 * (noise[i] - 0.5));
  }
  return samples;
}

std::vector<float> Noise(int64_t n, uint32_t seed) {
  std::vector<float> numbers(static_cast<size_t>(n));
  for (float& number : numbers) {
    seed = seed * 1664525u + 1013904223u;  // Numerical Recipes' generator
    number = static_cast<float>(seed >> 8) / static_cast<float>(1 << 24);
  }
  return numbers;
}

}  // namespace wnn::testing
