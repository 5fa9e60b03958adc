// Tables for signals: HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "engine/kernels/reference/convert.h"
#include "engine/ops/constant_values.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Of a table: they are kept as double.
constexpr int64_t kMaxSize = int64_t{1} << 24;

// Writes numbers that are known once the inputs' values are.
template <typename T>
class TableOp final : public CompiledOp {
 public:
  explicit TableOp(std::vector<double> values) : values_(std::move(values)) {}
  Status Run(const RunArgs& args) const override {
    for (size_t i = 0; i < values_.size(); ++i) {
      args.out<T>(0)[i] = kernels::Convert<T>(values_[i]);
    }
    return OkStatus();
  }

 private:
  const std::vector<double> values_;
};

CompiledPtr MakeTable(DType dtype, std::vector<double> values) {
  return kernels::Visit(dtype, kernels::NumericTypes(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<TableOp<T>>(std::move(values));
  });
}

Result<DType> OutputType(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t number, context.attributes().Int("output_datatype", 1));
  const auto dtype = DTypeFromOnnx(number);
  if (!dtype || !kNumericSet.Has(*dtype)) {
    return InvalidArgument("attribute 'output_datatype' is " + std::to_string(number) +
                           ", not the type of a number");
  }
  return *dtype;
}

Status CheckSizeInput(std::string_view what, int64_t value) {
  if (value >= 0 && value <= kMaxSize) return OkStatus();
  return InvalidArgument(std::string(what) + " is " + std::to_string(value) +
                         ", which is out of bounds");
}

Status InferWindow(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kIndexSet));
  WNN_ASSIGN_OR_RETURN(DType dtype, OutputType(context));
  WNN_ASSIGN_OR_RETURN(auto size, ConstantInt(context, 0, 0));
  if (size) WNN_RETURN_IF_ERROR(CheckSizeInput("the window's size", *size));
  context.SetOutput(0, Fact::Ranked(dtype, {size ? graph::KnownDim(*size) : Dim()}));
  return OkStatus();
}

// a0 - a1 cos(2 pi i / n) + a2 cos(4 pi i / n).
struct CosineWindow {
  std::string_view name;
  double a0, a1, a2;
};
constexpr auto kWindows = std::to_array<CosineWindow>({
    {"HannWindow", 0.5, 0.5, 0},
    {"HammingWindow", 25.0 / 46, 21.0 / 46, 0},
    {"BlackmanWindow", 0.42, 0.5, 0.08},
});

Result<CompiledPtr> CompileCosineWindow(const CompileContext& context) {
  const int64_t size = context.OutputShape(0)[0];
  WNN_ASSIGN_OR_RETURN(int64_t periodic, context.attributes().Int("periodic", 1));
  CosineWindow window = kWindows[0];
  for (const CosineWindow& candidate : kWindows) {
    if (candidate.name == context.op_type()) window = candidate;
  }
  const double n = static_cast<double>(periodic != 0 ? size : size - 1);
  std::vector<double> values;
  for (int64_t i = 0; i < size; ++i) {
    const double angle = n > 0 ? 2 * std::numbers::pi * static_cast<double>(i) / n : 0;
    values.push_back(window.a0 - window.a1 * std::cos(angle) + window.a2 * std::cos(2 * angle));
  }
  return MakeTable(context.Output(0).dtype, std::move(values));
}

// MelWeightMatrix: triangles whose corners are equally far apart on the mel scale,
// mel(f) = 2595 log10(1 + f / 700).
struct MelSpec {
  int64_t bands = 0, dft_length = 0, sample_rate = 0;
  double low = 0, high = 0;
};

