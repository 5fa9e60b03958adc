#include "host/nn/environment.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "host/nn/fake_runtime.h"

namespace wnn::nn {
namespace {

// ModelProto { ir_version: 8, graph: {} }
constexpr std::array kModel = {std::byte{0x08}, std::byte{0x08}, std::byte{0x3a}, std::byte{0x00}};

class EnvironmentTest : public ::testing::Test {
 protected:
  EnvironmentTest() {
    options_.runtime = std::make_shared<FakeRuntime>(control_);
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("environment_test_" + std::string(test->name()));
    std::filesystem::create_directories(directory_);
  }
  ~EnvironmentTest() override { std::filesystem::remove_all(directory_); }

  void WriteModel() {
    std::ofstream file(directory_ / "model.onnx", std::ios::binary);
    file.write(reinterpret_cast<const char*>(kModel.data()), kModel.size());
  }
  Code LoadCode(std::span<const std::byte> bytes, Encoding encoding,
                runtimes::Target target = runtimes::Target::kCpu) {
    Environment environment(options_);
    auto graph = environment.Load(bytes, encoding, target);
    EXPECT_FALSE(graph.has_value());
    return graph.error().code();
  }

  std::shared_ptr<FakeRuntime::Control> control_ = std::make_shared<FakeRuntime::Control>();
  EnvironmentOptions options_;
  std::filesystem::path directory_;
};

TEST_F(EnvironmentTest, LoadsOnnxAndAutodetect) {
  Environment environment(options_);
  EXPECT_TRUE(environment.Load(kModel, Encoding::kOnnx, runtimes::Target::kCpu).has_value());
  EXPECT_TRUE(environment.Load(kModel, Encoding::kAutodetect, runtimes::Target::kCpu).has_value());
  EXPECT_FALSE(control_->last_has_external);
}

TEST_F(EnvironmentTest, RefusesOtherEncodingsAndEmptyBytes) {
  EXPECT_EQ(LoadCode(kModel, Encoding::kOpenvino), Code::kInvalidEncoding);
  EXPECT_EQ(LoadCode(kModel, Encoding::kGgml), Code::kInvalidEncoding);
  EXPECT_EQ(LoadCode({}, Encoding::kOnnx), Code::kInvalidEncoding);
  EXPECT_EQ(control_->n_loads, 0);
}

TEST_F(EnvironmentTest, ChecksTheModelsSizeBeforeTheRuntimeSeesIt) {
  options_.limits.max_model_bytes = kModel.size() - 1;
  EXPECT_EQ(LoadCode(kModel, Encoding::kOnnx), Code::kTooLarge);
  EXPECT_EQ(control_->n_loads, 0);
}

TEST_F(EnvironmentTest, TheHostMayForbidTheGpu) {
  options_.allow_gpu = false;
  EXPECT_EQ(LoadCode(kModel, Encoding::kOnnx, runtimes::Target::kGpu), Code::kUnsupportedOperation);
  EXPECT_EQ(control_->n_loads, 0);
}

TEST_F(EnvironmentTest, TheHostSaysWhichRuntimesSeeModelsOfGuests) {
  WriteModel();
  options_.guest_model_runtimes = {"other"};
  EXPECT_EQ(LoadCode(kModel, Encoding::kOnnx), Code::kSecurity);
  EXPECT_EQ(control_->n_loads, 0);
  Environment environment(options_);
  ASSERT_TRUE(environment.AddNamedModel({"m", directory_}).ok());
  EXPECT_TRUE(environment.LoadByName("m").has_value());  // the host's own
  options_.guest_model_runtimes = {"other", "fake"};
  Environment allowing(options_);
  EXPECT_TRUE(allowing.Load(kModel, Encoding::kOnnx, runtimes::Target::kCpu).has_value());
}

TEST_F(EnvironmentTest, TheHostMaySayWhereModelsCompute) {
  using runtimes::Target;
  const auto where = [this](std::optional<NamedTarget> target, Target asked) {
    options_.target = target;
    Environment environment(options_);
    EXPECT_TRUE(environment.Load(kModel, Encoding::kOnnx, asked).has_value());
    return control_->last_target;
  };
  for (Target asked : {Target::kCpu, Target::kGpu, Target::kTpu}) {
    EXPECT_EQ(where(std::nullopt, asked), asked);
  }
  EXPECT_EQ(where(NamedTarget::kCpu, Target::kGpu), Target::kCpu);
  EXPECT_EQ(where(NamedTarget::kGpu, Target::kCpu), Target::kGpu);
  EXPECT_EQ(where(NamedTarget::kAuto, Target::kCpu), Target::kGpu);
  EXPECT_EQ(where(NamedTarget::kCpu, Target::kTpu), Target::kTpu);
}

class KeepingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel, std::string_view message) override { messages.emplace_back(message); }
  std::vector<std::string> messages;
};

