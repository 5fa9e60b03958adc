// Through the session, on a runtime whose y is 2x. Real runtimes: tests/abi/witx_extension_test.cc.
#include "host/nn/state_links.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "host/nn/fake_runtime.h"
#include "host/nn/session.h"

namespace wnn::nn {
namespace {

// ModelProto { ir_version: 8, graph: {} }: enough for the scan before the runtime.
constexpr std::array kModel = {std::byte{0x08}, std::byte{0x08}, std::byte{0x3a}, std::byte{0x00}};

class StateTest : public ::testing::Test, public CallObserver {
 protected:
  void OnCall(Call call, std::chrono::nanoseconds, uint64_t bytes_copied) override {
    if (call != Call::kCarryState) return;
    ++n_carried_;
    carried_bytes_ += bytes_copied;
  }
  void Start(Limits limits = {}) {
    EnvironmentOptions environment;
    environment.runtime = std::make_shared<FakeRuntime>(control_);
    environment.limits = limits;
    SessionOptions options;
    options.observer = this;
    session_ = std::make_unique<Session>(std::make_shared<Environment>(environment), options);
    context_ = *session_->InitExecutionContext(
        *session_->Load(kModel, Encoding::kOnnx, runtimes::Target::kCpu));
  }
  void SetUp() override { Start(); }

  Status Set(std::vector<float> values) {
    const Shape dims = {static_cast<int64_t>(values.size())};
    return session_->SetInput(context_, 0, {DType::kFloat, dims, std::as_bytes(std::span(values))});
  }
  float Get() {
    float value = 0;
    size_t needed = 0;
    EXPECT_TRUE(
        session_->GetOutput(context_, 0, std::as_writable_bytes(std::span(&value, 1)), &needed)
            .has_value());
    return value;
  }
  float Compute() {
    const Status status = session_->Compute(context_);
    EXPECT_TRUE(status.ok()) << status.message();
    return Get();
  }

  std::shared_ptr<FakeRuntime::Control> control_ = std::make_shared<FakeRuntime::Control>();
  std::unique_ptr<Session> session_;
  Handle context_ = 0;
  int n_carried_ = 0;
  uint64_t carried_bytes_ = 0;
};

TEST_F(StateTest, AnOutputIsTheNextInput) {
  ASSERT_TRUE(Set({1}).ok());
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  for (float expected : {2.0f, 4.0f, 8.0f, 16.0f}) EXPECT_EQ(Compute(), expected);
  EXPECT_EQ(n_carried_, 3);
  EXPECT_EQ(carried_bytes_, 3 * sizeof(float));
}

TEST_F(StateTest, MayBeBoundAfterACompute) {
  ASSERT_TRUE(Set({1}).ok());
  EXPECT_EQ(Compute(), 2.0f);
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  EXPECT_EQ(Get(), 2.0f);  // which is still there
  EXPECT_EQ(Compute(), 4.0f);
}

TEST_F(StateTest, WhatTheGuestSetsCountsOnce) {
  ASSERT_TRUE(Set({1}).ok());
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  EXPECT_EQ(Compute(), 2.0f);
  ASSERT_TRUE(Set({100}).ok());
  EXPECT_EQ(Compute(), 200.0f);
  EXPECT_EQ(Compute(), 400.0f);
  EXPECT_EQ(n_carried_, 1);
}

TEST_F(StateTest, AnUnboundInputKeepsItsValue) {
  ASSERT_TRUE(Set({1}).ok());
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  EXPECT_EQ(Compute(), 2.0f);
  EXPECT_EQ(Compute(), 4.0f);
  ASSERT_TRUE(session_->UnbindInput(context_, 0).ok());
  EXPECT_EQ(Compute(), 4.0f);
  EXPECT_EQ(session_->UnbindInput(context_, 0).code(), Code::kInvalidArgument);
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  EXPECT_EQ(Compute(), 8.0f);
}

TEST_F(StateTest, AFailedComputeChangesNoState) {
  ASSERT_TRUE(Set({1}).ok());
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  EXPECT_EQ(Compute(), 2.0f);
  control_->during_compute = [] { throw std::bad_alloc(); };
  EXPECT_THROW(static_cast<void>(session_->Compute(context_).ok()), std::bad_alloc);
  control_->during_compute = nullptr;
  EXPECT_EQ(Compute(), 4.0f);
}

TEST_F(StateTest, StatesThatGrow) {
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  for (size_t n : {1, 3, 100, 2}) {
    ASSERT_TRUE(Set(std::vector<float>(n, 1)).ok());
    EXPECT_TRUE(session_->Compute(context_).ok());
    EXPECT_TRUE(session_->Compute(context_).ok());
    EXPECT_EQ(*session_->OutputShape(context_, 0), Shape{static_cast<int64_t>(n)});
  }
}

TEST_F(StateTest, RefusesWhatThereIsNot) {
  EXPECT_EQ(session_->BindOutput(context_, 1, 0).code(), Code::kInvalidArgument);
  EXPECT_EQ(session_->BindOutput(context_, 0, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(session_->BindOutput(context_ + 1, 0, 0).code(), Code::kInvalidArgument);
  EXPECT_EQ(session_->UnbindInput(context_, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(session_->OutputShape(context_, 0).error().code(), Code::kRuntimeError);
}

TEST_F(StateTest, StateCountsAgainstTheLimits) {
  Limits limits;
  limits.max_memory_bytes = 6;
  Start(limits);
  ASSERT_TRUE(Set({1, 2}).ok());
  ASSERT_TRUE(session_->BindOutput(context_, 0, 0).ok());
  ASSERT_TRUE(session_->Compute(context_).ok());
  const Status status = session_->Compute(context_);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_NE(std::string(status.message()).find("state from output 'x' to input 'x'"),
            std::string::npos)
      << status.message();
}

}  // namespace
}  // namespace wnn::nn
