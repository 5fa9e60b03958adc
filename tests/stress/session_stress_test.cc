// Many threads on one session at once: load, compute and unload at random, every result checked.
// Under the `tsan` preset, `builtin` must be clean here.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "host/nn/session.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

constexpr int kThreads = 8;
constexpr int kRoundsPerThread = 300;
constexpr int64_t kWidth = 64;

// Four models of one input [N, 64] each, whose outputs are easy to tell: x + x, x * x, x, and x
// times a matrix of ones.
struct Case {
  std::string model;
  float (*expected)(const std::vector<float>& row, size_t column);
};

std::string OnesInitializer(const std::string& name) {
  std::string raw;
  const float one = 1;
  for (int64_t i = 0; i < kWidth * kWidth; ++i) {
    raw.append(reinterpret_cast<const char*>(&one), sizeof(one));
  }
  return Bytes(5, Number(1, kWidth) + Number(1, kWidth) +
                      Number(2, static_cast<uint64_t>(DType::kFloat)) + Bytes(8, name) +
                      Bytes(9, raw));
}

std::string OneNodeModel(const std::string& op, const std::vector<std::string>& inputs) {
  return Model(Node(op, inputs, {"y"}) + OnesInitializer("ones") +
               GraphInput("x", DType::kFloat, {-1, kWidth}) +
               GraphOutput("y", DType::kFloat, {-1, kWidth}));
}

std::vector<Case> Cases() {
  return {
      {OneNodeModel("Add", {"x", "x"}), [](const auto& row, size_t i) { return row[i] + row[i]; }},
      {OneNodeModel("Mul", {"x", "x"}), [](const auto& row, size_t i) { return row[i] * row[i]; }},
      {OneNodeModel("Identity", {"x"}), [](const auto& row, size_t i) { return row[i]; }},
      {OneNodeModel("MatMul", {"x", "ones"}),
       [](const auto& row, size_t) {
         float sum = 0;
         for (float value : row) sum += value;
         return sum;
       }},
  };
}

class SessionStressTest : public ::testing::TestWithParam<std::string> {};

// One guest thread's life with one context: `n_computes` inferences on changing batches.
void UseContext(nn::Session& session, const Case& c, nn::Handle context, std::mt19937& random,
                std::atomic<int>& n_wrong) {
  const int n_computes = 1 + static_cast<int>(random() % 3);
  for (int n = 0; n < n_computes; ++n) {
    const size_t batch = 1 + random() % 3;
    // Small whole numbers: every sum is exact, in whatever order.
    std::vector<std::vector<float>> rows(batch, std::vector<float>(kWidth));
    std::vector<float> input;
    for (auto& row : rows) {
      for (float& value : row) value = static_cast<float>(random() % 16);
      input.insert(input.end(), row.begin(), row.end());
    }
    const Shape dims = {static_cast<int64_t>(batch), kWidth};
    std::vector<float> output(input.size());
    size_t needed = 0;
    const bool ok =
        session.SetInput(context, 0, {DType::kFloat, dims, std::as_bytes(std::span(input))}).ok() &&
        session.Compute(context).ok() &&
        session.GetOutput(context, 0, std::as_writable_bytes(std::span(output)), &needed)
            .has_value();
    if (!ok) ++n_wrong;
    for (size_t i = 0; ok && i < output.size(); ++i) {
      const size_t row = i / kWidth;
      if (output[i] != c.expected(rows[row], i % kWidth)) ++n_wrong;
    }
  }
}

TEST_P(SessionStressTest, EveryResultIsRight) {
  nn::EnvironmentOptions options;
  options.runtime = RuntimeNamed(GetParam());
  if (options.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  options.n_threads = 2;
  nn::Session session(std::make_shared<nn::Environment>(options), {});
  const std::vector<Case> cases = Cases();
  std::atomic<int> n_wrong{0};
  std::atomic<int> n_busy_or_stale{0};
  std::atomic<nn::Handle> other_context{UINT32_MAX};

  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int round = 0; round < kRoundsPerThread; ++round) {
        const Case& c = cases[random() % cases.size()];
        auto graph = session.Load(AsBytes(c.model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
        if (!graph) {
          ++n_wrong;
          continue;
        }
        auto context = session.InitExecutionContext(*graph);
        if (!context) ++n_wrong;
        const bool unload_early = random() % 2 == 0;
        if (unload_early && !session.Unload(*graph).ok()) ++n_wrong;
        if (context) {
          // A context that nobody else knows works; one of another thread may be busy or gone.
          UseContext(session, c, *context, random, n_wrong);
          size_t needed = 0;
          if (!session.GetOutput(other_context.exchange(*context), 0, {}, &needed)) {
            ++n_busy_or_stale;
          }
          Status finalized = session.FinalizeExecutionContext(*context);
          while (!finalized.ok() && finalized.code() == Code::kBusy) {
            std::this_thread::yield();
            finalized = session.FinalizeExecutionContext(*context);
          }
          if (!finalized.ok()) ++n_wrong;
        }
        if (!unload_early && !session.Unload(*graph).ok()) ++n_wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(n_wrong.load(), 0);
  EXPECT_GT(n_busy_or_stale.load(), 0);
}

// The process's memory in use, in bytes; 0 where it cannot be told.
uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return file ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// A guest's whole life: another model each time, four megabytes of input and output.
void LiveAndLeave(const std::shared_ptr<nn::Environment>& environment, int number) {
  nn::Session session(environment, {});
  const std::string model =
      Model(Node("Relu", {"x"}, {"y"}) + Bytes(10, std::to_string(number)) +
            GraphInput("x", DType::kFloat, {-1}) + GraphOutput("y", DType::kFloat, {-1}));
  const auto graph = session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  const auto context = session.InitExecutionContext(*graph);
  ASSERT_TRUE(context.has_value());
  const std::vector<std::byte> input(size_t{4} << 20);
  const Shape dims = {1 << 20};
  ASSERT_TRUE(session.SetInput(*context, 0, {DType::kFloat, dims, input}).ok());
  ASSERT_TRUE(session.Compute(*context).ok());
}

// WNN_GUESTS=10000 for as many guests as you like.
TEST_P(SessionStressTest, GuestsThatComeAndGoLeaveTheHostAsItWas) {
  nn::EnvironmentOptions options;
  options.runtime = RuntimeNamed(GetParam());
  if (options.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  const char* wanted = std::getenv("WNN_GUESTS");
  const int n_guests = wanted != nullptr ? std::atoi(wanted) : 200;
  auto environment = std::make_shared<nn::Environment>(options);
  for (int i = 0; i < 20; ++i) LiveAndLeave(environment, -i);
  const uint64_t before = ResidentBytes();
  for (int i = 0; i < n_guests; ++i) LiveAndLeave(environment, i);
  // What two guests have at a time; a leak of a single page each would show at 10,000.
  EXPECT_LT(ResidentBytes(), before + (uint64_t{16} << 20));
}

INSTANTIATE_TEST_SUITE_P(Runtimes, SessionStressTest, ::testing::ValuesIn(BuiltRuntimes()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace wnn::testing
