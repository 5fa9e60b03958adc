#include "guest/examples/classify/report.h"

#include <gtest/gtest.h>

#include <limits>

namespace wnn::classify {
namespace {

Inference OfOnePicture(std::vector<double> compute_ms) {
  Inference inference;
  inference.pictures = {{"a.jpg", {{947, "mushroom", 0.486F}, {997, "bolete", 0.25F}}}};
  inference.times.compute_ms = std::move(compute_ms);
  inference.times.input_ms = {0.5};
  inference.times.output_ms = {0.25};
  inference.preprocess_ms = 6;
  inference.postprocess_ms = 0.125;
  return inference;
}

TEST(ToText, RanksClasses) {
  EXPECT_EQ(ToText(OfOnePicture({1}), false), "a.jpg\n  1. mushroom  0.486\n  2. bolete  0.250\n");
}

TEST(ToText, SummarizesTimesWhenAsked) {
  const std::string text = ToText(OfOnePicture({9, 2, 4, 3}), true);
  EXPECT_NE(text.find("compute: 4 runs, first 9.000 ms, min 2.000 ms, median 3.500 ms\n"),
            std::string::npos)
      << text;
}

TEST(ToJson, HasClassesAndTimes) {
  EXPECT_EQ(ToJson(12.5, std::vector{OfOnePicture({9, 2, 4})}),
            "{\"load_ms\": 12.500000, \"inferences\": [{\"pictures\": [{\"picture\": \"a.jpg\", "
            "\"classes\": [{\"index\": 947, \"label\": \"mushroom\", \"score\": 0.486000001}, "
            "{\"index\": 997, \"label\": \"bolete\", \"score\": 0.25}]}], \"runs\": 3, "
            "\"input_ms\": {\"first\": 0.500000, \"min\": 0.500000, \"median\": 0.500000}, "
            "\"compute_ms\": {\"first\": 9.000000, \"min\": 2.000000, \"median\": 4.000000}, "
            "\"output_ms\": {\"first\": 0.250000, \"min\": 0.250000, \"median\": 0.250000}, "
            "\"preprocess_ms\": 6.000000, \"postprocess_ms\": 0.125000}]}\n");
}

TEST(ToJson, EscapesTextAndReplacesWhatIsNoNumber) {
  Inference inference = OfOnePicture({1});
  inference.pictures = {
      {"a\"\\\n.jpg", {{0, "\x01\xc3\xa4", std::numeric_limits<float>::quiet_NaN()}}}};
  const std::string json = ToJson(1, std::vector{inference});
  EXPECT_NE(json.find(R"("picture": "a\"\\\u000a.jpg")"), std::string::npos) << json;
  EXPECT_NE(json.find("\"label\": \"\\u0001\xc3\xa4\", \"score\": null"), std::string::npos)
      << json;
}

TEST(ToJson, SeparatesInferences) {
  EXPECT_EQ(ToJson(1, {}), "{\"load_ms\": 1.000000, \"inferences\": []}\n");
  const std::string json = ToJson(1, std::vector{OfOnePicture({1}), OfOnePicture({2})});
  EXPECT_NE(json.find("}, {\"pictures\""), std::string::npos) << json;
}

}  // namespace
}  // namespace wnn::classify
