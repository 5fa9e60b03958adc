#include "guest/image/ranking.h"

#include <algorithm>
#include <cmath>

namespace wnn::image {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "n01440764 tench" begins with an id of a letter and eight digits.
std::string_view WithoutWordNetId(std::string_view line) {
  constexpr std::size_t kIdSize = 9;
  if (line.size() > kIdSize && line[0] == 'n' && line[kIdSize] == ' ' &&
      std::ranges::all_of(line.substr(1, kIdSize - 1), IsDigit)) {
    line.remove_prefix(kIdSize + 1);
  }
  return line;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

void Softmax(std::span<float> scores) {
  if (scores.empty()) return;
  const float max = *std::ranges::max_element(scores);
  double sum = 0;
  for (float& score : scores) {
    score = std::exp(score - max);
    sum += score;
  }
  for (float& score : scores) score = static_cast<float>(score / sum);
}

std::vector<Ranked> TopK(std::span<const float> scores, std::size_t k) {
  std::vector<Ranked> ranked(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) ranked[i] = {i, scores[i]};
  const auto middle = ranked.begin() + static_cast<std::ptrdiff_t>(std::min(k, ranked.size()));
  std::partial_sort(ranked.begin(), middle, ranked.end(), [](const Ranked& a, const Ranked& b) {
    if (std::isnan(a.score) != std::isnan(b.score)) return std::isnan(b.score);
    if (!std::isnan(a.score) && a.score != b.score) return a.score > b.score;
    return a.index < b.index;
  });
  ranked.erase(middle, ranked.end());
  return ranked;
}

std::vector<std::string> ParseLabels(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = WithoutWordNetId(Trim(text.substr(0, end)));
    labels.emplace_back(Trim(line.substr(0, line.find(','))));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

}  // namespace wnn::image
