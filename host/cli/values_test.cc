#include "host/cli/values.h"

#include <gtest/gtest.h>

namespace wnn::cli {
namespace {

using std::chrono::nanoseconds;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;

TEST(ValuesTest, Bool) {
  EXPECT_TRUE(*ParseBool(std::nullopt));
  for (const char* text : {"y", "yes", "true"}) EXPECT_TRUE(*ParseBool(text));
  for (const char* text : {"n", "no", "false"}) EXPECT_FALSE(*ParseBool(text));
  for (const char* text : {"", "1", "Y", "on"}) EXPECT_FALSE(ParseBool(text).has_value()) << text;
}

TEST(ValuesTest, Count) {
  EXPECT_EQ(*ParseCount("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "1k", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(ParseCount(text).has_value()) << text;
  }
}

TEST(ValuesTest, Duration) {
  const std::pair<const char*, nanoseconds> cases[] = {
      {"2", 2s}, {"2s", 2s}, {"500ms", 500ms}, {"7us", 7us}, {"1ns", 1ns}, {"3m", 3min}, {"1h", 1h},
  };
  for (const auto& [text, duration] : cases) EXPECT_EQ(*ParseDuration(text), duration) << text;
  for (const char* text : {"", "0", "-1s", "1.5s", "s", "1 s", "1d", "99999999999999h"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(ValuesTest, Directories) {
  EXPECT_EQ(ParseDir(".")->host, ".");
  EXPECT_EQ(ParseDir(".")->guest, ".");
  EXPECT_EQ(ParseDir("a::/b::c")->host, "a");
  EXPECT_EQ(ParseDir("a::/b::c")->guest, "/b::c");
  EXPECT_EQ(ParseMapDir("/b::a")->host, "a");
  EXPECT_EQ(ParseMapDir("/b::a")->guest, "/b");
  for (const char* text : {"", "::", "a::", "::b"}) {
    EXPECT_FALSE(ParseDir(text).has_value()) << text;
    EXPECT_FALSE(ParseMapDir(text).has_value()) << text;
  }
  EXPECT_FALSE(ParseMapDir("a").has_value());
}

TEST(ValuesTest, Environment) {
  EXPECT_EQ(ParseEnv("A=b=c")->name, "A");
  EXPECT_EQ(ParseEnv("A=b=c")->value, "b=c");
  EXPECT_EQ(ParseEnv("A=")->value, "");
  EXPECT_EQ(ParseEnv("A")->value, std::nullopt);
  EXPECT_FALSE(ParseEnv("=x").has_value());
  EXPECT_FALSE(ParseEnv("").has_value());
}

TEST(ValuesTest, NamedModelsAreNamedAsTheirDirectory) {
  EXPECT_EQ(ParseNnGraph("onnx::models/squeezenet")->name, "squeezenet");
  EXPECT_EQ(ParseNnGraph("onnx::models/squeezenet/")->name, "squeezenet");
  EXPECT_EQ(ParseNnGraph("onnx::/a/b/../c/.")->name, "c");
  EXPECT_NE(ParseNnGraph("onnx::.")->name, ".");
  EXPECT_EQ(ParseNnGraph("onnx::a/b")->path, "a/b");
  for (const char* text : {"", "onnx", "onnx::", "::dir", "openvino::dir", "onnx::/"}) {
    EXPECT_FALSE(ParseNnGraph(text).has_value()) << text;
  }
  EXPECT_NE(ParseNnGraph("ggml::d").error().message().find("'ggml' is not supported"),
            std::string_view::npos);
}

TEST(ValuesTest, PreloadedModels) {
  const auto model = ParseNnPreload("net:onnx:auto:a:b/model.onnx");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->name, "net");
  EXPECT_EQ(model->path, "a:b/model.onnx");
  EXPECT_EQ(model->target, nn::NamedTarget::kAuto);
  EXPECT_EQ(ParseNnPreload("net:ONNX:CPU:p")->target, nn::NamedTarget::kCpu);
  EXPECT_EQ(ParseNnPreload("net:onnx:gpu:p")->target, nn::NamedTarget::kGpu);
  for (const char* text : {"", "net", "net:onnx:cpu", "net:onnx:cpu:", ":onnx:cpu:p",
                           "net:ggml:cpu:p", "net:onnx:npu:p"}) {
    EXPECT_FALSE(ParseNnPreload(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace wnn::cli
