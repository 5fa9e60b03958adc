#include "guest/support/file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace wnn::support {
namespace {

std::string WriteTemporary(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + name;
  std::FILE* file = std::fopen(path.c_str(), "wb");
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  return path;
}

TEST(ReadFile, GivesEveryByte) {
  const std::string content("a\0\xff\n", 4);
  const auto bytes = ReadFile(WriteTemporary("read_file_bytes", content));
  ASSERT_TRUE(bytes.has_value()) << bytes.error();
  EXPECT_EQ(AsText(*bytes), content);
}

TEST(ReadFile, GivesNothingForAnEmptyFile) {
  const auto bytes = ReadFile(WriteTemporary("read_file_empty", ""));
  ASSERT_TRUE(bytes.has_value()) << bytes.error();
  EXPECT_TRUE(bytes->empty());
}

TEST(ReadFile, NamesAMissingFileAndTheOptionThatOpensFolders) {
  const auto bytes = ReadFile(testing::TempDir() + "no_such_file");
  ASSERT_FALSE(bytes.has_value());
  EXPECT_NE(bytes.error().find("no_such_file"), std::string::npos) << bytes.error();
  EXPECT_NE(bytes.error().find("--dir"), std::string::npos) << bytes.error();
}

TEST(ReadFile, RefusesAFolder) { EXPECT_FALSE(ReadFile(testing::TempDir()).has_value()); }

}  // namespace
}  // namespace wnn::support
