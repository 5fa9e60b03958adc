#include "host/nn/session.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <utility>
#include <vector>

#include "host/nn/fake_runtime.h"

namespace wnn::nn {
namespace {

// ModelProto { ir_version: 8, graph: {} }: enough for the scan before the runtime.
constexpr std::array kModel = {std::byte{0x08}, std::byte{0x08}, std::byte{0x3a}, std::byte{0x00}};

struct Recorded {
  Call call;
  uint64_t bytes_copied;
};

class RecordingObserver final : public CallObserver {
 public:
  void OnCall(Call call, std::chrono::nanoseconds, uint64_t bytes_copied) override {
    calls.push_back({call, bytes_copied});
  }
  std::vector<Recorded> calls;
};

class SessionTest : public ::testing::Test {
 protected:
  std::unique_ptr<Session> NewSession(SessionOptions options = {}) {
    EnvironmentOptions environment;
    environment.runtime = std::make_shared<FakeRuntime>(control_);
    return std::make_unique<Session>(std::make_shared<Environment>(environment), options);
  }
  Result<Handle> Load(Session& session) {
    return session.Load(kModel, Encoding::kOnnx, runtimes::Target::kCpu);
  }
  // A context with its input set to {1, 2, 3}.
  Handle ReadyContext(Session& session) {
    auto context = session.InitExecutionContext(*Load(session));
    EXPECT_TRUE(context.has_value());
    EXPECT_TRUE(session.SetInput(*context, 0, input()).ok());
    return *context;
  }
  TensorView input() const { return {DType::kFloat, dims_, std::as_bytes(std::span(values_))}; }

