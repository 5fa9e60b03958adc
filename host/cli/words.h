// Which words of a command line are ours and which are the guest's.
//
//   [run] OPTION... MODULE GUEST_WORD...         with `run`: everything after MODULE is the guest's
//   OPTION... MODULE (OPTION | GUEST_WORD)... [-- GUEST_WORD...]         without
//   compile (OPTION | MODULE)...
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/function_ref.h"
#include "engine/base/status.h"

namespace wnn::cli {

enum class Arity {
  kUnknown,        // no such option
  kFlag,           // --name
  kOptionalValue,  // --name or --name=value
  kValue,          // --name value or --name=value; -n value, -nvalue or -n=value
};

// What an option takes, by its name with its hyphens ("--dir", "-e").
using ArityOf = FunctionRef<Arity(std::string_view name)>;

struct CommandWords {
  // Our options in their order: kFlag as one word, kValue as name and value, kOptionalValue as one
  // word, "--name" or "--name=value".
  std::vector<std::string> options;
  bool is_compile = false;  // begins with `compile`
  std::string module;       // empty when none was given
  std::vector<std::string> guest;
};

// Splits `words`, the program's own name not among them. kInvalidArgument, naming the word, for an
// option that does not exist or lacks its value. After MODULE, "-" and negative numbers are words
// of the guest.
Result<CommandWords> SplitWords(std::span<const std::string> words, ArityOf arity_of);

}  // namespace wnn::cli
