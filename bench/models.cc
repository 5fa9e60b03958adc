#include "bench/models.h"

#include <utility>

namespace wnn::bench {
namespace {

// A made-up input with the output that `reference` gives.
Result<Case> MakeCase(const ModelData& data, const runtimes::Runtime& reference) {
  WNN_ASSIGN_OR_RETURN(auto graph, reference.Load(data.bytes, {}));
  if (graph->inputs().empty()) return Unsupported("the model has no input");
  WNN_ASSIGN_OR_RETURN(Tensor input, MakeInput(graph->inputs()[0]));
  Case made{.name = "made-up input", .input = std::move(input), .output = std::nullopt};
  WNN_ASSIGN_OR_RETURN(auto context, graph->NewContext());
  WNN_RETURN_IF_ERROR(context->SetInput(0, made.input.view()));
  WNN_RETURN_IF_ERROR(context->Compute({}));
  WNN_ASSIGN_OR_RETURN(TensorView output, context->Output(0));
  WNN_ASSIGN_OR_RETURN(made.output, Tensor::CopyOf(output));
  return made;
}

// A row of its own for each subject, in the same order; `subjects` gets those to measure and
// `measured` their rows.
struct Candidates {
  std::vector<Row> rows;
  std::vector<Skipped> skipped;
  std::vector<std::unique_ptr<Subject>> subjects;
  std::vector<size_t> measured;
};

void AddCandidate(const Way& way, const ModelData& data, int n_threads, Candidates& candidates) {
  Row row;
  row.id = {data.name, way.runtime, way.path, n_threads, way.target};
  auto subject = way.make(row.id, data);
  if (!subject) {
    row.verdict.problem = std::string(subject.error().message());
    if (way.optional) {
      candidates.skipped.push_back({ToString(row.id), row.verdict.problem});
    } else {
      candidates.rows.push_back(std::move(row));
    }
    return;
  }
  row.phases = (*subject)->setup();
  row.verdict = Verify(**subject, data);
  row.phases[Phase::kFirstInference] = row.verdict.first_inference;
  candidates.rows.push_back(std::move(row));
  if (!candidates.rows.back().verdict.verified) return;
  candidates.subjects.push_back(std::move(*subject));
  candidates.measured.push_back(candidates.rows.size() - 1);
}

void FillIn(std::span<const PhaseTimes> runs, Subject& subject, const ModelData& data, Row& row) {
  const Verdict after = VerifyLastOutput(subject, data);
  if (!after.verified) {
    row.verdict = after;
    return;
  }
  row.total = Summarize(runs, Phase::kTotal);
  for (Phase phase :
       {Phase::kPreprocess, Phase::kCopies, Phase::kCompute, Phase::kPostprocess, Phase::kTotal}) {
    row.phases[phase] = Summarize(runs, phase).median;
  }
}

}  // namespace

Result<ModelData> LoadModelData(const std::filesystem::path& model,
                                const std::optional<std::filesystem::path>& test_data,
                                const RuntimePtr& reference, double tolerance) {
  ModelData data;
  data.name = model.stem().string();
  data.path = model;
  data.tolerance = tolerance;
  WNN_ASSIGN_OR_RETURN(data.bytes, ReadFile(model));
  if (test_data) {
    WNN_ASSIGN_OR_RETURN(data.cases, ReadCases(*test_data));
  }
  if (!data.cases.empty() || reference == nullptr) return data;
  Result<Case> made = MakeCase(data, *reference);
  if (!made) return std::move(made.error()).WithContext(data.name);
  data.cases.push_back(std::move(*made));
  return data;
}

Result<Group> TimeModel(const ModelData& data, int n_threads, std::span<const Way> ways,
                        const MeasureOptions& options) {
  Candidates candidates;
  for (const Way& way : ways) {
    if (n_threads <= way.max_threads) AddCandidate(way, data, n_threads, candidates);
  }
  WNN_ASSIGN_OR_RETURN(Measurements measured, Measure(candidates.subjects, options));
  for (size_t i = 0; i < candidates.subjects.size(); ++i) {
    FillIn(measured.runs[i], *candidates.subjects[i], data,
           candidates.rows[candidates.measured[i]]);
  }
  return Group{.rows = std::move(candidates.rows),
               .skipped = std::move(candidates.skipped),
               .longest_wait = measured.longest_wait};
}

}  // namespace wnn::bench
