// A compute past its deadline stops, whatever operator it is in, and its context works on. How late
// it is depends on the machine's load, so that no time is expected here, but printed:
// deadline_test --gtest_filter='*OfEveryKind*' has a table.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "host/nn/background_discarder.h"
#include "host/nn/environment.h"
#include "tests/security/late.h"
#include "tests/security/works.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

// Inputs of zeros as large as a tensor may be, which take no memory.
class Zeros {
 public:
  static std::span<const std::byte> Get(size_t n) {
    static const Zeros zeros;
    EXPECT_LE(n, kBytes);
    return {static_cast<const std::byte*>(zeros.data_), n};
  }

 private:
  static constexpr size_t kBytes = size_t{2} << 30;
  Zeros()
      : data_(
            mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  void* data_;
};

std::vector<Work> MatrixWorks() {
  const auto square = [](DType dtype, int64_t n) { return Input{dtype, {n, n}, {4, 4}}; };
  const Input f = square(DType::kFloat, 8192);
  const Input bytes = square(DType::kUint8, 8192);
  const std::string scales = Initializer<float>("s", DType::kFloat, {}, {0.5f}) +
                             Initializer<uint8_t>("z", DType::kUint8, {}, {1});
  std::vector<Work> works = {
      Op("MatMul", {f, f}),
      Op("MatMul", {square(DType::kDouble, 8192), square(DType::kDouble, 8192)}, "", DType::kDouble,
         20, "double"),
      Op("MatMul", {square(DType::kInt32, 8192), square(DType::kInt32, 8192)}, "", DType::kInt32,
         20, "int32"),
      Op("MatMul", {square(DType::kFloat16, 8192), square(DType::kFloat16, 8192)}, "",
         DType::kFloat16, 20, "float16"),
      Op("MatMul", {Floats({1, 20'000'000}, {1, 4}), Floats({20'000'000, 8}, {4, 8})}, "",
         DType::kFloat, 20, "one row"),
      Op("MatMul", {Floats({1, 20'000'000}, {1, 4}), Floats({20'000'000, 1}, {4, 1})}, "",
         DType::kFloat, 20, "one number"),
      Op("Gemm", {f, f}, IntAttribute("transB", 1)),
      Op("MatMulInteger", {bytes, bytes}, "", DType::kInt32),
      Of("QLinearMatMul",
         scales + Node("QLinearMatMul", {"x0", "s", "z", "x1", "s", "z", "s", "z"}, {"y"}),
         {bytes, bytes}, DType::kUint8),
      Op("Einsum", {f, f}, StringAttribute("equation", "ij,jk->ik")),
      Op("Einsum", {Floats({128, 128, 512}, {4, 4, 4}), Floats({512, 128, 128}, {4, 4, 4})},
         StringAttribute("equation", "abc,cde->abde"), DType::kFloat, 20, "of rank 4"),
      Op("Det", {square(DType::kFloat, 8192)}),
      Op("Attention",
         {Floats({1, 1, 32'768, 64}, {1, 1, 4, 64}), Floats({1, 1, 32'768, 64}, {1, 1, 4, 64}),
          Floats({1, 1, 32'768, 64}, {1, 1, 4, 64})},
         "", DType::kFloat, 23),
  };
  for (const auto& [op, gates] : {std::pair("LSTM", 4), std::pair("GRU", 3), std::pair("RNN", 1)}) {
    constexpr int64_t kHidden = 512;
    const std::string weights =
        Int64s("shape", {1, gates * kHidden, kHidden}) + Node("ConstantOfShape", {"shape"}, {"w"});
    works.push_back(
        Of(op, weights + Node(op, {"x0", "w", "w"}, {"y"}, IntAttribute("hidden_size", kHidden)),
           {Floats({1, 100'000, kHidden}, {1, 1, kHidden})}));
  }
  return works;
}

std::vector<Work> WindowWorks() {
  const Input plane = Floats({1, 1, 4096, 4096}, {1, 1, 1024, 1024});
  const std::string window = IntsAttribute("kernel_shape", {1024, 1024});
  const std::string scales = Initializer<float>("s", DType::kFloat, {}, {0.5f}) +
                             Initializer<uint8_t>("z", DType::kUint8, {}, {1});
  const Input wide = Floats({1, 512, 256, 256}, {1, 512, 4, 4});
  const Input wide_bytes = ByteInput({1, 512, 256, 256}, {1, 512, 4, 4});
  const auto weights = [](const std::vector<int64_t>& shape) {
    return Int64s("shape", shape) + Node("ConstantOfShape", {"shape"}, {"w"});
  };
  return {
      Of("Conv, 3x3", weights({512, 512, 3, 3}) + Node("Conv", {"x0", "w"}, {"y"}), {wide}),
      Of("Conv, 1x1", weights({2048, 512, 1, 1}) + Node("Conv", {"x0", "w"}, {"y"}), {wide}),
      Of("Conv, 7x7, stride 2",
         weights({512, 512, 7, 7}) +
             Node("Conv", {"x0", "w"}, {"y"},
                  IntsAttribute("strides", {2, 2}) + IntsAttribute("pads", {3, 3, 3, 3})),
         {wide}),
      Op("Conv", {wide, Floats({512, 512, 3, 3}, {2, 512, 3, 3})}, "", DType::kFloat, 20,
         "weights computed"),
      Op("Conv",
         {{DType::kDouble, {1, 512, 256, 256}, {1, 512, 4, 4}},
          {DType::kDouble, {512, 512, 3, 3}, {2, 512, 3, 3}}},
         "", DType::kDouble, 20, "double"),
      Of("Conv, one channel, 1024x1024",
         weights({1, 1, 1024, 1024}) + Node("Conv", {"x0", "w"}, {"y"}), {plane}),
      Of("Conv, depthwise, 512x512",
         weights({16, 1, 512, 512}) + Node("Conv", {"x0", "w"}, {"y"}, IntAttribute("group", 16)),
         {Floats({1, 16, 4096, 4096}, {1, 16, 513, 513})}),
      Of("Conv, 1-D", weights({64, 64, 255}) + Node("Conv", {"x0", "w"}, {"y"}),
         {Floats({1, 64, 4'000'000}, {1, 64, 256})}),
      Of("Conv, 3-D", weights({128, 128, 3, 3, 3}) + Node("Conv", {"x0", "w"}, {"y"}),
         {Floats({1, 128, 128, 128, 128}, {1, 128, 3, 3, 3})}),
      Of("ConvTranspose",
         weights({512, 64, 4, 4}) +
             Node("ConvTranspose", {"x0", "w"}, {"y"}, IntsAttribute("strides", {2, 2})),
         {wide}),
      Op("ConvInteger", {wide_bytes, ByteInput({512, 512, 3, 3}, {2, 512, 3, 3})}, "",
         DType::kInt32),
      Of("QLinearConv",
         scales + Int64s("shape", {512, 512, 3, 3}) +
             Node("ConstantOfShape", {"shape"}, {"w"},
                  TensorAttribute("value",
                                  Number(1, 1) + Number(2, 2) + Bytes(9, std::string(1, '\1')))) +
             Node("QLinearConv", {"x0", "s", "z", "w", "s", "z", "s", "z"}, {"y"}),
         {wide_bytes}, DType::kUint8),
      Op("MaxPool", {plane}, window),
      Op("MaxPool", {ByteInput({1, 1, 8192, 1024}, {1, 1, 1024, 1024})}, window, DType::kUint8, 20,
         "uint8"),
      Op("AveragePool", {plane}, window),
      Op("LpPool", {plane}, window),
      Op("MaxPool", {Floats({1, 16, 4096, 4096}, {1, 16, 255, 255})},
         IntsAttribute("kernel_shape", {255, 255}), DType::kFloat, 20, "16 channels"),
      Op("AveragePool", {Floats({1, 16, 4096, 4096}, {1, 16, 255, 255})},
         IntsAttribute("kernel_shape", {255, 255}), DType::kFloat, 20, "16 channels"),
      Op("GlobalAveragePool", {Floats({1, 1, 20'000, 25'000}, {1, 1, 2, 2})}),
      Op("GlobalMaxPool", {Floats({1, 1, 20'000, 25'000}, {1, 1, 2, 2})}),
      Op("GlobalLpPool", {Floats({1, 1, 20'000, 25'000}, {1, 1, 2, 2})}),
      Op("DeformConv",
         {Floats({1, 64, 256, 256}, {1, 64, 3, 3}), Floats({64, 64, 3, 3}, {2, 64, 3, 3}),
          Floats({1, 18, 254, 254}, {1, 18, 1, 1})}),
      OpWith("Col2Im", Floats({12, 9, 4'194'304}, {0, 9, 4'194'304}), {"image", "block"},
             Int64s("image", {2050, 2050}) + Int64s("block", {3, 3})),
      Op("LRN", {Floats({1, 4096, 256, 256}, {1, 4096, 1, 1})}, IntAttribute("size", 4095)),
  };
}

std::vector<Work> RowWorks() {
  const Input x = Floats({kFloats}, {8});
  const Input row = Floats({1, kFloats}, {1, 8});
  const Input half = Floats({kHalf}, {8});
  const std::string axes = Int64s("axes", {0});
  const std::string axis = Int64Scalar("axis", 0);
  return {
      Op("Relu", {x}),
      Op("Erf", {x}),
      Op("Add", {half, half}),
      Op("Pow", {half, half}),
      Op("Cast", {x}, IntAttribute("to", 10), DType::kFloat16),
      Op("IsNaN", {x}, "", DType::kBool),
      Op("Where", {{DType::kBool, {kHalf}, {8}}, half, half}),
      Op("Softmax", {row}),
      Op("LogSoftmax", {row}),
      Op("Hardmax", {row}),
      Op("LayerNormalization", {Floats({1, kHalf}, {1, 8}), half}),
      Op("MeanVarianceNormalization", {Floats({1, 1, 1, kFloats}, {1, 1, 1, 8})}),
      Op("LpNormalization", {row}),
      Op("InstanceNormalization",
         {Floats({1, 1, kFloats}, {1, 1, 8}), Floats({1}, {1}), Floats({1}, {1})}),
      Op("BatchNormalization", {Floats({1, 1, kFloats}, {1, 1, 8}), Floats({1}, {1}),
                                Floats({1}, {1}), Floats({1}, {1}), Floats({1}, {1})}),
      OpWith("ReduceSum", x, {"axes"}, axes),
      OpWith("ReduceLogSumExp", x, {"axes"}, axes),
      OpWith("ReduceProd", Floats({1'000'000, 500}, {8, 2}), {"axes"}, axes, "", DType::kFloat, 20,
             "columns"),
      Op("ArgMax", {x}, "", DType::kInt64),
      OpWith("CumSum", x, {"axis"}, axis),
      Of("TopK, 5 of many", Int64s("k", {5}) + Node("TopK", {"x0", "k"}, {"y", "i"}),
         {Floats({100'000'000}, {8})}),
      Of("TopK, half of many",
         Node("Shape", {"x0"}, {"n"}) + Int64s("two", {2}) + Node("Div", {"n", "two"}, {"k"}) +
             Node("TopK", {"x0", "k"}, {"y", "i"}),
         {Floats({100'000'000}, {8})}),
      Op("NonZero", {Floats({200'000'000}, {8})}, "", DType::kInt64),
      Op("Unique", {Floats({100'000'000}, {8})}),
      Op("Compress", {half, {DType::kBool, {kHalf}, {8}}}),
      Op("RandomNormalLike", {x}),
      Op("Bernoulli", {x}),
      Op("QuantizeLinear", {x, Floats({}, {}), ByteInput({}, {})}, "", DType::kUint8),
      Op("DequantizeLinear", {ByteInput({kFloats}, {8}), Floats({}, {}), ByteInput({}, {})}),
      Of("DynamicQuantizeLinear", Node("DynamicQuantizeLinear", {"x0"}, {"y", "s", "z"}), {x},
         DType::kUint8),
      OpWith("DFT", Floats({500, 500'009, 1}, {0, 500'009, 1}), {"", "axis"},
             Int64Scalar("axis", 1)),
      OpWith("STFT", Floats({1, 100'000, 1}, {1, 256, 1}), {"step", "", "length"},
             Int64Scalar("step", 1) + Int64Scalar("length", 255)),
      Op("RMSNormalization", {Floats({1, kHalf}, {1, 8}), half}, "", DType::kFloat, 23),
      OpWith("GroupNormalization", Floats({1, 2, kHalf / 2}, {1, 2, 8}), {"g", "g"},
             Initializer<float>("g", DType::kFloat, {2}, {1, 1}), IntAttribute("num_groups", 1),
             DType::kFloat, 21),
      OpWith("CumProd", x, {"axis"}, axis, "", DType::kFloat, 26),
      Op("Mod", {half, half}, IntAttribute("fmod", 1)),
      Op("NegativeLogLikelihoodLoss",
         {Floats({kHalf / 10, 10}, {8, 10}), Int64Input({kHalf / 10}, {8})}),
      Op("Multinomial", {Floats({100'000, 100}, {1, 100})}, IntAttribute("sample_size", 2000),
         DType::kInt32),
      Op("SoftmaxCrossEntropyLoss",
         {Floats({kHalf / 10, 10}, {8, 10}), Int64Input({kHalf / 10}, {8})}),
  };
}

std::vector<Work> MovementWorks() {
  const Input x = Floats({kFloats}, {8});
  const Input half = Floats({kHalf}, {8});
  const Input image = Floats({1, 1, 4096, 4096}, {1, 1, 4, 4});
  const std::string count = Int64s("zero", {0}) + Int64s("one", {1});
  return {
      Op("Transpose", {Floats({20'000, 25'000}, {4, 2})}),
      OpWith("Slice", x, {"b", "e", "a", "s"},
             Int64s("b", {-1}) + Int64s("e", {INT64_MIN}) + Int64s("a", {0}) + Int64s("s", {-1})),
      Of("Expand", Node("Expand", {"x1", "n"}, {"y"}) + Node("Shape", {"x0"}, {"n"}),
         {x, Floats({1}, {1})}),
      OpWith("Tile", Floats({1, kFloats / 500}, {1, 2}), {"r"}, Int64s("r", {500, 1})),
      Op("Concat", {half, half}, IntAttribute("axis", 0)),
      Of("Split", Node("Split", {"x0"}, {"y", "z"}, IntAttribute("num_outputs", 2)), {x}),
      OpWith("Pad", Floats({kFloats - 100}, {8}), {"p"}, Int64s("p", {50, 50})),
      Op("Gather", {Floats({1000}, {8}), Int64Input({200'000'000}, {8})}),
      Op("Gather", {Floats({4, kFloats / 5}, {4, 4}), Int64Input({5}, {2})}, "", DType::kFloat, 20,
         "long rows"),
      Op("GatherElements", {Floats({200'000'000}, {8}), Int64Input({200'000'000}, {8})}),
      Op("GatherND", {Floats({1000}, {8}), Int64Input({200'000'000, 1}, {8, 1})}),
      Op("ScatterElements",
         {Floats({200'000'000}, {8}), Int64Input({200'000'000}, {8}), Floats({200'000'000}, {8})}),
      Op("ScatterND", {Floats({200'000'000}, {8}), Int64Input({200'000'000, 1}, {8, 1}),
                       Floats({200'000'000}, {8})}),
      Op("ScatterND", {x, Int64Input({1, 1}, {1, 1}), Floats({1}, {1})}, "", DType::kFloat, 20,
         "one of many"),
      OpWith("OneHot", Int64Input({50'000'000}, {8}), {"depth", "values"},
             Int64Scalar("depth", 10) + Initializer<float>("values", DType::kFloat, {2}, {0, 1})),
      Op("EyeLike", {Floats({22'000, 22'000}, {4, 4})}),
      Op("Trilu", {Floats({22'000, 22'000}, {4, 4})}),
      Op("ReverseSequence", {Floats({250'000'000, 2}, {8, 2}), Int64Input({2}, {2})}),
      Op("DepthToSpace", {Floats({1, 4, 10'000, 12'500}, {1, 4, 2, 2})},
         IntAttribute("blocksize", 2)),
      Op("Clip", {x}),
      OpWith("Resize", image, {"", "scales"},
             Initializer<float>("scales", DType::kFloat, {4}, {1, 1, 4, 4})),
      OpWith("Resize", image, {"", "scales"},
             Initializer<float>("scales", DType::kFloat, {4}, {1, 1, 4, 4}),
             StringAttribute("mode", "linear"), DType::kFloat, 20, "linear"),
      OpWith("Resize", image, {"", "scales"},
             Initializer<float>("scales", DType::kFloat, {4}, {1, 1, 4, 4}),
             StringAttribute("mode", "cubic"), DType::kFloat, 20, "cubic"),
      Op("GridSample",
         {Floats({1, 1, 64, 64}, {1, 1, 4, 4}), Floats({1, 12'000, 12'000, 2}, {1, 2, 2, 2})}),
      OpWith("CenterCropPad", Floats({20'000, 20'000}, {4, 4}), {"n"},
             Int64s("n", {22'000, 22'000})),
      Op("MaxRoiPool", {Floats({1, 16, 1024, 1024}, {1, 16, 4, 4}), Floats({100'000, 5}, {1, 5})},
         IntsAttribute("pooled_shape", {8, 8})),
      Op("RoiAlign",
         {Floats({1, 1, 64, 64}, {1, 1, 64, 64}), Floats({400'000, 4}, {1, 4}),
          Int64Input({400'000}, {1})},
         IntAttribute("output_height", 32) + IntAttribute("output_width", 32) +
             IntAttribute("sampling_ratio", 8)),
      Op("MaxUnpool",
         {Floats({1, 1, 200'000'000}, {1, 1, 4}), Int64Input({1, 1, 200'000'000}, {1, 1, 4})},
         IntsAttribute("kernel_shape", {1})),
      Of("NonMaxSuppression",
         Int64s("many", {100'000}) + Node("NonMaxSuppression", {"x0", "x1", "many"}, {"y"}),
         {Floats({1, 200'000, 4}, {1, 4, 4}), Floats({1, 50, 200'000}, {1, 1, 4})}, DType::kInt64),
      Of("Range",
         count + Node("Squeeze", {"x1"}, {"to"}) + Node("Squeeze", {"zero"}, {"from"}) +
             Node("Squeeze", {"one"}, {"by"}) + Node("Size", {"x0"}, {"to2"}) +
             Node("Range", {"from", "to2", "by"}, {"y"}),
         {ByteInput({250'000'000}, {8}), Int64Input({1}, {1})}, DType::kInt64),
      Of("ConstantOfShape", Node("Shape", {"x0"}, {"n"}) + Node("ConstantOfShape", {"n"}, {"y"}),
         {ByteInput({kFloats}, {8})}),
  };
}

// What takes its time from the number of rounds.
std::vector<Work> LoopWorks() {
  const std::string number = Bytes(2, TensorType(DType::kInt64, {}));
  const std::string yes = Bytes(2, TensorType(DType::kBool, {}));
  const std::string value = Bytes(2, TensorType(DType::kFloat, {1}));
  const std::string body = Node("Identity", {"c"}, {"c2"}) + Node("Relu", {"v"}, {"v2"}) +
                           Bytes(11, Bytes(1, "i") + number) + Bytes(11, Bytes(1, "c") + yes) +
                           Bytes(11, Bytes(1, "v") + value) + Bytes(12, Bytes(1, "c2") + yes) +
                           Bytes(12, Bytes(1, "v2") + value);
  const std::string scan_body =
      Node("Add", {"s", "e"}, {"s2"}) + Node("Relu", {"e"}, {"e2"}) +
      Bytes(11, Bytes(1, "s") + value) + Bytes(11, Bytes(1, "e") + value) +
      Bytes(12, Bytes(1, "s2") + value) + Bytes(12, Bytes(1, "e2") + value);
  const std::string one = Initializer<float>("start", DType::kFloat, {1}, {1});
  return {
      Of("Loop, without end",
         Initializer<uint8_t>("true", DType::kBool, {}, {1}) + Node("Size", {"x0"}, {"n"}) +
             Int64Scalar("many", int64_t{10'000'000'000'000}) + Int64Scalar("one", 1) +
             Node("Sub", {"n", "one"}, {"less"}) + Node("Mul", {"less", "many"}, {"trips"}) + one +
             Node("Loop", {"trips", "true", "start"}, {"y"}, GraphAttribute("body", body)),
         {ByteInput({101}, {1})}),
      Of("Scan",
         one + Node("Scan", {"start", "x0"}, {"y", "all"},
                    GraphAttribute("body", scan_body) + IntAttribute("num_scan_inputs", 1)),
         {Floats({50'000'000, 1}, {4, 1})}),
  };
}

std::vector<Work> AllWorks() {
  std::vector<Work> all;
  for (auto* works : {MatrixWorks, WindowWorks, RowWorks, MovementWorks, LoopWorks, MlWorks,
                      MicrosoftWorks, TextWorks, SequenceWorks}) {
    std::vector<Work> some = works();
    std::ranges::move(some, std::back_inserter(all));
  }
  return all;
}

Status BindZeros(runtimes::Context& context, size_t index, DType dtype, const Shape& dims) {
  size_t bytes = DTypeBits(dtype) / 8;
  for (int64_t dim : dims) bytes *= static_cast<size_t>(dim);
  return context.BindInput(index, {dtype, dims, Zeros::Get(bytes)});
}

Status BindAll(runtimes::Context& context, const Work& work, Shape Input::* dims) {
  for (size_t i = 0; i < work.inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(BindZeros(context, i, work.inputs[i].dtype, work.inputs[i].*dims));
  }
  return OkStatus();
}

// Stops computes of `work` some time after they began, and sees whether their context still works.
Result<Late> Stop(const std::shared_ptr<const runtimes::Runtime>& runtime, const Work& work) {
  nn::EnvironmentOptions options;
  options.runtime = runtime;
  const nn::Environment environment(options);
  WNN_ASSIGN_OR_RETURN(const auto graph, environment.Load(AsBytes(work.model), nn::Encoding::kOnnx,
                                                          runtimes::Target::kCpu));
  // As a guest's session has it.
  const auto budget = std::make_shared<MemoryBudget>(options.limits.max_memory_bytes,
                                                     std::make_shared<nn::BackgroundDiscarder>());
  WNN_ASSIGN_OR_RETURN(const auto context, graph->NewContext(budget));
  WNN_RETURN_IF_ERROR(BindAll(*context, work, &Input::big));
  Status status;
  const Late late = Sweep([&](Clock::time_point deadline) {
    status = context->Compute({.deadline = deadline});
    return !status.ok() && status.code() == Code::kTimeout;
  });
  if (!status.ok() && status.code() != Code::kTimeout) return status;
  if (late.stopped == 0) return RuntimeError("it ended before its deadline");
  WNN_RETURN_IF_ERROR(BindAll(*context, work, &Input::small));
  WNN_RETURN_IF_ERROR(context->Compute({}).WithContext("afterwards"));
  return late;
}

TEST(DeadlineTest, BuiltinStopsInOperatorsOfEveryKind) {
  const auto runtime = RuntimeNamed("builtin");
  if (runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  const char* only = std::getenv("WNN_WORK");
  for (const Work& work : AllWorks()) {
    if (only != nullptr && work.name.find(only) == std::string::npos) continue;
    const auto late = Stop(runtime, work);
    if (late) {
      Print(*late, work.name);
    } else {
      ADD_FAILURE() << work.name << ": " << late.error().message();
    }
  }
}

}  // namespace
}  // namespace wnn::testing
