#include "host/cli/groups.h"

#include <gtest/gtest.h>

namespace wnn::cli {
namespace {

using std::chrono_literals::operator""ms;

TEST(GroupsTest, TakesKeysSeparatedByCommas) {
  Options options;
  ASSERT_TRUE(ApplyGroup(Group::kWasm, "fuel=9,timeout=5ms,simd=n,threads", options).ok());
  EXPECT_EQ(options.fuel, 9u);
  EXPECT_TRUE(options.engine.meters_fuel);
  EXPECT_EQ(options.timeout, 5ms);
  EXPECT_TRUE(options.engine.interruptible);
  EXPECT_EQ(options.engine.features.simd, false);
  EXPECT_EQ(options.engine.features.threads, true);
}

TEST(GroupsTest, OptimizationLevels) {
  Options options;
  ASSERT_TRUE(ApplyGroup(Group::kOptimize, "opt-level=0", options).ok());
  EXPECT_EQ(options.engine.opt_level, wasm::OptLevel::kNone);
  ASSERT_TRUE(ApplyGroup(Group::kOptimize, "opt-level=s", options).ok());
  EXPECT_EQ(options.engine.opt_level, wasm::OptLevel::kSpeedAndSize);
  EXPECT_FALSE(ApplyGroup(Group::kOptimize, "opt-level=3", options).ok());
  EXPECT_FALSE(ApplyGroup(Group::kOptimize, "opt-level", options).ok());
}

TEST(GroupsTest, WasiAndCodegen) {
  Options options;
  ASSERT_TRUE(ApplyGroup(Group::kWasi, "nn=n,inherit-env,nn-graph=onnx::a/b", options).ok());
  EXPECT_FALSE(options.nn);
  EXPECT_TRUE(options.inherit_env);
  ASSERT_EQ(options.models.size(), 1u);
  EXPECT_EQ(options.models[0].name, "b");
  ASSERT_TRUE(ApplyGroup(Group::kCodegen, "cache=n", options).ok());
  EXPECT_FALSE(options.engine.cache.enabled);
}

TEST(GroupsTest, SaysWhatIsWrong) {
  Options options;
  const Status unknown = ApplyGroup(Group::kWasi, "sockets", options);
  EXPECT_EQ(unknown.message(),
            "-S has no key 'sockets'; it has http, inherit-env, nn, nn-extension, nn-graph");
  EXPECT_FALSE(ApplyGroup(Group::kWasi, "", options).ok());
  EXPECT_FALSE(ApplyGroup(Group::kWasm, "fuel=1,", options).ok());
  EXPECT_EQ(ApplyGroup(Group::kWasm, "fuel", options).message(), "-W fuel: it needs a value");
  EXPECT_FALSE(ApplyGroup(Group::kWasm, "fuel=-1", options).ok());
  EXPECT_FALSE(ApplyGroup(Group::kWasm, "simd=maybe", options).ok());
}

TEST(GroupsTest, DescribesEveryKeyInALine) {
  const std::string text = DescribeGroup(Group::kWasm);
  EXPECT_NE(text.find("\n  timeout=TIME  "), std::string::npos);
  EXPECT_NE(text.find("\n  relaxed-simd[=y|n]  "), std::string::npos);
}

}  // namespace
}  // namespace wnn::cli
