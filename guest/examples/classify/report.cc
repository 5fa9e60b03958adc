#include "guest/examples/classify/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace wnn::classify {
namespace {

struct Summary {
  double first = 0;
  double min = 0;
  double median = 0;
};

Summary Summarize(std::vector<double> times) {
  if (times.empty()) return {};
  Summary summary;
  summary.first = times.front();
  std::ranges::sort(times);
  summary.min = times.front();
  const std::size_t middle = times.size() / 2;
  summary.median = times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2;
  return summary;
}

// snprintf, whose longest result here is a float's.
template <typename... Values>
std::string Formatted(const char* format, Values... values) {
  char text[64];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string JsonNumber(const char* format, double value) {
  return std::isfinite(value) ? Formatted(format, value) : "null";
}

std::string JsonText(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      json += Formatted("\\u%04x", static_cast<unsigned>(byte));
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  return json + '"';
}

std::string JsonTimes(const std::vector<double>& times) {
  const Summary summary = Summarize(times);
  return "{\"first\": " + JsonNumber("%.6f", summary.first) +
         ", \"min\": " + JsonNumber("%.6f", summary.min) +
         ", \"median\": " + JsonNumber("%.6f", summary.median) + "}";
}

// "a, b, c" from a function of each element.
template <typename Range, typename Function>
std::string Joined(const Range& range, Function to_text) {
  std::string text;
  for (const auto& element : range) {
    if (!text.empty()) text += ", ";
    text += to_text(element);
  }
  return text;
}

std::string JsonClass(const RankedClass& ranked) {
  return "{\"index\": " + std::to_string(ranked.index) + ", \"label\": " + JsonText(ranked.label) +
         ", \"score\": " + JsonNumber("%.9g", static_cast<double>(ranked.score)) + "}";
}

std::string JsonPicture(const PictureClasses& picture) {
  return "{\"picture\": " + JsonText(picture.picture) + ", \"classes\": [" +
         Joined(picture.classes, JsonClass) + "]}";
}

std::string JsonInference(const Inference& inference) {
  const RunTimes& times = inference.times;
  return "{\"pictures\": [" + Joined(inference.pictures, JsonPicture) +
         "], \"runs\": " + std::to_string(times.compute_ms.size()) +
         ", \"input_ms\": " + JsonTimes(times.input_ms) +
         ", \"compute_ms\": " + JsonTimes(times.compute_ms) +
         ", \"output_ms\": " + JsonTimes(times.output_ms) +
         ", \"preprocess_ms\": " + JsonNumber("%.6f", inference.preprocess_ms) +
         ", \"postprocess_ms\": " + JsonNumber("%.6f", inference.postprocess_ms) + "}";
}

}  // namespace

std::string ToText(const Inference& inference, bool with_times) {
  std::string text;
  for (const PictureClasses& picture : inference.pictures) {
    text += picture.picture + "\n";
    int place = 1;
    for (const RankedClass& ranked : picture.classes) {
      text += Formatted("%3d. ", place++) + ranked.label +
              Formatted("  %.3f\n", static_cast<double>(ranked.score));
    }
  }
  if (!with_times) return text;
  const Summary compute = Summarize(inference.times.compute_ms);
  text += "compute: " + std::to_string(inference.times.compute_ms.size()) + " runs, first " +
          Formatted("%.3f", compute.first) + " ms, min " + Formatted("%.3f", compute.min) +
          " ms, median " + Formatted("%.3f", compute.median) + " ms\n";
  return text;
}

std::string ToJson(double load_ms, std::span<const Inference> inferences) {
  return "{\"load_ms\": " + JsonNumber("%.6f", load_ms) + ", \"inferences\": [" +
         Joined(inferences, JsonInference) + "]}\n";
}

}  // namespace wnn::classify
