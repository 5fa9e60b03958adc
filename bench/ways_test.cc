#include "bench/ways.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "bench/contexts.h"
#include "bench/models.h"
#include "bench/verify.h"

namespace wnn::bench {
namespace {

class WaysTest : public testing::Test {
 protected:
  WaysTest() {
    wasm::EngineOptions options;
    options.cache.enabled = false;
    options.opt_level = wasm::OptLevel::kNone;
    engine_ = std::move(*wasm::Engine::Create(options));
    const std::string builtin = "builtin";
    options_.runtimes = OpenRuntimes(std::span(&builtin, 1), "")->available;
    model_.name = "identity";
    model_.bytes = IdentityModel(Shape{1, 3});
    Tensor tensor = *Tensor::Allocate(DType::kFloat, {1, 3});
    const float values[] = {1, 2, 3};
    std::memcpy(tensor.bytes().data(), values, sizeof(values));
    model_.cases.push_back({"values", *Tensor::CopyOf(tensor.view()), std::move(tensor)});
  }

  // The ways' paths on `runtime`.
  static std::vector<std::string> Paths(const Ways& ways, const std::string& runtime) {
    std::vector<std::string> paths;
    for (const Way& way : ways.all) {
      if (way.runtime == runtime) paths.push_back(way.path);
    }
    return paths;
  }

  std::unique_ptr<wasm::Engine> engine_;
  WaysOptions options_;
  ModelData model_;
};

TEST_F(WaysTest, WhatIsNotThereIsSkippedWithAReason) {
  options_.guests = "/no/such/folder";
  const Ways ways = FindWays(options_, *engine_);
  EXPECT_EQ(Paths(ways, "builtin"), std::vector<std::string>({"native", "witx", "wit"}));
  std::string skipped;
  for (const Skipped& one : ways.skipped) skipped += one.what + ": " + one.reason + "\n";
  EXPECT_NE(skipped.find("pure-simd: infer-pure-simd.wasm is not built"), std::string::npos)
      << skipped;
}

TEST_F(WaysTest, EveryWayGivesTheExpectedOutput) {
  options_.guests = WNN_GUESTS_DIR;
  options_.outside = {{"broken", "/no/such/program"}};
  Ways ways = FindWays(options_, *engine_);
  // One guest with the engine inside shows it; compiling each takes seconds.
  std::erase_if(ways.all, [](const Way& way) {
    return way.path == "pure-relaxed" || way.path == "pure-scalar";
  });
  const MeasureOptions once{
      .budget = nanoseconds(0), .min_runs = 1, .min_block_runs = 1, .min_block = nanoseconds(0)};
  const auto group = TimeModel(model_, 1, ways.all, once);
  ASSERT_TRUE(group) << group.error().message();
  EXPECT_EQ(group->rows.size() + 1, ways.all.size()) << "all but the broken one";
  for (const Row& row : group->rows) {
    EXPECT_TRUE(row.verdict.verified) << ToString(row.id) << ": " << row.verdict.problem;
    EXPECT_EQ(row.total.runs, 1u) << ToString(row.id);
  }
  ASSERT_EQ(group->skipped.size(), 1u);
  EXPECT_NE(group->skipped[0].reason.find("/no/such/program"), std::string::npos);
}

TEST_F(WaysTest, PureWasmHasOneThread) {
  options_.guests = WNN_GUESTS_DIR;
  for (const Way& way : FindWays(options_, *engine_).all) {
    EXPECT_EQ(way.max_threads == 1, way.path.starts_with("pure-")) << way.path;
  }
}

TEST_F(WaysTest, AThousandContextsAreMade) {
  const auto memory = MeasureContexts(model_, options_.runtimes);
  ASSERT_EQ(memory.size(), 1u);
  EXPECT_EQ(memory[0].problem, "");
  EXPECT_EQ(memory[0].runtime, "builtin");
  EXPECT_EQ(memory[0].model_bytes, model_.bytes.size());
  model_.cases.clear();
  EXPECT_NE(MeasureContexts(model_, options_.runtimes)[0].problem, "");
}

}  // namespace
}  // namespace wnn::bench
