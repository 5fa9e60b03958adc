#include "host/abi/wit/slab.h"

#include <gtest/gtest.h>

#include <memory>

namespace wnn::abi {
namespace {

TEST(SlabTest, KeepsValuesUntilTheyAreTaken) {
  Slab<std::unique_ptr<int>> slab;
  const uint32_t one = slab.Put(std::make_unique<int>(1));
  const uint32_t two = slab.Put(std::make_unique<int>(2));
  EXPECT_NE(one, two);
  EXPECT_EQ(slab.size(), 2u);
  EXPECT_EQ(**slab.Find(one), 1);
  EXPECT_EQ(**slab.Take(two), 2);
  EXPECT_EQ(slab.Find(two), nullptr);
  EXPECT_FALSE(slab.Take(two).has_value());
  EXPECT_EQ(slab.size(), 1u);
}

TEST(SlabTest, GivesNumbersOutAgain) {
  Slab<int> slab;
  const uint32_t first = slab.Put(1);
  slab.Put(2);
  slab.Take(first);
  EXPECT_EQ(slab.Put(3), first);
  EXPECT_EQ(*slab.Find(first), 3);
  EXPECT_EQ(slab.Find(99), nullptr);
}

}  // namespace
}  // namespace wnn::abi
