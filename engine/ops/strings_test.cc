// Operators on strings, and those that move elements given strings.
#include <gtest/gtest.h>

#include <limits>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::NodeUnderTest;
using testing::Strings;
using testing::ValuesOf;

using Texts = std::vector<std::string>;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using BuilderAttributes = std::vector<testing::BuilderAttribute>;

// Output `i` of the node, which must run.
Value Output(const NodeUnderTest& node, const std::vector<Value>& inputs, size_t i = 0) {
  auto outputs = node.RunAny(inputs);
  EXPECT_TRUE(outputs.has_value()) << outputs.error().message();
  return outputs ? outputs->at(i) : Value();
}

void ExpectTexts(const Value& value, const Shape& shape, const Texts& expected) {
  ASSERT_NE(value.strings(), nullptr);
  EXPECT_EQ(value.strings()->shape, shape);
  EXPECT_EQ(value.strings()->elements, expected);
}

TEST(StringConcatTest, Broadcasts) {
  NodeUnderTest node{"StringConcat", 20};
  ExpectTexts(Output(node, {Strings({2, 2}, {"a", "b", "c", "d"}), Strings({2}, {"1", "2"})}),
              {2, 2}, {"a1", "b2", "c1", "d2"});
  ExpectTexts(Output(node, {Strings({}, {"x"}), Strings({2, 1}, {"1", ""})}), {2, 1}, {"x1", "x"});
  ExpectTexts(Output(node, {Strings({0}, {}), Strings({1}, {"1"})}), {0}, {});
}

TEST(StringSplitTest, ByDelimiterAndByWhiteSpace) {
  NodeUnderTest dots{"StringSplit", 20, {Attr("delimiter", ".")}, 2};
  const std::vector<Value> hosts = {Strings({2}, {"abc.com", "a.b..c"})};
  ExpectTexts(Output(dots, hosts), {2, 4}, {"abc", "com", "", "", "a", "b", "", "c"});
  EXPECT_EQ(ValuesOf<int64_t>(*Output(dots, hosts, 1).tensor()), (Ints{2, 4}));
  NodeUnderTest once{"StringSplit", 20, {Attr("maxsplit", 1)}, 2};
  ExpectTexts(Output(once, {Strings({2}, {"  hello  big world ", ""})}), {2, 2},
              {"hello", "big world ", "", ""});
  NodeUnderTest any{"StringSplit", 20, {}, 2};
  const std::vector<Value> none = {Strings({0}, {})};
  ExpectTexts(Output(any, none), {0, 0}, {});
}

// A search reads a MiB at once: what it looks for may lie across the end of one, or in a later one.
TEST(StringSplitTest, OfLongTexts) {
  constexpr size_t kMiB = size_t{1} << 20;
  for (const size_t n : {kMiB - 2, kMiB - 1, kMiB, 2 * kMiB + 5}) {
    const std::string letters(n, 'a');
    NodeUnderTest dashes{"StringSplit", 20, {Attr("delimiter", "--")}, 2};
    ExpectTexts(Output(dashes, {Strings({1}, {letters + "--b"})}), {1, 2}, {letters, "b"});
    NodeUnderTest any{"StringSplit", 20, {}, 2};
    const std::string spaces(n, ' ');
    ExpectTexts(Output(any, {Strings({1}, {letters + spaces + "b"})}), {1, 2}, {letters, "b"});
  }
}

TEST(StringNormalizerTest, DropsStopWordsAndChangesCase) {
  const Value days = Strings({3}, {"Monday", "tuesday", "\xC3\x84PFEL"});
  NodeUnderTest lower{"StringNormalizer",
                      10,
                      {Attr("case_change_action", "LOWER"), Attr("is_case_sensitive", 1),
                       Attr("stopwords", Texts{"monday", "tuesday"})}};
  ExpectTexts(Output(lower, {days}), {2}, {"monday", "\xC3\xA4pfel"});
  NodeUnderTest upper{"StringNormalizer",
                      10,
                      {Attr("case_change_action", "UPPER"), Attr("stopwords", Texts{"MONDAY"})}};
  ExpectTexts(Output(upper, {days}), {2}, {"TUESDAY", "\xC3\x84PFEL"});
  NodeUnderTest all{"StringNormalizer", 10, {Attr("stopwords", Texts{"a"})}};
  ExpectTexts(Output(all, {Strings({1, 2}, {"a", "A"})}), {1, 1}, {""});
}

TEST(RegexFullMatchTest, OneAnswerForEachString) {
  NodeUnderTest node{"RegexFullMatch", 20, {Attr("pattern", "www[.][a-z]+[.]com")}};
  const Value y = Output(node, {Strings({2, 1}, {"www.google.com", "www.google.com/"})});
  ASSERT_NE(y.tensor(), nullptr);
  EXPECT_EQ(y.tensor()->shape(), (Shape{2, 1}));
  EXPECT_EQ(ValuesOf<bool>(*y.tensor()), (std::vector<bool>{true, false}));
  NodeUnderTest wrong{"RegexFullMatch", 20, {Attr("pattern", "(")}};
  auto failed = wrong.RunAny({Strings({1}, {"a"})});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kInvalidArgument);
}

