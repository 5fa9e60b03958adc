// What classify found and how long it took, as text for people and as JSON for programs.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace wnn::classify {

struct RankedClass {
  std::size_t index;
  std::string label;  // "class 7" where there are no labels
  float score;
};

struct PictureClasses {
  std::string picture;
  std::vector<RankedClass> classes;  // best first
};

// What each of an inference's runs took, in the order in which they ran.
struct RunTimes {
  std::vector<double> input_ms;
  std::vector<double> compute_ms;
  std::vector<double> output_ms;
};

// One batch of pictures, computed once or more.
struct Inference {
  std::vector<PictureClasses> pictures;
  RunTimes times;
  double preprocess_ms = 0;   // from the pictures' files to the input
  double postprocess_ms = 0;  // from the scores to the best classes
};

// "photo.jpg\n  1. mushroom  0.486\n...", and with `with_times` a line of times.
std::string ToText(const Inference& inference, bool with_times);

// {"load_ms": N, "inferences": [{"pictures": [{"picture": S, "classes": [{"index": N, "label": S,
// "score": N}, ...]}, ...], "runs": N, "input_ms": {"first": N, "min": N, "median": N},
// "compute_ms": {...}, "output_ms": {...}, "preprocess_ms": N, "postprocess_ms": N}, ...]}; a
// number that is not finite is null.
std::string ToJson(double load_ms, std::span<const Inference> inferences);

}  // namespace wnn::classify
