#include "host/nn/model_metadata.h"

#include <gtest/gtest.h>

#include "tests/support/model_bytes.h"

namespace wnn::nn {
namespace {

using testing::AsBytes;
using testing::Bytes;
using testing::Number;

std::string Property(const std::string& key, const std::string& value) {
  return Bytes(14, Bytes(1, key) + Bytes(2, value));
}

TEST(ModelMetadata, EveryField) {
  const std::string model = Number(1, 8) + Bytes(2, "pytorch") + Bytes(3, "2.9") +
                            Bytes(4, "org.example") + Number(5, 7) + Bytes(6, "Says what it is.") +
                            Bytes(7, Bytes(2, "main")) + Property("author", "me") +
                            Property("labels", "a,b");
  const auto [metadata, n_left_out] = ReadModelMetadata(AsBytes(model));
  EXPECT_EQ(metadata.producer_name, "pytorch");
  EXPECT_EQ(metadata.producer_version, "2.9");
  EXPECT_EQ(metadata.domain, "org.example");
  EXPECT_EQ(metadata.version, 7);
  EXPECT_EQ(metadata.graph_name, "main");
  EXPECT_EQ(metadata.description, "Says what it is.");
  using Properties = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(metadata.properties, (Properties{{"author", "me"}, {"labels", "a,b"}}));
  EXPECT_EQ(n_left_out, 0u);
}

TEST(ModelMetadata, AModelThatSaysNothing) {
  const std::string model = testing::IdentityModel(DType::kFloat, {1});
  const auto metadata = ReadModelMetadata(AsBytes(model)).metadata;
  EXPECT_EQ(metadata.producer_name, "");
  EXPECT_EQ(metadata.version, 0);
  EXPECT_EQ(metadata.graph_name, "test");
  EXPECT_TRUE(metadata.properties.empty());
}

TEST(ModelMetadata, TheLastOfAKeyCounts) {
  const std::string model = Property("a", "1") + Property("b", "2") + Property("a", "3");
  const auto properties = ReadModelMetadata(AsBytes(model)).metadata.properties;
  ASSERT_EQ(properties.size(), 2u);
  EXPECT_EQ(properties[0].second, "3");
}

TEST(ModelMetadata, WhatIsOverTheLimitIsLeftOut) {
  const std::string model = Property("short", "1") +
                            Property("long", std::string(kMaxMetadataBytes, 'x')) +
                            Property("after", "2") + Bytes(6, std::string(kMaxMetadataBytes, 'y'));
  const auto [metadata, n_left_out] = ReadModelMetadata(AsBytes(model));
  EXPECT_EQ(n_left_out, 2u);
  ASSERT_EQ(metadata.properties.size(), 2u);
  EXPECT_EQ(metadata.properties[1].first, "after");
  EXPECT_EQ(metadata.description, "");
}

TEST(ModelMetadata, ManyEmptyEntriesAreOverTheLimitToo) {
  std::string model;
  for (int i = 0; i < 100'000; ++i) model += Property(std::to_string(i), "");
  const auto [metadata, n_left_out] = ReadModelMetadata(AsBytes(model));
  EXPECT_GT(n_left_out, 0u);
  EXPECT_EQ(metadata.properties.size() + n_left_out, 100'000u);
}

TEST(ModelMetadata, FieldsOfAnotherKindArePassedOver) {
  const std::string model = Number(2, 1) + Bytes(5, "x") + Number(14, 3) + Bytes(14, "\xff");
  const auto metadata = ReadModelMetadata(AsBytes(model)).metadata;
  EXPECT_EQ(metadata.producer_name, "");
  EXPECT_EQ(metadata.version, 0);
}

}  // namespace
}  // namespace wnn::nn