Result<Value> EncodeLabels(int version, const BuilderAttributes& attributes, const Value& x) {
  ModelBuilder model(20);
  model.Import("ai.onnx.ml", version);
  model.Input("x", x.dtype(), {x.dims().begin(), x.dims().end()});
  model.Node("LabelEncoder", {"x"}, {"y"}, attributes, "encoder", "ai.onnx.ml");
  model.Output("y");
  WNN_ASSIGN_OR_RETURN(std::vector<Value> outputs, testing::RunValues(model.Build(), {x}));
  return outputs[0];
}

TEST(LabelEncoderTest, FromStringsToNumbersAndBack) {
  const Texts names = {"Amy", "Sally", "Amy"};  // of equal keys the last one counts
  const Value people = Strings({2, 2}, {"Dori", "Amy", "Sally", "amy"});
  auto y = EncodeLabels(4,
                        {Attr("keys_strings", names), Attr("values_int64s", Ints{5, 6, 7}),
                         Attr("default_int64", 100)},
                        people);
  ASSERT_TRUE(y.has_value()) << y.error().message();
  EXPECT_EQ(y->tensor()->shape(), (Shape{2, 2}));
  EXPECT_EQ(ValuesOf<int64_t>(*y->tensor()), (Ints{100, 7, 6, 100}));
  y = EncodeLabels(2, {Attr("keys_int64s", Ints{5, -6, 7}), Attr("values_strings", names)},
                   Value(MakeTensor<int64_t>({3}, {-6, 6, 5})));
  ASSERT_TRUE(y.has_value()) << y.error().message();
  ExpectTexts(*y, {3}, {"Sally", "_Unused", "Amy"});
  y = EncodeLabels(2, {Attr("keys_strings", names), Attr("values_floats", Floats{1, 2.5, 3})},
                   people);
  ASSERT_TRUE(y.has_value()) << y.error().message();
  EXPECT_EQ(ValuesOf<float>(*y->tensor()), (Floats{0, 3, 2.5, 0}));
}

TEST(LabelEncoderTest, KeysThatAreFloats) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  auto y = EncodeLabels(
      4, {Attr("keys_floats", Floats{1.5f, nan, 0}), Attr("values_int64s", Ints{1, 2, 3})},
      Value(MakeTensor<float>({5}, {0, -nan, -0.0f, 1.5f, 1})));
  ASSERT_TRUE(y.has_value()) << y.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(*y->tensor()), (Ints{3, 2, 3, 1, -1}));
}

TEST(LabelEncoderTest, TheFirstVersionHasOneList) {
  const BuilderAttributes classes = {Attr("classes_strings", Texts{"a", "b", "c"}),
                                     Attr("default_string", "?")};
  auto y = EncodeLabels(1, classes, Strings({3}, {"c", "d", "a"}));
  ASSERT_TRUE(y.has_value()) << y.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(*y->tensor()), (Ints{2, -1, 0}));
  y = EncodeLabels(1, classes, Value(MakeTensor<int64_t>({3}, {1, 3, -1})));
  ASSERT_TRUE(y.has_value()) << y.error().message();
  ExpectTexts(*y, {3}, {"b", "?", "?"});
}

TEST(LabelEncoderTest, RefusesListsThatDoNotFit) {
  const Value x = Strings({1}, {"a"});
  const auto error = [&](const BuilderAttributes& attributes) {
    auto y = EncodeLabels(4, attributes, x);
    EXPECT_FALSE(y.has_value());
    return y ? std::string() : std::string(y.error().message());
  };
  const auto keys = Attr("keys_strings", Texts{"a", "b"});
  EXPECT_NE(error({keys, Attr("values_int64s", Ints{1})}).find("2 keys, but 1 values"),
            std::string::npos);
  EXPECT_NE(error({keys}).find("it has 0, not one"), std::string::npos);
  EXPECT_NE(error({keys, Attr("keys_int64s", Ints{1, 2}), Attr("values_int64s", Ints{1, 2})})
                .find("it has 2, not one"),
            std::string::npos);
  EXPECT_NE(error({Attr("keys_int64s", Ints{1, 2}), Attr("values_int64s", Ints{1, 2})})
                .find("node 'encoder' (LabelEncoder)"),
            std::string::npos);
}

