// Many tenants at once, some of them hostile: soak [--seconds N] [--runtime NAME]. Ends with 0 when
// no polite tenant ever got a wrong answer or an error, each was served, memory stayed bounded, and
// nothing was left allocated when all had gone.
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "host/nn/session.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTenants = 64;
constexpr int kHostile = 6;  // a tenth
constexpr size_t kModels = 8;
constexpr uint64_t kGuestBytes = uint64_t{64} << 20;
// A quarter of what 64 tenants together may hold, several times what they do.
constexpr uint64_t kMaxGrowth = uint64_t{1} << 30;
// Of what is allocated: what runtimes keep from run to run, whatever its length.
constexpr int64_t kMaxLeft = int64_t{32} << 20;
constexpr size_t kQuarters = 4;

struct Work {
  std::string model;
  Shape dims;
  std::vector<float> input;
  std::vector<std::byte> expected;
};

struct Tenant {
  uint64_t n_served = 0;
  uint64_t n_wrong = 0;
  std::string error;
};

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// The bytes that are allocated and not freed, those that malloc keeps for later not among them; 0
// where malloc does not tell.
int64_t AllocatedBytes() {
#if defined(__GLIBC__)
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#else
  return 0;
#endif
}

// Hands back to the system what malloc keeps for later.
void Trim() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

int64_t Mebibytes(int64_t bytes) { return bytes / (1 << 20); }

// What the process had more than at its beginning.
struct Memory {
  std::array<uint64_t, kQuarters> most{};  // in each quarter of the time
  int64_t allocated = 0;                   // at the end
  int64_t resident = 0;
  int64_t resident_trimmed = 0;  // once malloc has handed back what it keeps
};

// One inference in a session of its own.
Result<std::vector<std::byte>> Serve(const std::shared_ptr<nn::Environment>& environment,
                                     const Work& work) {
  nn::SessionOptions options;
  options.limits.max_memory_bytes = kGuestBytes;
  nn::Session session(environment, options);
  WNN_ASSIGN_OR_RETURN(
      const nn::Handle graph,
      session.Load(AsBytes(work.model), nn::Encoding::kOnnx, runtimes::Target::kCpu));
  WNN_ASSIGN_OR_RETURN(const nn::Handle context, session.InitExecutionContext(graph));
  std::vector<std::byte> output;
  for (int i = 0; i < 4; ++i) {
    WNN_RETURN_IF_ERROR(session.SetInput(
        context, 0, {DType::kFloat, work.dims, std::as_bytes(std::span(work.input))}));
    WNN_RETURN_IF_ERROR(session.Compute(context));
    WNN_ASSIGN_OR_RETURN(const TensorView view, session.Output(context, 0));
    output.assign(view.data.begin(), view.data.end());
  }
  return output;
}

// The first models of the seeds that take one float tensor, with what they answer when alone.
std::vector<Work> MakeWork(const std::shared_ptr<nn::Environment>& environment) {
  std::vector<Work> all;
  for (const std::string& model : fuzz::SeedModels()) {
    auto graph = environment->Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
    if (!graph || (*graph)->inputs().size() != 1 || all.size() == kModels) continue;
    Work work{.model = model, .dims = {}, .input = {}, .expected = {}};
    int64_t n = 1;
    for (const Dim& dim : (*graph)->inputs()[0].dims) {
      work.dims.push_back(dim.value >= 0 ? dim.value : 3);
      n *= work.dims.back();
    }
    for (int64_t i = 0; i < n; ++i) work.input.push_back(static_cast<float>(i % 9) - 4);
    auto expected = Serve(environment, work);
    if (!expected) continue;
    work.expected = *std::move(expected);
    all.push_back(std::move(work));
  }
  return all;
}

void BePolite(const std::shared_ptr<nn::Environment>& environment, const std::vector<Work>& all,
              unsigned seed, const std::atomic<bool>& ended, Tenant& tenant) {
  std::mt19937 random(seed);
  while (!ended) {
    const Work& work = all[random() % all.size()];
    const auto output = Serve(environment, work);
    if (!output) {
      tenant.error = output.error().message();
      ++tenant.n_wrong;
    } else if (*output != work.expected) {
      tenant.error = "a wrong answer";
      ++tenant.n_wrong;
    } else {
      ++tenant.n_served;
    }
  }
}

