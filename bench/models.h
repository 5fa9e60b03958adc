// The report's rows: one model at one number of threads, in every way.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "bench/measure.h"
#include "bench/model_data.h"
#include "bench/stats.h"
#include "bench/subject.h"
#include "bench/verify.h"
#include "bench/ways.h"
#include "engine/base/status.h"

namespace wnn::bench {

struct Row {
  SubjectId id;
  Verdict verdict;
  Summary total;      // zero runs unless verified
  PhaseTimes phases;  // set-up once; of copies, compute and total the median
};

struct Group {
  std::vector<Row> rows;
  std::vector<Skipped> skipped;
  nanoseconds longest_wait{};
};

// Reads the model and its cases. Without `test_data` there is one made-up input, and its expected
// output is what `reference` gives; without that either, nothing will be verified.
Result<ModelData> LoadModelData(const std::filesystem::path& model,
                                const std::optional<std::filesystem::path>& test_data,
                                const RuntimePtr& reference, double tolerance);

// Verifies every way, and measures those that are right. What cannot be loaded or is wrong is a row
// that says so; an error is a subject that failed while it was measured.
Result<Group> TimeModel(const ModelData& data, int n_threads, std::span<const Way> ways,
                        const MeasureOptions& options);

}  // namespace wnn::bench