TEST(TfIdfTest, CountsNgramsOfNumbersAndStrings) {
  const std::vector<testing::BuilderAttribute> common = {
      Attr("min_gram_length", 1), Attr("max_gram_length", 2), Attr("ngram_counts", Ints{0, 2}),
      Attr("ngram_indexes", Ints{0, 1, 2, 3})};
  auto with = [&](std::vector<testing::BuilderAttribute> more) {
    more.insert(more.end(), common.begin(), common.end());
    return NodeUnderTest{"TfIdfVectorizer", 9, std::move(more)};
  };
  const Ints pool = {2, 3, 5, 4, 5, 6};  // 2 | 3 | (5, 4) | (5, 6)
  const Value x = Value(MakeTensor<int64_t>({2, 4}, {2, 2, 5, 4, 3, 5, 1, 6}));
  auto floats = [&](const NodeUnderTest& node, const Value& in) {
    const Value y = Output(node, {in});
    return y.tensor() != nullptr ? ValuesOf<float>(*y.tensor()) : std::vector<float>();
  };
  EXPECT_EQ(
      floats(with({Attr("mode", "TF"), Attr("max_skip_count", 0), Attr("pool_int64s", pool)}), x),
      (std::vector<float>{2, 0, 1, 0, 0, 1, 0, 0}));
  EXPECT_EQ(
      floats(with({Attr("mode", "TFIDF"), Attr("max_skip_count", 1), Attr("pool_int64s", pool),
                   Attr("weights", std::vector<float>{2, 3, 4, 5})}),
             x),
      (std::vector<float>{4, 0, 4, 0, 0, 3, 0, 5}));
  EXPECT_EQ(floats(with({Attr("mode", "IDF"), Attr("max_skip_count", 0),
                         Attr("pool_strings", Texts{"a", "b", "c", "d", "c", "e"})}),
                   Strings({3}, {"a", "a", "x"})),
            (std::vector<float>{1, 0, 0, 0}));
  auto failed =
      with({Attr("mode", "TF"), Attr("max_skip_count", 0), Attr("pool_int64s", Ints{1, 2, 3})})
          .RunAny({x});
  EXPECT_FALSE(failed.has_value());
}

TEST(MovedStringsTest, MovementOperatorsTakeStrings) {
  const Value x = Strings({2, 2}, {"b", "a", "", "b"});
  ExpectTexts(Output(NodeUnderTest{"Transpose", 13}, {x}), {2, 2}, {"b", "", "a", "b"});
  ExpectTexts(Output(NodeUnderTest{"Identity", 13}, {x}), {2, 2}, {"b", "a", "", "b"});
  ExpectTexts(
      Output(NodeUnderTest{"Concat", 13, {Attr("axis", 0)}}, {x, Strings({1, 2}, {"zebra", "c"})}),
      {3, 2}, {"b", "a", "", "b", "zebra", "c"});
  ExpectTexts(Output(NodeUnderTest{"Gather", 13}, {x, Value(MakeTensor<int64_t>({1}, {1}))}),
              {1, 2}, {"", "b"});
  ExpectTexts(Output(NodeUnderTest{"Reshape", 13}, {x, Value(MakeTensor<int64_t>({1}, {-1}))}), {4},
              {"b", "a", "", "b"});
  ExpectTexts(Output(NodeUnderTest{"Where", 13},
                     {Value(MakeTensor<bool>({2, 1}, {true, false})), x, Strings({1}, {"?"})}),
              {2, 2}, {"b", "a", "?", "?"});
  ExpectTexts(Output(NodeUnderTest{"Pad", 13}, {x, Value(MakeTensor<int64_t>({4}, {0, 0, 0, 1}))}),
              {2, 3}, {"b", "a", "", "", "b", ""});
  const Value same = Output(NodeUnderTest{"Equal", 19}, {x, Strings({2}, {"b", "b"})});
  EXPECT_EQ(ValuesOf<bool>(*same.tensor()), (std::vector<bool>{true, false, false, true}));
  const Value shape = Output(NodeUnderTest{"Shape", 13}, {x});
  EXPECT_EQ(ValuesOf<int64_t>(*shape.tensor()), (Ints{2, 2}));
}

TEST(MovedStringsTest, OthersRefuseThem) {
  auto failed = NodeUnderTest{"Add", 13}.RunAny({Strings({1}, {"a"}), Strings({1}, {"b"})});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kUnsupportedOperation);
  EXPECT_NE(failed.error().message().find("node 'node' (Add)"), std::string_view::npos);
}

TEST(StringConstantTest, InitializersAndConstants) {
  ModelBuilder model(20);
  const int64_t dims[] = {2};
  model.InitializerMessage(testing::StringsMessage("w", dims, {"x", "y"}));
  model.Node("Constant", {}, {"c"}, {Attr("value_string", "-")});
  model.Node("StringConcat", {"w", "c"}, {"y"});
  model.Output("y");
  for (bool optimize : {true, false}) {
    engine::LoadOptions options;
    options.optimize = optimize;
    auto outputs = testing::RunValues(model.Build(), {}, options);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    ExpectTexts(outputs->at(0), {2}, {"x-", "y-"});
  }
}

}  // namespace
}  // namespace wnn::ops
