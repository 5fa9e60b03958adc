#include "host/cli/words.h"

#include <optional>
#include <utility>

namespace wnn::cli {
namespace {

// An option's name and, if it is attached, its value.
struct OptionWord {
  std::string_view name;
  std::optional<std::string_view> value;
};

OptionWord TakeApart(std::string_view word) {
  if (word.starts_with("--")) {
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) return {word, std::nullopt};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }
  if (word.size() <= 2) return {word, std::nullopt};
  std::string_view value = word.substr(2);
  if (value.starts_with('=')) value.remove_prefix(1);
  return {word.substr(0, 2), value};
}

bool LooksLikeOption(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

bool LooksLikeNegativeNumber(std::string_view word) {
  return word.size() > 1 && word[0] == '-' &&
         (word[1] == '.' || (word[1] >= '0' && word[1] <= '9'));
}

class Splitter {
 public:
  Splitter(std::span<const std::string> words, ArityOf arity_of)
      : words_(words), arity_of_(arity_of) {}

  Result<CommandWords> Split() {
    WNN_RETURN_IF_ERROR(TakeBeforeModule());
    WNN_RETURN_IF_ERROR(TakeAfterModule());
    return std::move(result_);
  }

 private:
  bool AtEnd() const { return next_ == words_.size(); }
  const std::string& Take() { return words_[next_++]; }

  Status TakeBeforeModule() {
    bool options_ended = false;
    while (!AtEnd()) {
      const std::string& word = Take();
      if (!options_ended && word == "--") {
        options_ended = true;
      } else if (!options_ended && LooksLikeOption(word)) {
        WNN_RETURN_IF_ERROR(TakeOption(word));
      } else if (!options_ended && !has_run_ && !result_.is_compile && word == "run") {
        has_run_ = true;
      } else if (!options_ended && !has_run_ && !result_.is_compile && word == "compile") {
        result_.is_compile = true;
      } else {
        if (word.empty()) return InvalidArgument("MODULE is an empty word");
        result_.module = word;
        return OkStatus();
      }
    }
    return OkStatus();
  }

  Status TakeAfterModule() {
    bool options_ended = has_run_;
    while (!AtEnd()) {
      const std::string& word = Take();
      if (!options_ended && word == "--") {
        options_ended = true;
      } else if (!options_ended && LooksLikeOption(word) && !LooksLikeNegativeNumber(word)) {
        WNN_RETURN_IF_ERROR(TakeOption(word));
      } else {
        result_.guest.push_back(word);
      }
    }
    return OkStatus();
  }

  Status TakeOption(const std::string& word) {
    const OptionWord option = TakeApart(word);
    const std::string name(option.name);
    switch (arity_of_(option.name)) {
      case Arity::kUnknown: return UnknownOption(name);
      case Arity::kFlag:
        if (option.value) return InvalidArgument("option '" + name + "' takes no value");
        result_.options.push_back(name);
        return OkStatus();
      case Arity::kOptionalValue: result_.options.push_back(word); return OkStatus();
      case Arity::kValue: break;
    }
    if (!option.value && AtEnd()) return InvalidArgument("option '" + name + "' needs a value");
    result_.options.push_back(name);
    result_.options.emplace_back(option.value ? std::string(*option.value) : Take());
    return OkStatus();
  }

  Status UnknownOption(const std::string& name) const {
    if (result_.module.empty()) return InvalidArgument("there is no option '" + name + "'");
    return InvalidArgument("there is no option '" + name +
                           "'. If it is the guest's, put it after '--', or use 'wasmtime-onnx run "
                           "MODULE ...', where every word after MODULE is the guest's");
  }

  std::span<const std::string> words_;
  ArityOf arity_of_;
  size_t next_ = 0;
  bool has_run_ = false;
  CommandWords result_;
};

}  // namespace

Result<CommandWords> SplitWords(std::span<const std::string> words, ArityOf arity_of) {
  return Splitter(words, arity_of).Split();
}

}  // namespace wnn::cli
