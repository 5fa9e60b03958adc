#include "bench/overhead.h"

#include <cstring>
#include <memory>
#include <utility>

#include "bench/model_data.h"
#include "bench/native_subject.h"
#include "bench/verify.h"
#include "bench/wit_subject.h"
#include "bench/witx_subject.h"

namespace wnn::bench {
namespace {

// Calls of microseconds: enough of them to be undisturbed, not so many that their times fill
// memory.
constexpr size_t kRunsPerBlock = 200;

// A picture as the classifiers take it, and next to nothing.
std::vector<Shape> Shapes() { return {{1, 3, 224, 224}, {1, 4}}; }

// The bare copies: input into a buffer, buffer into the output.
class MemcpySubject final : public Subject {
 public:
  const SubjectId& id() const override { return id_; }
  const PhaseTimes& setup() const override { return setup_; }

  Status SetInput(const TensorView& input) override {
    input_ = input;
    dims_.assign(input.dims.begin(), input.dims.end());
    inside_.resize(input.data.size());
    output_.resize(input.data.size());
    return OkStatus();
  }

  Result<PhaseTimes> Infer() override {
    PhaseTimes times;
    Lap total;
    std::memcpy(inside_.data(), input_.data.data(), inside_.size());
    // Otherwise one copy would do for the compiler.
    asm volatile("" : : "r"(inside_.data()) : "memory");
    std::memcpy(output_.data(), inside_.data(), output_.size());
    times[Phase::kTotal] = total();
    return times;
  }

  TensorView output() override { return {DType::kFloat, dims_, output_}; }

 private:
  const SubjectId id_{"identity", "none", "memcpy", 1};
  const PhaseTimes setup_;
  TensorView input_;
  Shape dims_;
  std::vector<std::byte> inside_;
  std::vector<std::byte> output_;
};

Result<Overhead> TimeOne(const RuntimePtr& runtime, Shape shape, wasm::Engine& engine,
                         const MeasureOptions& options) {
  ModelData data{
      .name = "identity", .path = {}, .bytes = IdentityModel(shape), .cases = {}, .tolerance = 0};
  ValueInfo info;
  info.name = "0";
  info.dtype = DType::kFloat;
  info.has_shape = true;
  for (int64_t dim : shape) info.dims.push_back({.value = dim, .symbol = ""});
  WNN_ASSIGN_OR_RETURN(Tensor input, MakeInput(info));
  WNN_ASSIGN_OR_RETURN(Tensor output, Tensor::CopyOf(input.view()));
  data.cases.push_back({"identity", std::move(input), std::move(output)});

  const std::string name(runtime->name());
  std::vector<std::unique_ptr<Subject>> subjects;
  WNN_ASSIGN_OR_RETURN(auto native,
                       MakeNativeSubject({data.name, name, "native", 1}, runtime, data.bytes));
  WNN_ASSIGN_OR_RETURN(auto borrowed,
                       MakeNativeSubject({data.name, name, "native, borrowed", 1}, runtime,
                                         data.bytes, NativeTensors::kBorrowed));
  WNN_ASSIGN_OR_RETURN(auto witx,
                       MakeWitxSubject({data.name, name, "witx", 1}, engine, runtime, data.bytes));
  WNN_ASSIGN_OR_RETURN(auto wit,
                       MakeWitSubject({data.name, name, "wit", 1}, engine, runtime, data.bytes));
  const NnSubject& witx_counts = *witx;
  const NnSubject& wit_counts = *wit;
  subjects.push_back(std::move(native));
  subjects.push_back(std::move(borrowed));
  subjects.push_back(std::make_unique<MemcpySubject>());
  subjects.push_back(std::move(witx));
  subjects.push_back(std::move(wit));

  Overhead overhead;
  overhead.runtime = name;
  overhead.shape = std::move(shape);
  overhead.tensor_bytes = 2 * data.cases[0].input.bytes().size();
  for (const auto& subject : subjects) {
    const Verdict verdict = Verify(*subject, data);
    if (verdict.verified) continue;
    overhead.problem = ToString(subject->id()) + ": " + verdict.problem;
    return overhead;
  }
  overhead.verified = true;
  WNN_ASSIGN_OR_RETURN(Measurements measured, Measure(subjects, options));
  overhead.native = Summarize(measured.runs[0], Phase::kTotal);
  overhead.native_borrowed = Summarize(measured.runs[1], Phase::kTotal);
  overhead.memcpy = Summarize(measured.runs[2], Phase::kTotal);
  overhead.witx = {Summarize(measured.runs[3], Phase::kTotal), witx_counts.bytes_copied()};
  overhead.wit = {Summarize(measured.runs[4], Phase::kTotal), wit_counts.bytes_copied()};
  return overhead;
}

}  // namespace

Result<std::vector<Overhead>> TimeOverhead(std::span<const RuntimePtr> runtimes,
                                           wasm::Engine& engine, nanoseconds budget_each) {
  const MeasureOptions options{.budget = budget_each,
                               .min_runs = kRunsPerBlock,
                               .min_block_runs = kRunsPerBlock,
                               .min_block = nanoseconds(0)};
  std::vector<Overhead> all;
  for (const RuntimePtr& runtime : runtimes) {
    for (Shape& shape : Shapes()) {
      Result<Overhead> one = TimeOne(runtime, shape, engine, options);
      if (one) {
        all.push_back(std::move(*one));
        continue;
      }
      Overhead failed;
      failed.runtime = std::string(runtime->name());
      failed.shape = std::move(shape);
      failed.problem = std::string(one.error().message());
      all.push_back(std::move(failed));
    }
  }
  return all;
}

}  // namespace wnn::bench
