#include "guest/image/resize.h"

#include <gtest/gtest.h>

namespace wnn::image {
namespace {

// A picture with the same levels in all three channels.
Image Grey(int width, int height, const std::vector<std::uint8_t>& levels) {
  Image image{width, height, {}};
  for (const std::uint8_t level : levels) image.rgb.insert(image.rgb.end(), 3, level);
  return image;
}

std::vector<std::uint8_t> ResizedLevels(const Image& source, int width, int height) {
  const Image resized = Resize(source, width, height);
  EXPECT_EQ(resized.width, width);
  EXPECT_EQ(resized.height, height);
  std::vector<std::uint8_t> levels;
  for (std::size_t i = 0; i < resized.rgb.size(); i += 3) levels.push_back(resized.rgb[i]);
  return levels;
}

using Levels = std::vector<std::uint8_t>;

TEST(Resize, KeepsAPictureOfTheWantedSize) {
  const Levels levels = {1, 2, 3, 255, 0, 128};
  EXPECT_EQ(ResizedLevels(Grey(3, 2, levels), 3, 2), levels);
}

TEST(Resize, WeighsEveryPixelWhenItShrinks) {
  // The triangle of half-width 2 around 1.0 weighs 3, 3, 1 and around 3.0 1, 3, 3 sevenths.
  const Levels levels = {70, 0, 140, 210};
  EXPECT_EQ(ResizedLevels(Grey(4, 1, levels), 2, 1), (Levels{50, 150}));
  EXPECT_EQ(ResizedLevels(Grey(1, 4, levels), 1, 2), (Levels{50, 150}));
}

TEST(Resize, InterpolatesWhenItGrows) {
  EXPECT_EQ(ResizedLevels(Grey(2, 1, {0, 100}), 4, 1), (Levels{0, 25, 75, 100}));
}

TEST(Resize, RoundsAfterEachPass) {
  // The rows' means are 0.5, which becomes 1, and 0. Their mean is 0.5 again and becomes 1; rounded
  // only at the end it would be 0.25 and become 0.
  EXPECT_EQ(ResizedLevels(Grey(2, 2, {0, 1, 0, 0}), 1, 1), (Levels{1}));
}

TEST(Resize, KeepsChannelsApart) {
  const Image source{2, 1, {10, 20, 30, 10, 20, 30}};
  EXPECT_EQ(Resize(source, 1, 1).rgb, (Levels{10, 20, 30}));
}

TEST(Resize, KeepsAConstantPictureConstantAtAnyRatio) {
  const Levels white(7 * 5, 255);
  for (int size = 1; size <= 23; ++size) {
    const Levels resized = ResizedLevels(Grey(7, 5, white), size, size);
    EXPECT_EQ(resized, Levels(resized.size(), 255)) << size;
  }
}

}  // namespace
}  // namespace wnn::image
