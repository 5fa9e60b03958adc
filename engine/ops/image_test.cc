// ImageDecoder with a decoder that knows one format: "P", height, width, then the pixels.
#include <gtest/gtest.h>

#include "engine/base/image_decoder.h"
#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::ValuesOf;

using Bytes = std::vector<uint8_t>;

class TinyDecoder final : public ImageDecoder {
 public:
  std::optional<PictureSize> ReadSize(std::span<const std::byte> encoded) const override {
    if (encoded.size() < 3 || encoded[0] != std::byte{'P'}) return std::nullopt;
    return PictureSize{static_cast<int64_t>(encoded[1]), static_cast<int64_t>(encoded[2])};
  }
  uint64_t WorkingBytes(const PictureSize& size) const override {
    return static_cast<uint64_t>(size.height * size.width) * 1000;
  }
  bool Decode(std::span<const std::byte> encoded, std::span<std::byte> rgb) const override {
    if (encoded.size() != rgb.size() + 3) return false;
    std::memcpy(rgb.data(), encoded.data() + 3, rgb.size());
    return true;
  }
};

std::vector<std::byte> DecodingModel(const char* pixel_format) {
  ModelBuilder model(20);
  model.Input("x", DType::kUint8, {"N"});
  model.Node("ImageDecoder", {"x"}, {"y"}, {Attr("pixel_format", pixel_format)}, "decode");
  model.Output("y");
  return model.Build();
}

engine::LoadOptions WithDecoder() {
  engine::LoadOptions options;
  options.image_decoder = std::make_shared<TinyDecoder>();
  return options;
}

Result<std::vector<Tensor>> Decode(const char* pixel_format, const Bytes& encoded,
                                   const engine::LoadOptions& options = WithDecoder()) {
  std::vector<Tensor> inputs;
  inputs.push_back(MakeTensor<uint8_t>({static_cast<int64_t>(encoded.size())}, encoded));
  return testing::RunModel(DecodingModel(pixel_format), inputs, options);
}

const Bytes kPicture = {'P', 1, 2, 255, 0, 0, 10, 20, 30};

TEST(ImageDecoderTest, GivesTheChannelsInTheFormatsOrder) {
  auto rgb = Decode("RGB", kPicture);
  ASSERT_TRUE(rgb) << rgb.error().message();
  EXPECT_EQ(rgb->at(0).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(ValuesOf<uint8_t>(rgb->at(0)), (Bytes{255, 0, 0, 10, 20, 30}));
  auto bgr = Decode("BGR", kPicture);
  ASSERT_TRUE(bgr);
  EXPECT_EQ(ValuesOf<uint8_t>(bgr->at(0)), (Bytes{0, 0, 255, 30, 20, 10}));
  auto gray = Decode("Grayscale", kPicture);
  ASSERT_TRUE(gray);
  EXPECT_EQ(gray->at(0).shape(), (Shape{1, 2, 1}));
  EXPECT_EQ(ValuesOf<uint8_t>(gray->at(0)), (Bytes{76, 18}));  // 0.299 r + 0.587 g + 0.114 b
}

TEST(ImageDecoderTest, WhatCannotBeDecodedIsAnEmptyPicture) {
  for (const Bytes& encoded : {Bytes{}, Bytes{'Q', 1, 1, 0, 0, 0}, Bytes{'P', 9, 9, 0}}) {
    auto empty = Decode("Grayscale", encoded);
    ASSERT_TRUE(empty) << empty.error().message();
    EXPECT_EQ(empty->at(0).shape(), (Shape{0, 0, 1}));
  }
}

TEST(ImageDecoderTest, TheDecodersMemoryCountsAgainstTheLimits) {
  engine::LoadOptions options = WithDecoder();
  options.limits.max_memory_bytes = 1500;
  auto outputs = Decode("RGB", kPicture, options);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code(), Code::kTooLarge);
  options.limits.max_memory_bytes = 3000;
  EXPECT_TRUE(Decode("RGB", kPicture, options));
  options.limits.max_tensor_bytes = 5;
  EXPECT_FALSE(Decode("RGB", kPicture, options));
}

TEST(ImageDecoderTest, WithoutADecoderTheModelIsRefused) {
  auto model = engine::Model::Load(DecodingModel("RGB"), {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), Code::kUnsupportedOperation);
  EXPECT_NE(model.error().message().find("'decode' (ImageDecoder)"), std::string::npos);
  EXPECT_FALSE(engine::Model::Load(DecodingModel("CMYK"), WithDecoder()));
}

TEST(ImageDecoderTest, AConstantPictureIsDecodedWhenTheModelRuns) {
  ModelBuilder model(20);
  model.Initializer("x", {static_cast<int64_t>(kPicture.size())}, kPicture);
  model.Node("ImageDecoder", {"x"}, {"y"});
  model.Output("y");
  auto outputs = testing::RunModel(model.Build(), {}, WithDecoder());
  ASSERT_TRUE(outputs) << outputs.error().message();
  EXPECT_EQ(outputs->at(0).shape(), (Shape{1, 2, 3}));
}

}  // namespace
}  // namespace wnn::ops
