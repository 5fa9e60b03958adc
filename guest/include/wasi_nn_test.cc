// The binding against a host made of plain functions: what it asks of the host, and what it makes
// of the answers.
#define WASI_NN_RELEASE_HANDLES
#include "wasi_nn.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <string>

namespace {

// What the host was asked, and what it answers.
struct FakeHost {
  wasi_nn_errno answer = WASI_NN_ERRNO_SUCCESS;
  std::vector<std::byte> output;
  bool tells_size = true;

  std::string model;
  std::string name;
  wasi_nn_graph_encoding encoding = 0;
  wasi_nn_execution_target target = 0;
  std::uint32_t index = 0;
  std::vector<std::uint32_t> dims;
  wasi_nn_tensor_type type = 0;
  const void* data = nullptr;
  std::uint32_t size_bytes = 0;
  int n_calls = 0;
  std::vector<std::string> released;
};

FakeHost host;

template <typename T>
void SetOutput(const std::vector<T>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  host.output.assign(bytes.begin(), bytes.end());
}

constexpr wasi_nn_graph kGraph = 7;
constexpr wasi_nn_graph_execution_context kContext = 9;

}  // namespace

extern "C" {

wasi_nn_errno wasi_nn_load(const wasi_nn_graph_builder* builders, uint32_t n_builders,
                           wasi_nn_graph_encoding encoding, wasi_nn_execution_target target,
                           wasi_nn_graph* graph) {
  EXPECT_EQ(n_builders, 1u);
  host.model.assign(reinterpret_cast<const char*>(builders->data), builders->size_bytes);
  host.encoding = encoding;
  host.target = target;
  *graph = kGraph;
  return host.answer;
}

wasi_nn_errno wasi_nn_load_by_name(const char* name, uint32_t name_size_bytes,
                                   wasi_nn_graph* graph) {
  host.name.assign(name, name_size_bytes);
  *graph = kGraph;
  return host.answer;
}

wasi_nn_errno wasi_nn_init_execution_context(wasi_nn_graph graph,
                                             wasi_nn_graph_execution_context* context) {
  EXPECT_EQ(graph, kGraph);
  *context = kContext;
  return host.answer;
}

wasi_nn_errno wasi_nn_set_input(wasi_nn_graph_execution_context context, uint32_t index,
                                const wasi_nn_tensor* tensor) {
  EXPECT_EQ(context, kContext);
  ++host.n_calls;
  host.index = index;
  host.dims.assign(tensor->dimensions, tensor->dimensions + tensor->n_dimensions);
  host.type = tensor->type;
  host.data = tensor->data;
  host.size_bytes = tensor->size_bytes;
  return host.answer;
}

wasi_nn_errno wasi_nn_compute(wasi_nn_graph_execution_context context) {
  EXPECT_EQ(context, kContext);
  return host.answer;
}

wasi_nn_errno wasi_nn_get_output(wasi_nn_graph_execution_context context, uint32_t index,
                                 uint8_t* buffer, uint32_t buffer_size_bytes,
                                 uint32_t* size_bytes) {
  EXPECT_EQ(context, kContext);
  ++host.n_calls;
  host.index = index;
  if (host.answer != WASI_NN_ERRNO_SUCCESS) return host.answer;
  if (host.tells_size) *size_bytes = static_cast<uint32_t>(host.output.size());
  if (host.output.size() > buffer_size_bytes) return WASI_NN_ERRNO_TOO_LARGE;
  if (!host.output.empty()) std::memcpy(buffer, host.output.data(), host.output.size());
  *size_bytes = static_cast<uint32_t>(host.output.size());
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_unload(wasi_nn_graph graph) {
  host.released.push_back("graph " + std::to_string(graph));
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_finalize_execution_context(wasi_nn_graph_execution_context context) {
  host.released.push_back("context " + std::to_string(context));
  return WASI_NN_ERRNO_SUCCESS;
}

}  // extern "C"

namespace other {
struct Float8 {
  std::uint8_t bits;
};
}  // namespace other

template <>
inline constexpr wasi_nn::ElementType wasi_nn::kElementType<other::Float8> =
    wasi_nn::ElementTypeOfOnnx(17);

namespace wasi_nn {
namespace {

static_assert(kTensorType<float> == TensorType::kF32);
static_assert(kTensorType<double> == TensorType::kF64);
static_assert(kTensorType<Float16> == TensorType::kF16);
static_assert(kTensorType<unsigned char> == TensorType::kU8);
static_assert(kTensorType<std::byte> == TensorType::kU8);
static_assert(kTensorType<std::int32_t> == TensorType::kI32);
static_assert(kTensorType<std::int64_t> == TensorType::kI64);
static_assert(kTensorType<long long> == TensorType::kI64);
// The ABI has no number for these, which cross as bytes.
static_assert(kTensorType<bool> == TensorType::kU8 &&
              kTensorType<std::uint64_t> == TensorType::kU8);
static_assert(kTensorType<BFloat16> == TensorType::kU8);
// No tensor has such elements: one of them does not compile.
static_assert(!Element<char> && !Element<char16_t> && !Element<void*> && !Element<std::string>);
static_assert(!ElementRange<std::vector<bool>> && !ElementRange<float>);
static_assert(std::is_nothrow_move_constructible_v<Graph> && !std::is_copy_constructible_v<Graph>);

class BindingTest : public testing::Test {
 protected:
  BindingTest() { host = FakeHost(); }

  static Graph MakeGraph() { return std::move(*Graph::Load(std::string("model"))); }
  static Context MakeContext() { return std::move(*MakeGraph().CreateContext()); }
};

void ExpectMentions(const Error& error, std::string_view text) {
  EXPECT_NE(error.message.find(text), std::string::npos) << error.message;
}

TEST_F(BindingTest, LoadsBytesAsOnnxForTheCpu) {
  const auto graph = Graph::Load(std::string("model"));
  ASSERT_TRUE(graph.has_value());
  EXPECT_EQ(graph->handle(), kGraph);
  EXPECT_EQ(host.model, "model");
  EXPECT_EQ(host.encoding, 1u);
  EXPECT_EQ(host.target, 0u);
}

TEST_F(BindingTest, PassesEncodingAndTargetOn) {
  ASSERT_TRUE(Graph::Load(std::vector<std::uint8_t>{1}, Encoding::kAutodetect, Target::kTpu));
  EXPECT_EQ(host.encoding, 5u);
  EXPECT_EQ(host.target, 2u);
}

TEST_F(BindingTest, LoadsByName) {
  ASSERT_TRUE(Graph::LoadByName(std::string_view("mobilenet-v2").substr(0, 9)));
  EXPECT_EQ(host.name, "mobilenet");
}

TEST_F(BindingTest, SaysWhyLoadingFailed) {
  host.answer = WASI_NN_ERRNO_INVALID_ENCODING;
  const auto graph = Graph::Load(std::string("abc"));
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(graph.error().code, Errno::kInvalidEncoding);
  EXPECT_EQ(graph.error().message,
            "load (3 bytes): invalid_encoding (2): the bytes are not a model of that encoding");

  host.answer = WASI_NN_ERRNO_NOT_FOUND;
  const auto named = Graph::LoadByName("absent");
  ASSERT_FALSE(named.has_value());
  ExpectMentions(named.error(), "load_by_name 'absent': not_found (8)");
}

TEST_F(BindingTest, KeepsNumbersThatItDoesNotKnow) {
  host.answer = 103;
  const auto graph = Graph::LoadByName("x");
  ASSERT_FALSE(graph.has_value());
  EXPECT_EQ(static_cast<std::uint32_t>(graph.error().code), 103u);
  ExpectMentions(graph.error(), "unknown error (103)");
}

TEST_F(BindingTest, SetsATensorWithoutCopyingIt) {
  const Context context = MakeContext();
  const std::vector<float> values(6);
  ASSERT_TRUE(context.SetInput(3, {1, 2, 3}, values));
  EXPECT_EQ(host.index, 3u);
  EXPECT_EQ(host.dims, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(host.type, 1u);
  EXPECT_EQ(host.data, values.data());
  EXPECT_EQ(host.size_bytes, 24u);
}

TEST_F(BindingTest, TakesAnyContainerAndAnyKindOfDimensions) {
  const Context context = MakeContext();
  const std::int64_t numbers[] = {1, 2};
  EXPECT_TRUE(context.SetInput(0, std::array<std::uint32_t, 1>{2}, numbers));
  EXPECT_EQ(host.type, 5u);
  EXPECT_TRUE(context.SetInput(0, std::vector<std::uint32_t>{2, 1}, std::span(numbers)));
  EXPECT_EQ(host.dims, (std::vector<std::uint32_t>{2, 1}));
  EXPECT_TRUE(context.SetInput(0, {3}, std::array<unsigned char, 3>{}));
  EXPECT_EQ(host.size_bytes, 3u);
}

TEST_F(BindingTest, KnowsScalarsAndEmptyTensors) {
  const Context context = MakeContext();
  EXPECT_TRUE(context.SetInput(0, {}, std::array<double, 1>{1}));
  EXPECT_TRUE(host.dims.empty());
  EXPECT_TRUE(context.SetInput(0, {4, 0}, std::vector<float>()));
  EXPECT_EQ(host.size_bytes, 0u);
}

TEST_F(BindingTest, ChecksDimensionsBeforeItAsksTheHost) {
  const Context context = MakeContext();
  const auto set = context.SetInput(2, {1, 4}, std::vector<float>(3));
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, Errno::kInvalidArgument);
  EXPECT_EQ(set.error().message,
            "set_input 2 (f32[1,4]): invalid_argument (1): the data has 3 elements");
  constexpr std::uint32_t kBig = 0x10000;
  EXPECT_FALSE(context.SetInput(0, {kBig, kBig, kBig, kBig}, std::vector<float>()));
  EXPECT_EQ(host.n_calls, 0);
}

// A C++ type, ONNX's number for it and its name in messages.
template <typename T, std::uint32_t kOnnx, typename Name>
struct Case {};
#define WNN_NAME(text) decltype([] { return std::string_view(text); })

template <typename C>
class ElementTypeTest : public BindingTest {};
using ElementCases =
    testing::Types<Case<bool, 9, WNN_NAME("bool")>, Case<std::int8_t, 3, WNN_NAME("i8")>,
                   Case<std::uint8_t, 2, WNN_NAME("u8")>, Case<std::int16_t, 5, WNN_NAME("i16")>,
                   Case<std::uint16_t, 4, WNN_NAME("u16")>, Case<std::int32_t, 6, WNN_NAME("i32")>,
                   Case<std::uint32_t, 12, WNN_NAME("u32")>, Case<std::int64_t, 7, WNN_NAME("i64")>,
                   Case<std::uint64_t, 13, WNN_NAME("u64")>,
                   Case<unsigned long long, 13, WNN_NAME("u64")>,
                   Case<Float16, 10, WNN_NAME("f16")>, Case<BFloat16, 16, WNN_NAME("bf16")>,
                   Case<float, 1, WNN_NAME("f32")>, Case<double, 11, WNN_NAME("f64")>>;
TYPED_TEST_SUITE(ElementTypeTest, ElementCases);

template <typename T, std::uint32_t kOnnx, typename Name>
void ExpectCrosses(Case<T, kOnnx, Name>, const Context& context) {
  static_assert(kElementType<T>.onnx == kOnnx && kElementType<T>.name == Name{}());
  Elements<T> values(6);
  values[1] = std::bit_cast<T>(std::array<unsigned char, sizeof(T)>{1});
  ASSERT_TRUE(context.SetInput(0, {2, 3}, values));
  EXPECT_EQ(host.data, values.data());
  EXPECT_EQ(host.dims, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(host.size_bytes, 6 * sizeof(T));
  EXPECT_EQ(host.type, static_cast<std::uint32_t>(kTensorType<T>));
  ExpectMentions(context.SetInput(0, {1, 7}, values).error(),
                 "set_input 0 (" + std::string(Name{}()) + "[1,7])");

  const auto bytes = std::as_bytes(std::span(values));
  host.output.assign(bytes.begin(), bytes.end());
  const auto output = context.Get(Output<T, kAny, 3>{0});
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_EQ(output->dims, (std::array<std::uint32_t, 2>{2, 3}));
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(output->data)), bytes));
}

TYPED_TEST(ElementTypeTest, Crosses) { ExpectCrosses(TypeParam(), this->MakeContext()); }

TEST_F(BindingTest, RefusesBytesThatAreNoBools) {
  const Context context = MakeContext();
  SetOutput<unsigned char>({1, 0, 2});
  ExpectMentions(context.GetOutput<bool>(0).error(), "its 3 bytes are no bools");
  std::array<bool, 3> flags = {};
  EXPECT_FALSE(context.GetOutputInto(0, std::span<bool>(flags)));
  EXPECT_EQ(flags, (std::array<bool, 3>{}));
}

TEST_F(BindingTest, KeepsBoolsInOnePiece) {
  Bools bools = {true, false};
  const Bools copy = bools;
  bools.resize(4);
  EXPECT_TRUE(std::ranges::equal(bools, std::array{true, false, false, false}));
  bools.resize(1);
  EXPECT_EQ(bools.size(), 1u);
  bools = copy;
  EXPECT_TRUE(std::ranges::equal(bools, std::array{true, false}));
  EXPECT_EQ(Bools().data(), nullptr);
}

TEST_F(BindingTest, TakesElementsThatOthersDefine) {
  const Context context = MakeContext();
  ASSERT_TRUE(context.SetInput(0, {2}, std::vector<other::Float8>(2)));
  EXPECT_EQ(host.type, WASI_NN_TENSOR_TYPE_U8 + 0u);
  EXPECT_EQ(host.size_bytes, 2u);
  ExpectMentions(context.SetInput(0, {3}, std::vector<other::Float8>(2)).error(), "f8e4m3fn[3]");
}

TEST_F(BindingTest, PassesPackedElementsAsTheyAre) {
  const Context context = MakeContext();
  const std::array<std::byte, 2> three_nibbles = {};
  ASSERT_TRUE(context.SetInputPacked(0, {3}, three_nibbles));
  EXPECT_EQ(host.dims, (std::vector<std::uint32_t>{3}));
  EXPECT_EQ(host.size_bytes, 2u);
  EXPECT_EQ(host.type, WASI_NN_TENSOR_TYPE_U8 + 0u);
}

TEST_F(BindingTest, SaysWhyTheHostRefusedATensor) {
  const Context context = MakeContext();
  host.answer = WASI_NN_ERRNO_INVALID_ARGUMENT;
  const auto set = context.SetInput(0, {1}, std::vector<int>(1));
  ASSERT_FALSE(set.has_value());
  ExpectMentions(set.error(), "set_input 0 (i32[1])");
  ExpectMentions(set.error(), "another type or shape");
}

TEST_F(BindingTest, SaysWhyComputingFailed) {
  const Context context = MakeContext();
  EXPECT_TRUE(context.Compute());
  host.answer = WASI_NN_ERRNO_INVALID_ARGUMENT;
  ExpectMentions(context.Compute().error(), "compute: invalid_argument (1): an input is not set");
}

TEST_F(BindingTest, ReadsAnOutputOfUnknownSize) {
  const Context context = MakeContext();
  SetOutput<float>({1, 2, 3});
  const auto output = context.GetOutput<float>(1);
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_EQ(*output, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(host.index, 1u);
  EXPECT_EQ(host.n_calls, 2);
}

TEST_F(BindingTest, ReadsAnOutputOfTheExpectedSizeWithOneCall) {
  const Context context = MakeContext();
  SetOutput<std::int64_t>({4, 5});
  for (const std::size_t expected_size : {2, 3}) {
    host.n_calls = 0;
    const auto output = context.GetOutput<std::int64_t>(0, expected_size);
    ASSERT_TRUE(output.has_value()) << output.error().message;
    EXPECT_EQ(*output, (std::vector<std::int64_t>{4, 5}));
    EXPECT_EQ(host.n_calls, 1);
  }
}

TEST_F(BindingTest, ReadsAnEmptyOutput) {
  const Context context = MakeContext();
  const auto output = context.GetOutput<float>(0);
  ASSERT_TRUE(output.has_value()) << output.error().message;
  EXPECT_TRUE(output->empty());
}

TEST_F(BindingTest, ReadsIntoACallersBuffer) {
  const Context context = MakeContext();
  SetOutput<float>({1, 2});
  std::array<float, 3> buffer = {9, 9, 9};
  const auto count = context.GetOutputInto(0, std::span<float>(buffer));
  ASSERT_TRUE(count.has_value()) << count.error().message;
  EXPECT_EQ(*count, 2u);
  EXPECT_EQ(buffer, (std::array<float, 3>{1, 2, 9}));
}

TEST_F(BindingTest, SaysHowLargeABufferMustBe) {
  const Context context = MakeContext();
  SetOutput<float>({1, 2});
  std::array<float, 1> buffer;
  const auto count = context.GetOutputInto(0, std::span<float>(buffer));
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().message,
            "get_output 0: too_large (7): the buffer has 4 bytes, needed are 8");
}

TEST_F(BindingTest, FailsWhereTheHostDoesNotTellTheSize) {
  const Context context = MakeContext();
  SetOutput<float>({1, 2});
  host.tells_size = false;
  const auto output = context.GetOutput<float>(0);
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code, Errno::kTooLarge);
  EXPECT_TRUE(context.GetOutput<float>(0, 2).has_value());
}

TEST_F(BindingTest, RefusesAnOutputThatIsNoWholeElements) {
  const Context context = MakeContext();
  SetOutput<unsigned char>({1, 2, 3, 4, 5});
  const auto output = context.GetOutput<float>(0);
  ASSERT_FALSE(output.has_value());
  ExpectMentions(output.error(), "its 5 bytes are not whole elements of f32");
}

TEST_F(BindingTest, SaysThatAnOutputIsAbsentOrNotYetThere) {
  const Context context = MakeContext();
  host.answer = WASI_NN_ERRNO_INVALID_ARGUMENT;
  ExpectMentions(context.GetOutput<float>(4).error(), "get_output 4");
  host.answer = WASI_NN_ERRNO_RUNTIME_ERROR;
  ExpectMentions(context.GetOutput<float>(0).error(), "compute has not succeeded");
}

TEST_F(BindingTest, ReleasesEachHandleOnce) {
  {
    Graph graph = MakeGraph();
    Context context = std::move(*graph.CreateContext());
    Graph moved = std::move(graph);
    host.released.clear();
  }
  EXPECT_EQ(host.released, (std::vector<std::string>{"graph 7", "context 9"}));
}

}  // namespace
}  // namespace wasi_nn
