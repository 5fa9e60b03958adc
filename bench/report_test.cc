#include "bench/report.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace wnn::bench {
namespace {

using Json = nlohmann::json;
using std::chrono::microseconds;

Row GoodRow() {
  Row row;
  row.id = {"squeezenet1.1", "builtin", "witx", 2, runtimes::Target::kCpu};
  row.verdict = {.verified = true, .max_abs_error = 1e-5, .problem = "", .first_inference = {}};
  row.total = {.min = microseconds(1500), .median = microseconds(1750), .runs = 20};
  row.phases[Phase::kLoad] = microseconds(250);
  row.phases[Phase::kCompute] = microseconds(1600);
  return row;
}

Row WrongRow() {
  Row row;
  row.id = {"squeezenet1.1", "onnxruntime", "native", 1, runtimes::Target::kGpu};
  row.verdict = {.verified = false,
                 .max_abs_error = std::numeric_limits<double>::infinity(),
                 .problem = "off",
                 .first_inference = {}};
  return row;
}

Overhead GoodOverhead() {
  Overhead overhead;
  overhead.runtime = "builtin";
  overhead.shape = {1, 4};
  overhead.tensor_bytes = 32;
  overhead.native = {microseconds(10), microseconds(11), 5};
  overhead.native_borrowed = {microseconds(4), microseconds(5), 5};
  overhead.memcpy = {microseconds(5), microseconds(5), 5};
  overhead.witx = {{microseconds(12), microseconds(13), 5}, 32};
  overhead.wit = {{microseconds(14), microseconds(15), 5}, 32};
  overhead.verified = true;
  return overhead;
}

TEST(Report, RowHasWhatReadersOfTheReportCountOn) {
  Report report;
  report.rows = {GoodRow()};
  const Json json = Json::parse(ToJson(report));
  ASSERT_EQ(json["rows"].size(), 1u);
  const Json& row = json["rows"][0];
  EXPECT_EQ(row["model"], "squeezenet1.1");
  EXPECT_EQ(row["runtime"], "builtin");
  EXPECT_EQ(row["path"], "witx");
  EXPECT_EQ(row["target"], "cpu");
  EXPECT_EQ(row["threads"], 2);
  EXPECT_DOUBLE_EQ(row["min_ms"], 1.5);
  EXPECT_DOUBLE_EQ(row["median_ms"], 1.75);
  EXPECT_EQ(row["runs"], 20);
  EXPECT_EQ(row["verified"], true);
  EXPECT_DOUBLE_EQ(row["max_abs_error"], 1e-5);
  EXPECT_EQ(row["phases_ms"], Json({{"load", 0.25}, {"compute", 1.6}}));
  EXPECT_FALSE(row.contains("problem"));
}

TEST(Report, WrongRowHasNoTimes) {
  Report report;
  report.rows = {WrongRow()};
  const Json row = Json::parse(ToJson(report))["rows"][0];
  EXPECT_EQ(row["target"], "gpu");
  EXPECT_EQ(row["verified"], false);
  EXPECT_TRUE(row["min_ms"].is_null());
  EXPECT_TRUE(row["median_ms"].is_null());
  EXPECT_TRUE(row["max_abs_error"].is_null());
  EXPECT_EQ(row["problem"], "off");
}

TEST(Report, OverheadIsWithinTheTarget) {
  Report report;
  report.overhead = {GoodOverhead()};
  const Json overhead = Json::parse(ToJson(report))["overhead"][0];
  EXPECT_EQ(overhead["tensor"], "float[1, 4]");
  EXPECT_DOUBLE_EQ(overhead["abis"]["witx"]["added_us"], 2);
  EXPECT_DOUBLE_EQ(overhead["abis"]["witx"]["added_over_copies_us"], 3);
  EXPECT_EQ(overhead["abis"]["witx"]["within_target"], true);
  EXPECT_DOUBLE_EQ(overhead["abis"]["wit"]["added_us"], 4);
  EXPECT_EQ(overhead["abis"]["wit"]["bytes_copied"], 32);
}

TEST(Report, OverheadBeyondTheTarget) {
  Overhead slow = GoodOverhead();
  slow.witx.time.min = microseconds(31);
  EXPECT_FALSE(slow.WithinTarget(slow.witx));
  EXPECT_TRUE(slow.WithinTarget(slow.wit));
  Overhead copies_twice = GoodOverhead();
  copies_twice.wit.bytes_copied = 64;
  EXPECT_FALSE(copies_twice.WithinTarget(copies_twice.wit));
}

TEST(Report, ContextsThatShareTheModel) {
  Report report;
  report.contexts.resize(2);
  report.contexts[0] = {.model = "squeezenet1.1",
                        .runtime = "builtin",
                        .model_bytes = 5'000'000,
                        .many_bytes = 800'000,
                        .problem = ""};
  report.contexts[1] = report.contexts[0];
  report.contexts[1].many_bytes = 5'000'000;
  const Json contexts = Json::parse(ToJson(report))["contexts"];
  EXPECT_EQ(contexts[0]["contexts"], 1000);
  EXPECT_EQ(contexts[0]["contexts_bytes"], 800'000);
  EXPECT_EQ(contexts[0]["within_target"], true);
  EXPECT_EQ(contexts[1]["within_target"], false) << "that is a copy of the model";
}

TEST(Report, HostAndSkippedPartsAndTextThatIsNotUtf8) {
  Report report;
  report.host["wasmtime"] = "48";
  report.longest_wait = microseconds(2500);
  report.skipped = {{"onnxruntime", "not found in \xff"}};
  const Json json = Json::parse(ToJson(report));
  EXPECT_EQ(json["host"]["wasmtime"], "48");
  EXPECT_DOUBLE_EQ(json["host"]["longest_wait_ms"], 2.5);
  EXPECT_EQ(json["skipped"][0]["what"], "onnxruntime");
  EXPECT_TRUE(json["instantiate"].is_null());
}

TEST(Report, Instantiation) {
  Report report;
  report.instantiation = Instantiation{.guest = "classify",
                                       .compile = {microseconds(90'000), microseconds(95'000), 5},
                                       .cached = {microseconds(400), microseconds(500), 100},
                                       .deserialize = {microseconds(100), microseconds(150), 100},
                                       .instantiate = {microseconds(80), microseconds(90), 500},
                                       .instantiate_pooled = {microseconds(8), microseconds(9), 5},
                                       .instances = {{10, 12'000.0, 150'000}},
                                       .pooled = {{100, 50'000.0, 90'000}}};
  Json json = Json::parse(ToJson(report))["instantiate"];
  EXPECT_EQ(json["guest"], "classify");
  EXPECT_DOUBLE_EQ(json["compile_ms"]["min"], 90);
  EXPECT_EQ(json["within_target"], true);
  EXPECT_EQ(json["instances"][0]["n"], 10);
  EXPECT_EQ(json["instances"][0]["bytes_each"], 150'000);
  EXPECT_DOUBLE_EQ(json["instantiate_pooled_ms"]["min"], 0.008);
  EXPECT_EQ(json["pooled_instances"][0]["n"], 100);
  report.instantiation->cached.min = microseconds(2000);
  json = Json::parse(ToJson(report))["instantiate"];
  EXPECT_EQ(json["within_target"], false);
}

TEST(Report, AllVerified) {
  Report report;
  EXPECT_FALSE(report.AllVerified()) << "no row shows nothing";
  report.rows = {GoodRow()};
  EXPECT_TRUE(report.AllVerified());
  report.overhead = {GoodOverhead()};
  EXPECT_TRUE(report.AllVerified());
  report.overhead[0].verified = false;
  EXPECT_FALSE(report.AllVerified());
  report.overhead.clear();
  report.rows.push_back(WrongRow());
  EXPECT_FALSE(report.AllVerified());
}

}  // namespace
}  // namespace wnn::bench
