// What the tests of trained models look at and listen to: a drawn page, a sound, a text. The same
// on every machine.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace wnn::testing {

// Interleaved RGB.
struct Picture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;

  uint8_t at(int64_t x, int64_t y, int64_t channel) const {
    return pixels[static_cast<size_t>((y * width + x) * 3 + channel)];
  }
};

// One line of dark text on light paper, as high as the picture allows. Of the letters and digits
// those in kLine.
Picture DrawLine(int64_t width, int64_t height, std::string_view text);
inline constexpr std::string_view kLine = "ONNX 2026";

// A page: a shaded ground with a dark disc and a light box, and lines of text.
Picture DrawPage(int64_t width, int64_t height);

// `n` samples in [-1, 1] at 16 kHz: voices of three rising tones that swell and fade, in noise.
std::vector<float> Sound(int64_t n);

// Numbers in [0, 1) that look random.
std::vector<float> Noise(int64_t n, uint32_t seed);

}  // namespace wnn::testing
