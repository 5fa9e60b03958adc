// A compute past its deadline stops, whatever operator it is in, and its context works on. How late
// it is depends on the machine's load, so that no time is expected here, but printed:
// deadline_test --gtest_filter='*OfEveryKind*' has a table.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "host/nn/environment.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

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

struct Input {
  DType dtype = DType::kFloat;
  Shape big;    // takes long
  Shape small;  // takes no time
};

// A model whose inputs are x0, x1 and so on, and whose output is y.
struct Work {
  std::string name;
  std::string model;
  std::vector<Input> inputs;
};

std::string NameOf(size_t i) { return "x" + std::to_string(i); }

// `nodes` compute y of type `out`; every input's dimensions are symbols.
Work Of(std::string name, const std::string& nodes, std::vector<Input> inputs,
        DType out = DType::kFloat, uint64_t opset = 20) {
  std::string graph =
      nodes + Bytes(12, Bytes(1, "y") + Bytes(2, Bytes(1, Number(1, static_cast<uint64_t>(out)))));
  int64_t symbol = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::vector<int64_t> dims;
    // Dimensions that are never larger belong to the model.
    for (size_t d = 0; d < inputs[i].big.size(); ++d) {
      const bool same = inputs[i].big[d] == inputs[i].small[d];
      dims.push_back(same ? inputs[i].big[d] : --symbol);
    }
    graph += GraphInput(NameOf(i), inputs[i].dtype, dims);
  }
  return {std::move(name), Model(graph, opset), std::move(inputs)};
}

// y = op(x0, x1, ...).
Work Op(const std::string& op, std::vector<Input> inputs, const std::string& attributes = "",
        DType out = DType::kFloat, uint64_t opset = 20, const std::string& label = "") {
  std::vector<std::string> names;
  for (size_t i = 0; i < inputs.size(); ++i) names.push_back(NameOf(i));
  return Of(label.empty() ? op : op + ", " + label, Node(op, names, {"y"}, attributes),
            std::move(inputs), out, opset);
}
// The same with inputs from `more`, initialisers, after x0.
Work OpWith(const std::string& op, const Input& input, const std::vector<std::string>& names,
            const std::string& more, const std::string& attributes = "", DType out = DType::kFloat,
            uint64_t opset = 20, const std::string& label = "") {
  std::vector<std::string> all = {"x0"};
  all.insert(all.end(), names.begin(), names.end());
  return Of(label.empty() ? op : op + ", " + label, more + Node(op, all, {"y"}, attributes),
            {input}, out, opset);
}

Input Floats(Shape big, Shape small) { return {DType::kFloat, std::move(big), std::move(small)}; }
Input Int64Input(Shape big, Shape small) {
  return {DType::kInt64, std::move(big), std::move(small)};
}
Input ByteInput(Shape big, Shape small) {
  return {DType::kUint8, std::move(big), std::move(small)};
}

constexpr int64_t kFloats = 500'000'000;  // of a tensor that is as large as may be
constexpr int64_t kHalf = kFloats / 2;

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
  for (auto* works : {MatrixWorks, WindowWorks, RowWorks, MovementWorks, LoopWorks}) {
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

// Milliseconds of processor time that a thread has used.
double CpuTime(pthread_t thread) {
  clockid_t clock;
  timespec time{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// How late a call ended, in milliseconds: by the clock, and by what its thread computed, which is
// the same on a machine that is not busy.
struct Delay {
  double wall = 0;
  double cpu = 0;
};

// Calls `call` with its deadline, some time after which it ends on its own.
template <typename Call>
Delay Measure(milliseconds time, Call call) {
  const pthread_t self = pthread_self();
  const auto at = Clock::now() + time;
  double cpu_then = 0;
  std::thread watch([&] {
    std::this_thread::sleep_until(at);
    cpu_then = CpuTime(self);
  });
  call(at);
  const double wall = std::chrono::duration<double, std::milli>(Clock::now() - at).count();
  const double cpu_now = CpuTime(self);
  watch.join();
  return {wall, std::max(cpu_now - cpu_then, 0.0)};
}

// WNN_ROUNDS=n: each operator is stopped that many times, ever later.
int Rounds() {
  const char* wanted = std::getenv("WNN_ROUNDS");
  return wanted != nullptr ? std::max(std::atoi(wanted), 1) : 1;
}

// Stops a compute of `work` some time after it began, and sees whether its context still works.
Result<Delay> Stop(const std::shared_ptr<const runtimes::Runtime>& runtime, const Work& work,
                   milliseconds time) {
  nn::EnvironmentOptions options;
  options.runtime = runtime;
  const nn::Environment environment(options);
  WNN_ASSIGN_OR_RETURN(const auto graph, environment.Load(AsBytes(work.model), nn::Encoding::kOnnx,
                                                          runtimes::Target::kCpu));
  WNN_ASSIGN_OR_RETURN(const auto context, graph->NewContext());
  for (size_t i = 0; i < work.inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(BindZeros(*context, i, work.inputs[i].dtype, work.inputs[i].big));
  }
  Status status;
  const Delay delay = Measure(
      time, [&](Clock::time_point deadline) { status = context->Compute({.deadline = deadline}); });
  if (status.ok()) return RuntimeError("it ended before its deadline");
  if (status.code() != Code::kTimeout) return status;
  for (size_t i = 0; i < work.inputs.size(); ++i) {
    WNN_RETURN_IF_ERROR(BindZeros(*context, i, work.inputs[i].dtype, work.inputs[i].small));
  }
  WNN_RETURN_IF_ERROR(context->Compute({}).WithContext("afterwards"));
  return delay;
}

TEST(DeadlineTest, BuiltinStopsInOperatorsOfEveryKind) {
  const auto runtime = RuntimeNamed("builtin");
  if (runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  const char* only = std::getenv("WNN_WORK");
  for (const Work& work : AllWorks()) {
    if (only != nullptr && work.name.find(only) == std::string::npos) continue;
    Delay most;
    for (int round = 1; round <= Rounds(); ++round) {
      const auto delay = Stop(runtime, work, milliseconds(20 * round));
      if (!delay) ADD_FAILURE() << work.name << ": " << delay.error().message();
      if (!delay) break;
      most.wall = std::max(most.wall, delay->wall);
      most.cpu = std::max(most.cpu, delay->cpu);
    }
    std::printf("%8.1f ms late, %8.1f ms of computing: %s\n", most.wall, most.cpu,
                work.name.c_str());
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace wnn::testing
