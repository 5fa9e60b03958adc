// ai.onnx.ml's operators on maps, and strings where there are classes or categories.
#include <gtest/gtest.h>

#include "engine/testing/run_model.h"

namespace wnn::testing {
namespace {

using Ints = std::vector<int64_t>;
using Texts = std::vector<std::string>;

// A type of a graph's value: TypeProto.
WireWriter TensorType(DType dtype) {
  return WireWriter().Message(1, WireWriter().Varint(1, static_cast<uint64_t>(dtype)));
}
WireWriter MapType(DType key, DType value) {
  return WireWriter().Message(
      5, WireWriter().Varint(1, static_cast<uint64_t>(key)).Message(2, TensorType(value)));
}

// Runs one node of ai.onnx.ml on one value of any type.
Result<std::vector<Value>> RunMl(const std::string& op, const WireWriter& type, Value input,
                                 const std::vector<BuilderAttribute>& attributes,
                                 size_t n_outputs = 1) {
  ModelBuilder model(17);
  model.Import("ai.onnx.ml", 3);
  model.graph().Message(11, WireWriter().Bytes(1, "x").Message(2, type));
  Texts outputs;
  for (size_t i = 0; i < n_outputs; ++i) outputs.push_back("y" + std::to_string(i));
  model.Node(op, {"x"}, outputs, attributes, "node", "ai.onnx.ml");
  for (const std::string& output : outputs) model.Output(output);
  return RunValues(model.Build(), {std::move(input)});
}

Value MapOf(const Ints& keys, const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(keys.size());
  return Map{MakeTensor<int64_t>({n}, keys), MakeTensor<float>({n}, values)};
}

TEST(MlMaps, ZipMapMakesAMapOfEachRow) {
  auto outputs = RunMl("ZipMap", TensorType(DType::kFloat), MakeTensor<float>({2, 2}, {1, 2, 3, 4}),
                       {Attr("classlabels_strings", Texts{"cat", "dog"})});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  const Sequence* sequence = outputs->at(0).sequence();
  ASSERT_NE(sequence, nullptr);
  ASSERT_EQ(sequence->elements.size(), 2u);
  const Map* second = sequence->elements[1].map();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->keys.strings()->elements, (Texts{"cat", "dog"}));
  EXPECT_EQ(ValuesOf<float>(*second->values.tensor()), (std::vector<float>{3, 4}));
  outputs = RunMl("ZipMap", TensorType(DType::kFloat), MakeTensor<float>({1, 3}, {1, 2, 3}),
                  {Attr("classlabels_int64s", Ints{7, 8})});
  ASSERT_FALSE(outputs.has_value());
  EXPECT_NE(outputs.error().message().find("2 labels"), std::string_view::npos);
}

// As ONNX Runtime 1.32 has them: one row, whose rank is 1, and none.
TEST(MlMaps, ZipMapOfARowAndOfNone) {
  const auto rows = [](const std::vector<int64_t>& shape, const std::vector<float>& x) {
    auto outputs = RunMl("ZipMap", TensorType(DType::kFloat), MakeTensor<float>(shape, x),
                         {Attr("classlabels_int64s", Ints{7, 3})});
    EXPECT_TRUE(outputs.has_value());
    return outputs ? outputs->at(0).sequence()->elements : std::vector<Value>();
  };
  const std::vector<Value> one = rows({2}, {1, 2});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(ValuesOf<int64_t>(*one[0].map()->keys.tensor()), (Ints{7, 3}));
  EXPECT_EQ(ValuesOf<float>(*one[0].map()->values.tensor()), (std::vector<float>{1, 2}));
  EXPECT_TRUE(rows({0, 2}, {}).empty());
}

TEST(MlMaps, CastMapInTheOrderOfKeysOrSparse) {
  const Value map = MapOf({5, 1, 3}, {50, 10, 30.5f});
  const WireWriter type = MapType(DType::kInt64, DType::kFloat);
  auto outputs = RunMl("CastMap", type, map, {});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(*outputs->at(0).tensor()), (std::vector<float>{10, 30.5f, 50}));
  outputs = RunMl("CastMap", type, map,
                  {Attr("cast_to", "TO_INT64"), Attr("map_form", "SPARSE"), Attr("max_map", 6)});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(*outputs->at(0).tensor()), (Ints{0, 10, 0, 30, 0, 50}));
  outputs = RunMl("CastMap", type, MapOf({-1}, {1}), {Attr("map_form", "SPARSE")});
  ASSERT_FALSE(outputs.has_value());
  EXPECT_NE(outputs.error().message().find("key -1"), std::string_view::npos);
  // A tensor is no map.
  EXPECT_FALSE(
      RunMl("CastMap", TensorType(DType::kFloat), MakeTensor<float>({1}, {1}), {}).has_value());
}

