#include "host/cli/timings.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace wnn::cli {
namespace {

using std::chrono_literals::operator""ms;

TimingsReport ReportOf(const CallRecorder& recorder) {
  TimingsReport report;
  report.module = "m.wasm";
  report.runtime = "builtin";
  report.n_threads = 2;
  report.compile = 5ms;
  report.instantiate = 1ms;
  report.calls = recorder.records();
  report.totals = recorder.totals();
  return report;
}

TEST(TimingsTest, SumsCallsByKind) {
  CallRecorder recorder;
  recorder.OnCall(nn::Call::kSetInput, 3ms, 100);
  recorder.OnCall(nn::Call::kSetInput, 2ms, 50);
  recorder.OnCall(nn::Call::kCompute, 7ms, 0);
  ASSERT_EQ(recorder.records().size(), 3u);
  for (const CallTotal& total : recorder.totals()) {
    if (total.call == nn::Call::kSetInput) {
      EXPECT_EQ(total.count, 2u);
      EXPECT_EQ(total.duration, 5ms);
      EXPECT_EQ(total.shortest, 2ms);
      EXPECT_EQ(total.bytes_copied, 150u);
    } else {
      EXPECT_EQ(total.count, total.call == nn::Call::kCompute ? 1u : 0u);
    }
  }
}

TEST(TimingsTest, RecordsAreBoundedAndTotalsAreNot) {
  CallRecorder recorder;
  for (size_t i = 0; i < kMaxCallRecords + 5; ++i) recorder.OnCall(nn::Call::kLoad, 1ms, 1);
  EXPECT_EQ(recorder.records().size(), kMaxCallRecords);
  EXPECT_EQ(recorder.totals()[0].count, kMaxCallRecords + 5);
}

TEST(TimingsTest, JsonIsOneDocument) {
  CallRecorder recorder;
  recorder.OnCall(nn::Call::kCompute, 7ms, 0);
  recorder.OnCall(nn::Call::kGetOutput, 2ms, 4000);
  TimingsReport report = ReportOf(recorder);
  report.module = "not utf-8: \xff";
  const nlohmann::json document = nlohmann::json::parse(TimingsJson(report));
  EXPECT_EQ(document["compile_ms"], 5.0);
  EXPECT_TRUE(document["run_ms"].is_null());
  EXPECT_EQ(document["calls"].size(), 2u);
  EXPECT_EQ(document["calls"][1]["call"], "get_output");
  EXPECT_EQ(document["calls"][1]["bytes_copied"], 4000);
  EXPECT_EQ(document["totals"]["compute"]["count"], 1);
  EXPECT_EQ(document["totals"]["load"]["count"], 0);
  EXPECT_EQ(document["totals"]["all"]["ms"], 9.0);
}

TEST(TimingsTest, TableShowsPhasesCallsAndTotals) {
  CallRecorder recorder;
  for (int i = 0; i < 50; ++i) recorder.OnCall(nn::Call::kCompute, 2ms, 0);
  const std::string text = TimingsTable(ReportOf(recorder));
  EXPECT_TRUE(text.starts_with("Timings of m.wasm, builtin, 2 threads\n")) << text;
  EXPECT_NE(text.find("compile                        5.000\n"), std::string::npos) << text;
  EXPECT_NE(text.find("run                                -\n"), std::string::npos) << text;
  EXPECT_NE(text.find("... and 10 more"), std::string::npos) << text;
  EXPECT_NE(text.find("compute                      50      100.000        2.000"),
            std::string::npos)
      << text;
}

TEST(TimingsTest, TableSaysThatNothingWasCalled) {
  EXPECT_NE(TimingsTable(ReportOf(CallRecorder())).find("WASI-NN was not called"),
            std::string::npos);
}

}  // namespace
}  // namespace wnn::cli
