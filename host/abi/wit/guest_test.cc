#include "host/abi/wit/guest.h"

#include <gtest/gtest.h>

#include <cstring>

#include "host/nn/fake_runtime.h"

namespace wnn::abi {
namespace {

// y = 2x on floats, by the fake runtime.
class WitGuestTest : public ::testing::Test {
 protected:
  WitGuestTest() { Restart(); }

  void Restart() {
    guest_.reset();
    session_.reset();
    options_.runtime = std::make_shared<nn::FakeRuntime>(control_);
    environment_ = std::make_shared<nn::Environment>(options_);
    session_ = std::make_unique<nn::Session>(environment_, session_options_);
    guest_ = std::make_unique<WitGuest>(*session_);
  }
  Rep Floats(const std::vector<float>& values) {
    const auto n = static_cast<uint32_t>(values.size());
    return *guest_->NewTensor(std::vector<uint32_t>{n}, DType::kFloat,
                              std::as_bytes(std::span(values)));
  }
  std::vector<float> Read(Rep tensor) {
    const auto bytes = guest_->TensorData(tensor);
    EXPECT_TRUE(bytes.has_value());
    std::vector<float> values(bytes->size() / sizeof(float));
    std::memcpy(values.data(), bytes->data(), bytes->size());
    return values;
  }
  Rep NewContext() {
    const std::string model("\x3a\x00", 2);  // an empty graph, which is all that is looked at
    const auto graph = guest_->Load(1, std::as_bytes(std::span(model)), nn::Encoding::kOnnx,
                                    runtimes::Target::kCpu);
    EXPECT_TRUE(graph.has_value()) << graph.error().message();
    return *guest_->InitExecutionContext(*graph);
  }
  Result<Rep> Run(Rep context, Rep input, std::string_view name = "x") {
    const NamedTensor inputs[] = {{name, input}};
    WNN_ASSIGN_OR_RETURN(const auto outputs, guest_->Run(context, inputs));
    EXPECT_EQ(outputs.size(), 1u);
    return outputs[0].tensor;
  }

