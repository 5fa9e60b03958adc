#include "guest/image/ranking.h"

#include <algorithm>
#include <cmath>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

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

bool IsBetter(const Ranked& a, const Ranked& b) {
  if (std::isnan(a.score) != std::isnan(b.score)) return std::isnan(b.score);
  if (!std::isnan(a.score) && a.score != b.score) return a.score > b.score;
  return a.index < b.index;
}

// The first score from `i` on that is above `bound`; any number is above NaN.
std::size_t NextAbove(std::span<const float> scores, std::size_t i, float bound) {
  const bool is_number = !std::isnan(bound);
#ifdef __wasm_simd128__
  if (is_number) {
    const v128_t bounds = wasm_f32x4_splat(bound);
    while (i + 4 <= scores.size() &&
           !wasm_v128_any_true(wasm_f32x4_gt(wasm_v128_load(scores.data() + i), bounds))) {
      i += 4;
    }
  }
#endif
  const auto is_above = [&](float score) { return is_number ? score > bound : !std::isnan(score); };
  while (i < scores.size() && !is_above(scores[i])) ++i;
  return i;
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
  k = std::min(k, scores.size());
  std::vector<Ranked> best;
  best.reserve(k + 1);
  std::size_t i = 0;
  for (; i < k; ++i) best.push_back({i, scores[i]});
  std::ranges::sort(best, IsBetter);
  if (k == 0) return best;
  for (; (i = NextAbove(scores, i, best.back().score)) < scores.size(); ++i) {
    const Ranked candidate = {i, scores[i]};
    best.insert(std::ranges::upper_bound(best, candidate, IsBetter), candidate);
    best.pop_back();
  }
  return best;
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
