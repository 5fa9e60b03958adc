#include "host/runtimes/built.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/testing/model_builder.h"

namespace wnn::runtimes {
namespace {

TEST(BuiltRuntimes, AtLeastOneIsBuiltAndNamesAreTheirOwn) {
  EXPECT_TRUE(std::ranges::any_of(KnownRuntimes(), &KnownRuntime::is_built));
  for (const KnownRuntime& known : KnownRuntimes()) {
    if (!known.is_built()) continue;
    auto runtime = OpenRuntime(known.name, {});
    if (!runtime && runtime.error().code() == Code::kNotFound) continue;  // no library here
    ASSERT_TRUE(runtime.has_value()) << runtime.error().message();
    EXPECT_EQ((*runtime)->name(), known.name);
  }
}

TEST(BuiltRuntimes, OthersAreRefused) {
  auto unknown = OpenRuntime("openvino", {});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
  for (const KnownRuntime& known : KnownRuntimes()) {
    if (known.is_built()) continue;
    auto absent = OpenRuntime(known.name, {});
    ASSERT_FALSE(absent.has_value());
    EXPECT_EQ(absent.error().code(), Code::kUnsupportedOperation);
    EXPECT_NE(absent.error().message().find(known.build_option), std::string_view::npos);
  }
}

#ifdef WNN_HAS_PICTURES
class NoFiles final : public ExternalData {
 public:
  Result<uint64_t> SizeOf(std::string_view) override { return NotFound("there are no files"); }
  Status Read(std::string_view, uint64_t, std::span<std::byte>) override {
    return NotFound("there are no files");
  }
};

TEST(BuiltRuntimes, BuiltinDecodesPicturesInABuildThatSaysSo) {
  testing::ModelBuilder model(20);
  model.Input("x", DType::kUint8, {"N"});
  model.Node("ImageDecoder", {"x"}, {"y"});
  model.Output("y");
  NoFiles files;
  LoadOptions named;
  named.external = &files;
  EXPECT_EQ((*OpenRuntime("builtin", {}))->Load(model.Build(), named).has_value(),
            WNN_HAS_PICTURES != 0);
}
#endif

}  // namespace
}  // namespace wnn::runtimes
