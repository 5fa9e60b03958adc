#include "host/cli/runtime_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

namespace wnn::cli {
namespace {

using runtimes::KnownRuntime;

Result<std::shared_ptr<const runtimes::Runtime>> Open(const runtimes::OpenOptions&) {
  return Internal("choosing opens nothing");
}

// All that there are, of which these are built.
std::vector<KnownRuntime> Known(std::initializer_list<std::string_view> built) {
  std::vector<KnownRuntime> known = {
      {"builtin", "the built-in engine", "WNN_WITH_BUILTIN", nullptr},
      {"onnxruntime", "ONNX Runtime", "WNN_WITH_ONNXRUNTIME", nullptr},
      {"tract", "Tract", "WNN_WITH_TRACT", nullptr}};
  for (KnownRuntime& runtime : known) {
    if (std::ranges::find(built, runtime.name) != built.end()) runtime.open = Open;
  }
  return known;
}

std::string Chosen(const RuntimeWords& words, std::initializer_list<std::string_view> built) {
  auto name = ChooseRuntime(words, Known(built));
  EXPECT_TRUE(name.has_value()) << name.error().message();
  return std::move(name).value_or("");
}

std::string Refusal(const RuntimeWords& words, std::initializer_list<std::string_view> built) {
  const auto name = ChooseRuntime(words, Known(built));
  EXPECT_FALSE(name.has_value()) << *name;
  return name ? "" : std::string(name.error().message());
}

void ExpectSays(const std::string& message, std::string_view words) {
  EXPECT_NE(message.find(words), std::string::npos) << message;
}

TEST(RuntimeChoice, NoWordIsNeededForTheBuiltinEngineOrForTheOnlyRuntime) {
  EXPECT_EQ(Chosen({}, {"builtin"}), "builtin");
  EXPECT_EQ(Chosen({}, {"builtin", "onnxruntime"}), "builtin");
  EXPECT_EQ(Chosen({}, {"builtin", "tract"}), "builtin");
  EXPECT_EQ(Chosen({}, {"builtin", "onnxruntime", "tract"}), "builtin");
  EXPECT_EQ(Chosen({}, {"onnxruntime"}), "onnxruntime");
  EXPECT_EQ(Chosen({}, {"tract"}), "tract");
}

TEST(RuntimeChoice, BetweenOthersTheUserChooses) {
  ExpectSays(Refusal({}, {"onnxruntime", "tract"}), "say --runtime onnxruntime or tract");
  EXPECT_EQ(Chosen({.runtime = "tract"}, {"onnxruntime", "tract"}), "tract");
}

TEST(RuntimeChoice, EverySpelling) {
  EXPECT_EQ(Chosen({.runtime = "onnxruntime"}, {"builtin", "onnxruntime"}), "onnxruntime");
  EXPECT_EQ(Chosen({.c_runtime = true}, {"builtin", "onnxruntime"}), "onnxruntime");
  EXPECT_EQ(Chosen({.tract = true}, {"builtin", "tract"}), "tract");
  EXPECT_EQ(Chosen({.runtime = "tract", .tract = true}, {"tract"}), "tract");
}

TEST(RuntimeChoice, WhatIsNotBuiltSaysHowToGetIt) {
  for (std::string_view name : {"builtin", "onnxruntime", "tract"}) {
    const RuntimeWords words{.runtime = std::string(name)};
    std::string option = "-DWNN_WITH_";
    for (char c : name) option += static_cast<char>(std::toupper(c));
    ExpectSays(Refusal(words, {}), option + "=ON");
  }
  ExpectSays(Refusal({.tract = true}, {"builtin", "onnxruntime"}),
             "without Tract; build it with -DWNN_WITH_TRACT=ON, or leave the option out: it is "
             "builtin or onnxruntime");
  ExpectSays(Refusal({.c_runtime = true}, {"builtin"}), "-DWNN_WITH_ONNXRUNTIME=ON");
}

TEST(RuntimeChoice, Contradictions) {
  ExpectSays(Refusal({.runtime = "builtin", .c_runtime = true}, {"builtin", "onnxruntime"}),
             "exclude each other");
  ExpectSays(Refusal({.c_runtime = true, .tract = true}, {"onnxruntime", "tract"}),
             "--c-runtime (onnxruntime) and --tract exclude each other");
  ExpectSays(Refusal({.runtime = "openvino"}, {"builtin", "onnxruntime"}),
             "knows no such runtime; it is builtin or onnxruntime");
}

}  // namespace
}  // namespace wnn::cli
