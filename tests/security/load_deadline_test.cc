// A load past its deadline stops, whatever it is busy with. How late it is depends on the machine's
// load, so that no time is expected here, but printed.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "host/nn/environment.h"
#include "tests/security/late.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

struct Load {
  std::string name;
  std::function<std::string()> model;
};

constexpr int kMany = 99'000;  // nodes, of 100,000 that a model may have

std::string Name(int i) { return "v" + std::to_string(i); }
std::string Output(const std::string& name) {
  return Bytes(12, Bytes(1, name) + Bytes(2, Bytes(1, Number(1, 1))));
}
std::string Weights(const std::vector<int64_t>& shape, const std::string& name = "w") {
  return Int64s(name + "_shape", shape) + Node("ConstantOfShape", {name + "_shape"}, {name});
}
std::string ByteWeights(const std::vector<int64_t>& shape) {
  size_t n = 1;
  for (int64_t dim : shape) n *= static_cast<size_t>(dim);
  return Initializer<uint8_t>("w", DType::kUint8, shape, std::vector<uint8_t>(n, 1));
}
std::string Floats(const std::string& name, std::vector<float> values) {
  return Initializer<float>(name, DType::kFloat, {static_cast<int64_t>(values.size())}, values);
}

// y = the last of kMany nodes, each of which makes node(name of its input, name of its output).
std::string Chain(const std::function<std::string(const std::string&, const std::string&)>& node,
                  const std::string& more = "", const std::vector<int64_t>& dims = {1, 4}) {
  std::string graph = more;
  for (int i = 0; i < kMany; ++i) graph += node(i == 0 ? "x" : Name(i), Name(i + 1));
  return Model(graph + GraphInput("x", DType::kFloat, dims) + Output(Name(kMany)));
}

// All of kMany nodes read x; y joins them.
std::string Fan(const std::string& op, const std::string& join, const std::string& attributes,
                int n = kMany) {
  std::string graph;
  std::vector<std::string> all;
  for (int i = 0; i < n; ++i) {
    all.push_back(Name(i));
    graph += Node(op, {"x"}, {all.back()});
  }
  return Model(graph + Node(join, all, {"y"}, attributes) + GraphInput("x", DType::kFloat, {1, 4}) +
               Output("y"));
}

// One node on inputs x of these dimensions.
std::string One(const std::string& nodes, const std::vector<int64_t>& dims,
                DType dtype = DType::kFloat) {
  return Model(nodes + GraphInput("x", dtype, dims) + Bytes(12, Bytes(1, "y")), 20);
}

// If in If in If: each branch is there twice.
std::string Nested(int depth) {
  if (depth == 0) return Node("Relu", {"x"}, {"y"}) + Output("y");
  const std::string body = Nested(depth - 1);
  return Node("If", {"c"}, {"y"},
              GraphAttribute("then_branch", body) +
                  GraphAttribute("else_branch", Node("Neg", {"x"}, {"y"}) + Output("y"))) +
         Output("y");
}
// Loop in Loop in Loop.
std::string NestedLoops(int depth, const std::string& in) {
  const std::string out = "o" + std::to_string(depth);
  if (depth == 0) return Node("Relu", {in}, {out});
  const std::string state = "s" + std::to_string(depth);
  const std::string number = Bytes(2, TensorType(DType::kInt64, {}));
  const std::string yes = Bytes(2, TensorType(DType::kBool, {}));
  const std::string value = Bytes(2, TensorType(DType::kFloat, {-1}));
  const std::string id = std::to_string(depth);
  const std::string body =
      NestedLoops(depth - 1, state) + Node("Identity", {"c" + id}, {"d" + id}) +
      Bytes(11, Bytes(1, "i" + id) + number) + Bytes(11, Bytes(1, "c" + id) + yes) +
      Bytes(11, Bytes(1, state) + value) + Bytes(12, Bytes(1, "d" + id) + yes) +
      Bytes(12, Bytes(1, "o" + std::to_string(depth - 1)) + value);
  return Node("Loop", {"n", "true", in}, {out}, GraphAttribute("body", body));
}

std::string ScaleAndZero() {
  return Initializer<float>("s", DType::kFloat, {}, {0.5f}) +
         Initializer<uint8_t>("z", DType::kUint8, {}, {1});
}

std::string Raw(size_t n) {
  std::string raw(n, '\0');
  return One(Bytes(5, Number(1, n / 4) + Number(2, 1) + Bytes(8, "w") + Bytes(9, raw)) +
                 Node("Add", {"x", "w"}, {"y"}),
             {1});
}
std::string Varints(size_t n) {
  std::string packed(n, '\1');
  return One(Bytes(5, Number(1, n) + Number(2, 2) + Bytes(8, "w") + Bytes(5, packed)) +
                 Node("Gather", {"w", "x"}, {"y"}),
             {1}, DType::kInt64);
}
std::string Strings(int n) {
  std::string strings;
  for (int i = 0; i < n; ++i) strings += Bytes(6, "s" + std::to_string(i));
  return One(
      Bytes(5, Number(1, static_cast<uint64_t>(n)) + Number(2, 8) + Bytes(8, "w") + strings) +
          Node("Gather", {"w", "x"}, {"z"}) + Node("Shape", {"z"}, {"y"}),
      {1}, DType::kInt64);
}