Result<std::optional<MelSpec>> ReadMelSpec(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(auto bands, ConstantInt(context, 0, 0));
  WNN_ASSIGN_OR_RETURN(auto length, ConstantInt(context, 1, 0));
  WNN_ASSIGN_OR_RETURN(auto rate, ConstantInt(context, 2, 0));
  WNN_ASSIGN_OR_RETURN(auto low, ConstantNumber(context, 3, 0));
  WNN_ASSIGN_OR_RETURN(auto high, ConstantNumber(context, 4, 0));
  if (!bands || !length || !rate || !low || !high) return std::optional<MelSpec>();
  WNN_RETURN_IF_ERROR(CheckSizeInput("num_mel_bins", *bands));
  WNN_RETURN_IF_ERROR(CheckSizeInput("dft_length", *length));
  if (*rate < 1) return InvalidArgument("sample_rate is not positive");
  if (!(*low >= 0 && *high >= *low && std::isfinite(*high))) {
    return InvalidArgument("the edges of the mel scale are not in order, or not finite");
  }
  return std::optional(MelSpec{*bands, *length, *rate, *low, *high});
}

Status InferMel(InferContext& context) {
  for (size_t i : {0, 1, 2}) WNN_RETURN_IF_ERROR(context.RequireType(i, kIndexSet));
  for (size_t i : {3, 4}) WNN_RETURN_IF_ERROR(context.RequireType(i, kFloatSet));
  WNN_ASSIGN_OR_RETURN(DType dtype, OutputType(context));
  WNN_ASSIGN_OR_RETURN(auto spec, ReadMelSpec(context));
  std::vector<Dim> dims(2);
  if (spec) dims = {graph::KnownDim(spec->dft_length / 2 + 1), graph::KnownDim(spec->bands)};
  context.SetOutput(0, Fact::Ranked(dtype, std::move(dims)));
  return OkStatus();
}

double ToMel(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double ToHertz(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

Result<CompiledPtr> CompileMel(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(auto spec, ReadMelSpec(context));
  if (!spec) return Internal("the matrix' size is not known");
  const int64_t rows = spec->dft_length / 2 + 1;
  const double low = ToMel(spec->low);
  const double step = (ToMel(spec->high) - low) / static_cast<double>(spec->bands + 2);
  // The spectrum's bin in which corner i of the triangles lies.
  auto corner = [&](int64_t i) {
    const double hertz = ToHertz(low + step * static_cast<double>(i));
    const double bin = std::floor(static_cast<double>(spec->dft_length + 1) * hertz /
                                  static_cast<double>(spec->sample_rate));
    return static_cast<int64_t>(std::clamp(bin, 0.0, 1e15));  // far beyond every row
  };
  if (rows * spec->bands > kMaxSize) return TooLarge("the matrix");
  std::vector<double> values(static_cast<size_t>(rows * spec->bands), 0.0);
  auto set = [&](int64_t row, int64_t band, double value) {
    if (row < rows) values[static_cast<size_t>(row * spec->bands + band)] = value;
  };
  for (int64_t band = 0; band < spec->bands; ++band) {
    const int64_t left = corner(band), centre = corner(band + 1), right = corner(band + 2);
    set(centre, band, 1);
    for (int64_t row = left; row < std::min(centre, rows); ++row) {
      set(row, band, static_cast<double>(row - left) / static_cast<double>(centre - left));
    }
    for (int64_t row = centre; row < std::min(right, rows); ++row) {
      set(row, band, static_cast<double>(right - row) / static_cast<double>(right - centre));
    }
  }
  return MakeTable(context.Output(0).dtype, std::move(values));
}

constexpr OpDef Window(std::string_view name) {
  return {.name = name,
          .since_version = 17,
          .infer = InferWindow,
          .compile = CompileCosineWindow,
          .value_inputs = 0b1};
}

constexpr auto kOps = std::to_array<OpDef>({
    Window("BlackmanWindow"),
    Window("HammingWindow"),
    Window("HannWindow"),
    {.name = "MelWeightMatrix",
     .since_version = 17,
     .inputs = {5, 5},
     .infer = InferMel,
     .compile = CompileMel,
     .value_inputs = 0b11111},
});

}  // namespace

std::span<const OpDef> WindowOps() { return kOps; }

}  // namespace wnn::ops
