#include "guest/examples/classify/options.h"

#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace wnn::classify {
namespace {

std::unexpected<std::string> BadValue(std::string_view option, std::string_view value,
                                      std::string_view wanted) {
  return std::unexpected(std::string(option) + " is " + std::string(wanted) + ", not '" +
                         std::string(value) + "'");
}

// A whole decimal number in [1, max].
std::optional<unsigned long> ParseCount(const std::string& text, unsigned long max) {
  constexpr std::size_t kMaxDigits = 9;
  if (text.empty() || text.size() > kMaxDigits ||
      text.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
  if (value < 1 || value > max) return std::nullopt;
  return value;
}

std::optional<float> ParseNumber(const std::string& text) {
  char* end = nullptr;
  const float value = std::strtof(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

// "a,b,c", or one number for all three channels.
std::optional<std::array<float, 3>> ParseChannels(const std::string& text) {
  std::vector<float> numbers;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::optional<float> number = ParseNumber(text.substr(begin, end - begin));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    begin = end + 1;
  }
  if (numbers.size() == 1) return std::array{numbers[0], numbers[0], numbers[0]};
  if (numbers.size() == 3) return std::array{numbers[0], numbers[1], numbers[2]};
  return std::nullopt;
}

struct Text {
  std::string_view name;
  std::string Options::* member;
};
constexpr std::array kTexts = {Text{"--model", &Options::model}, Text{"--graph", &Options::graph},
                               Text{"--labels", &Options::labels}};

struct Switch {
  std::string_view name;
  bool Options::* member;
};
constexpr std::array kSwitches = {Switch{"--help", &Options::help}, Switch{"-h", &Options::help},
                                  Switch{"--batch", &Options::batch},
                                  Switch{"--raw", &Options::raw}, Switch{"--json", &Options::json}};

// Options whose value is a whole number from 1 on.
struct Count {
  std::string_view name;
  unsigned long max;
  void (*set)(unsigned long value, Options& options);
};
constexpr std::array kCounts = {
    Count{"--top", 1'000'000, [](unsigned long value, Options& o) { o.top = value; }},
    Count{"--size", 8192,
          [](unsigned long value, Options& o) { o.size = static_cast<int>(value); }},
    Count{"--repeat", 1'000'000, [](unsigned long value, Options& o) { o.repeat = value; }},
};

bool TakesValue(std::string_view name) {
  for (const Text& text : kTexts) {
    if (name == text.name) return true;
  }
  for (const Count& count : kCounts) {
    if (name == count.name) return true;
  }
  return name == "--scale" || name == "--mean" || name == "--std" || name == "--layout" ||
         name == "--target";
}

bool SetSwitch(std::string_view name, Options& options) {
  for (const Switch& entry : kSwitches) {
    if (name != entry.name) continue;
    options.*entry.member = true;
    return true;
  }
  return false;
}

Outcome<void> SetNumbers(std::string_view name, const std::string& value, Options& options) {
  for (const Count& count : kCounts) {
    if (name != count.name) continue;
    const auto number = ParseCount(value, count.max);
    if (!number) {
      return BadValue(name, value, "a number from 1 to " + std::to_string(count.max));
    }
    count.set(*number, options);
    return {};
  }
  if (name == "--scale") {
    const auto scale = ParseNumber(value);
    if (!scale) return BadValue(name, value, "a number");
    options.normalization.scale = *scale;
    return {};
  }
  const auto channels = ParseChannels(value);
  if (!channels) return BadValue(name, value, "one number or three with commas between them");
  if (name == "--mean") {
    options.normalization.mean = *channels;
    return {};
  }
  for (const float deviation : *channels) {
    if (deviation == 0) return BadValue(name, value, "a divisor other than 0");
  }
  options.normalization.std = *channels;
  return {};
}

Outcome<void> SetValue(std::string_view name, const std::string& value, Options& options) {
  for (const Text& text : kTexts) {
    if (name != text.name) continue;
    if (value.empty()) return std::unexpected(std::string(name) + " is empty");
    options.*text.member = value;
    return {};
  }
  if (name == "--layout") {
    if (value != "nchw" && value != "nhwc") return BadValue(name, value, "nchw or nhwc");
    options.layout = value == "nchw" ? image::Layout::kNchw : image::Layout::kNhwc;
    return {};
  }
  if (name == "--target") {
    if (value != "cpu" && value != "gpu") return BadValue(name, value, "cpu or gpu");
    options.target = value == "cpu" ? Target::kCpu : Target::kGpu;
    return {};
  }
  return SetNumbers(name, value, options);
}

Outcome<void> CheckTogether(const Options& options) {
  if (options.model.empty() == options.graph.empty()) {
    return std::unexpected(
        options.model.empty() ? "no model: give --model FILE, or --graph NAME for one of the host's"
                              : "--model and --graph exclude each other");
  }
  if (!options.graph.empty() && options.target != Target::kCpu) {
    return std::unexpected("--target does not go with --graph: the host decides for its graphs");
  }
  if (options.pictures.empty()) return std::unexpected("no picture to classify");
  return {};
}

}  // namespace

const char kHelp[] = R"(Classifies pictures with an ONNX model.

Usage: classify (--model FILE | --graph NAME) [OPTIONS] PICTURE...

  classify --model squeezenet1.1.onnx --labels synset_words.txt cat.jpg
  classify --model mobilenetv2.onnx --labels synset_words.txt --batch a.jpg b.png
  classify --graph mobilenet --top 1 cat.jpg

Pictures are JPEG, PNG or PNM files. Each is resized to a square and normalised:
(pixel * scale - mean) / std. The model takes them as input 0, 32-bit floats, and
gives one score for each class as output 0.

  --model FILE           the model's file
  --graph NAME           a model that the host offers by name; needs WASI-NN
  --labels FILE          names of the classes, one a line; without it: numbers
  --top K                how many classes to show (5)
  --size N               the square's side in pixels (224)
  --scale X              (0.00392157, which is 1/255)
  --mean R,G,B           (0.485,0.456,0.406); one number stands for all three
  --std R,G,B            (0.229,0.224,0.225)
  --layout nchw|nhwc     order of the input's dimensions (nchw)
  --batch                all pictures in one inference, not one after the other
  --raw                  show the model's scores as they are, without softmax
  --target cpu|gpu       where the model is computed (cpu); gpu needs WASI-NN
  --repeat N             run each inference N times, check that all give the same
                         scores, and show what computing and loading took
  --json                 results and times as one JSON object, for programs
  -h, --help

Exit codes: 0 classified, 1 failed, 2 the command line is wrong.
)";

std::expected<Options, std::string> ParseOptions(std::span<const char* const> arguments) {
  Options options;
  bool only_pictures = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (only_pictures || argument.size() < 2 || argument[0] != '-') {
      options.pictures.emplace_back(argument);
      continue;
    }
    if (argument == "--") {
      only_pictures = true;
      continue;
    }
    if (SetSwitch(argument, options)) continue;
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    if (!TakesValue(name)) {
      return std::unexpected("unknown option '" + std::string(argument) + "'");
    }
    std::string value;
    if (equals != std::string_view::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return std::unexpected(std::string(name) + " needs a value");
    }
    if (auto set = SetValue(name, value, options); !set) return std::unexpected(set.error());
  }
  if (options.help) return options;
  if (auto checked = CheckTogether(options); !checked) return std::unexpected(checked.error());
  return options;
}

}  // namespace wnn::classify
