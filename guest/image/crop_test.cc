#include "guest/image/crop.h"

#include <gtest/gtest.h>

namespace wnn::image {
namespace {

// Red is the column, green the row.
Image Coordinates(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.rgb.insert(image.rgb.end(),
                       {static_cast<std::uint8_t>(x), static_cast<std::uint8_t>(y), 7});
    }
  }
  return image;
}

TEST(Crop, TakesThePartThatIsAskedFor) {
  const Image part = Crop(Coordinates(5, 4), 2, 1, 2, 3);
  EXPECT_EQ(part.width, 2);
  EXPECT_EQ(part.height, 3);
  EXPECT_EQ(part.rgb, (std::vector<std::uint8_t>{2, 1, 7, 3, 1, 7, 2, 2, 7, 3, 2, 7, 2, 3, 7,  //
                                                 3, 3, 7}));
  const Image picture = Coordinates(5, 4);
  EXPECT_EQ(Crop(picture, 0, 0, 5, 4).rgb, picture.rgb);
}

TEST(Crop, TakesTheMiddle) {
  const Image middle = CropCenter(Coordinates(5, 4), 1, 2);
  EXPECT_EQ(middle.rgb, (std::vector<std::uint8_t>{2, 1, 7, 2, 2, 7}));
  EXPECT_EQ(CropCenter(Coordinates(4, 4), 1, 1).rgb, (std::vector<std::uint8_t>{1, 1, 7}));
}

TEST(Crop, KnowsTheSizeOfAShorterSide) {
  const Size wide = ShorterSideTo(Coordinates(200, 100), 50);
  EXPECT_EQ(wide.width, 100);
  EXPECT_EQ(wide.height, 50);
  const Size tall = ShorterSideTo(Coordinates(100, 151), 50);
  EXPECT_EQ(tall.width, 50);
  EXPECT_EQ(tall.height, 75);
  EXPECT_EQ(ShorterSideTo(Coordinates(3, 3), 7).width, 7);
}

}  // namespace
}  // namespace wnn::image
