#include "guest/examples/classify/options.h"

#include <gtest/gtest.h>

#include <utility>

namespace wnn::classify {
namespace {

using Words = std::vector<const char*>;

Options Parse(const Words& words) {
  const auto options = ParseOptions(words);
  EXPECT_TRUE(options.has_value()) << options.error();
  return options.value_or(Options());
}

TEST(ParseOptions, HasDefaultsForImageNet) {
  const Options options = Parse({"--model", "m.onnx", "a.jpg"});
  EXPECT_EQ(options.model, "m.onnx");
  EXPECT_EQ(options.pictures, std::vector<std::string>{"a.jpg"});
  EXPECT_EQ(options.top, 5u);
  EXPECT_EQ(options.size, 224);
  EXPECT_FLOAT_EQ(options.normalization.mean[1], 0.456F);
  EXPECT_EQ(options.layout, image::Layout::kNchw);
  EXPECT_FALSE(options.batch);
  EXPECT_FALSE(options.json);
  EXPECT_EQ(options.repeat, 0u);
}

TEST(ParseOptions, ReadsEveryOption) {
  const Options options = Parse(
      {"a.jpg",   "--model=m", "--labels", "l",       "--top",    "3",    "--size=64", "--scale",
       "0.5",     "--mean",    "1,2,3",    "--std=4", "--layout", "nhwc", "--target",  "gpu",
       "--batch", "--raw",     "--repeat", "20",      "--json",   "b.png"});
  EXPECT_EQ(options.labels, "l");
  EXPECT_EQ(options.top, 3u);
  EXPECT_EQ(options.size, 64);
  EXPECT_EQ(options.normalization.scale, 0.5F);
  EXPECT_EQ(options.normalization.mean, (std::array<float, 3>{1, 2, 3}));
  EXPECT_EQ(options.normalization.std, (std::array<float, 3>{4, 4, 4}));
  EXPECT_EQ(options.layout, image::Layout::kNhwc);
  EXPECT_EQ(options.target, Target::kGpu);
  EXPECT_TRUE(options.batch);
  EXPECT_TRUE(options.raw);
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.repeat, 20u);
  EXPECT_EQ(options.pictures, (std::vector<std::string>{"a.jpg", "b.png"}));
}

TEST(ParseOptions, TakesAGraphInsteadOfAModel) {
  EXPECT_EQ(Parse({"--graph", "mobilenet", "a"}).graph, "mobilenet");
}

TEST(ParseOptions, TakesAnythingForPicturesAfterTwoDashes) {
  EXPECT_EQ(Parse({"--model", "m", "--", "--batch", "-"}).pictures,
            (std::vector<std::string>{"--batch", "-"}));
}

TEST(ParseOptions, ChecksNothingElseWhenAskedForHelp) {
  EXPECT_TRUE(Parse({"--help"}).help);
  EXPECT_TRUE(Parse({"a", "-h"}).help);
}

TEST(ParseOptions, NamesWhatIsWrong) {
  const std::vector<std::pair<Words, const char*>> cases = {
      {{"a.jpg"}, "no model"},
      {{"--model", "m", "--graph", "g", "a"}, "exclude each other"},
      {{"--graph", "g", "--target", "gpu", "a"}, "--target does not go with --graph"},
      {{"--model", "m"}, "no picture"},
      {{"--model"}, "--model needs a value"},
      {{"--model=", "a"}, "--model is empty"},
      {{"--modle", "m", "a"}, "unknown option '--modle'"},
      {{"-x", "a"}, "unknown option '-x'"},
      {{"--batch=yes", "a"}, "unknown option '--batch=yes'"},
      {{"--model", "m", "--top", "0", "a"}, "--top is a number from 1 to 1000000, not '0'"},
      {{"--model", "m", "--top", "5x", "a"}, "not '5x'"},
      {{"--model", "m", "--size", "99999999999", "a"}, "--size is a number from 1 to 8192"},
      {{"--model", "m", "--size", "-1", "a"}, "--size"},
      {{"--model", "m", "--repeat", "0", "a"}, "--repeat is a number from 1 to 1000000"},
      {{"--model", "m", "--scale", "", "a"}, "--scale is a number"},
      {{"--model", "m", "--mean", "1,2", "a"}, "--mean is one number or three"},
      {{"--model", "m", "--mean", "1,2,", "a"}, "--mean is one number or three"},
      {{"--model", "m", "--std", "1,0,1", "a"}, "--std is a divisor other than 0"},
      {{"--model", "m", "--layout", "chw", "a"}, "--layout is nchw or nhwc, not 'chw'"},
      {{"--model", "m", "--target", "tpu", "a"}, "--target is cpu or gpu, not 'tpu'"},
  };
  for (const auto& [words, expected] : cases) {
    const auto options = ParseOptions(words);
    ASSERT_FALSE(options.has_value()) << expected;
    EXPECT_NE(options.error().find(expected), std::string::npos) << options.error();
  }
}

}  // namespace
}  // namespace wnn::classify
