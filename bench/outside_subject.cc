#include "bench/outside_subject.h"

#include <charconv>
#include <sstream>
#include <utility>

#include "bench/child_process.h"

namespace wnn::bench {
namespace {

constexpr std::chrono::milliseconds kPatience = std::chrono::minutes(2);

class OutsideSubject final : public Subject {
 public:
  explicit OutsideSubject(SubjectId id) : id_(std::move(id)) {}

  Status Load(const std::filesystem::path& program, const std::filesystem::path& model) {
    WNN_ASSIGN_OR_RETURN(
        child_, ChildProcess::Start(
                    {program.string(), model.string(), std::to_string(id_.n_threads)}, kPatience));
    WNN_ASSIGN_OR_RETURN(std::vector<int64_t> load, ReadNumbers());
    if (load.size() != 1) return Confused("load");
    setup_[Phase::kLoad] = nanoseconds(load[0]);
    return OkStatus();
  }

  const SubjectId& id() const override { return id_; }
  const PhaseTimes& setup() const override { return setup_; }
  std::optional<pid_t> process() const override { return child_->pid(); }

  Status SetInput(const TensorView& input) override {
    if (input.dtype != DType::kFloat) return Unsupported("the program takes float tensors");
    std::string line = "input " + std::to_string(input.data.size());
    for (int64_t dim : input.dims) line += " " + std::to_string(dim);
    WNN_RETURN_IF_ERROR(child_->Send(line + "\n"));
    WNN_RETURN_IF_ERROR(child_->Send(input.data));
    WNN_ASSIGN_OR_RETURN(auto nothing, ReadNumbers());
    return nothing.empty() ? OkStatus() : Confused("input");
  }

  Result<PhaseTimes> Infer() override {
    WNN_ASSIGN_OR_RETURN(auto runs, Run("infer"));
    return runs.size() == 1 ? Result<PhaseTimes>(runs[0]) : Confused("infer");
  }

  Result<std::vector<PhaseTimes>> RunBlock(size_t min_runs, nanoseconds min_time) override {
    return Run("block " + std::to_string(min_runs) + " " + std::to_string(min_time.count()));
  }

  // Empty when the program does not give it, which fails any comparison.
  TensorView output() override {
    output_.clear();
    output_dims_.clear();
    if (Status read = ReadOutput(); !read.ok()) output_.clear();
    return {DType::kFloat, output_dims_, output_};
  }

 private:
  Result<std::vector<PhaseTimes>> Run(const std::string& command) {
    WNN_RETURN_IF_ERROR(child_->Send(command + "\n"));
    WNN_ASSIGN_OR_RETURN(std::vector<int64_t> durations, ReadNumbers());
    std::vector<PhaseTimes> runs(durations.size());
    for (size_t i = 0; i < runs.size(); ++i) {
      runs[i][Phase::kTotal] = nanoseconds(durations[i]);
    }
    return runs;
  }

  Status ReadOutput() {
    WNN_RETURN_IF_ERROR(child_->Send(std::string("output\n")));
    WNN_ASSIGN_OR_RETURN(std::vector<int64_t> numbers, ReadNumbers());
    if (numbers.empty() || numbers[0] < 0) return Confused("output");
    output_dims_.assign(numbers.begin() + 1, numbers.end());
    output_.resize(static_cast<size_t>(numbers[0]));
    return child_->Read(output_);
  }

  // The numbers of an answer "ok 1 2 3"; "error MESSAGE" is a failure.
  Result<std::vector<int64_t>> ReadNumbers() {
    WNN_ASSIGN_OR_RETURN(std::string line, child_->ReadLine());
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != "ok") return RuntimeError(line);
    std::vector<int64_t> numbers;
    while (words >> word) {
      int64_t number = 0;
      const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
      if (parsed.ec != std::errc()) return RuntimeError("the program said '" + line + "'");
      numbers.push_back(number);
    }
    return numbers;
  }

  static Status Confused(const std::string& command) {
    return RuntimeError("the program's answer to '" + command + "' makes no sense");
  }

  const SubjectId id_;
  std::unique_ptr<ChildProcess> child_;
  PhaseTimes setup_;
  std::vector<std::byte> output_;
  Shape output_dims_;
};

}  // namespace

Result<std::unique_ptr<Subject>> MakeOutsideSubject(SubjectId id,
                                                    const std::filesystem::path& program,
                                                    const std::filesystem::path& model) {
  auto subject = std::make_unique<OutsideSubject>(std::move(id));
  WNN_RETURN_IF_ERROR(subject->Load(program, model));
  return std::unique_ptr<Subject>(std::move(subject));
}

}  // namespace wnn::bench
