#include "host/runtimes/builtin/builtin.h"

#include <gtest/gtest.h>

#include "engine/testing/model_builder.h"

namespace wnn::runtimes {
namespace {

class NoFiles final : public ExternalData {
 public:
  Result<uint64_t> SizeOf(std::string_view) override { return NotFound("there are no files"); }
  Status Read(std::string_view, uint64_t, std::span<std::byte>) override {
    return NotFound("there are no files");
  }
};

class NoPictures final : public ImageDecoder {
 public:
  std::optional<PictureSize> ReadSize(std::span<const std::byte>) const override { return {}; }
  uint64_t WorkingBytes(const PictureSize&) const override { return 0; }
  bool Decode(std::span<const std::byte>, std::span<std::byte>) const override { return false; }
};

TEST(BuiltinRuntimeTest, OnlyModelsThatTheHostNamesDecodePictures) {
  testing::ModelBuilder model(20);
  model.Input("x", DType::kUint8, {"N"});
  model.Node("ImageDecoder", {"x"}, {"y"});
  model.Output("y");
  const std::vector<std::byte> bytes = model.Build();
  const auto runtime = MakeBuiltinRuntime({.image_decoder = std::make_shared<NoPictures>()});
  NoFiles files;
  LoadOptions named;
  named.external = &files;
  EXPECT_TRUE(runtime->Load(bytes, named));
  EXPECT_FALSE(MakeBuiltinRuntime()->Load(bytes, named));
  const auto of_a_guest = runtime->Load(bytes, {});
  ASSERT_FALSE(of_a_guest);
  EXPECT_EQ(of_a_guest.error().code(), Code::kUnsupportedOperation);
}

}  // namespace
}  // namespace wnn::runtimes