  std::shared_ptr<nn::FakeRuntime::Control> control_ = std::make_shared<nn::FakeRuntime::Control>();
  nn::EnvironmentOptions options_;
  nn::SessionOptions session_options_;
  std::shared_ptr<nn::Environment> environment_;
  std::unique_ptr<nn::Session> session_;
  std::unique_ptr<WitGuest> guest_;
};

TEST_F(WitGuestTest, TensorsKeepWhatTheyWereMadeOf) {
  const Rep tensor = Floats({1, 2, 3});
  EXPECT_EQ(*guest_->TensorType(tensor), DType::kFloat);
  EXPECT_EQ(guest_->TensorDimensions(tensor)->size(), 1u);
  EXPECT_EQ((*guest_->TensorDimensions(tensor))[0], 3u);
  EXPECT_EQ(Read(tensor), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(guest_->DropTensor(tensor).ok());
  EXPECT_EQ(guest_->DropTensor(tensor).code(), Code::kInternal);
}

TEST_F(WitGuestTest, ComputesByNameAndByIndex) {
  const Rep context = NewContext();
  EXPECT_EQ(Read(*Run(context, Floats({1, 2}))), (std::vector<float>{2, 4}));
  EXPECT_EQ(Read(*Run(context, Floats({3}), "0")), std::vector<float>{6});
  for (std::string_view name : {"1", "y", "", "00x", "-1", "18446744073709551616"}) {
    EXPECT_EQ(Run(context, Floats({1}), name).error().code(), Code::kInvalidArgument) << name;
  }
}

TEST_F(WitGuestTest, OutputsOutliveTheNextComputeAndTheContext) {
  const Rep context = NewContext();
  const Rep first = *Run(context, Floats({1}));
  const Rep second = *Run(context, Floats({2}));
  EXPECT_EQ(Read(first), std::vector<float>{2});
  EXPECT_EQ(Read(second), std::vector<float>{4});
  EXPECT_TRUE(guest_->DropContext(context).ok());
  EXPECT_EQ(Read(second), std::vector<float>{4});
}

TEST_F(WitGuestTest, OutputsMayBeInputs) {
  const Rep context = NewContext();
  const Rep other = NewContext();
  const Rep four = *Run(context, *Run(context, Floats({1})));
  EXPECT_EQ(Read(four), std::vector<float>{4});
  const Rep eight = *Run(other, four);
  ASSERT_TRUE(Run(context, Floats({100})).has_value());  // writes over what was `four`
  EXPECT_EQ(Read(eight), std::vector<float>{8});
  ASSERT_TRUE(guest_->Compute(other).ok());
  EXPECT_EQ(Read(*guest_->GetOutput(other, "x")), std::vector<float>{8});
}

TEST_F(WitGuestTest, InputsStayUntilTheyAreSetAnew) {
  const Rep context = NewContext();
  ASSERT_TRUE(guest_->SetInput(context, "x", Floats({5})).ok());
  EXPECT_EQ(guest_->GetOutput(context, "x").error().code(), Code::kRuntimeError);
  ASSERT_TRUE(guest_->Compute(context).ok());
  ASSERT_TRUE(guest_->Compute(context).ok());
  EXPECT_EQ(Read(*guest_->GetOutput(context, "x")), std::vector<float>{10});
}

TEST_F(WitGuestTest, InputsAreTakenEvenWhenTheyAreRefused) {
  const Rep context = NewContext();
  const Rep tensor = Floats({1});
  EXPECT_FALSE(guest_->SetInput(context, "nobody", tensor).ok());
  EXPECT_EQ(guest_->DropTensor(tensor).code(), Code::kInternal);
  const NamedTensor inputs[] = {{"nobody", Floats({1})}, {"x", Floats({2})}};
  EXPECT_FALSE(guest_->Run(context, inputs).has_value());
  for (const NamedTensor& input : inputs) {
    EXPECT_EQ(guest_->DropTensor(input.tensor).code(), Code::kInternal);
  }
}

TEST_F(WitGuestTest, WhatIsDroppedMakesRoom) {
  session_options_.limits.max_memory_bytes = 8;
  Restart();
  const Rep context = NewContext();
  for (int i = 0; i < 3; ++i) {
    const Rep one = Floats({1});
    const Rep two = Floats({2});
    const Rep three = Floats({3});  // the third is too much, and says so where it is used
    EXPECT_EQ(Run(context, three).error().code(), Code::kTooLarge);
    EXPECT_TRUE(guest_->DropTensor(one).ok());
    EXPECT_TRUE(guest_->DropTensor(two).ok());
  }
  EXPECT_EQ(Read(*Run(context, Floats({1}))), std::vector<float>{2});
  EXPECT_TRUE(guest_->DropContext(context).ok());
}

TEST_F(WitGuestTest, TensorsOverALimitSayWhyNot) {
  options_.limits.max_tensor_bytes = 4;
  options_.limits.max_rank = 1;
  Restart();
  const Rep context = NewContext();
  const Rep large = Floats({1, 2});
  EXPECT_EQ(guest_->TensorData(large).error().code(), Code::kTooLarge);
  EXPECT_EQ(guest_->TensorDimensions(large).error().code(), Code::kTooLarge);
  EXPECT_EQ(Run(context, large).error().code(), Code::kTooLarge);
  const Rep deep =
      *guest_->NewTensor(std::vector<uint32_t>{1, 1}, DType::kFloat, std::vector<std::byte>(4));
  EXPECT_EQ(Run(context, deep).error().code(), Code::kTooLarge);
}

TEST_F(WitGuestTest, ErrorsCarryCodeAndText) {
  const Rep error = *guest_->NewError(WitErrorCode::kSecurity, "no");
  EXPECT_EQ(*guest_->ErrorCode(error), WitErrorCode::kSecurity);
  EXPECT_EQ(*guest_->ErrorText(error), "no");
  EXPECT_TRUE(guest_->DropError(error).ok());
  EXPECT_EQ(guest_->ErrorCode(error).error().code(), Code::kInternal);
}

TEST_F(WitGuestTest, HoldsOnlySoMuch) {
  for (size_t i = 0; i < WitGuest::kMaxResources / 2; ++i) {
    ASSERT_TRUE(guest_->NewTensor({}, DType::kFloat, {}).has_value());
    ASSERT_TRUE(guest_->NewError(WitErrorCode::kUnknown, "").has_value());
  }
  EXPECT_EQ(guest_->NewTensor({}, DType::kFloat, {}).error().code(), Code::kTooLarge);
  EXPECT_EQ(guest_->NewError(WitErrorCode::kUnknown, "").error().code(), Code::kTooLarge);
}

TEST_F(WitGuestTest, DroppedGraphsLiveAsLongAsTheirContexts) {
  const Rep context = NewContext();
  EXPECT_TRUE(guest_->DropGraph(0).ok());
  EXPECT_EQ(control_->n_graphs_alive, 1);
  EXPECT_TRUE(guest_->DropContext(context).ok());
  EXPECT_EQ(control_->n_graphs_alive, 0);
}

TEST_F(WitGuestTest, NothingIsLeftWithoutTheGuest) {
  const Rep context = NewContext();
  ASSERT_TRUE(Run(context, Floats({1})).has_value());
  EXPECT_TRUE(guest_->DropGraph(0).ok());
  guest_.reset();
  EXPECT_EQ(control_->n_graphs_alive, 0);
}

}  // namespace
}  // namespace wnn::abi
