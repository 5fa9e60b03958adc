// In its steady state an inference allocates nothing of ours, from the guest's call down to the
// kernels. Counted is every allocation of the process, C++'s and Rust's; of those, Wasmtime's and
// ONNX Runtime's own are theirs. And: what happens when a large one of ours fails.
#include <errno.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <wasmtime.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>
#include <wasmtime.hh>

#include "host/abi/witx/witx.h"
#include "host/nn/session.h"
#include "tests/abi/wit_fixture.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WNN_ALLOCATIONS_ARE_WATCHED 1  // the sanitizers' own functions must stay in place
#endif
#endif

namespace {
std::atomic<uint64_t> n_allocations{0};

// Allocations above a page that succeed before one fails; negative: none fails.
constexpr size_t kLarge = 4096;
std::atomic<int64_t> n_large_until_failure{-1};

bool Fails(size_t size) {
  if (size <= kLarge || n_large_until_failure.load() < 0) return false;
  return n_large_until_failure.fetch_sub(1) == 0;
}
}  // namespace

#if !defined(WNN_ALLOCATIONS_ARE_WATCHED)
// In front of glibc's, whose own names for them these are.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t n, size_t size);
void* __libc_realloc(void* p, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) {
  ++n_allocations;
  return Fails(size) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
  ++n_allocations;
  return n > 0 && size > 0 && Fails(n * size) ? nullptr : __libc_calloc(n, size);
}
void* realloc(void* p, size_t size) {
  ++n_allocations;
  return Fails(size) ? nullptr : __libc_realloc(p, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++n_allocations;
  return Fails(size) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** p, size_t alignment, size_t size) {
  ++n_allocations;
  *p = Fails(size) ? nullptr : __libc_memalign(alignment, size);
  return *p == nullptr ? ENOMEM : 0;
}
}
#endif

