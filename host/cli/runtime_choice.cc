#include "host/cli/runtime_choice.h"

#include <string_view>
#include <utility>
#include <vector>

namespace wnn::cli {
namespace {

using runtimes::KnownRuntime;

// A runtime's name and the words that asked for it.
struct Wish {
  std::string name;
  std::string words;
};

std::vector<Wish> WishesOf(const RuntimeWords& words) {
  std::vector<Wish> wishes;
  if (words.runtime) wishes.push_back({*words.runtime, "--runtime " + *words.runtime});
  if (words.c_runtime) wishes.push_back({"onnxruntime", "--c-runtime (onnxruntime)"});
  if (words.tract) wishes.push_back({"tract", "--tract"});
  return wishes;
}

std::string BuiltNames(std::span<const KnownRuntime> known) {
  std::string names;
  for (const KnownRuntime& runtime : known) {
    if (!runtime.is_built()) continue;
    names += (names.empty() ? "" : " or ") + std::string(runtime.name);
  }
  return names;
}

Result<std::string> DefaultRuntime(std::span<const KnownRuntime> known) {
  std::vector<std::string_view> built;
  for (const KnownRuntime& runtime : known) {
    if (runtime.is_built()) built.push_back(runtime.name);
  }
  for (std::string_view name : built) {
    if (name == "builtin" || built.size() == 1) return std::string(name);
  }
  return InvalidArgument("this program has no built-in engine: say --runtime " + BuiltNames(known));
}

}  // namespace

Result<std::string> BuiltRuntime(const std::string& name, const std::string& words,
                                 std::span<const KnownRuntime> known) {
  const std::string instead = "it is " + BuiltNames(known);
  for (const KnownRuntime& runtime : known) {
    if (runtime.name != name) continue;
    if (runtime.is_built()) return name;
    return Unsupported(words + ": this program was built without " + std::string(runtime.title) +
                       "; build it with -D" + std::string(runtime.build_option) +
                       "=ON, or leave the option out: " + instead);
  }
  return InvalidArgument(words + ": this program knows no such runtime; " + instead);
}

Result<std::string> ChooseRuntime(const RuntimeWords& words, std::span<const KnownRuntime> known) {
  const std::vector<Wish> wishes = WishesOf(words);
  if (wishes.empty()) return DefaultRuntime(known);
  const Wish& wish = wishes.front();
  for (const Wish& other : wishes) {
    if (other.name != wish.name) {
      return InvalidArgument(wish.words + " and " + other.words + " exclude each other");
    }
  }
  return BuiltRuntime(wish.name, wish.words, known);
}

}  // namespace wnn::cli
