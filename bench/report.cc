#include "bench/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace wnn::bench {
namespace {

using Json = nlohmann::ordered_json;

Json MillisecondsOf(const Summary& summary) {
  if (summary.runs == 0) return nullptr;
  return {{"min", Milliseconds(summary.min)},
          {"median", Milliseconds(summary.median)},
          {"runs", summary.runs}};
}

Json MicrosecondsOf(const Summary& summary) {
  if (summary.runs == 0) return nullptr;
  return {{"min", Microseconds(summary.min)},
          {"median", Microseconds(summary.median)},
          {"runs", summary.runs}};
}

Json ErrorOf(const Verdict& verdict) {
  if (!verdict.max_abs_error || !std::isfinite(*verdict.max_abs_error)) return nullptr;
  return *verdict.max_abs_error;
}

Json PhasesOf(const PhaseTimes& times) {
  Json phases = Json::object();
  for (size_t i = 0; i < kPhaseNames.size(); ++i) {
    const nanoseconds time = times[static_cast<Phase>(i)];
    if (time != nanoseconds{}) phases[std::string(kPhaseNames[i])] = Milliseconds(time);
  }
  return phases;
}

Json ToJson(const Row& row) {
  const bool measured = row.total.runs > 0;
  Json json = {
      {"model", row.id.model},
      {"runtime", row.id.runtime},
      {"path", row.id.path},
      {"target", row.id.target == runtimes::Target::kGpu ? "gpu" : "cpu"},
      {"threads", row.id.n_threads},
      {"min_ms", measured ? Json(Milliseconds(row.total.min)) : Json()},
      {"median_ms", measured ? Json(Milliseconds(row.total.median)) : Json()},
      {"runs", row.total.runs},
      {"verified", row.verdict.verified},
      {"max_abs_error", ErrorOf(row.verdict)},
      {"phases_ms", PhasesOf(row.phases)},
  };
  if (!row.verdict.verified) json["problem"] = row.verdict.problem;
  return json;
}

Json ToJson(const Overhead& overhead, const AbiCall& call) {
  const bool measured = call.time.runs > 0;
  return {
      {"us", MicrosecondsOf(call.time)},
      {"bytes_copied", call.bytes_copied},
      {"added_us", measured ? Json(Microseconds(overhead.Added(call))) : Json()},
      {"added_over_copies_us",
       measured ? Json(Microseconds(overhead.AddedOverCopies(call))) : Json()},
      {"within_target", overhead.WithinTarget(call)},
  };
}

Json ToJson(const Overhead& overhead) {
  Json json = {
      {"runtime", overhead.runtime},
      {"tensor", TensorTypeToString(DType::kFloat, overhead.shape)},
      {"tensor_bytes", overhead.tensor_bytes},
      {"native_us", MicrosecondsOf(overhead.native)},
      {"native_borrowed_us", MicrosecondsOf(overhead.native_borrowed)},
      {"memcpy_us", MicrosecondsOf(overhead.memcpy)},
      {"abis",
       {{"witx", ToJson(overhead, overhead.witx)}, {"wit", ToJson(overhead, overhead.wit)}}},
      {"target_us", Microseconds(kOverheadTarget)},
      {"verified", overhead.verified},
  };
  if (!overhead.verified) json["problem"] = overhead.problem;
  return json;
}

Json ToJson(const ContextMemory& memory) {
  Json json = {
      {"model", memory.model},
      {"runtime", memory.runtime},
      {"model_bytes", memory.model_bytes},
      {"graph_bytes", memory.graph_bytes},
      {"contexts", kManyContexts},
      {"contexts_bytes", memory.many_bytes},
      {"used_bytes_each", memory.used_bytes_each},
      {"within_target", memory.WithinTarget()},
  };
  if (!memory.problem.empty()) json["problem"] = memory.problem;
  return json;
}

Json ToJson(const std::vector<Instances>& counts) {
  Json instances = Json::array();
  for (const Instances& one : counts) {
    instances.push_back(
        {{"n", one.n}, {"per_second", one.per_second}, {"bytes_each", one.bytes_each}});
  }
  return instances;
}

Json ToJson(const std::optional<Instantiation>& times) {
  if (!times) return nullptr;
  return {
      {"guest", times->guest},
      {"compile_ms", MillisecondsOf(times->compile)},
      {"cached_ms", MillisecondsOf(times->cached)},
      {"deserialize_ms", MillisecondsOf(times->deserialize)},
      {"instantiate_ms", MillisecondsOf(times->instantiate)},
      {"instantiate_pooled_ms", MillisecondsOf(times->instantiate_pooled)},
      {"instances", ToJson(times->instances)},
      {"pooled_instances", ToJson(times->pooled)},
      {"target_ms", Milliseconds(kInstantiateTarget)},
      {"within_target", times->WithinTarget()},
  };
}

}  // namespace

bool Report::AllVerified() const {
  const bool rows_are =
      std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.verdict.verified; });
  const bool overhead_is = std::all_of(overhead.begin(), overhead.end(),
                                       [](const Overhead& one) { return one.verified; });
  return !rows.empty() && rows_are && overhead_is;
}

std::string ToJson(const Report& report) {
  Json rows = Json::array();
  for (const Row& row : report.rows) rows.push_back(ToJson(row));
  Json overhead = Json::array();
  for (const Overhead& one : report.overhead) overhead.push_back(ToJson(one));
  Json contexts = Json::array();
  for (const ContextMemory& one : report.contexts) contexts.push_back(ToJson(one));
  Json skipped = Json::array();
  for (const Skipped& one : report.skipped) {
    skipped.push_back({{"what", one.what}, {"reason", one.reason}});
  }
  Json host = Json::object();
  for (const auto& [name, value] : report.host) host[name] = value;
  host["longest_wait_ms"] = Milliseconds(report.longest_wait);
  const Json document = {{"rows", rows},         {"overhead", overhead},
                         {"contexts", contexts}, {"instantiate", ToJson(report.instantiation)},
                         {"skipped", skipped},   {"host", host}};
  // Replacing what is no UTF-8 (in a message) keeps this from throwing.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace wnn::bench
