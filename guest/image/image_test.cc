#include "guest/image/image.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "guest/image/jpeg_tables.h"
#include "guest/image/resize.h"
#include "guest/support/file.h"

namespace wnn::image {
namespace {

// 2x1: (255, 0, 10) and (1, 2, 3).
constexpr char kRgbPng[] =
    "89504e470d0a1a0a0000000d4948445200000002000000010802000000"
    "7b40e8dd0000000f49444154"
    "78da63f8cfc0c5c8c40c00063301102"
    "94b615c0000000049454e44ae426082";

// 1x1: grey 7, fully transparent.
constexpr char kGreyAlphaPng[] =
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000"
    "b51c0c020000000b49444154"
    "78da6360670000001100"
    "0888d0bcb00000000049454e44ae426082";

// 8x8: grey 200.
constexpr char kGreyJpeg[] =
    "ffd8ffe000104a46494600010100000100010000ffdb00430003020203020203030303040303040508050504"
    "04050a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f1718161418121415"
    "14ffc0000b080008000801011100ffc40014000100000000000000000000000000000008ffc4001410010000"
    "0000000000000000000000000000ffda0008010100003f00603fffd9";

std::vector<std::byte> FromHex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, /*base=*/16)));
  }
  return bytes;
}

std::vector<std::byte> FromText(std::string_view text) {
  std::vector<std::byte> bytes;
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

TEST(Decode, ReadsPng) {
  const auto image = Decode(FromHex(kRgbPng));
  ASSERT_TRUE(image.has_value()) << image.error();
  EXPECT_EQ(image->width, 2);
  EXPECT_EQ(image->height, 1);
  EXPECT_EQ(image->rgb, (std::vector<std::uint8_t>{255, 0, 10, 1, 2, 3}));
}

TEST(Decode, MakesGreyRgbAndDropsAlpha) {
  const auto image = Decode(FromHex(kGreyAlphaPng));
  ASSERT_TRUE(image.has_value()) << image.error();
  EXPECT_EQ(image->rgb, (std::vector<std::uint8_t>{7, 7, 7}));
}

TEST(Decode, ReadsJpeg) {
  const auto image = Decode(FromHex(kGreyJpeg));
  ASSERT_TRUE(image.has_value()) << image.error();
  EXPECT_EQ(image->width, 8);
  EXPECT_EQ(image->height, 8);
  EXPECT_EQ(image->rgb, std::vector<std::uint8_t>(8 * 8 * 3, 200));
}

TEST(Decode, ReadsPnm) {
  const auto image = Decode(FromText("P6 1 2 255\nabcdef"));
  ASSERT_TRUE(image.has_value()) << image.error();
  EXPECT_EQ(image->height, 2);
  EXPECT_EQ(image->rgb, (std::vector<std::uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(Decode, RefusesWhatIsNoPicture) {
  EXPECT_EQ(Decode({}).error(), "the file is empty");
  EXPECT_NE(Decode(FromText("hello, world")).error().find("not a JPEG"), std::string::npos);
}

TEST(Decode, RefusesEveryTruncationOfAPng) {
  const std::vector<std::byte> whole = FromHex(kRgbPng);
  constexpr std::size_t kEndChunk = 12;
  for (std::size_t size = 0; size < whole.size() - kEndChunk; ++size) {
    EXPECT_FALSE(Decode(std::span(whole).first(size)).has_value()) << size << " bytes";
  }
}

TEST(Decode, RefusesPicturesWithoutPixels) {
  for (const char* text : {"P6 0 2 255\nabcdef", "P6 2 0 255\nabcdef", "P5 0 0 255\n"}) {
    EXPECT_FALSE(Decode(FromText(text)).has_value()) << text;
  }
}

// The head of a JPEG file with one Huffman table of sixteen lengths with `count` codes each.
std::string JpegWithTable(int count) {
  const int n_codes = 16 * count;
  const int length = 2 + 17 + n_codes;
  std::string file = "\xff\xd8\xff\xc4";
  file += static_cast<char>(length >> 8);
  file += static_cast<char>(length);
  file += '\0';
  file += std::string(16, static_cast<char>(count));
  return file + std::string(static_cast<std::size_t>(n_codes), 'x') + "\xff\xd9";
}

TEST(Decode, RefusesJpegTablesOfMoreThan256Codes) {
  for (const auto& [count, fits] : {std::pair(1, true), {16, true}, {17, false}, {255, false}}) {
    const std::string file = JpegWithTable(count);
    EXPECT_EQ(HuffmanTablesFit(std::as_bytes(std::span(file))), fits) << count;
    EXPECT_FALSE(Decode(std::as_bytes(std::span(file))).has_value());
  }
  // After more than one 0xff.
  const std::string filled = "\xff\xff" + JpegWithTable(17);
  EXPECT_FALSE(HuffmanTablesFit(std::as_bytes(std::span(filled))));
  // After padding and another segment, and after a scan, amid compressed data.
  const std::string table = JpegWithTable(17).substr(2);
  for (const std::string& before :
       {std::string("\xff\xd8\xff\xfe\0\4ab  \xff", 11), std::string("\xff\xd8\xff\xda\0\3"
                                                                     "a"
                                                                     "data\xff\0data\xff\xd0",
                                                                     20)}) {
    const std::string file = before + table;
    EXPECT_FALSE(HuffmanTablesFit(std::as_bytes(std::span(file)))) << before.size();
  }
  // A comment may say what it likes.
  const std::string comment(
      "\xff\xd8\xff\xfe\0\x18\xff\xc4\0\x14"
      "0123456789abcdef01",
      28);
  EXPECT_TRUE(HuffmanTablesFit(std::as_bytes(std::span(comment))));
}

// A progressive picture whose scan names a table that the file has not: whatever comes out, nothing
// is read beyond a table. The memory sanitizers see more of that than this test.
TEST(Decode, SurvivesAScanWithoutTables) {
  std::string file(
      "\xff\xd8\xff\xc2\0\x0b\x08\0\x40\0\x40\1\1\x11\0"
      "\xff\xda\0\x08\1\1\0\0\0\0",
      25);
  for (int i = 0; i < 2000; ++i) file += static_cast<char>(i * 37 % 255);
  for (int i = 0; i < 3; ++i) {
    const auto image = Decode(FromText(file));
    if (image) EXPECT_EQ(image->rgb.size(), 64u * 64 * 3);
  }
}

TEST(Decode, RefusesPnmOfSixteenBits) {
  for (const char* text : {"P5 4 3 25555\nabcdefghijklmnopqrstuvwxyz", "P6 1 1 65535\nabcdef"}) {
    EXPECT_FALSE(Decode(FromText(text)).has_value()) << text;
  }
}

TEST(Decode, RefusesPnmNumbersThatDoNotFit) {
  for (const char* text : {"P6 5565655565655 2 255\nabcdef", "P6 1 99999999999 255\nabcdef",
                           "P5 #c\n 1 # 1\r\n1 2550000000000\nabc", "P6\n1234567890"}) {
    EXPECT_FALSE(Decode(FromText(text)).has_value()) << text;
  }
  EXPECT_TRUE(Decode(FromText("P6 #1234567890\n 1 000000002 255\nabcdef")).has_value());
}

TEST(Decode, RefusesAHugePictureBeforeItAllocates) {
  const auto image = Decode(FromText("P6 10000 10000 255\n"));
  ASSERT_FALSE(image.has_value());
  EXPECT_NE(image.error().find("10000x10000"), std::string::npos) << image.error();
}

// The photographs beside the project, decoded and resized by Pillow.
class Photograph : public testing::TestWithParam<const char*> {};

TEST_P(Photograph, BecomesThePixelsThatModelsAreTrainedOn) {
  const char* shared = std::getenv("WNN_SHARED_DIR");
  const std::filesystem::path folder =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(WNN_SOURCE_DIR) / "../shared") /
      "images";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const std::string stem = (folder / GetParam()).string();
  const auto photograph = support::ReadFile(stem + ".jpg");
  const auto pixels = support::ReadFile(stem + "-224.ppm");
  ASSERT_TRUE(photograph.has_value()) << photograph.error();
  ASSERT_TRUE(pixels.has_value()) << pixels.error();
  const auto decoded = Decode(*photograph);
  const auto expected = Decode(*pixels);
  ASSERT_TRUE(decoded.has_value()) << decoded.error();
  ASSERT_TRUE(expected.has_value()) << expected.error();

  const Image resized = Resize(*decoded, expected->width, expected->height);
  ASSERT_EQ(resized.rgb.size(), expected->rgb.size());
  int max = 0;
  std::size_t over_one = 0;
  for (std::size_t i = 0; i < resized.rgb.size(); ++i) {
    const int difference = std::abs(resized.rgb[i] - expected->rgb[i]);
    max = std::max(max, difference);
    if (difference > 1) ++over_one;
  }
  // JPEG leaves decoders some freedom in rounding.
  EXPECT_LE(max, 2);
  EXPECT_LT(over_one, resized.rgb.size() / 1000);
}

INSTANTIATE_TEST_SUITE_P(Shared, Photograph, testing::Values("n04350905", "n07734744"));

}  // namespace
}  // namespace wnn::image
