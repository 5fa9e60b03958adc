#include "guest/image/tensor.h"

#include <gtest/gtest.h>

namespace wnn::image {
namespace {

// Two pixels: (0, 51, 102) and (153, 204, 255).
const Image kImage = {2, 1, {0, 51, 102, 153, 204, 255}};
constexpr Normalization kOnlyScale = {1.0F / 51, {0, 0, 0}, {1, 1, 1}};

std::vector<float> Tensor(const Normalization& normalization, Layout layout) {
  std::vector<float> values(kImage.rgb.size());
  ToTensor(kImage, normalization, layout, values);
  return values;
}

void ExpectNear(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-6) << i;
}

TEST(ToTensor, PutsChannelsFirst) {
  ExpectNear(Tensor(kOnlyScale, Layout::kNchw), {0, 3, 1, 4, 2, 5});
}

TEST(ToTensor, PutsChannelsLast) {
  ExpectNear(Tensor(kOnlyScale, Layout::kNhwc), {0, 1, 2, 3, 4, 5});
}

TEST(ToTensor, SubtractsTheMeanAndDividesByTheDeviation) {
  const Normalization normalization = {1.0F / 51, {0, 1, 2}, {1, 2, 0.5F}};
  ExpectNear(Tensor(normalization, Layout::kNhwc), {0, 0, 0, 3, 1.5F, 6});
}

TEST(ToTensor, IsImageNetsByDefault) {
  const std::vector<float> values = Tensor({}, Layout::kNhwc);
  EXPECT_NEAR(values[0], -0.485 / 0.229, 1e-5);
  EXPECT_NEAR(values[1], (0.2 - 0.456) / 0.224, 1e-5);
  EXPECT_NEAR(values[5], (1 - 0.406) / 0.225, 1e-5);
}

}  // namespace
}  // namespace wnn::image
