#include "engine/ops/einsum_equation.h"

#include <algorithm>
#include <map>
#include <string>

namespace wnn::ops {
namespace {

constexpr EinsumLabel kFirstEllipsis = 256;

// One term before its ellipsis is spread out.
struct Term {
  std::string before, after;  // letters on either side of the ellipsis
  bool has_ellipsis = false;
  size_t n_letters() const { return before.size() + after.size(); }
};

Status Malformed(std::string_view equation) {
  return InvalidArgument("attribute 'equation' is " + graph::Quoted(equation) +
                         ", which is no equation of Einstein's summation");
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at; (at = text.find(separator)) != std::string_view::npos;) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + 1);
  }
  parts.push_back(text);
  return parts;
}

bool ParseTerm(std::string_view text, Term& term) {
  const size_t dots = text.find("...");
  term.has_ellipsis = dots != std::string_view::npos;
  term.before = text.substr(0, dots);
  if (term.has_ellipsis) term.after = text.substr(dots + 3);
  auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::all_of(term.before.begin(), term.before.end(), is_letter) &&
         std::all_of(term.after.begin(), term.after.end(), is_letter);
}

std::vector<EinsumLabel> Spread(const Term& term, size_t ellipsis_rank) {
  std::vector<EinsumLabel> labels(term.before.begin(), term.before.end());
  for (size_t i = ellipsis_rank; i-- > 0;) {
    labels.push_back(kFirstEllipsis + static_cast<EinsumLabel>(i));
  }
  labels.insert(labels.end(), term.after.begin(), term.after.end());
  return labels;
}

// Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order.
Term ImplicitOutput(const std::vector<Term>& inputs) {
  std::map<char, int> counts;
  Term output;
  for (const Term& term : inputs) {
    output.has_ellipsis = output.has_ellipsis || term.has_ellipsis;
    for (char c : term.before + term.after) ++counts[c];
  }
  for (const auto& [letter, count] : counts) {
    if (count == 1) output.after.push_back(letter);
  }
  return output;
}

bool HasLabel(const std::vector<EinsumLabel>& labels, EinsumLabel label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

}  // namespace

Result<EinsumEquation> ReadEinsumEquation(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view text, context.attributes().String("equation", ""));
  std::string compact;
  for (char c : text) {
    if (c != ' ') compact.push_back(c);
  }
  const size_t arrow = compact.find("->");
  const std::string left = compact.substr(0, arrow);
  std::vector<Term> inputs;
  for (std::string_view part : Split(left, ',')) {
    Term term;
    if (!ParseTerm(part, term)) return Malformed(text);
    inputs.push_back(std::move(term));
  }
  if (inputs.size() != context.n_inputs()) {
    return InvalidArgument("attribute 'equation' has " + std::to_string(inputs.size()) +
                           " terms for " + std::to_string(context.n_inputs()) + " inputs");
  }
  Term output;
  if (arrow == std::string::npos) {
    output = ImplicitOutput(inputs);
  } else if (!ParseTerm(std::string_view(compact).substr(arrow + 2), output)) {
    return Malformed(text);
  }

  EinsumEquation equation;
  size_t ellipsis_rank = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t rank = context.Input(i).rank(), letters = inputs[i].n_letters();
    if (rank < letters || (rank > letters && !inputs[i].has_ellipsis)) {
      return InvalidArgument("term " + std::to_string(i) + " of the equation does not fit input " +
                             context.Input(i).ToString());
    }
    equation.inputs.push_back(Spread(inputs[i], rank - letters));
    ellipsis_rank = std::max(ellipsis_rank, rank - letters);
  }
  equation.output = Spread(output, output.has_ellipsis ? ellipsis_rank : 0);
  for (size_t i = 0; i < equation.output.size(); ++i) {
    const EinsumLabel label = equation.output[i];
    const bool known = std::any_of(equation.inputs.begin(), equation.inputs.end(),
                                   [&](const auto& labels) { return HasLabel(labels, label); });
    const auto again = equation.output.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (!known || std::find(again, equation.output.end(), label) != equation.output.end()) {
      return Malformed(text);
    }
  }
  return equation;
}

}  // namespace wnn::ops
