#include "host/cli/options.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "host/cli/runtime_choice.h"

namespace wnn::cli {
namespace {

using Words = std::vector<std::string>;

// As ParseCommandLine; in builds where the runtime must be named, with the name of one.
Result<Invocation> ParseHere(Words words) {
  auto result = ParseCommandLine(words);
  constexpr std::string_view kMustBeNamed = "say --runtime ";
  if (result || result.error().message().find(kMustBeNamed) == std::string_view::npos) {
    return result;
  }
  const auto first =
      std::ranges::find_if(runtimes::KnownRuntimes(), &runtimes::KnownRuntime::is_built);
  const bool has_command = !words.empty() && (words[0] == "run" || words[0] == "compile");
  words.insert(words.begin() + (has_command ? 1 : 0), {"--runtime", std::string(first->name)});
  return ParseCommandLine(words);
}

Options Parse(const Words& words) {
  auto result = ParseHere(words);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result ? result->options : Options();
}

std::string ErrorOf(const Words& words) {
  auto result = ParseHere(words);
  EXPECT_FALSE(result.has_value());
  return result ? "" : std::string(result.error().message());
}

Words MessagesOf(const std::vector<Words>& lines) {
  Words messages;
  for (const Words& line : lines) messages.push_back(ErrorOf(line));
  return messages;
}

TEST(OptionsTest, LimitsOfAGuest) {
  const Options options =
      Parse({"--nn-limit", "memory=1000,graphs=2,call-time=5ms", "--nn-limit",
             "contexts=3,model-bytes=4,tensor-bytes=5,nodes=6,model-memory=7", "m.wasm"});
  EXPECT_EQ(options.nn_limits.max_memory_bytes, 1000u);
  EXPECT_EQ(options.nn_limits.max_graphs, 2u);
  EXPECT_EQ(options.nn_limits.max_contexts, 3u);
  EXPECT_EQ(options.nn_limits.max_call_time, std::chrono::milliseconds(5));
  EXPECT_EQ(options.model_limits.max_model_bytes, 4u);
  EXPECT_EQ(options.model_limits.max_tensor_bytes, 5u);
  EXPECT_EQ(options.model_limits.max_nodes, 6u);
  EXPECT_EQ(options.model_limits.max_memory_bytes, 7u);
}

TEST(OptionsTest, RuntimesThatMaySeeAGuestsModels) {
  EXPECT_FALSE(Parse({"m.wasm"}).guest_model_runtimes.has_value());
  EXPECT_EQ(Parse({"--nn-guest-models=none", "m.wasm"}).guest_model_runtimes, Words());
  Words built;
  std::string all;
  for (const runtimes::KnownRuntime& runtime : runtimes::KnownRuntimes()) {
    const std::string name(runtime.name);
    if (runtime.is_built()) {
      built.push_back(name);
      all += (all.empty() ? "" : ",") + name;
    } else {
      EXPECT_NE(ErrorOf({"--nn-guest-models=" + name, "m.wasm"}).find(runtime.build_option),
                std::string::npos);
    }
  }
  EXPECT_EQ(Parse({"--nn-guest-models", all, "m.wasm"}).guest_model_runtimes, built);
  for (const std::string& bad :
       Words{"", "openvino", built[0] + ",", "," + built[0], "none," + built[0]}) {
    EXPECT_NE(ErrorOf({"--nn-guest-models=" + bad, "m.wasm"}), "") << bad;
  }
}

TEST(OptionsTest, CompileHasAnOutput) {
  auto compile = ParseHere(Words{"compile", "folder/m.wasm"});
  ASSERT_TRUE(compile.has_value());
  EXPECT_EQ(compile->action, Invocation::Action::kCompile);
  EXPECT_EQ(compile->options.output, "m.cwasm");
  compile = ParseHere(Words{"compile", "m.wasm", "-o", "x"});
  ASSERT_TRUE(compile.has_value());
  EXPECT_EQ(compile->options.output, "x");
  EXPECT_NE(ErrorOf({"compile", "m.wasm", "n.wasm"}), "");
  EXPECT_NE(ErrorOf({"m.wasm", "--output=x"}), "");
}

TEST(OptionsTest, Defaults) {
  const Options options = Parse({"m.wasm"});
  EXPECT_EQ(options.module, "m.wasm");
  if (const auto runtime = ChooseRuntime({}, runtimes::KnownRuntimes())) {
    EXPECT_EQ(options.runtime, *runtime);
  }
  EXPECT_TRUE(options.engine.cache.enabled);
  EXPECT_TRUE(options.nn);
  EXPECT_FALSE(options.inherit_env);
  EXPECT_EQ(options.timings, TimingsFormat::kNone);
  EXPECT_EQ(options.log_level, LogLevel::kWarn);
  EXPECT_GE(options.n_threads, 1);
  EXPECT_LE(options.n_threads, kMaxDefaultThreads);
}

TEST(OptionsTest, TheOriginalsCommandLineWorks) {
  if (!runtimes::KnownRuntimes()[1].is_built()) GTEST_SKIP() << "built without ONNX Runtime";
  const Options options =
      Parse({"X.wasm", "--dir", ".", "--invoke", "test_squeezenet", "--c-runtime"});
  EXPECT_EQ(options.module, "X.wasm");
  ASSERT_EQ(options.preopens.size(), 1u);
  EXPECT_EQ(options.invoke, "test_squeezenet");
  EXPECT_EQ(options.runtime, "onnxruntime");
  EXPECT_TRUE(options.arguments.empty());
}

TEST(OptionsTest, Dialects) {
  EXPECT_EQ(Parse({"m"}).witx_dialect, abi::WitxDialect::kAuto);
  EXPECT_EQ(Parse({"--nn-abi", "auto", "m"}).witx_dialect, abi::WitxDialect::kAuto);
  EXPECT_EQ(Parse({"--nn-abi=current", "m"}).witx_dialect, abi::WitxDialect::kCurrent);
  EXPECT_EQ(Parse({"m", "--nn-abi", "old"}).witx_dialect, abi::WitxDialect::kOld);
  EXPECT_NE(ErrorOf({"--nn-abi", "new", "m"}).find("auto, current or old"), std::string::npos);
}

TEST(OptionsTest, Http) {
  EXPECT_EQ(Parse({"m"}).http, std::nullopt);
  EXPECT_EQ(Parse({"-S", "http", "m"}).http, true);
  const Options options = Parse({"--allow-http", "*.example.com:81", "m", "--allow-http=h"});
  ASSERT_EQ(options.http_hosts.size(), 2u);
  EXPECT_EQ(options.http_hosts[0].host, "example.com");
  EXPECT_EQ(options.http_hosts[0].port, 81);
  EXPECT_NE(ErrorOf({"--allow-http", "http://h/", "m"}).find("without a scheme"),
            std::string::npos);
  EXPECT_NE(ErrorOf({"--allow-http", "h", "-S", "http=n", "m"}).find("exclude"), std::string::npos);
}

TEST(OptionsTest, Targets) {
  EXPECT_EQ(Parse({"m"}).nn_target, std::nullopt);
  EXPECT_TRUE(Parse({"m"}).allow_gpu);
  EXPECT_EQ(Parse({"--nn-target", "auto", "m"}).nn_target, nn::NamedTarget::kAuto);
  EXPECT_EQ(Parse({"--nn-target=cpu", "--no-gpu", "m"}).nn_target, nn::NamedTarget::kCpu);
  EXPECT_FALSE(Parse({"m", "--no-gpu"}).allow_gpu);
  EXPECT_NE(ErrorOf({"--nn-target", "tpu", "m"}).find("cpu, gpu or auto"), std::string::npos);
  EXPECT_NE(ErrorOf({"--nn-target", "gpu", "--no-gpu", "m"}).find("exclude"), std::string::npos);
}

TEST(OptionsTest, OptionsMayBeRepeatedWhereThatMakesSense) {
  const Options options = Parse({"run", "-e", "A=1", "--env=B", "--dir", "x", "--mapdir", "/y::y",
                                 "--nn-graph", "onnx::p", "-S", "nn-graph=onnx::q", "-Wfuel=1",
                                 "-W", "max-tables=2", "m", "a", "-b"});
  ASSERT_EQ(options.env.size(), 2u);
  EXPECT_EQ(options.env[1].value, std::nullopt);
  ASSERT_EQ(options.preopens.size(), 2u);
  EXPECT_EQ(options.preopens[1].guest, "/y");
  EXPECT_EQ(options.models.size(), 2u);
  EXPECT_EQ(options.fuel, 1u);
  EXPECT_EQ(options.limits.max_tables, 2u);
  EXPECT_EQ(options.arguments, (Words{"a", "-b"}));
}

TEST(OptionsTest, Timings) {
  EXPECT_EQ(Parse({"--timings", "m"}).timings, TimingsFormat::kTable);
  EXPECT_EQ(Parse({"--timings", "m"}).module, "m");
  EXPECT_EQ(Parse({"m", "--timings=json", "x"}).timings, TimingsFormat::kJson);
  EXPECT_EQ(Parse({"m", "--timings", "--log", "debug"}).timings, TimingsFormat::kTable);
  EXPECT_NE(ErrorOf({"--timings=xml", "m"}).find("json"), std::string::npos);
}

TEST(OptionsTest, ValuesAreTakenAsTheyAre) {
  EXPECT_EQ(*Parse({"-e", "A=[x,y]", "m"}).env[0].value, "[x,y]");
  EXPECT_EQ(*Parse({"--env=A=-q", "m"}).env[0].value, "-q");
  EXPECT_EQ(Parse({"--invoke", "", "m"}).invoke, "");
  EXPECT_EQ(Parse({"--argv0", "--help", "m"}).argv0, "--help");
}

TEST(OptionsTest, Cache) {
  EXPECT_EQ(Parse({"--cache=c.toml", "m"}).engine.cache.config_file, "c.toml");
  EXPECT_EQ(Parse({"-c", "c.toml", "m"}).engine.cache.config_file, "c.toml");
  EXPECT_NE(ErrorOf({"-c", "c.toml", "-C", "cache=n", "m"}).find("exclude"), std::string::npos);
}

TEST(OptionsTest, Actions) {
  EXPECT_EQ(ParseHere(Words{"--help"})->action, Invocation::Action::kPrint);
  EXPECT_EQ(ParseHere(Words{"m.wasm", "-h"})->action, Invocation::Action::kPrint);
  EXPECT_EQ(ParseHere(Words{"--version"})->action, Invocation::Action::kVersion);
  EXPECT_EQ(ParseHere(Words{"-W", "help"})->action, Invocation::Action::kPrint);
  EXPECT_EQ(ParseHere(Words{"run", "m.wasm", "-h"})->action, Invocation::Action::kRun);
}

TEST(OptionsTest, EveryErrorSaysWhatToWrite) {
  const Words messages = MessagesOf({
      {},
      {"run"},
      {"--runtime", "openvino", "m"},
      {"--runtime", "builtin", "--c-runtime", "m"},
      {"--threads", "0", "m"},
      {"--threads", "two", "m"},
      {"--log", "loud", "m"},
      {"--invoke", "a", "--invoke", "b", "m"},
      {"--env", "=1", "m"},
      {"--nn-graph", "openvino::d", "m"},
      {"--nn-graph", "onnx::d", "-S", "nn=n", "m"},
  });
  const char* expected[] = {
      "no MODULE is given",
      "no MODULE is given",
      "knows no such runtime; it is ",
      "exclude each other",
      "a number from 1 to",
      "a number from 1 to",
      "error, warn, info, debug or trace",
      "more than once",
      "--env: '=1' is not NAME=VALUE",
      "only onnx is",
      "exclude each other",
  };
  ASSERT_EQ(messages.size(), std::size(expected));
  for (size_t i = 0; i < messages.size(); ++i) {
    EXPECT_NE(messages[i].find(expected[i]), std::string::npos) << messages[i];
  }
}

}  // namespace
}  // namespace wnn::cli