TEST_F(EnvironmentTest, AutoFallsBackToTheCpuAndSaysSo) {
  KeepingLogger log;
  options_.log = &log;
  options_.target = NamedTarget::kAuto;
  options_.allow_gpu = false;
  Environment environment(options_);
  ASSERT_TRUE(environment.Load(kModel, Encoding::kOnnx, runtimes::Target::kGpu).has_value());
  EXPECT_EQ(control_->last_target, runtimes::Target::kCpu);
  EXPECT_EQ(log.messages,
            std::vector<std::string>{"a guest's model goes to the CPU: this host does "
                                     "not let guests use the GPU"});
  // What is no matter of the GPU is not tried again.
  options_.allow_gpu = true;
  control_->load_status = InvalidArgument("no such graph");
  control_->n_loads = 0;
  EXPECT_EQ(LoadCode(kModel, Encoding::kOnnx), Code::kInvalidArgument);
  EXPECT_EQ(control_->n_loads, 1);
}

TEST_F(EnvironmentTest, NamedModelIsLoadedOnceAtItsFirstUse) {
  WriteModel();
  Environment environment(options_);
  ASSERT_TRUE(environment.AddNamedModel({"m", directory_}).ok());
  EXPECT_EQ(control_->n_loads, 0);
  auto first = environment.LoadByName("m");
  auto second = environment.LoadByName("m");
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(first->get(), second->get());
  EXPECT_EQ(control_->n_loads, 1);
  EXPECT_TRUE(control_->last_has_external);
}

TEST_F(EnvironmentTest, NamedModelMayBeTriedAgainAfterItFailed) {
  WriteModel();
  Environment environment(options_);
  ASSERT_TRUE(environment.AddNamedModel({"m", directory_}).ok());
  control_->load_status = RuntimeError("not now");
  EXPECT_EQ(environment.LoadByName("m").error().code(), Code::kRuntimeError);
  control_->load_status = OkStatus();
  EXPECT_TRUE(environment.LoadByName("m").has_value());
}

TEST_F(EnvironmentTest, NamedModelMayBeAFile) {
  WriteModel();
  Environment environment(options_);
  ASSERT_TRUE(environment.AddNamedModel({"m", directory_ / "model.onnx"}).ok());
  EXPECT_TRUE(environment.LoadByName("m").has_value());
  EXPECT_TRUE(control_->last_has_external);
  EXPECT_EQ(environment.AddNamedModel({"n", directory_ / "other.onnx"}).code(), Code::kNotFound);
}

TEST_F(EnvironmentTest, NamedModelThatWantsTheGpu) {
  WriteModel();
  options_.allow_gpu = false;
  Environment environment(options_);
  ASSERT_TRUE(environment.AddNamedModel({"gpu", directory_, NamedTarget::kGpu}).ok());
  ASSERT_TRUE(environment.AddNamedModel({"auto", directory_, NamedTarget::kAuto}).ok());
  EXPECT_EQ(environment.LoadByName("gpu").error().code(), Code::kUnsupportedOperation);
  EXPECT_TRUE(environment.LoadByName("auto").has_value());
  EXPECT_EQ(control_->last_target, runtimes::Target::kCpu);
}

TEST_F(EnvironmentTest, UnknownNamesAndNamesTwice) {
  Environment environment(options_);
  EXPECT_EQ(environment.LoadByName("m").error().code(), Code::kNotFound);
  EXPECT_EQ(environment.AddNamedModel({"m", directory_}).code(), Code::kNotFound);
  WriteModel();
  EXPECT_TRUE(environment.AddNamedModel({"m", directory_}).ok());
  EXPECT_EQ(environment.AddNamedModel({"m", directory_}).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::nn