// y = x times itself, for ever.
std::string EndlessModel() {
  std::string nodes;
  for (int i = 0; i < 500; ++i) {
    const std::string from = Bytes(1, i == 0 ? "x" : "v" + std::to_string(i));
    nodes += Bytes(1, from + from + Bytes(2, i == 499 ? "y" : "v" + std::to_string(i + 1)) +
                          Bytes(4, "MatMul"));
  }
  return Model(nodes + GraphInput("x", DType::kFloat, {512, 512}) +
               GraphOutput("y", DType::kFloat, {512, 512}));
}

// How many parts of one element x is cut into, which are all there at once.
std::string ListModel() {
  return Model(Node("SplitToSequence", {"x"}, {"s"}) + Node("SequenceLength", {"s"}, {"y"}) +
               GraphInput("x", DType::kFloat, {-1}) + GraphOutput("y", DType::kInt64, {}));
}

// What a hostile guest tries; every answer is fine that is one.
void BeHostile(const std::shared_ptr<nn::Environment>& environment, const std::vector<Work>& all,
               unsigned seed, const std::atomic<bool>& ended, Tenant& tenant) {
  std::mt19937 random(seed);
  const std::string endless = EndlessModel();
  // ONNX Runtime's arena keeps for the next runs what the longest lists took.
  const bool makes_lists = environment->options().runtime->name() == "builtin";
  while (!ended) {
    nn::SessionOptions options;
    options.limits.max_memory_bytes = kGuestBytes;
    options.limits.max_call_time = std::chrono::milliseconds(50);
    nn::Session session(environment, options);
    const auto load = [&](const std::string& model) {
      return session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
    };
    switch (random() % (makes_lists ? 5 : 4)) {
      case 0:  // a model that is spoiled
        for (int i = 0; i < 20 && !ended; ++i) {
          std::string model = all[random() % all.size()].model;
          for (int n = 0; n < 3; ++n) model = fuzz::MutateMessage(model, random);
          const auto graph = load(model);
          if (graph) static_cast<void>(session.InitExecutionContext(*graph).has_value());
        }
        break;
      case 1: {  // one that does not end
        const auto graph = load(endless);
        if (!graph) break;
        const auto context = session.InitExecutionContext(*graph);
        if (!context) break;
        const Shape dims = {512, 512};
        const std::vector<std::byte> zeros(512 * 512 * 4);
        if (!session.SetInput(*context, 0, {DType::kFloat, dims, zeros}).ok()) break;
        if (session.Compute(*context).ok()) tenant.error = "an endless compute ended";
        break;
      }
      case 2: {  // contexts without end
        const auto graph = load(IdentityModel(DType::kUint8, {-1}));
        const Shape dims = {1 << 20};
        const std::vector<std::byte> megabyte(size_t{1} << 20);
        for (int i = 0; graph && i < 1000 && !ended; ++i) {
          const auto context = session.InitExecutionContext(*graph);
          if (!context || !session.SetInput(*context, 0, {DType::kUint8, dims, megabyte}).ok())
            break;
        }
        break;
      }
      case 4: {  // lists that take long to free, as many as its budget holds
        const auto graph = load(ListModel());
        if (!graph) break;
        const auto context = session.InitExecutionContext(*graph);
        const Shape dims = {200'000};
        const std::vector<std::byte> zeros(200'000 * 4);
        for (int i = 0; context && i < 10 && !ended; ++i) {
          if (!session.SetInput(*context, 0, {DType::kFloat, dims, zeros}).ok()) break;
          static_cast<void>(session.Compute(*context).ok());
        }
        break;
      }
      default:  // handles that are none
        for (int i = 0; i < 1000 && !ended; ++i) {
          static_cast<void>(session.Compute(static_cast<nn::Handle>(random())).ok());
          static_cast<void>(session.Unload(static_cast<nn::Handle>(random())).ok());
        }
    }
    if (session.memory().used_bytes() > kGuestBytes) tenant.error = "over its budget";
    ++tenant.n_served;
  }
}

// Waits until the time is over, and watches.
void Watch(int seconds, uint64_t before, Memory& memory) {
  const auto begin = Clock::now();
  const auto length = std::chrono::seconds(seconds);
  for (auto at = begin; at < begin + length; at = Clock::now()) {
    const auto quarter = static_cast<size_t>((at - begin) * kQuarters / length);
    uint64_t& most = memory.most[std::min(quarter, kQuarters - 1)];
    const uint64_t now = ResidentBytes();
    most = std::max(most, now - std::min(now, before));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// Whether all went well; prints what happened.
bool Report(std::string_view runtime, const std::vector<Tenant>& tenants, const Memory& memory) {
  std::vector<uint64_t> served;
  uint64_t n_wrong = 0;
  uint64_t n_attacks = 0;
  std::string error;
  for (size_t i = 0; i < tenants.size(); ++i) {
    const Tenant& tenant = tenants[i];
    if (!tenant.error.empty()) error = tenant.error;
    n_wrong += tenant.n_wrong;
    if (i < kHostile) n_attacks += tenant.n_served;
    if (i >= kHostile) served.push_back(tenant.n_served);
  }
  std::ranges::sort(served);
  std::printf(
      "%.*s: %d tenants, %d hostile (%llu attacks); polite ones served %llu to %llu times, "
      "median %llu; %llu wrong\n",
      static_cast<int>(runtime.size()), runtime.data(), kTenants, kHostile,
      static_cast<unsigned long long>(n_attacks), static_cast<unsigned long long>(served.front()),
      static_cast<unsigned long long>(served.back()),
      static_cast<unsigned long long>(served[served.size() / 2]),
      static_cast<unsigned long long>(n_wrong));
  std::printf("memory grew, in each quarter of the time, by at most");
  for (uint64_t most : memory.most) {
    std::printf(" %lld", static_cast<long long>(Mebibytes(static_cast<int64_t>(most))));
  }
  std::printf(
      " MiB; at the end, more than at the beginning: %lld KiB allocated, %lld MiB resident, %lld "
      "MiB once malloc hands back what it keeps\n",
      static_cast<long long>(memory.allocated / 1024),
      static_cast<long long>(Mebibytes(memory.resident)),
      static_cast<long long>(Mebibytes(memory.resident_trimmed)));
  if (!error.empty()) std::printf("%s\n", error.c_str());
  // Fair: nobody waits for ever. How often each is served is up to the system's scheduler.
  const bool passed = n_wrong == 0 && error.empty() && served.front() > 0 &&
                      std::ranges::max(memory.most) < kMaxGrowth && memory.allocated < kMaxLeft;
  std::printf("%s\n", passed ? "passed" : "FAILED");
  return passed;
}

int Run(std::shared_ptr<const runtimes::Runtime> runtime, int seconds) {
  nn::EnvironmentOptions options;
  options.runtime = std::move(runtime);
  options.limits.max_tensor_bytes = kGuestBytes;
  options.limits.max_memory_bytes = kGuestBytes;
  const auto environment = std::make_shared<nn::Environment>(options);
  const std::vector<Work> all = MakeWork(environment);
  if (all.size() < kModels) {
    std::printf("only %zu models work alone\n", all.size());
    return 1;
  }
  std::vector<Tenant> tenants(kTenants);
  std::atomic<bool> ended{false};
  Memory memory;
  const int64_t allocated = AllocatedBytes();
  const uint64_t resident = ResidentBytes();
  std::vector<std::thread> threads;
  for (int i = 0; i < kTenants; ++i) {
    threads.emplace_back([&, i] {
      const auto be = i < kHostile ? BeHostile : BePolite;
      be(environment, all, static_cast<unsigned>(i), ended, tenants[static_cast<size_t>(i)]);
    });
  }
  Watch(seconds, resident, memory);
  ended = true;
  for (std::thread& thread : threads) thread.join();
  // What guests let go last may be being freed.
  for (int i = 0; i < 100 && AllocatedBytes() - allocated > kMaxLeft; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  memory.allocated = AllocatedBytes() - allocated;
  memory.resident = static_cast<int64_t>(ResidentBytes() - resident);
  Trim();
  memory.resident_trimmed = static_cast<int64_t>(ResidentBytes() - resident);
  return Report(options.runtime->name(), tenants, memory) ? 0 : 1;
}

}  // namespace
}  // namespace wnn::testing

int main(int argc, char** argv) {
  int seconds = 10;
  std::string name = "builtin";
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--runtime") == 0) name = argv[i + 1];
  }
  auto runtime = wnn::testing::RuntimeNamed(name);
  if (runtime != nullptr) return wnn::testing::Run(std::move(runtime), seconds);
  std::printf("%s: %s\n", name.c_str(), wnn::testing::kNoRuntime);
  return 77;  // skipped
}
