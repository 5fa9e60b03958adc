// The ways of calling a runtime, on one that doubles its input.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "bench/isa_subject.h"
#include "bench/model_data.h"
#include "bench/native_subject.h"
#include "bench/wit_subject.h"
#include "bench/witx_subject.h"
#include "engine/kernels/isa.h"
#include "host/nn/fake_runtime.h"

namespace wnn::bench {
namespace {

class SubjectsTest : public testing::Test {
 protected:
  SubjectsTest()
      : control_(std::make_shared<nn::FakeRuntime::Control>()),
        runtime_(std::make_shared<nn::FakeRuntime>(control_)),
        model_(IdentityModel(Shape{1, 4})) {
    wasm::EngineOptions options;
    options.cache.enabled = false;
    engine_ = std::move(*wasm::Engine::Create(options));
  }

  // Sets `values` as the input, infers, and returns the output's.
  std::vector<float> Infer(Subject& subject, const std::vector<float>& values) {
    Tensor input = *Tensor::Allocate(DType::kFloat, {static_cast<int64_t>(values.size())});
    std::memcpy(input.bytes().data(), values.data(), input.bytes().size());
    EXPECT_TRUE(subject.SetInput(input.view()).ok());
    const auto times = subject.Infer();
    EXPECT_TRUE(times) << times.error().message();
    const TensorView output = subject.output();
    std::vector<float> result(output.data.size() / sizeof(float));
    if (!result.empty()) std::memcpy(result.data(), output.data.data(), output.data.size());
    return result;
  }

  std::shared_ptr<nn::FakeRuntime::Control> control_;
  std::shared_ptr<const runtimes::Runtime> runtime_;
  std::vector<std::byte> model_;
  std::unique_ptr<wasm::Engine> engine_;
};

const SubjectId kId{"model", "fake", "path", 1, runtimes::Target::kCpu};

TEST_F(SubjectsTest, Native) {
  for (NativeTensors tensors : {NativeTensors::kCopied, NativeTensors::kBorrowed}) {
    auto subject = MakeNativeSubject(kId, runtime_, model_, tensors);
    ASSERT_TRUE(subject) << subject.error().message();
    EXPECT_EQ(Infer(**subject, {1, 2, 3, 4}), std::vector<float>({2, 4, 6, 8}));
    EXPECT_EQ(Infer(**subject, {5}), std::vector<float>({10}));
  }
}

TEST_F(SubjectsTest, WitxCopiesEachTensorOnce) {
  auto subject = MakeWitxSubject(kId, *engine_, runtime_, model_);
  ASSERT_TRUE(subject) << subject.error().message();
  EXPECT_EQ(control_->n_loads, 1);
  EXPECT_EQ(Infer(**subject, {1, 2, 3, 4}), std::vector<float>({2, 4, 6, 8}));
  EXPECT_EQ((*subject)->bytes_copied(), 32u);
  EXPECT_EQ(Infer(**subject, {5}), std::vector<float>({10}));
  EXPECT_EQ((*subject)->bytes_copied(), 8u);
}

TEST_F(SubjectsTest, WitCopiesEachTensorOnce) {
  auto subject = MakeWitSubject(kId, *engine_, runtime_, model_);
  ASSERT_TRUE(subject) << subject.error().message();
  EXPECT_EQ(control_->n_loads, 1);
  EXPECT_EQ(Infer(**subject, {1, 2, 3, 4}), std::vector<float>({2, 4, 6, 8}));
  EXPECT_EQ((*subject)->bytes_copied(), 32u);
  EXPECT_EQ(Infer(**subject, {5}), std::vector<float>({10}));
  EXPECT_EQ((*subject)->bytes_copied(), 8u);
}

TEST_F(SubjectsTest, WitTakesTensorsOfAnySize) {
  auto subject = MakeWitSubject(kId, *engine_, runtime_, model_);
  ASSERT_TRUE(subject) << subject.error().message();
  const std::vector<float> ones(1'000'001, 1.0f);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Infer(**subject, ones), std::vector<float>(1'000'001, 2.0f));
  }
}

TEST_F(SubjectsTest, WitSaysWhyTheModelIsRefused) {
  control_->load_status = Unsupported("no such operator: Frobnicate");
  const auto subject = MakeWitSubject(kId, *engine_, runtime_, model_);
  ASSERT_FALSE(subject);
  EXPECT_NE(subject.error().message().find("Frobnicate"), std::string_view::npos)
      << subject.error().message();
}

TEST_F(SubjectsTest, HeldToAnInstructionSetWhileItWorksOnly) {
  const std::vector<std::string> isas = kernels::SupportedIsas();
  const std::string best(kernels::ActiveIsa());
  std::string isa_at_load;
  auto subject = MakeIsaSubject(isas.back(), [&] {
    isa_at_load = kernels::ActiveIsa();
    return MakeNativeSubject(kId, runtime_, model_);
  });
  ASSERT_TRUE(subject) << subject.error().message();
  EXPECT_EQ(isa_at_load, isas.back());
  EXPECT_EQ(kernels::ActiveIsa(), best);
  EXPECT_EQ(Infer(**subject, {1, 2}), std::vector<float>({2, 4}));
  EXPECT_EQ(kernels::ActiveIsa(), best);
  EXPECT_FALSE(MakeIsaSubject("abacus", [&] { return MakeNativeSubject(kId, runtime_, model_); }));
}

TEST_F(SubjectsTest, WitxTakesOutputsOfAnySize) {
  auto subject = MakeWitxSubject(kId, *engine_, runtime_, model_);
  ASSERT_TRUE(subject) << subject.error().message();
  const std::vector<float> ones(1'000'000, 1.0f);
  EXPECT_EQ(Infer(**subject, ones), std::vector<float>(1'000'000, 2.0f));
}

TEST_F(SubjectsTest, WitxSaysWhyTheModelIsRefused) {
  control_->load_status = Unsupported("no such operator: Frobnicate");
  const auto subject = MakeWitxSubject(kId, *engine_, runtime_, model_);
  ASSERT_FALSE(subject);
  EXPECT_NE(subject.error().message().find("Frobnicate"), std::string_view::npos)
      << subject.error().message();
}

}  // namespace
}  // namespace wnn::bench
