#include "bench/model_data.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

#include "host/nn/model_scan.h"
#include "host/runtimes/builtin/builtin.h"

namespace wnn::bench {
namespace {

ValueInfo Declared(DType dtype, bool has_shape, std::vector<Dim> dims) {
  ValueInfo declared;
  declared.name = "x";
  declared.dtype = dtype;
  declared.has_shape = has_shape;
  declared.dims = std::move(dims);
  return declared;
}

TEST(MakeInput, FixedValuesOfTheDeclaredShape) {
  const ValueInfo declared = Declared(DType::kFloat, true, {{-1, "N"}, {3, ""}, {5, ""}});
  const Result<Tensor> tensor = MakeInput(declared);
  ASSERT_TRUE(tensor) << tensor.error().message();
  EXPECT_EQ(tensor->shape(), Shape({1, 3, 5}));
  std::set<float> values;
  for (size_t i = 0; i < 15; ++i) {
    float value;
    std::memcpy(&value, tensor->bytes().data() + i * sizeof(value), sizeof(value));
    EXPECT_GE(value, -2);
    EXPECT_LT(value, 2);
    values.insert(value);
  }
  EXPECT_EQ(values.size(), 15u);
  const Result<Tensor> again = MakeInput(declared);
  ASSERT_TRUE(again);
  EXPECT_EQ(std::memcmp(tensor->bytes().data(), again->bytes().data(), 60), 0);
}

TEST(MakeInput, RefusesOtherTypes) {
  EXPECT_FALSE(MakeInput(Declared(DType::kInt64, true, {})));
  EXPECT_FALSE(MakeInput(Declared(DType::kFloat, false, {})));
}

TEST(IdentityModel, IsAModelOfOneTensor) {
  const std::vector<std::byte> bytes = IdentityModel(Shape{1, 300});
  EXPECT_TRUE(nn::ScanModel(bytes, Limits(), nullptr).has_value());
  const auto graph = runtimes::MakeBuiltinRuntime()->Load(bytes, {});
  ASSERT_TRUE(graph) << graph.error().message();
  ASSERT_EQ((*graph)->inputs().size(), 1u);
  EXPECT_EQ(ValueInfoToString((*graph)->inputs()[0]), "float[1, 300]");
  ASSERT_EQ((*graph)->outputs().size(), 1u);
  EXPECT_EQ((*graph)->outputs()[0].name, "1");
}

class ReadCasesTest : public testing::Test {
 protected:
  ReadCasesTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ReadCasesTest() override { std::filesystem::remove_all(folder_); }

  // A float tensor of one element.
  void WriteTensor(const std::string& name, float value) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::string text("\x08\x01\x10\x01\x4a\x04", 6);  // dims 1, data_type float, raw_data
    text.append(reinterpret_cast<const char*>(&value), sizeof(value));
    std::ofstream(path, std::ios::binary) << text;
  }

  const std::filesystem::path folder_;
};

TEST_F(ReadCasesTest, CompleteFoldersInOrder) {
  WriteTensor("test_data_set_1/input_0.pb", 3);
  WriteTensor("test_data_set_1/output_0.pb", 4);
  WriteTensor("test_data_set_0/input_0.pb", 1);
  WriteTensor("test_data_set_0/output_0.pb", 2);
  WriteTensor("test_data_set_2/output_0.pb", 5);
  const auto cases = ReadCases(folder_);
  ASSERT_TRUE(cases) << cases.error().message();
  ASSERT_EQ(cases->size(), 2u);
  EXPECT_EQ((*cases)[0].name, "test_data_set_0");
  float value;
  std::memcpy(&value, (*cases)[1].output->bytes().data(), sizeof(value));
  EXPECT_EQ(value, 4);
}

TEST_F(ReadCasesTest, SaysWhichFileIsBad) {
  WriteTensor("test_data_set_0/input_0.pb", 1);
  std::ofstream(folder_ / "test_data_set_0/output_0.pb") << "\x4a\x7f";
  const auto cases = ReadCases(folder_);
  ASSERT_FALSE(cases);
  EXPECT_NE(cases.error().message().find("output_0.pb"), std::string::npos)
      << cases.error().message();
}

TEST_F(ReadCasesTest, MissingFolder) {
  const auto cases = ReadCases(folder_ / "nothing");
  ASSERT_FALSE(cases);
  EXPECT_EQ(cases.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace wnn::bench
