#include "engine/frontend/wire.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/testing/model_builder.h"

namespace wnn::frontend {
namespace {

using testing::ModelBuilder;
using testing::WireWriter;

std::vector<std::byte> Bytes(std::string_view text) { return ModelBuilder::ToBytes(text); }

TEST(WireReaderTest, ReadsEveryWireType) {
  WireWriter writer;
  writer.Varint(1, UINT64_MAX).Float(2, 1.5f).Bytes(3, "abc");
  auto bytes = Bytes(writer.bytes() + std::string("\x21\x01\x02\x03\x04\x05\x06\x07\x08", 9));
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field().number, 1u);
  EXPECT_EQ(reader.field().AsInt64(), -1);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field().AsFloat(), 1.5f);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field().AsString(), "abc");
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.field().type, WireType::kFixed64);
  EXPECT_EQ(reader.field().value, 0x0807060504030201u);
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(WireReaderTest, EmptyInputIsAnEmptyMessage) {
  WireReader reader({});
  EXPECT_FALSE(reader.Next());
  EXPECT_TRUE(reader.ok());
}

TEST(WireReaderTest, RefusesMalformedBytes) {
  const std::string cases[] = {
      std::string("\x08"),                                              // a tag without a value
      std::string("\x08\xff"),                                          // an unfinished varint
      std::string("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // eleven bytes
      std::string("\x0a\x05"
                  "ab"),                                            // two bytes of five
      std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // a length of 2^64 - 1
      std::string("\x0d\x00\x00", 3),                               // three bytes of a fixed32
      std::string("\x09\x00\x00\x00\x00", 5),                       // four bytes of a fixed64
      std::string("\x0b\x0c"),                                      // a group
      std::string("\x00\x01", 2),                                   // field number 0
      std::string("\xf8\xff\xff\xff\xff\x01\x00", 7),               // a tag over 32 bits
  };
  for (const std::string& text : cases) {
    auto bytes = Bytes(text);
    WireReader reader(bytes);
    while (reader.Next()) {
    }
    EXPECT_FALSE(reader.ok()) << ::testing::PrintToString(text);
  }
}

TEST(WireReaderTest, ReadsRepeatedNumbersPackedOrNot) {
  WireWriter packed;
  packed.Raw(3).Raw(300);
  auto bytes = Bytes(WireWriter().Varint(7, 2).Bytes(7, packed.bytes()).bytes());
  std::vector<uint64_t> values;
  WireReader reader(bytes);
  while (reader.Next()) {
    EXPECT_TRUE(ForEachVarint(reader.field(), [&](uint64_t value) { values.push_back(value); }));
  }
  EXPECT_EQ(values, (std::vector<uint64_t>{2, 3, 300}));
}

TEST(WireReaderTest, RefusesPackedNumbersThatDoNotDivide) {
  auto bytes = Bytes(WireWriter().Bytes(4, "12345").bytes());
  WireReader reader(bytes);
  ASSERT_TRUE(reader.Next());
  EXPECT_FALSE(ForEachFixedRun<float>(reader.field(), [](std::span<const std::byte>) {}));
  auto unfinished = Bytes(WireWriter().Bytes(7, "\x01\x80").bytes());
  WireReader varints(unfinished);
  ASSERT_TRUE(varints.Next());
  EXPECT_FALSE(ForEachVarint(varints.field(), [](uint64_t) {}));
}

}  // namespace
}  // namespace wnn::frontend
