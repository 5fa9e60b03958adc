#include "bench/verify.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "bench/fake_subject.h"

namespace wnn::bench {
namespace {

Tensor Floats(const std::vector<float>& values) {
  Tensor tensor = *Tensor::Allocate(DType::kFloat, {static_cast<int64_t>(values.size())});
  std::memcpy(tensor.bytes().data(), values.data(), tensor.bytes().size());
  return tensor;
}

double Error(const std::vector<float>& actual, const std::vector<float>& expected) {
  return *MaxAbsError(Floats(actual).view(), Floats(expected).view());
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(MaxAbsError, IsTheLargestDifference) {
  EXPECT_DOUBLE_EQ(Error({1, 2, 3}, {1, 2.5, 2.75}), 0.5);
  EXPECT_DOUBLE_EQ(Error({}, {}), 0);
}

TEST(MaxAbsError, OfNanAndInfinity) {
  EXPECT_DOUBLE_EQ(Error({kNan, kInfinity}, {kNan, kInfinity}), 0);
  EXPECT_TRUE(std::isinf(Error({kNan}, {1})));
  EXPECT_TRUE(std::isinf(Error({1}, {kNan})));
  EXPECT_TRUE(std::isinf(Error({kInfinity}, {1})));
}

TEST(MaxAbsError, RefusesWhatCannotBeCompared) {
  EXPECT_FALSE(MaxAbsError(Floats({1}).view(), Floats({1, 2}).view()));
  const Tensor bytes = *Tensor::Allocate(DType::kUint8, {4});
  EXPECT_FALSE(MaxAbsError(bytes.view(), Floats({1}).view()));
}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    data_.tolerance = 0.01;
    AddCase({1, 2}, {2, 4});
    AddCase({10, 20}, {20, 40});
  }
  void AddCase(const std::vector<float>& input, const std::vector<float>& output) {
    data_.cases.push_back({std::to_string(data_.cases.size()), Floats(input), Floats(output)});
  }

  ModelData data_;
  FakeSubject subject_{"fake", 2.0f, nullptr};
};

TEST_F(VerifyTest, RightOutputs) {
  const Verdict verdict = Verify(subject_, data_);
  EXPECT_TRUE(verdict.verified) << verdict.problem;
  EXPECT_EQ(verdict.max_abs_error, 0.0);
  EXPECT_TRUE(verdict.problem.empty());
  EXPECT_EQ(verdict.first_inference, std::chrono::microseconds(1));
}

TEST_F(VerifyTest, ErrorWithinTheTolerance) {
  subject_.set_scale(2.0001f);
  const Verdict verdict = Verify(subject_, data_);
  EXPECT_TRUE(verdict.verified) << verdict.problem;
  EXPECT_NEAR(*verdict.max_abs_error, 0.002, 1e-4);
}

TEST_F(VerifyTest, WrongOutput) {
  subject_.set_scale(2.1f);
  const Verdict verdict = Verify(subject_, data_);
  EXPECT_FALSE(verdict.verified);
  EXPECT_NEAR(*verdict.max_abs_error, 0.2, 1e-4);
  EXPECT_NE(verdict.problem.find("case 0: the output is off by 0.2"), std::string::npos)
      << verdict.problem;
}

TEST_F(VerifyTest, FailedInference) {
  subject_.set_fails_after(1);
  const Verdict verdict = Verify(subject_, data_);
  EXPECT_FALSE(verdict.verified);
  EXPECT_EQ(verdict.problem, "case 1: out of order");
}

TEST_F(VerifyTest, NothingToCompareWithIsNotVerified) {
  data_.cases[0].output.reset();
  EXPECT_FALSE(Verify(subject_, data_).verified);
  data_.cases.clear();
  EXPECT_FALSE(Verify(subject_, data_).verified);
}

TEST_F(VerifyTest, LastOutput) {
  ASSERT_TRUE(Verify(subject_, data_).verified);
  ASSERT_TRUE(subject_.Infer());
  EXPECT_TRUE(VerifyLastOutput(subject_, data_).verified);
  subject_.set_scale(3);
  ASSERT_TRUE(subject_.Infer());
  const Verdict verdict = VerifyLastOutput(subject_, data_);
  EXPECT_FALSE(verdict.verified);
  EXPECT_EQ(verdict.problem.find("after the measurement: case 0"), 0u) << verdict.problem;
}

}  // namespace
}  // namespace wnn::bench
