#include "tests/abi/wit_fixture.h"

#include <cstring>

#include "tests/support/model_bytes.h"

namespace wnn::testing {
void WitTest::SetUp() {
  options_.runtime = RuntimeNamed(std::get<0>(GetParam()));
  if (options_.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  Restart();
}

void WitTest::Restart() {
  guest_.reset();
  nn_.reset();
  session_.reset();
  environment_ = std::make_shared<nn::Environment>(options_);
  session_ = std::make_unique<nn::Session>(environment_, session_options_);
  nn_ = std::make_unique<abi::WitGuest>(*session_);
  guest_ = std::make_unique<WitTestGuest>(*nn_, version());
}

uint32_t WitTest::LoadOrFail(const std::string& model) {
  const Outcome graph = guest().Load(AsBytes(model));
  EXPECT_TRUE(graph.ok) << graph.message;
  return graph.value;
}

uint32_t WitTest::ContextOn(const std::string& model) {
  const Outcome context = guest().Init(LoadOrFail(model));
  EXPECT_TRUE(context.ok) << context.message;
  return context.value;
}

WitTest::Outcome WitTest::Infer(uint32_t context, const Named& inputs,
                                const std::vector<std::string>& wanted, Named* outputs) {
  if (version() == WitVersion::k20241028) return guest().Run(context, inputs, outputs);
  outputs->clear();
  for (const auto& [name, tensor] : inputs) {
    const Outcome set = guest().SetInput(context, name, tensor);
    if (!set.ok) return set;
  }
  const Outcome computed = guest().Compute(context);
  if (!computed.ok) return computed;
  for (const std::string& name : wanted) {
    const Outcome output = guest().GetOutput(context, name);
    if (!output.ok) return output;
    outputs->emplace_back(name, output.value);
  }
  return computed;
}

WitTest::Outcome WitTest::InferOne(uint32_t context, uint32_t tensor, uint32_t* output,
                                   const std::string& input) {
  Named outputs;
  const Outcome outcome = Infer(context, {{input, tensor}}, {"y"}, &outputs);
  if (!outcome.ok) return outcome;
  EXPECT_EQ(outputs.size(), 1u);
  if (output != nullptr && !outputs.empty()) *output = outputs[0].second;
  return outcome;
}

uint32_t WitTest::Floats(const std::vector<float>& values) {
  return guest().NewTensor({static_cast<uint32_t>(values.size())}, kWitF32,
                           std::as_bytes(std::span(values)));
}

std::vector<float> WitTest::ReadFloats(uint32_t tensor) {
  const auto bytes = guest().Data(tensor);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

void WitTest::ExpectIdentity(DType dtype, uint32_t type, const std::vector<int64_t>& declared,
                             const std::vector<uint32_t>& dims) {
  SCOPED_TRACE(DTypeName(dtype));
  const uint32_t context = ContextOn(IdentityModel(dtype, declared));
  uint64_t n_elements = 1;
  for (uint32_t dim : dims) n_elements *= dim;
  std::vector<std::byte> data(*DenseBytes(dtype, static_cast<int64_t>(n_elements)));
  // 0 and 1, which every type can hold.
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i % 2);
  uint32_t output = 0;
  const Outcome outcome = InferOne(context, guest().NewTensor(dims, type, data), &output);
  ASSERT_TRUE(outcome.ok) << outcome.message;
  EXPECT_EQ(guest().Type(output), type);
  EXPECT_EQ(guest().Dimensions(output), dims);
  EXPECT_EQ(guest().Data(output), data);
}

void WitTest::ExpectError(const Outcome& outcome, abi::WitErrorCode code, std::string_view words) {
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.value, static_cast<uint32_t>(code)) << outcome.message;
  EXPECT_NE(outcome.message.find(words), std::string::npos) << outcome.message;
}

std::string WitTestName(const ::testing::TestParamInfo<WitTest::ParamType>& test) {
  std::string name = std::get<0>(test.param) + "_" + WitDate(std::get<1>(test.param));
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

}  // namespace wnn::testing
