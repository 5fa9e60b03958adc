// A program of another library, played by outside/protocol_test.py, which computes 2 x + its model.
#include "bench/outside_subject.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bench/child_process.h"
#include "bench/measure.h"

namespace wnn::bench {
namespace {

using std::chrono::milliseconds;

const SubjectId kId{"model", "other", "native", 1, runtimes::Target::kCpu};
const char kProgram[] = WNN_SOURCE_DIR "/bench/outside/protocol_test.py";

std::vector<float> Values(const TensorView& tensor) {
  std::vector<float> values(tensor.data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

TEST(OutsideSubject, InfersInAProcessOfItsOwn) {
  auto subject = MakeOutsideSubject(kId, kProgram, "1");
  ASSERT_TRUE(subject) << subject.error().message();
  EXPECT_GT((*subject)->setup()[Phase::kLoad], nanoseconds(0));
  EXPECT_TRUE((*subject)->process().has_value());
  Tensor input = *Tensor::Allocate(DType::kFloat, {1, 2});
  const float values[] = {3, 4};
  std::memcpy(input.bytes().data(), values, sizeof(values));
  ASSERT_TRUE((*subject)->SetInput(input.view()).ok());
  const auto times = (*subject)->Infer();
  ASSERT_TRUE(times) << times.error().message();
  EXPECT_GT((*times)[Phase::kTotal], nanoseconds(0));
  const TensorView output = (*subject)->output();
  EXPECT_EQ(Values(output), std::vector<float>({7, 9}));
  EXPECT_EQ(Shape(output.dims.begin(), output.dims.end()), Shape({1, 2}));

  const auto block = (*subject)->RunBlock(12, nanoseconds(0));
  ASSERT_TRUE(block) << block.error().message();
  EXPECT_EQ(block->size(), 12u);
}

TEST(OutsideSubject, SaysWhatWentWrong) {
  const auto refused = MakeOutsideSubject(kId, kProgram, "no number");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("ValueError"), std::string_view::npos)
      << refused.error().message();
  const auto missing = MakeOutsideSubject(kId, "/no/such/program", "1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);

  auto subject = MakeOutsideSubject(kId, kProgram, "1");
  ASSERT_TRUE(subject) << subject.error().message();
  EXPECT_FALSE((*subject)->Infer()) << "it has no input";
  EXPECT_TRUE((*subject)->output().data.empty());
}

TEST(ChildProcess, EndsAndHangsAreErrors) {
  auto ended = ChildProcess::Start({"true"}, milliseconds(10'000));
  ASSERT_TRUE(ended) << ended.error().message();
  EXPECT_EQ((*ended)->ReadLine().error().code(), Code::kRuntimeError);
  auto silent = ChildProcess::Start({"cat"}, milliseconds(10));
  ASSERT_TRUE(silent) << silent.error().message();
  EXPECT_EQ((*silent)->ReadLine().error().code(), Code::kTimeout);
}

TEST(WaitUntilIdle, WaitsForOtherProcesses) {
  auto spinning =
      ChildProcess::Start({"sh", "-c", "echo on; while :; do :; done"}, milliseconds(10'000));
  ASSERT_TRUE(spinning) << spinning.error().message();
  ASSERT_TRUE((*spinning)->ReadLine());
  const pid_t process = (*spinning)->pid();
  EXPECT_GE(WaitUntilIdle(std::span(&process, 1)), milliseconds(500));
}

}  // namespace
}  // namespace wnn::bench