namespace wnn::testing {
namespace {

// y = softmax(relu(conv(x))), with a convolution that needs working memory.
std::string ConvModel() {
  std::string raw(16 * 16 * 9 * sizeof(float), '\0');
  const std::string weights = Bytes(5, Number(1, 16) + Number(1, 16) + Number(1, 3) + Number(1, 3) +
                                           Number(2, 1) + Bytes(8, "w") + Bytes(9, raw));
  return Model(weights + Node("Conv", {"x", "w"}, {"a"}) + Node("Relu", {"a"}, {"b"}) +
               Node("Softmax", {"b"}, {"y"}) + GraphInput("x", DType::kFloat, {1, 16, 8, 8}) +
               GraphOutput("y", DType::kFloat, {1, 16, 6, 6}));
}

nn::EnvironmentOptions Options() {
  nn::EnvironmentOptions options;
  options.runtime = RuntimeNamed("builtin");
  options.n_threads = 2;
  return options;
}

TEST(AllocationTest, CountsAllocations) {
#if defined(WNN_ALLOCATIONS_ARE_WATCHED)
  GTEST_SKIP() << "a sanitizer watches the allocations";
#endif
  const uint64_t before = n_allocations;
  auto tensor = Tensor::Allocate(DType::kFloat, {64});
  EXPECT_GE(n_allocations - before, 2u);  // its bytes, its shape
}

TEST(AllocationTest, AnInferenceOfASessionAllocatesNothing) {
  const nn::EnvironmentOptions options = Options();
  if (options.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  nn::Session session(std::make_shared<nn::Environment>(options), {});
  const std::string model = ConvModel();
  auto graph = session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  auto context = session.InitExecutionContext(*graph);
  ASSERT_TRUE(context.has_value());
  const Shape dims = {1, 16, 8, 8};
  const std::vector<float> input(16 * 8 * 8, 1.0f);
  std::vector<float> output(16 * 6 * 6);
  uint64_t before = 0;
  for (int i = 0; i < 13; ++i) {
    if (i == 3) before = n_allocations;  // the first ones make a plan
    size_t needed = 0;
    ASSERT_TRUE(
        session.SetInput(*context, 0, {DType::kFloat, dims, std::as_bytes(std::span(input))}).ok());
    ASSERT_TRUE(session.Compute(*context).ok());
    ASSERT_TRUE(session.GetOutput(*context, 0, std::as_writable_bytes(std::span(output)), &needed)
                    .has_value());
  }
  EXPECT_EQ(n_allocations - before, 0u);
}

// Whatever large allocation of a model's load or first run fails, that call says so or does without
// it, nothing stays charged to the guest, and the next guest has its answer.
class FailingAllocationTest : public ::testing::TestWithParam<std::string> {
 protected:
  static std::string ModelNamed(const std::string& name) {
    if (name == "Conv") return ConvModel();
    const std::string weights =
        Initializer("w", DType::kFloat, {16, 64, 64}, std::vector<float>(16 * 64 * 64, 0.5f));
    const std::string y = GraphOutput("y", DType::kFloat, {1, 16, 8, 64});
    const std::string to_y = Int64s("shape", {1, 16, 8, 64});
    const std::string x = GraphInput("x", DType::kFloat, {1, 16, 8, 8}) + to_y +
                          Int64s("rows", {16, 1, 64}) + Node("Reshape", {"x", "rows"}, {"r"});
    if (name == "Products") {
      return Model(weights + x + Node("MatMul", {"r", "w"}, {"p"}) +
                   Node("MatMul", {"w", "w"}, {"q"}) + Node("MatMul", {"p", "q"}, {"s"}) +
                   Int64s("tall", {1, 16, 8, 8}) + Node("Reshape", {"s", "tall"}, {"y"}) +
                   GraphOutput("y", DType::kFloat, {1, 16, 8, 8}));
    }
    // Interpreted, since the shape depends on data.
    return Model(x + Node("NonZero", {"x"}, {"n"}) +
                 Node("Cast", {"n"}, {"y"}, IntAttribute("to", 1)) +
                 GraphOutput("y", DType::kFloat, {-1, -2}));
  }

  // Loads and computes; an allocation that C++ reports by an exception is one that fails, too.
  static Status Infer(nn::Session& session, const std::string& model) {
    try {
      return InferOnce(session, model);
    } catch (const std::bad_alloc&) {
      return TooLarge("an exception");
    }
  }

 private:
  static Status InferOnce(nn::Session& session, const std::string& model) {
    WNN_ASSIGN_OR_RETURN(const nn::Handle graph,
                         session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu));
    auto context = session.InitExecutionContext(graph);
    Status status = context ? OkStatus() : std::move(context.error());
    if (status.ok()) status = Compute(session, *context);
    static_cast<void>(session.Unload(graph).ok());
    return status;
  }
  static Status Compute(nn::Session& session, nn::Handle context) {
    const Shape dims = {1, 16, 8, 8};
    const std::vector<float> input(16 * 8 * 8, 1.0f);
    Status status =
        session.SetInput(context, 0, {DType::kFloat, dims, std::as_bytes(std::span(input))});
    if (status.ok()) status = session.Compute(context);
    if (status.ok()) {
      auto output = session.Output(context, 0);
      if (!output) status = std::move(output.error());
    }
    static_cast<void>(session.FinalizeExecutionContext(context).ok());
    return status;
  }
};

TEST_P(FailingAllocationTest, IsAnErrorAndTheNextRunWorks) {
#if defined(WNN_ALLOCATIONS_ARE_WATCHED)
  GTEST_SKIP() << "a sanitizer watches the allocations";
#endif
  nn::EnvironmentOptions options = Options();
  if (options.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  options.n_threads = 1;
  const auto environment = std::make_shared<nn::Environment>(options);
  const std::string model = ModelNamed(GetParam());
  {  // What the process allocates once is not asked about.
    nn::Session session(environment, {});
    ASSERT_TRUE(Infer(session, model).ok());
  }
  int n_failures = 0;
  int n_errors = 0;
  for (int64_t n = 0; n < 1000; ++n) {
    nn::Session session(environment, {});
    n_large_until_failure = n;
    const Status failed = Infer(session, model);
    const bool has_failed = n_large_until_failure < 0;
    n_large_until_failure = -1;
    if (!has_failed) break;
    ++n_failures;
    // What cannot be computed while loading, for want of memory, may still be when it runs.
    if (!failed.ok()) {
      EXPECT_EQ(failed.code(), Code::kTooLarge) << failed.message();
      ++n_errors;
    }
    EXPECT_EQ(session.memory().used_bytes(), 0u) << n;
    const Status next = Infer(session, model);
    EXPECT_TRUE(next.ok()) << n << ": " << next.message();
    EXPECT_EQ(session.memory().used_bytes(), 0u) << n;
  }
  EXPECT_GE(n_errors, 2);
  EXPECT_LT(n_failures, 1000);
}

INSTANTIATE_TEST_SUITE_P(Models, FailingAllocationTest,
                         ::testing::Values("Conv", "Products", "NonZero"),
                         [](const auto& test) { return test.param; });

// infer.wat: a guest with one inference a call. See there for its memory.
TEST(AllocationTest, AGuestsInferenceAllocatesNothing) {
  const nn::EnvironmentOptions options = Options();
  if (options.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  nn::Session session(std::make_shared<nn::Environment>(options), {});
  wasmtime::Engine engine;
  wasmtime::Store store(engine);
  wasmtime::Linker linker(engine);
  ASSERT_TRUE(abi::AddWitxToLinker(linker.capi(), [&](wasmtime_context_t*) -> nn::Session& {
                return session;
              }).ok());
  std::ifstream file(WNN_SOURCE_DIR "/tests/stress/infer.wat");
  auto module =
      wasmtime::Module::compile(engine, std::string{std::istreambuf_iterator<char>(file), {}});
  ASSERT_TRUE(module) << module.err().message();
  auto instance = linker.instantiate(store, module.ok());
  ASSERT_TRUE(instance) << instance.err().message();
  auto instantiated = instance.ok();
  auto memory = std::get<wasmtime::Memory>(*instantiated.get(store, "memory"));
  const std::string model = ConvModel();
  ASSERT_TRUE(memory.grow(store, 1));
  uint8_t* data = memory.data(store).data();
  constexpr uint32_t kModel = 1024, kInput = 65536, kOutput = 98304;
  const std::array<uint32_t, 12> head = {kModel,
                                         static_cast<uint32_t>(model.size()),
                                         0,
                                         0,
                                         64,
                                         4,
                                         1,
                                         kInput,
                                         16 * 8 * 8 * 4,
                                         0,
                                         kOutput,
                                         16 * 6 * 6 * 4};
  const std::array<uint32_t, 4> dims = {1, 16, 8, 8};
  std::memcpy(data, head.data(), sizeof(head));
  std::memcpy(data + 64, dims.data(), sizeof(dims));
  ASSERT_LT(model.size(), kInput - kModel);
  std::memcpy(data + kModel, model.data(), model.size());

  const auto call = [&](const wasmtime::Func& function) {
    wasmtime_val_t result;
    wasm_trap_t* trap = nullptr;
    const wasmtime_func_t& raw = function.capi();
    wasmtime_error_t* error =
        wasmtime_func_call(store.context().capi(), &raw, nullptr, 0, &result, 1, &trap);
    return error == nullptr && trap == nullptr ? result.of.i32 : -1;
  };
  const auto load = std::get<wasmtime::Func>(*instantiated.get(store, "load"));
  const auto infer = std::get<wasmtime::Func>(*instantiated.get(store, "infer"));
  ASSERT_EQ(call(load), 0);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(call(infer), 0);
  const uint64_t before = n_allocations;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(call(infer), 0);
  EXPECT_EQ(n_allocations - before, 0u);
}

// Components, of which there is none that infers by itself: the test makes the calls.
class ComponentAllocationTest : public WitTest {
 protected:
  ComponentAllocationTest() { options_.n_threads = 2; }

  void PutArguments() {
    const std::vector<float> input(16 * 8 * 8, 1.0f);
    context_ = ContextOn(ConvModel());
    dims_ = guest().PutU32s({1, 16, 8, 8});
    data_ = guest().Put(std::as_bytes(std::span(input)));
    x_ = guest().Put(AsBytes("x"));
    y_ = guest().Put(AsBytes("y"));
    inputs_ = guest().PutU32s({x_, 1, 0, 0});
    out_ = guest().Reserve(16);
  }

  // The output, of which shape and data were read.
  uint32_t Infer() {
    const auto call = [&](std::string_view function, std::initializer_list<uint32_t> args) {
      return static_cast<uint32_t>(guest().CallInPlace(function, args));
    };
    const uint32_t input = call("tensor.new", {dims_, 4, kWitF32, data_, 16 * 8 * 8 * 4});
    uint32_t output = 0;
    if (version() == WitVersion::k20241028) {
      guest().Poke(inputs_ + 8, input);
      call("context.compute", {context_, inputs_, 1, out_});
      output = guest().ReadU32(guest().ReadU32(out_ + 4) + 8);
    } else {
      call("context.set-input", {context_, x_, 1, input, out_});
      call("context.compute", {context_, out_});
      call("context.get-output", {context_, y_, 1, out_});
      output = guest().ReadU32(out_ + 4);
    }
    call("tensor.dimensions", {output, out_});
    call("tensor.data", {output, out_});
    EXPECT_EQ(guest().ReadU32(out_ + 4), 16u * 6 * 6 * 4);
    return output;
  }

  void Drop(uint32_t tensor) { guest().CallInPlace("tensor.drop", {tensor}); }

  uint32_t context_ = 0, dims_ = 0, data_ = 0, x_ = 0, y_ = 0, inputs_ = 0, out_ = 0;
};

// The fewest of several calls, after those that make a plan.
template <typename Body>
uint64_t AllocationsOf(Body body) {
  for (int i = 0; i < 3; ++i) body();
  uint64_t fewest = UINT64_MAX;
  for (int i = 0; i < 10; ++i) {
    const uint64_t before = n_allocations;
    body();
    fewest = std::min<uint64_t>(fewest, n_allocations - before);
  }
  return fewest;
}

// What the calls allocate that this ABI makes on its session, on one of its own.
uint64_t AllocationsOfSession(std::shared_ptr<nn::Environment> environment) {
  nn::Session session(std::move(environment), {});
  const std::string model = ConvModel();
  const auto graph =
      session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu).value_or(0);
  const auto context = session.InitExecutionContext(graph).value_or(0);
  const Shape dims = {1, 16, 8, 8};
  const std::vector<float> input(16 * 8 * 8, 1.0f);
  return AllocationsOf([&] {
    const TensorView view = {DType::kFloat, dims, std::as_bytes(std::span(input))};
    EXPECT_TRUE(session.BindInput(context, 0, view).ok());
    EXPECT_TRUE(session.Compute(context).ok());
    EXPECT_TRUE(session.Output(context, 0).has_value());
  });
}

TEST_P(ComponentAllocationTest, AnInferenceAllocatesWhatItsSessionAndWasmtimeDo) {
#if defined(WNN_ALLOCATIONS_ARE_WATCHED)
  GTEST_SKIP() << "a sanitizer watches the allocations";
#endif
  PutArguments();
  const uint64_t of_session = AllocationsOfSession(environment_);
  if (std::get<0>(GetParam()) == "builtin") {
    EXPECT_EQ(of_session, 0u);
  }
  // Wasmtime's: what the test pays to enter a function, measured on two that call no import; and,
  // in a host function, a list for each call that borrows a handle.
  const uint64_t with_result = AllocationsOf([&] { guest().CallInPlace("peek", {out_}); });
  const uint64_t without_result = AllocationsOf([&] { guest().Poke(out_, 0); });
  const uint64_t of_wasmtime = version() == WitVersion::k20241028
                                   ? 4 * with_result + 5 * without_result + 3
                                   : 3 * with_result + 6 * without_result + 5;
  const uint64_t of_others = of_session + of_wasmtime;
  EXPECT_EQ(AllocationsOf([&] { Drop(Infer()); }), of_others);
  uint32_t last = Infer();
  EXPECT_EQ(AllocationsOf([&] {
              const uint32_t output = Infer();  // while the guest holds the one before
              Drop(last);
              last = output;
            }),
            of_others);
}

TEST_P(ComponentAllocationTest, WhatIsKeptForTheNextTensorsIsNobodysMemory) {
  PutArguments();
  Drop(Infer());
  const uint64_t used = session_->memory().used_bytes();
  for (int i = 0; i < 3; ++i) Drop(Infer());
  EXPECT_EQ(session_->memory().used_bytes(), used);
  guest().Call("context.drop", {context_});
  EXPECT_LT(session_->memory().used_bytes(), used);
}

INSTANTIATE_TEST_SUITE_P(All, ComponentAllocationTest, EveryRuntimeAndVersion(), WitTestName);

}  // namespace
}  // namespace wnn::testing
