#include "tests/models/contrib_case.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/runtimes.h"

namespace wnn::testing {

FloatList RandomList(int64_t n, uint32_t seed) {
  FloatList values = Noise(n, seed);
  for (float& value : values) value = 2 * value - 1;
  return values;
}

std::vector<uint8_t> RandomBytes(int64_t n, uint32_t seed) {
  std::vector<uint8_t> bytes;
  for (float x : Noise(n, seed)) bytes.push_back(static_cast<uint8_t>(x * 256));
  return bytes;
}

Case::Case(const char* domain) : domain_(domain) {
  const bool is_ml = std::string_view(domain) == "ai.onnx.ml";
  model_.Import(domain, is_ml ? 3 : 1);
  if (!is_ml) model_.Import("ai.onnx.ml", 3);
}

Case& Case::Random(Shape dims, float scale) {
  FloatList values = RandomList(ElementCount(dims).value_or(0), ++seed_);
  for (float& value : values) value *= scale;
  return Add(DType::kFloat, std::move(dims), values);
}

Case& Case::RandomConstant(Shape dims, float scale) {
  FloatList values = RandomList(ElementCount(dims).value_or(0), ++seed_);
  for (float& value : values) value *= scale;
  return Constant(std::move(dims), values);
}

Case& Case::Strings(Shape dims, const std::vector<std::string>& strings) {
  Ints numbers(strings.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  Add(DType::kInt64, std::move(dims), numbers);
  const std::string coded = names_.back();
  names_.back() += "/text";
  model_.Node("LabelEncoder", {coded}, {names_.back()},
              {Attr("keys_int64s", numbers), Attr("values_strings", strings)}, names_.back(),
              "ai.onnx.ml");
  return *this;
}

Case& Case::LeftOut() {
  names_.emplace_back();
  return *this;
}

Case& Case::Vocabulary(std::vector<std::string> words) {
  vocabulary_ = std::move(words);
  return *this;
}

Case& Case::Node(const char* op, const std::vector<DType>& outputs, const Attributes& attributes) {
  std::vector<std::string> names;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool left_out = outputs[i] == DType::kUndefined;
    names.push_back(left_out ? "" : "y" + std::to_string(i));
    if (outputs[i] != DType::kString && outputs[i] != kUnseen && !left_out) {
      OutputOf(names.back(), outputs[i]);
    }
    if (outputs[i] == DType::kString) {
      const std::string coded = names.back() + "/coded";
      Ints numbers(vocabulary_.size());
      std::iota(numbers.begin(), numbers.end(), 10);
      model_.Node("LabelEncoder", {names.back()}, {coded},
                  {Attr("keys_strings", vocabulary_), Attr("values_int64s", numbers)}, "coder",
                  "ai.onnx.ml");
      OutputOf(coded, DType::kInt64);
    }
  }
  model_.Node(op, names_, names, attributes, "node", domain_);
  return *this;
}

void Case::ExpectEqualTo(const Case& other, double tolerance) const {
  const auto builtin = RuntimeNamed("builtin"), onnxruntime = RuntimeNamed("onnxruntime");
  if (builtin == nullptr || onnxruntime == nullptr) GTEST_SKIP() << kNoRuntime;
  const auto expected = other.Compute(*onnxruntime);
  ASSERT_TRUE(expected.has_value()) << "onnxruntime: " << expected.error().message();
  const auto got = Compute(*builtin);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  const auto difference = Difference(*got, *expected, tolerance);
  ASSERT_TRUE(difference.has_value()) << difference.error().message();
  EXPECT_LE(*difference, tolerance);
}

void Case::OutputOf(const std::string& name, DType dtype) {
  model_.graph().Message(
      12, WireWriter().Bytes(1, name).Message(
              2, WireWriter().Message(1, WireWriter().Varint(1, static_cast<uint64_t>(dtype)))));
}

Result<std::vector<OutputNumbers>> Case::Compute(const runtimes::Runtime& runtime) const {
  PreparedModel prepared;
  const std::vector<std::byte> bytes = model_.Build();
  WNN_ASSIGN_OR_RETURN(prepared.graph, runtime.Load(bytes, {}));
  WNN_ASSIGN_OR_RETURN(prepared.context, prepared.graph->NewContext());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    WNN_RETURN_IF_ERROR(prepared.context->SetInput(i, inputs_[i].view()));
  }
  WNN_RETURN_IF_ERROR(prepared.context->Compute({}));
  return Outputs(prepared);
}

}  // namespace wnn::testing
