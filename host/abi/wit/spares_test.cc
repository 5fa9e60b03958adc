#include "host/abi/wit/spares.h"

#include <gtest/gtest.h>

#include <utility>

namespace wnn::abi {
namespace {

AlignedBuffer Allocated(size_t size_bytes) { return *AlignedBuffer::Allocate(size_bytes); }

TEST(SparesTest, GivesWhatWasKeptWhereTheSizeIsTheSame) {
  Spares spares(1000);
  AlignedBuffer buffer = Allocated(100);
  const std::byte* data = buffer.data();
  spares.Keep(std::move(buffer));
  EXPECT_EQ(spares.kept_bytes(), 100u);
  const AlignedBuffer smaller = *spares.Buffer(99);
  EXPECT_EQ(smaller.size(), 99u);
  EXPECT_EQ(spares.kept_bytes(), 100u);
  const AlignedBuffer same = *spares.Buffer(100);
  EXPECT_EQ(same.data(), data);
  EXPECT_EQ(same.size(), 100u);
  EXPECT_EQ(spares.kept_bytes(), 0u);
  const AlignedBuffer another = *spares.Buffer(100);
  EXPECT_NE(another.data(), data);
}

TEST(SparesTest, KeepsTheLastOnesThatFit) {
  Spares spares(1000);
  for (size_t size : {400, 300, 200}) spares.Keep(Allocated(size));
  EXPECT_EQ(spares.kept_bytes(), 900u);
  spares.Keep(Allocated(500));  // in place of the first
  EXPECT_EQ(spares.kept_bytes(), 1000u);
  spares.Keep(Allocated(1001));
  EXPECT_EQ(spares.kept_bytes(), 1000u);
  spares.Keep(Allocated(1000));
  EXPECT_EQ(spares.kept_bytes(), 1000u);
  EXPECT_TRUE(spares.Buffer(1000).has_value());
  EXPECT_EQ(spares.kept_bytes(), 0u);
}

TEST(SparesTest, KeepsOnlySoMany) {
  Spares spares(1000);
  for (size_t i = 0; i < 2 * Spares::kMaxBuffers; ++i) spares.Keep(Allocated(1));
  EXPECT_EQ(spares.kept_bytes(), Spares::kMaxBuffers);
  for (size_t i = 0; i < 2 * Spares::kMaxBuffers; ++i) spares.Keep(Allocated(0));
  EXPECT_EQ(spares.kept_bytes(), 0u);
}

TEST(SparesTest, KeepsNothingWithoutRoom) {
  Spares spares(0);
  spares.Keep(Allocated(1));
  spares.Keep(AlignedBuffer());
  EXPECT_EQ(spares.kept_bytes(), 0u);
}

TEST(SparesTest, ShapesComeBackEmpty) {
  Spares spares(0);
  Shape shape = {1, 2, 3};
  const int64_t* dims = shape.data();
  spares.Keep(std::move(shape));
  const Shape again = spares.EmptyShape();
  EXPECT_TRUE(again.empty());
  EXPECT_GE(again.capacity(), 3u);
  EXPECT_EQ(again.data(), dims);
  EXPECT_EQ(spares.EmptyShape().capacity(), 0u);
  for (size_t i = 0; i < 2 * Spares::kMaxShapes; ++i) spares.Keep(Shape{1});
  for (size_t i = 0; i < Spares::kMaxShapes; ++i) EXPECT_NE(spares.EmptyShape().capacity(), 0u);
  EXPECT_EQ(spares.EmptyShape().capacity(), 0u);
}

}  // namespace
}  // namespace wnn::abi