std::vector<Load> Loads() {
  const auto relu = [](const std::string& in, const std::string& out) {
    return Node("Relu", {in}, {out});
  };
  const auto on = [](const std::string& op) {
    return [op](const std::string& in, const std::string& out) { return Node(op, {in}, {out}); };
  };
  const auto with = [](const std::string& op) {
    return
        [op](const std::string& in, const std::string& out) { return Node(op, {in, "b"}, {out}); };
  };
  return {
      {"Relu after Relu", [=] { return Chain(relu); }},
      {"Erf after Erf", [=] { return Chain(on("Erf")); }},
      {"Identity after Identity", [=] { return Chain(on("Identity")); }},
      {"Transpose after Transpose", [=] { return Chain(on("Transpose")); }},
      {"Add after Add", [=] { return Chain(with("Add"), Floats("b", {1, 2, 3, 4})); }},
      {"Mul after Mul", [=] { return Chain(with("Mul"), Floats("b", {1, 1, 1, 1})); }},
      {"Reshape after Reshape", [=] { return Chain(with("Reshape"), Int64s("b", {2, 2})); }},
      {"convolution after convolution",
       [=] { return Chain(with("Conv"), Weights({1, 1, 1, 1}, "b"), {1, 1, 2, 2}); }},
      {"matrix product after matrix product",
       [=] { return Chain(with("MatMul"), Weights({4, 4}, "b")); }},
      {"sums of a shape",
       [=] {
         std::string graph = Node("Shape", {"x"}, {"v0"});
         for (int i = 0; i < kMany; ++i) graph += Node("Add", {Name(i), "v0"}, {Name(i + 1)});
         return Model(graph + GraphInput("x", DType::kFloat, {-1, -2}) +
                      GraphOutput(Name(kMany), DType::kInt64, {2}));
       }},
      {"a Sum of many", [] { return Fan("Relu", "Sum", ""); }},
      {"a Concat of many", [] { return Fan("Relu", "Concat", IntAttribute("axis", 1)); }},
      {"a Concat of two million",
       [] {
         return One(Node("Concat", std::vector<std::string>(2'000'000, "x"), {"y"},
                         IntAttribute("axis", 0)),
                    {1});
       }},
      {"a Concat of many of unknown size",
       [] {
         std::string graph;
         std::vector<std::string> all;
         for (int i = 0; i < kMany; ++i) {
           all.push_back(Name(i));
           graph += Node("Relu", {"x"}, {all.back()});
         }
         return Model(graph + Node("Concat", all, {"y"}, IntAttribute("axis", 1)) +
                      GraphInput("x", DType::kFloat, {-1, 4}) + Output("y"));
       }},
      {"pieces of many sizes that live together",
       [] {
         constexpr int kPieces = 16'000;
         std::string graph = Int64s("o", {0}) + Int64s("a", {1});
         std::vector<std::string> all;
         for (int i = 0; i < kPieces; ++i) {
           const std::string to = "e" + std::to_string(i), cut = "c" + std::to_string(i);
           graph += Int64s(to, {1 + i % 997}) + Node("Slice", {"x", "o", to, "a"}, {cut});
           graph += Node("ReduceSum", {cut}, {Name(i)});
           all.push_back(cut);
         }
         graph += Node("Concat", all, {"y"}, IntAttribute("axis", 1));
         return Model(graph + GraphInput("x", DType::kFloat, {1, 1000}) + Output("y"));
       }},
      {"many Ifs",
       [] {
         const std::string branch = Node("Relu", {"x"}, {"b"}) + Output("b");
         std::string graph = GraphInput("c", DType::kBool, {});
         for (int i = 0; i < kMany / 3; ++i) {
           graph +=
               Node("If", {"c"}, {Name(i)},
                    GraphAttribute("then_branch", branch) + GraphAttribute("else_branch", branch));
         }
         return Model(graph + GraphInput("x", DType::kFloat, {1, 4}) + Output(Name(0)));
       }},
      {"If in If",
       [] {
         return Model(GraphInput("c", DType::kBool, {}) + GraphInput("x", DType::kFloat, {4}) +
                      Nested(14));
       }},
      {"Loop in Loop",
       [] {
         return Model(Initializer<uint8_t>("true", DType::kBool, {}, {1}) + Int64Scalar("n", 2) +
                      GraphInput("x", DType::kFloat, {4}) + NestedLoops(14, "x") + Output("o14"));
       }},
      {"a large body in Loops in Loops",
       [] {
         std::string graph = NestedLoops(8, "x");
         return Model(Initializer<uint8_t>("true", DType::kBool, {}, {1}) + Int64Scalar("n", 2) +
                      GraphInput("x", DType::kFloat, {4}) + graph + Output("o8"));
       }},
      {"a function of many nodes, often",
       [] {
         std::string body;
         for (int i = 0; i < 990; ++i) {
           std::string node = Bytes(1, i == 0 ? "p" : Name(i)) +
                              Bytes(2, i == 989 ? "q" : Name(i + 1)) + Bytes(4, "Relu");
           body += Bytes(7, node);
         }
         const std::string function = Bytes(1, "F") + Bytes(4, "p") + Bytes(5, "q") + body +
                                      Bytes(9, Number(2, 17)) + Bytes(10, "f");
         std::string graph;
         for (int i = 0; i < 99; ++i) {
           graph += Bytes(1, Bytes(1, i == 0 ? "x" : Name(i)) + Bytes(2, Name(i + 1)) +
                                 Bytes(4, "F") + Bytes(7, "f"));
         }
         return Model(graph + GraphInput("x", DType::kFloat, {1, 4}) + Output(Name(99))) +
                Bytes(8, Bytes(1, "f") + Number(2, 1)) + Bytes(25, function);
       }},
      {"raw weights", [] { return Raw(400'000'000); }},
      {"numbers in a list", [] { return Varints(200'000'000); }},
      {"strings", [] { return Strings(2'000'000); }},
      {"a product of constants",
       [] {
         return One(Weights({8192, 8192}) + Node("MatMul", {"w", "w"}, {"p"}) +
                        Node("Add", {"x", "p"}, {"y"}),
                    {1});
       }},
      {"weights of a convolution, 3x3",
       [] {
         return One(Weights({4096, 4096, 3, 3}) + Node("Conv", {"x", "w"}, {"y"}),
                    {1, 4096, 32, 32});
       }},
      {"weights of a convolution, 1x1",
       [] {
         return One(Weights({16'384, 16'384, 1, 1}) + Node("Conv", {"x", "w"}, {"y"}),
                    {1, 16'384, 4, 4});
       }},
      {"weights of a convolution, 7x7, stride 2",
       [] {
         return One(Weights({2048, 2048, 7, 7}) +
                        Node("Conv", {"x", "w"}, {"y"}, IntsAttribute("strides", {2, 2})),
                    {1, 2048, 16, 16});
       }},
      {"weights of a convolution, depthwise",
       [] {
         return One(Weights({20'000'000, 1, 3, 3}) +
                        Node("Conv", {"x", "w"}, {"y"}, IntAttribute("group", 20'000'000)),
                    {1, 20'000'000, 3, 3});
       }},
      {"weights of a convolution, 3-D",
       [] {
         return One(Weights({2048, 2048, 3, 3, 3}) + Node("Conv", {"x", "w"}, {"y"}),
                    {1, 2048, 4, 4, 4});
       }},
      {"weights of a convolution of integers",
       [] {
         return One(ScaleAndZero() + ByteWeights({4096, 4096, 3, 3}) +
                        Node("QLinearConv", {"x", "s", "z", "w", "s", "z", "s", "z"}, {"y"}),
                    {1, 4096, 8, 8}, DType::kUint8);
       }},
      {"weights of a matrix product",
       [] {
         return One(Weights({16'384, 16'384}) + Node("MatMul", {"x", "w"}, {"y"}), {1, 16'384});
       }},
      {"weights of a matrix product, transposed",
       [] {
         return One(
             Weights({16'384, 16'384}) + Node("Gemm", {"x", "w"}, {"y"}, IntAttribute("transB", 1)),
             {1, 16'384});
       }},
      {"weights of a matrix product of integers",
       [] {
         return One(ByteWeights({16'384, 16'384}) + Node("MatMulInteger", {"x", "w"}, {"y"}),
                    {1, 16'384}, DType::kUint8);
       }},
  };
}

TEST(LoadDeadlineTest, BuiltinStopsWhateverItIsBusyWith) {
  const auto runtime = RuntimeNamed("builtin");
  if (runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  nn::EnvironmentOptions options;
  options.runtime = runtime;
  const nn::Environment environment(options);
  const char* only = std::getenv("WNN_WORK");
  for (const Load& load : Loads()) {
    if (only != nullptr && load.name.find(only) == std::string::npos) continue;
    const std::string model = load.model();
    Status status;
    const Late late = Sweep([&](Clock::time_point deadline) {
      auto graph = environment.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu,
                                    {{.deadline = deadline}});
      status = graph ? OkStatus() : std::move(graph.error());
      return !status.ok() && status.code() == Code::kTimeout;
    });
    if (!status.ok() && status.code() != Code::kTimeout) {
      ADD_FAILURE() << load.name << ": " << status.message();
    }
    Print(late, load.name);
  }
}

}  // namespace
}  // namespace wnn::testing
