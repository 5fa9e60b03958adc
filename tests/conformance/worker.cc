// Runs cases of ONNX's backend suite, one a line of standard input, and answers each with a line:
//
//   <rtol> TAB <atol> TAB <folder>   ->   pass | fail TAB <reason>
//
//   conformance_worker RUNTIME     one of those that --runtimes lists
//   conformance_worker --operators        prints engine::OperatorList()
//
// conformance.py drives it: it notices a crash by the missing answer, and a hang by the clock.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "tests/conformance/subject.h"
#ifdef WNN_WITH_IMAGE_DECODER
#include "host/images/leptonica_decoder.h"
#endif

namespace wnn::conformance {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::optional<std::vector<std::byte>> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes;
  std::byte chunk[1 << 16];
  while (const size_t n = std::fread(chunk, 1, sizeof(chunk), file.get())) {
    bytes.insert(bytes.end(), chunk, chunk + n);
  }
  return bytes;
}

// The values of <prefix>0.pb, <prefix>1.pb and so on.
Result<std::vector<CaseValue>> ReadValues(const std::string& prefix,
                                          const std::vector<Declared>& declared) {
  std::vector<CaseValue> values;
  for (size_t i = 0; i < declared.size(); ++i) {
    const auto bytes = ReadFile(prefix + std::to_string(i) + ".pb");
    if (!bytes) break;
    WNN_ASSIGN_OR_RETURN(CaseValue value, ReadValue(declared[i], *bytes));
    values.push_back(std::move(value));
  }
  return values;
}

// Null in a worker that was built where Leptonica is not.
std::shared_ptr<const ImageDecoder> Decoder() {
#ifdef WNN_WITH_IMAGE_DECODER
  static const std::shared_ptr<const ImageDecoder> decoder = MakeLeptonicaDecoder();
  return decoder;
#else
  return nullptr;
#endif
}

Result<std::unique_ptr<Subject>> LoadIn(std::string_view runtime,
                                        std::span<const std::byte> model) {
  if (runtime == "builtin") return LoadInEngine(model, true, Decoder());
  if (runtime == "builtin-unoptimized") return LoadInEngine(model, false, Decoder());
#ifdef WNN_WITH_HOST
  return LoadInRuntime(runtime, model);
#else
  return NotFound("this worker was built without the runtime " + std::string(runtime));
#endif
}

void ListRuntimes() {
  std::cout << "builtin\nbuiltin-unoptimized\n";
#ifdef WNN_WITH_HOST
  for (std::string_view name : OtherRuntimes()) std::cout << name << "\n";
#endif
}

struct Case {
  double rtol = 0, atol = 0;
  std::string folder;
};

Status RunCase(std::string_view runtime, const Case& c) {
  const auto model = ReadFile(c.folder + "/model.onnx");
  if (!model) return NotFound("there is no model.onnx");
  WNN_ASSIGN_OR_RETURN(Signature signature, ReadSignature(*model));
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<Subject> subject, LoadIn(runtime, *model));
  for (size_t set = 0;; ++set) {
    const std::string data = c.folder + "/test_data_set_" + std::to_string(set);
    WNN_ASSIGN_OR_RETURN(auto expected, ReadValues(data + "/output_", signature.outputs));
    if (expected.empty()) return set > 0 ? OkStatus() : NotFound("it has no data");
    WNN_ASSIGN_OR_RETURN(auto inputs, ReadValues(data + "/input_", signature.inputs));
    WNN_ASSIGN_OR_RETURN(auto outputs, subject->Run(inputs));
    for (size_t i = 0; i < expected.size(); ++i) {
      if (i >= outputs.size()) return RuntimeError("outputs are missing");
      WNN_RETURN_IF_ERROR(Compare(outputs[i], expected[i], c.rtol, c.atol)
                              .WithContext("output " + std::to_string(i)));
    }
  }
}

Case ParseLine(const std::string& line) {
  const size_t first = line.find('\t'), second = line.find('\t', first + 1);
  if (second == std::string::npos) return {};
  return {std::atof(line.c_str()), std::atof(line.c_str() + first + 1), line.substr(second + 1)};
}

void ServeCases(std::string_view runtime) {
  for (std::string line; std::getline(std::cin, line);) {
    const Status status = RunCase(runtime, ParseLine(line));
    if (status.ok()) {
      std::cout << "pass" << std::endl;
      continue;
    }
    std::string message(status.message());
    for (char& c : message) {
      if (c == '\n' || c == '\t') c = ' ';
    }
    std::cout << "fail\t" << message << std::endl;
  }
}

}  // namespace
}  // namespace wnn::conformance

int main(int argc, char** argv) {
  const std::string_view word = argc == 2 ? argv[1] : "";
  if (word == "--operators") {
    std::cout << wnn::engine::OperatorList();
  } else if (word == "--runtimes") {
    wnn::conformance::ListRuntimes();
  } else if (word.empty() || word[0] == '-') {
    std::cerr << "usage: conformance_worker RUNTIME|--runtimes|--operators\n";
    return 2;
  } else {
    wnn::conformance::ServeCases(word);
  }
  return 0;
}
