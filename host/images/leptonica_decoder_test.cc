// What ONNX's backend suite has no case for; its nine are in tests/conformance.
#include "host/images/leptonica_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace wnn {
namespace {

std::span<const std::byte> BytesOf(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// The pixels, or nothing.
std::vector<int> Decode(const ImageDecoder& decoder, const std::string& encoded) {
  const auto size = decoder.ReadSize(BytesOf(encoded));
  if (!size) return {};
  std::vector<std::byte> rgb(static_cast<size_t>(size->height * size->width * 3));
  if (!decoder.Decode(BytesOf(encoded), rgb)) return {};
  std::vector<int> numbers;
  for (std::byte b : rgb) numbers.push_back(static_cast<int>(b));
  return numbers;
}

TEST(LeptonicaDecoderTest, EveryDepthBecomesThreeChannels) {
  const auto decoder = MakeLeptonicaDecoder();
  EXPECT_EQ(Decode(*decoder, "P3\n2 1\n255\n1 2 3 255 128 0\n"),
            (std::vector<int>{1, 2, 3, 255, 128, 0}));
  EXPECT_EQ(Decode(*decoder, "P2\n2 1\n255\n7 200\n      "),
            (std::vector<int>{7, 7, 7, 200, 200, 200}));
  // In a bitmap 1 is black.
  EXPECT_EQ(Decode(*decoder, "P1\n2 1\n1 0\n          "),
            (std::vector<int>{0, 0, 0, 255, 255, 255}));
  const auto size = decoder->ReadSize(BytesOf("P5\n3 2\n255\n123456"));
  ASSERT_TRUE(size);
  EXPECT_EQ(size->width, 3);
  EXPECT_EQ(size->height, 2);
  EXPECT_GE(decoder->WorkingBytes(*size), 6u * 4);
}

TEST(LeptonicaDecoderTest, WhatIsNoPictureOrNoWholeOneIsRefused) {
  const auto decoder = MakeLeptonicaDecoder();
  for (const std::string& bytes :
       {std::string(), std::string("P5"), std::string(100, 'x'), std::string(100, '\0'),
        std::string("GIF89a\1\0\1\0\0\0\0;          ", 24),
        std::string("%!PS-Adobe-3.0 EPSF-3.0")}) {
    EXPECT_FALSE(decoder->ReadSize(BytesOf(bytes)));
  }
  EXPECT_TRUE(Decode(*decoder, "P5\n1000 1000\n255\ntoo few").empty());
  EXPECT_TRUE(Decode(*decoder, "P5\n-1 1\n255\n             ").empty());
  EXPECT_TRUE(Decode(*decoder, std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1", 20)).empty());
}

}  // namespace
}  // namespace wnn
