// The words on classify's command line.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "guest/examples/classify/classifier.h"
#include "guest/image/tensor.h"

namespace wnn::classify {

struct Options {
  bool help = false;    // nothing else is checked then
  std::string model;    // a file; exactly one of `model` and `graph` is set
  std::string graph;    // a name that the host knows
  std::string labels;   // a file; empty: classes are shown by number
  std::size_t top = 5;  // >= 1
  int size = 224;       // of the square that pictures are resized to; >= 1
  image::Normalization normalization;
  image::Layout layout = image::Layout::kNchw;
  Target target = Target::kCpu;
  bool batch = false;                 // all pictures in one inference
  bool raw = false;                   // show the model's scores without softmax
  bool json = false;                  // results and times as JSON
  std::size_t repeat = 0;             // runs of each inference, their times shown; 0: one run
  std::vector<std::string> pictures;  // at least one
};

// The text of --help.
extern const char kHelp[];

// Reads the arguments that follow the program's name. The error is for the person who typed them.
std::expected<Options, std::string> ParseOptions(std::span<const char* const> arguments);

}  // namespace wnn::classify
