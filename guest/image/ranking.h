// From a classifier's scores to names: softmax, the best few, labels.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wnn::image {

// Turns scores into probabilities in place: exp(x) / sum(exp(x)), safe for scores of any size.
// NaN among the scores makes every probability NaN.
void Softmax(std::span<float> scores);

struct Ranked {
  std::size_t index;
  float score;
};

// The `k` highest scores, best first; all of them if there are fewer. Equal scores go by index, and
// NaN comes last.
std::vector<Ranked> TopK(std::span<const float> scores, std::size_t k);

// One label a line, the class's number being the line's; blank lines at the end do not count. A
// WordNet id before the label ("n03763968 military uniform") is left out, and so are all but the
// first of several names ("suit, suit of clothes").
std::vector<std::string> ParseLabels(std::string_view text);

}  // namespace wnn::image