// ONNX Runtime 1.32's outputs; through WASI-NN no map reaches it.
TEST(MlMaps, CastMapAsOnnxRuntime) {
  const Ints keys = {5, 1, 3};
  const std::vector<float> values = {50, -1.7f, 30.5f};
  const struct {
    const char *to, *form;
    int size;
    std::vector<double> numbers;
    Texts texts = {};
  } kCases[] = {
      {"TO_FLOAT", "DENSE", 1, {-1.7f, 30.5, 50}},
      {"TO_FLOAT", "SPARSE", 4, {0, -1.7f, 0, 30.5}},  // what is beyond is left out
      {"TO_INT64", "DENSE", 1, {-1, 30, 50}},
      {"TO_INT64", "SPARSE", 7, {0, -1, 0, 30, 0, 50, 0}},
      {"TO_STRING", "DENSE", 1, {}, {"-1.700000", "30.500000", "50.000000"}},
      {"TO_STRING", "SPARSE", 4, {}, {"0.f", "-1.700000", "0.f", "30.500000"}},
  };
  for (const auto& row : kCases) {
    SCOPED_TRACE(std::string(row.to) + row.form);
    const auto outputs =
        RunMl("CastMap", MapType(DType::kInt64, DType::kFloat), MapOf(keys, values),
              {Attr("cast_to", row.to), Attr("map_form", row.form), Attr("max_map", row.size)});
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    const Value& got = outputs->at(0);
    const size_t n = std::max(row.numbers.size(), row.texts.size());
    EXPECT_EQ(Shape(got.dims().begin(), got.dims().end()), (Shape{1, static_cast<int64_t>(n)}));
    if (got.strings() != nullptr) {
      EXPECT_EQ(got.strings()->elements, row.texts);
      continue;
    }
    for (size_t i = 0; i < n; ++i) {
      EXPECT_EQ(got.dtype() == DType::kFloat
                    ? double{ValuesOf<float>(*got.tensor())[i]}
                    : static_cast<double>(ValuesOf<int64_t>(*got.tensor())[i]),
                row.numbers[i]);
    }
  }
}

TEST(MlMaps, DictVectorizerLooksTheVocabularyUp) {
  const Value map = Map{Strings({2}, {"b", "a"}), MakeTensor<float>({2}, {2, 1})};
  auto outputs = RunMl("DictVectorizer", MapType(DType::kString, DType::kFloat), map,
                       {Attr("string_vocabulary", Texts{"a", "c", "b"})});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(outputs->at(0).tensor()->shape(), (Shape{1, 3}));
  EXPECT_EQ(ValuesOf<float>(*outputs->at(0).tensor()), (std::vector<float>{1, 0, 2}));
  // Integers, and what the vocabulary lacks: as in ONNX Runtime 1.32.
  outputs = RunMl("DictVectorizer", MapType(DType::kInt64, DType::kFloat),
                  MapOf({7, 3, 9}, {2, 1, 4}), {Attr("int64_vocabulary", Ints{3, 5, 7})});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(*outputs->at(0).tensor()), (std::vector<float>{1, 0, 2}));
  outputs = RunMl("DictVectorizer", MapType(DType::kString, DType::kFloat), map,
                  {Attr("int64_vocabulary", Ints{1})});
  EXPECT_FALSE(outputs.has_value());
}

TEST(MlMaps, CategoryMapperBothWays) {
  const std::vector<BuilderAttribute> lists = {Attr("cats_strings", Texts{"x", "y"}),
                                               Attr("cats_int64s", Ints{4, 6})};
  auto outputs =
      RunMl("CategoryMapper", TensorType(DType::kString), Strings({3}, {"y", "z", "x"}), lists);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(*outputs->at(0).tensor()), (Ints{6, -1, 4}));
  outputs =
      RunMl("CategoryMapper", TensorType(DType::kInt64), MakeTensor<int64_t>({2}, {6, 5}), lists);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(outputs->at(0).strings()->elements, (Texts{"y", "_Unused"}));
}

TEST(MlStrings, ClassifiersGiveTheirLabels) {
  auto outputs =
      RunMl("LinearClassifier", TensorType(DType::kFloat), MakeTensor<float>({2, 2}, {1, 0, 0, 2}),
            {Attr("coefficients", std::vector<float>{1, 0, 0, 1}),
             Attr("intercepts", std::vector<float>{0, 0}),
             Attr("classlabels_strings", Texts{"no", "yes"})},
            2);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(outputs->at(0).strings()->elements, (Texts{"no", "yes"}));
  EXPECT_EQ(ValuesOf<float>(*outputs->at(1).tensor()), (std::vector<float>{1, 0, 0, 2}));
}

TEST(MlStrings, OneHotEncoderOfWords) {
  const std::vector<BuilderAttribute> words = {Attr("cats_strings", Texts{"a", "b"})};
  auto outputs =
      RunMl("OneHotEncoder", TensorType(DType::kString), Strings({3}, {"b", "?", "a"}), words);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(*outputs->at(0).tensor()), (std::vector<float>{0, 1, 0, 0, 1, 0}));
}

}  // namespace
}  // namespace wnn::testing