  std::shared_ptr<FakeRuntime::Control> control_ = std::make_shared<FakeRuntime::Control>();
  std::array<float, 3> values_ = {1, 2, 3};
  Shape dims_ = {3};
};

TEST_F(SessionTest, ComputesOnWhatWasSet) {
  auto session = NewSession();
  const Handle context = ReadyContext(*session);
  ASSERT_TRUE(session->Compute(context).ok());
  std::array<float, 4> output = {};
  size_t needed = 0;
  auto written = session->GetOutput(context, 0, std::as_writable_bytes(std::span(output)), &needed);
  ASSERT_TRUE(written.has_value());
  EXPECT_EQ(*written, 12u);
  EXPECT_EQ(output, (std::array<float, 4>{2, 4, 6, 0}));
}

TEST_F(SessionTest, HandlesCountUpAndAreNeverReused) {
  auto session = NewSession();
  EXPECT_EQ(*Load(*session), 0u);
  EXPECT_EQ(*Load(*session), 1u);
  EXPECT_EQ(*session->InitExecutionContext(1), 0u);
  EXPECT_EQ(*session->InitExecutionContext(0), 1u);
}

TEST_F(SessionTest, RefusesUnknownHandles) {
  auto session = NewSession();
  size_t needed = 0;
  EXPECT_EQ(session->InitExecutionContext(0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(session->SetInput(7, 0, input()).code(), Code::kInvalidArgument);
  EXPECT_EQ(session->Compute(7).code(), Code::kInvalidArgument);
  EXPECT_EQ(session->GetOutput(7, 0, {}, &needed).error().code(), Code::kInvalidArgument);
}

TEST_F(SessionTest, ShortBufferLearnsTheSizeAndIsNotTouched) {
  auto session = NewSession();
  const Handle context = ReadyContext(*session);
  ASSERT_TRUE(session->Compute(context).ok());
  std::array<float, 2> output = {-1, -1};
  size_t needed = 0;
  auto written = session->GetOutput(context, 0, std::as_writable_bytes(std::span(output)), &needed);
  EXPECT_EQ(written.error().code(), Code::kTooLarge);
  EXPECT_EQ(needed, 12u);
  EXPECT_EQ(output, (std::array<float, 2>{-1, -1}));
}

TEST_F(SessionTest, OutputBeforeComputeIsARuntimeError) {
  auto session = NewSession();
  const Handle context = ReadyContext(*session);
  size_t needed = 0;
  EXPECT_EQ(session->GetOutput(context, 0, {}, &needed).error().code(), Code::kRuntimeError);
}

TEST_F(SessionTest, ContextInUseIsBusy) {
  auto session = NewSession();
  const Handle context = ReadyContext(*session);
  std::vector<Code> seen;
  control_->during_compute = [&] {
    std::thread other([&] {
      size_t needed = 0;
      seen.push_back(session->SetInput(context, 0, input()).code());
      seen.push_back(session->Compute(context).code());
      seen.push_back(session->GetOutput(context, 0, {}, &needed).error().code());
    });
    other.join();
  };
  EXPECT_TRUE(session->Compute(context).ok());
  EXPECT_EQ(seen, std::vector<Code>(3, Code::kBusy));
  control_->during_compute = nullptr;
  EXPECT_TRUE(session->Compute(context).ok());
}

TEST_F(SessionTest, OtherContextsAreNotBlockedByACompute) {
  auto session = NewSession();
  const Handle slow = ReadyContext(*session);
  const Handle other = ReadyContext(*session);
  bool nested = false;
  bool nested_ok = false;
  control_->during_compute = [&] {
    if (std::exchange(nested, true)) return;
    std::thread thread([&] { nested_ok = session->Compute(other).ok(); });
    thread.join();
  };
  EXPECT_TRUE(session->Compute(slow).ok());
  EXPECT_TRUE(nested_ok);
}

TEST_F(SessionTest, RefusesBoolsThatAreNone) {
  auto session = NewSession();
  const Handle context = *session->InitExecutionContext(*Load(*session));
  std::array<std::byte, 3> values = {std::byte{0}, std::byte{1}, std::byte{2}};
  const TensorView tensor = {DType::kBool, dims_, values};
  EXPECT_EQ(session->SetInput(context, 0, tensor).code(), Code::kInvalidArgument);
  EXPECT_EQ(session->BindInput(context, 0, tensor).code(), Code::kInvalidArgument);
  values[2] = std::byte{1};
  EXPECT_TRUE(session->SetInput(context, 0, tensor).ok());
}

TEST_F(SessionTest, UnloadedGraphsLiveAsLongAsTheirContexts) {
  auto session = NewSession();
  const Handle graph = *Load(*session);
  const Handle context = *session->InitExecutionContext(graph);
  EXPECT_TRUE(session->Unload(graph).ok());
  EXPECT_EQ(control_->n_graphs_alive, 1);
  EXPECT_EQ(session->InitExecutionContext(graph).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(session->Unload(graph).code(), Code::kInvalidArgument);
  EXPECT_TRUE(session->SetInput(context, 0, input()).ok());
  EXPECT_TRUE(session->Compute(context).ok());
  EXPECT_TRUE(session->FinalizeExecutionContext(context).ok());
  EXPECT_EQ(control_->n_graphs_alive, 0);
}

TEST_F(SessionTest, FinalizedContextsAreGone) {
  auto session = NewSession();
  const Handle context = ReadyContext(*session);
  EXPECT_TRUE(session->FinalizeExecutionContext(context).ok());
  EXPECT_EQ(session->FinalizeExecutionContext(context).code(), Code::kInvalidArgument);
  EXPECT_EQ(session->Compute(context).code(), Code::kInvalidArgument);
  EXPECT_EQ(control_->n_graphs_alive, 1);  // its handle is still there
}

TEST_F(SessionTest, FreedHandlesMakeRoomButAreNotReused) {
  SessionOptions options;
  options.limits = {.max_graphs = 1, .max_contexts = 1};
  auto session = NewSession(options);
  const Handle graph = *Load(*session);
  const Handle context = *session->InitExecutionContext(graph);
  EXPECT_TRUE(session->FinalizeExecutionContext(context).ok());
  EXPECT_EQ(*session->InitExecutionContext(graph), context + 1);
  EXPECT_TRUE(session->Unload(graph).ok());
  EXPECT_EQ(*Load(*session), graph + 1);
}

TEST_F(SessionTest, ContextsThatComputeAreNotFinalized) {
  auto session = NewSession();
  const Handle graph = *Load(*session);
  const Handle context = *session->InitExecutionContext(graph);
  ASSERT_TRUE(session->SetInput(context, 0, input()).ok());
  control_->during_compute = [&] {
    EXPECT_EQ(session->FinalizeExecutionContext(context).code(), Code::kBusy);
    EXPECT_TRUE(session->Unload(graph).ok());  // takes its handle, not the graph, away
  };
  EXPECT_TRUE(session->Compute(context).ok());
  control_->during_compute = nullptr;
  EXPECT_TRUE(session->Compute(context).ok());
  EXPECT_TRUE(session->FinalizeExecutionContext(context).ok());
}

TEST_F(SessionTest, StopsWhenTheSessionsTokenIsCancelled) {
  CancellationToken token;
  SessionOptions options;
  options.stop.cancel = &token;
  auto session = NewSession(options);
  const Handle context = ReadyContext(*session);
  EXPECT_TRUE(session->Compute(context).ok());
  token.Cancel();
  EXPECT_EQ(session->Compute(context).code(), Code::kTimeout);
}

TEST_F(SessionTest, CountsGraphsAndContextsAgainstTheirLimits) {
  SessionOptions options;
  options.limits = {.max_graphs = 1, .max_contexts = 2};
  auto session = NewSession(options);
  ASSERT_TRUE(Load(*session).has_value());
  EXPECT_EQ(Load(*session).error().code(), Code::kTooLarge);
  EXPECT_TRUE(session->InitExecutionContext(0).has_value());
  EXPECT_TRUE(session->InitExecutionContext(0).has_value());
  EXPECT_EQ(session->InitExecutionContext(0).error().code(), Code::kTooLarge);
}

TEST_F(SessionTest, GraphsAndContextsTakeTheGuestsMemory) {
  SessionOptions options;
  options.limits.max_memory_bytes = 1000;
  control_->graph_bytes = 600;
  control_->context_bytes = 150;
  auto session = NewSession(options);
  const Handle graph = *Load(*session);
  EXPECT_EQ(session->memory().used_bytes(), 600u);
  const Handle again = *Load(*session);  // the same graph
  EXPECT_EQ(session->memory().used_bytes(), 600u);
  const Handle one = *session->InitExecutionContext(graph);
  const Handle two = *session->InitExecutionContext(again);
  EXPECT_EQ(session->memory().used_bytes(), 900u);
  EXPECT_EQ(session->InitExecutionContext(graph).error().code(), Code::kTooLarge);
  EXPECT_TRUE(session->FinalizeExecutionContext(one).ok());
  EXPECT_TRUE(session->Unload(graph).ok());
  EXPECT_TRUE(session->Unload(again).ok());
  EXPECT_EQ(session->memory().used_bytes(), 750u);  // the context keeps its graph
  EXPECT_TRUE(session->FinalizeExecutionContext(two).ok());
  EXPECT_EQ(session->memory().used_bytes(), 0u);
  control_->graph_bytes = 1001;
  EXPECT_EQ(Load(*session).error().code(), Code::kTooLarge);
  EXPECT_EQ(session->memory().used_bytes(), 0u);
}

TEST_F(SessionTest, GuestsThatComeAndGoLeaveNothing) {
  control_->graph_bytes = 600;
  for (int i = 0; i < 100; ++i) {
    auto session = NewSession();
    ReadyContext(*session);
  }
  EXPECT_EQ(control_->n_graphs_alive, 0);
}

TEST_F(SessionTest, EachCallHasItsTime) {
  SessionOptions options;
  options.graph_cache = std::make_shared<GraphCache>();
  const auto patient = NewSession(options);
  ASSERT_TRUE(Load(*patient).has_value());
  options.limits.max_call_time = std::chrono::nanoseconds(0);
  auto session = NewSession(options);
  const Handle context = ReadyContext(*session);  // of the graph that is there
  EXPECT_EQ(session->Compute(context).code(), Code::kTimeout);
  options.graph_cache = nullptr;
  session = NewSession(options);
  EXPECT_EQ(Load(*session).error().code(), Code::kTimeout);
  options.limits.max_call_time = std::chrono::nanoseconds::max();
  session = NewSession(options);
  EXPECT_TRUE(session->Compute(ReadyContext(*session)).ok());
}

TEST_F(SessionTest, ReportsEveryCallWithTheBytesItCopied) {
  RecordingObserver observer;
  SessionOptions options;
  options.observer = &observer;
  auto session = NewSession(options);
  const Handle context = ReadyContext(*session);
  ASSERT_TRUE(session->Compute(context).ok());
  std::array<float, 3> output;
  size_t needed = 0;
  ASSERT_TRUE(session->GetOutput(context, 0, std::as_writable_bytes(std::span(output)), &needed));
  ASSERT_EQ(observer.calls.size(), 5u);
  const std::array expected = {Recorded{Call::kLoad, 0}, Recorded{Call::kInitExecutionContext, 0},
                               Recorded{Call::kSetInput, 12}, Recorded{Call::kCompute, 0},
                               Recorded{Call::kGetOutput, 12}};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(observer.calls[i].call, expected[i].call) << i;
    EXPECT_EQ(observer.calls[i].bytes_copied, expected[i].bytes_copied) << i;
  }
}

TEST_F(SessionTest, TheSameBytesGetTheSameGraph) {
  auto session = NewSession();
  EXPECT_EQ(*Load(*session), 0u);
  EXPECT_EQ(*Load(*session), 1u);
  EXPECT_EQ(control_->n_loads, 1);
  EXPECT_EQ(control_->n_graphs_alive, 1);
  EXPECT_TRUE(session->Unload(0).ok());
  EXPECT_TRUE(session->InitExecutionContext(1).has_value());
  EXPECT_EQ(NewSession()->Load(kModel, Encoding::kOnnx, runtimes::Target::kCpu).value_or(9), 0u);
  EXPECT_EQ(control_->n_loads, 2);  // another session shares nothing unless told to
}

TEST_F(SessionTest, SessionsMayShareTheirGraphs) {
  SessionOptions options;
  options.graph_cache = std::make_shared<GraphCache>();
  auto one = NewSession(options);
  auto two = NewSession(options);
  ASSERT_TRUE(Load(*one).has_value());
  ASSERT_TRUE(Load(*two).has_value());
  EXPECT_EQ(control_->n_loads, 1);
}

TEST_F(SessionTest, EndingFreesTheGraphs) {
  auto session = NewSession();
  ReadyContext(*session);
  EXPECT_EQ(control_->n_graphs_alive, 1);
  session.reset();
  EXPECT_EQ(control_->n_graphs_alive, 0);
}

}  // namespace
}  // namespace wnn::nn
