#include "host/nn/graph_cache.h"

#include <gtest/gtest.h>

#include <array>

#include "host/nn/fake_runtime.h"

namespace wnn::nn {
namespace {

class GraphCacheTest : public ::testing::Test {
 protected:
  std::shared_ptr<const runtimes::Graph> Get(std::byte model,
                                             runtimes::Target target = runtimes::Target::kCpu) {
    auto graph = cache_.GetOrLoad(std::span(&model, 1), target,
                                  [&] { return FakeRuntime(control_).Load({}, {}); });
    EXPECT_TRUE(graph.has_value());
    return *graph;
  }

  std::shared_ptr<FakeRuntime::Control> control_ = std::make_shared<FakeRuntime::Control>();
  GraphCache cache_;
};

TEST_F(GraphCacheTest, SameBytesGiveTheSameGraph) {
  auto first = Get(std::byte{1});
  EXPECT_EQ(Get(std::byte{1}), first);
  EXPECT_NE(Get(std::byte{2}), first);
  EXPECT_EQ(control_->n_loads, 2);
}

TEST_F(GraphCacheTest, TargetsAreApart) {
  auto cpu = Get(std::byte{1});
  EXPECT_NE(Get(std::byte{1}, runtimes::Target::kGpu), cpu);
}

TEST_F(GraphCacheTest, KeepsNothingAlive) {
  Get(std::byte{1});
  EXPECT_EQ(control_->n_graphs_alive, 0);
  Get(std::byte{1});
  EXPECT_EQ(control_->n_loads, 2);
}

TEST_F(GraphCacheTest, FailuresAreNotKept) {
  const std::array model = {std::byte{1}};
  auto failed = cache_.GetOrLoad(model, runtimes::Target::kCpu,
                                 []() -> Result<GraphCache::GraphPtr> { return TooLarge("no"); });
  EXPECT_EQ(failed.error().code(), Code::kTooLarge);
  EXPECT_NE(Get(std::byte{1}), nullptr);
}

}  // namespace
}  // namespace wnn::nn
