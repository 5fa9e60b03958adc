#include "host/nn/model_scan.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/support/model_bytes.h"

namespace wnn::nn {
namespace {

using testing::Bytes;
using testing::Number;
using testing::Varint;

// Files that exist only here.
class FakeFiles final : public ExternalData {
 public:
  Result<uint64_t> SizeOf(std::string_view location) override {
    const auto found = sizes.find(std::string(location));
    if (found == sizes.end()) return Security("outside");
    return found->second;
  }
  Status Read(std::string_view, uint64_t, std::span<std::byte>) override {
    return Internal("the scan reads no file");
  }
  std::map<std::string, uint64_t> sizes = {{"weights", 100}};
};

std::string Model(const std::string& graph) { return Number(1, 8) + Bytes(7, graph); }
std::string Entry(const std::string& key, const std::string& value) {
  return Bytes(13, Bytes(1, key) + Bytes(2, value));
}
std::string Dims(const std::vector<int64_t>& dims) {
  std::string fields;
  for (int64_t dim : dims) fields += Number(1, static_cast<uint64_t>(dim));
  return fields;
}
std::string Type(DType dtype) { return Number(2, static_cast<uint64_t>(dtype)); }
// A tensor of zeros, well formed.
std::string Tensor(DType dtype, const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (int64_t dim : dims) n *= dim;
  return Dims(dims) + Type(dtype) + Bytes(9, std::string(*DenseBytes(dtype, n), '\0'));
}
std::string Int64s(const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  std::string raw(values.size() * 8, '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return Dims(dims) + Type(DType::kInt64) + Bytes(9, raw);
}
std::string ExternalTensor(const std::string& location, const std::string& more = "") {
  return Dims({4}) + Type(DType::kFloat) + Number(14, 1) + Entry("location", location) + more;
}
std::string Initializer(const std::string& tensor) { return Bytes(5, tensor); }
std::string NodeWithAttribute(const std::string& attribute) {
  return Bytes(1, Bytes(5, attribute));
}
std::string Sparse(const std::string& values, const std::string& indices,
                   const std::vector<int64_t>& dims) {
  std::string fields = Bytes(1, values) + Bytes(2, indices);
  for (int64_t dim : dims) fields += Number(3, static_cast<uint64_t>(dim));
  return Bytes(15, fields);
}
// FunctionProto `name` of domain "f" whose nodes call `callees` of the same domain.
std::string Call(const std::string& name) { return Bytes(4, name) + Bytes(7, "f"); }
std::string Function(const std::string& name, const std::vector<std::string>& callees,
                     const std::string& more = "") {
  std::string nodes;
  for (const std::string& callee : callees) nodes += Bytes(7, Call(callee));
  return Bytes(25, Bytes(1, name) + Bytes(10, "f") + nodes + more);
}

Status Scan(const std::string& model, const Limits& limits = {}, ExternalData* external = nullptr) {
  auto scanned = ScanModel(testing::AsBytes(model), limits, external);
  return scanned ? OkStatus() : std::move(scanned.error());
}

// Everywhere that a tensor can stand.
std::vector<std::string> PlacesOf(const std::string& tensor) {
  const std::string in_subgraph = Bytes(6, Initializer(tensor));
  const std::string one_index = Int64s({1}, {0});
  return {
      Model(Initializer(tensor)),
      Model(Sparse(tensor, one_index, {4})),
      Model(Sparse(Tensor(DType::kFloat, {1}), tensor, {4})),
      Model(NodeWithAttribute(Bytes(5, tensor))),                // t
      Model(NodeWithAttribute(Bytes(10, tensor))),               // tensors
      Model(NodeWithAttribute(in_subgraph)),                     // g
      Model(NodeWithAttribute(Bytes(11, Initializer(tensor)))),  // graphs
      Model(NodeWithAttribute(Bytes(22, Bytes(1, tensor) + Bytes(2, one_index) + Number(3, 4)))),
      Model(NodeWithAttribute(Bytes(23, Bytes(1, tensor) + Bytes(2, one_index) + Number(3, 4)))),
      Model(NodeWithAttribute(Bytes(6, NodeWithAttribute(in_subgraph)))),  // two levels down
      Model("") + Bytes(25, Bytes(7, Bytes(5, Bytes(5, tensor)))),         // a function's node
      Model("") + Bytes(25, Bytes(11, Bytes(5, tensor))),    // a function's attribute's default
      Model("") + Bytes(20, Bytes(1, Initializer(tensor))),  // training
      Model("") + Bytes(20, Bytes(2, Initializer(tensor))),
  };
}

TEST(ModelScan, AcceptsAGraph) {
  EXPECT_TRUE(Scan(Model("")).ok());
  EXPECT_TRUE(Scan(Model(Initializer(Tensor(DType::kFloat, {3})) + NodeWithAttribute(""))).ok());
  EXPECT_TRUE(Scan(Model(Initializer(Tensor(DType::kInt4, {3})))).ok());
  EXPECT_TRUE(Scan(Model(Initializer(Tensor(DType::kFloat, {0, 5})))).ok());
}

TEST(ModelScan, StopsWhenItIsTold) {
  CancellationToken token;
  token.Cancel();
  StopCondition stop;
  stop.cancel = &token;
  constexpr int64_t kMany = 4'000'000;
  const std::string numbers = Bytes(7, std::string(kMany, '\1'));
  std::string nodes;
  for (int i = 0; i < 90'000; ++i) nodes += Bytes(1, Bytes(4, "Relu"));
  for (const std::string& graph :
       {Initializer(Dims({kMany}) + Type(DType::kInt64) + numbers), nodes}) {
    const std::string model = Model(graph);
    EXPECT_TRUE(Scan(model).ok());
    EXPECT_EQ(ScanModel(std::as_bytes(std::span(model)), Limits(), nullptr, stop).error().code(),
              Code::kTimeout);
  }
}

TEST(ModelScan, RefusesWhatIsNotOnnx) {
  EXPECT_EQ(Scan("").code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan("hello, world").code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Number(1, 8)).code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Number(7, 8)).code(), Code::kInvalidEncoding);
  const std::string whole = Model(Initializer(Tensor(DType::kFloat, {1})));
  EXPECT_EQ(Scan(whole.substr(0, whole.size() - 1)).code(), Code::kInvalidEncoding);
}

TEST(ModelScan, RefusesOrtFormatInTheGuiseOfOnnx) {
  // Field 2 (the producer's name), whose text puts the other format's mark where that has it.
  const std::string model = Bytes(2, "xxORTMxx") + Model("");
  EXPECT_EQ(model.substr(4, 4), "ORTM");
  EXPECT_EQ(Scan(model).code(), Code::kInvalidEncoding);
}

TEST(ModelScan, RefusesMessagesThatReadersWouldMerge) {
  const std::string tensor = Tensor(DType::kFloat, {1});
  EXPECT_EQ(Scan(Model("") + Bytes(7, "")).code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Model(NodeWithAttribute(Bytes(5, tensor) + Bytes(5, tensor)))).code(),
            Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Model(NodeWithAttribute(Bytes(6, "") + Bytes(6, "")))).code(),
            Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Model(Bytes(15, Bytes(1, tensor) + Bytes(1, tensor)))).code(),
            Code::kInvalidEncoding);
  // An input of shape [4], twice: some read [4], some [4, 4].
  const std::string shape = Bytes(2, Bytes(1, Number(1, 4)));
  const auto input = [](const std::string& type) { return Model(Bytes(11, Bytes(2, type))); };
  EXPECT_TRUE(Scan(input(Bytes(1, Number(1, 1) + shape))).ok());
  EXPECT_EQ(Scan(input(Bytes(1, Number(1, 1) + shape + shape))).code(), Code::kInvalidEncoding);
}

TEST(ModelScan, RefusesExternalDataOfBytesWhereverItHides) {
  for (const std::string& model : PlacesOf(ExternalTensor("weights"))) {
    EXPECT_EQ(Scan(model).code(), Code::kSecurity);
  }
  for (const std::string& tensor : {
           Tensor(DType::kFloat, {1}) + Number(14, 1),                 // no entry
           Tensor(DType::kFloat, {1}) + Entry("location", "weights"),  // no data_location
           Tensor(DType::kFloat, {1}) +
               Number(14, (uint64_t{1} << 32) + 1),  // 1 as protobuf reads it
       }) {
    EXPECT_EQ(Scan(Model(Initializer(tensor))).code(), Code::kSecurity);
  }
}

TEST(ModelScan, ExternalDataIsOfTheMainGraphsInitializersOnly) {
  FakeFiles files;
  const std::vector<std::string> places = PlacesOf(ExternalTensor("weights"));
  EXPECT_TRUE(Scan(places[0], {}, &files).ok());
  for (size_t i = 1; i < places.size(); ++i) {
    EXPECT_EQ(Scan(places[i], {}, &files).code(), Code::kSecurity) << i;
  }
}

TEST(ModelScan, ExternalDataLiesWithinItsFile) {
  FakeFiles files;
  const auto scan = [&](const std::string& tensor) {
    return Scan(Model(Initializer(tensor)), {}, &files).code();
  };
  const auto ok = [&](const std::string& tensor) {
    return Scan(Model(Initializer(tensor)), {}, &files).ok();
  };
  EXPECT_TRUE(ok(ExternalTensor("weights", Entry("offset", "84") + Entry("length", "16"))));
  EXPECT_TRUE(ok(ExternalTensor("weights", Entry("checksum", "of no interest"))));
  EXPECT_EQ(scan(ExternalTensor("weights", Entry("offset", "85"))), Code::kInvalidArgument);
  EXPECT_EQ(scan(ExternalTensor("weights", Entry("offset", "18446744073709551615"))),
            Code::kInvalidArgument);
  for (const char* number : {"", "-1", "1e3", "0x10", "99999999999999999999", " 1"}) {
    EXPECT_EQ(scan(ExternalTensor("weights", Entry("offset", number))), Code::kInvalidArgument);
    EXPECT_EQ(scan(ExternalTensor("weights", Entry("length", number))), Code::kInvalidArgument);
  }
  EXPECT_EQ(scan(ExternalTensor("weights", Entry("length", "15"))), Code::kInvalidArgument);
  EXPECT_EQ(scan(ExternalTensor("weights", Entry("location", "weights"))), Code::kInvalidArgument);
  EXPECT_EQ(scan(ExternalTensor("../weights")), Code::kSecurity);  // the files' own answer
}

TEST(ModelScan, NamesEachExternalFileOnce) {
  FakeFiles files;
  files.sizes["more"] = 16;
  const std::string model =
      Model(Initializer(ExternalTensor("weights")) + Initializer(ExternalTensor("more")) +
            Initializer(ExternalTensor("weights", Entry("offset", "16"))));
  const auto scanned = ScanModel(testing::AsBytes(model), {}, &files);
  ASSERT_TRUE(scanned.has_value()) << scanned.error().message();
  EXPECT_EQ(scanned->external_files, (std::vector<std::string>{"weights", "more"}));
}

TEST(ModelScan, RefusesAddressesInMemory) {
  FakeFiles files;
  for (const char* location : {"*/_ORT_MEM_ADDR_/*", "_ORT_MEM_ADDR_"}) {
    files.sizes[location] = 1000;
    for (const std::string& model : PlacesOf(ExternalTensor(location, Entry("offset", "0")))) {
      EXPECT_EQ(Scan(model).code(), Code::kSecurity);
      EXPECT_EQ(Scan(model, {}, &files).code(), Code::kSecurity);
    }
  }
}

TEST(ModelScan, RefusesNodesThatNameFiles) {
  FakeFiles files;
  const std::string model = Model(Bytes(1, Bytes(4, "EPContext") + Bytes(7, "com.microsoft")));
  EXPECT_EQ(Scan(model).code(), Code::kSecurity);
  EXPECT_TRUE(Scan(model, {}, &files).ok());
}

TEST(ModelScan, RefusesNodesThatDecodePictures) {
  FakeFiles files;
  const std::string decode = Bytes(4, "ImageDecoder");
  for (const std::string& model :
       {Model(Bytes(1, decode)), Model(Bytes(1, decode + Bytes(7, "ai.onnx"))),
        Model(NodeWithAttribute(Bytes(6, Bytes(1, decode))))}) {
    EXPECT_EQ(Scan(model).code(), Code::kSecurity);
    EXPECT_TRUE(Scan(model, {}, &files).ok());
  }
  EXPECT_TRUE(Scan(Model(Bytes(1, decode + Bytes(7, "of.my.own")))).ok());
}

TEST(ModelScan, ElementsAreAsManyAsTheShapeSays) {
  const std::string two = Dims({2});
  const std::string floats = two + Type(DType::kFloat);
  for (const std::string& tensor : {
           floats,                                // none
           floats + Bytes(9, std::string(7, 0)),  // too few
           floats + Bytes(9, std::string(9, 0)),  // too many
           floats + Bytes(4, std::string(4, 0)),
           floats + Bytes(7, std::string(2, 0)),  // in another type's field
           two + Type(DType::kInt32) + Bytes(5, std::string(3, 1)),
           two + Type(DType::kInt4) + Bytes(5, std::string(2, 1)),  // two in a byte
           two + Type(DType::kComplex64) + Bytes(4, std::string(8, 0)),
           two + Type(DType::kString) + Bytes(6, "one"),
           two + Type(DType::kString) + Bytes(9, "xx"),
           two + Type(DType::kBool) + Bytes(9, "\1\2"),
           two + Type(DType::kUndefined) + Bytes(9, "xx"),
           two + Number(2, 99) + Bytes(9, "xx"),
           Dims({-1}) + Type(DType::kFloat),
           Dims({INT64_MAX, 2}) + Type(DType::kFloat),
           Dims({int64_t{1} << 32, int64_t{1} << 32}) + Type(DType::kUint8),
       }) {
    for (const std::string& model : PlacesOf(tensor)) {
      EXPECT_EQ(Scan(model).code(), Code::kInvalidArgument) << testing::Varint(tensor.size());
    }
  }
  for (const std::string& tensor : {
           floats + Bytes(4, std::string(8, 0)),
           two + Type(DType::kInt32) + Number(5, 1) + Number(5, 2),
           two + Type(DType::kBool) + Bytes(9, std::string_view("\1\0", 2)),
           two + Type(DType::kInt4) + Bytes(5, std::string(1, 1)),
           two + Type(DType::kComplex64) + Bytes(4, std::string(16, 0)),
           two + Type(DType::kUint32) + Bytes(11, std::string(2, 1)),
           two + Type(DType::kString) + Bytes(6, "one") + Bytes(6, ""),
       }) {
    const Status status = Scan(Model(Initializer(tensor)));
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST(ModelScan, SparseIndicesLieInside) {
  const std::string values = Tensor(DType::kFloat, {2});
  const auto scan = [&](const std::string& indices, const std::vector<int64_t>& dims) {
    return Scan(Model(Sparse(values, indices, dims)));
  };
  EXPECT_TRUE(scan(Int64s({2}, {0, 11}), {3, 4}).ok());
  EXPECT_TRUE(scan(Int64s({2, 2}, {0, 0, 2, 3}), {3, 4}).ok());
  for (const std::string& indices :
       {Int64s({2}, {0, 12}), Int64s({2}, {-1, 0}), Int64s({2, 2}, {0, 0, 0, 4}),
        Int64s({2, 2}, {0, 0, 3, 0}), Int64s({1}, {0}), Int64s({2, 1}, {0, 0}),
        Tensor(DType::kInt32, {2}),
        Dims({2}) + Type(DType::kInt64) + Bytes(7, Varint(1) + Varint(12))}) {
    EXPECT_EQ(scan(indices, {3, 4}).code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(scan(Int64s({2}, {0, 1}), {}).code(), Code::kInvalidArgument);
  EXPECT_EQ(scan(Int64s({2}, {0, 1}), {-1, 4}).code(), Code::kInvalidArgument);
  EXPECT_EQ(scan(Int64s({2}, {0, 1}), {1 << 20, 1 << 20}).code(), Code::kTooLarge);
}

TEST(ModelScan, TensorsAndTheirSumAreWithinTheLimits) {
  Limits limits;
  limits.max_tensor_bytes = 16;
  limits.max_memory_bytes = 20;
  const std::string four = Initializer(Tensor(DType::kFloat, {4}));
  EXPECT_TRUE(Scan(Model(four), limits).ok());
  EXPECT_EQ(Scan(Model(Initializer(Tensor(DType::kFloat, {5}))), limits).code(), Code::kTooLarge);
  EXPECT_EQ(Scan(Model(four + four), limits).code(), Code::kTooLarge);
}

TEST(ModelScan, CountsNodesAndDimensions) {
  Limits limits;
  limits.max_nodes = 2;
  limits.max_rank = 3;
  const std::string node = Bytes(1, "");
  EXPECT_TRUE(Scan(Model(node + node), limits).ok());
  EXPECT_EQ(Scan(Model(node + node + node), limits).code(), Code::kTooLarge);
  EXPECT_EQ(Scan(Model(node + NodeWithAttribute(Bytes(6, node))), limits).code(), Code::kTooLarge);
  EXPECT_TRUE(Scan(Model(Initializer(Tensor(DType::kUint8, {1, 1, 1}))), limits).ok());
  EXPECT_EQ(Scan(Model(Initializer(Tensor(DType::kUint8, {1, 1, 1, 1}))), limits).code(),
            Code::kTooLarge);
}

TEST(ModelScan, CountsWhatTakesMoreMemoryThanBytes) {
  Limits limits;
  limits.max_fields = 100;
  const auto many = [](const std::string& field) {
    std::string fields;
    for (int i = 0; i < 101; ++i) fields += field;
    return fields;
  };
  for (const std::string& graph :
       {many(Bytes(11, "")), many(Initializer(Tensor(DType::kUint8, {0}))),
        Bytes(1, many(Bytes(1, ""))), NodeWithAttribute(many(Bytes(9, ""))),
        NodeWithAttribute(Bytes(8, std::string(101, '\1')))}) {
    EXPECT_EQ(Scan(Model(graph), limits).code(), Code::kTooLarge);
  }
  EXPECT_TRUE(Scan(Model(Initializer(Tensor(DType::kUint8, {1000}))), limits).ok());
}

TEST(ModelScan, RefusesDeepNesting) {
  std::string graph;
  std::string type;
  for (int depth = 0; depth < 200; ++depth) {
    graph = NodeWithAttribute(Bytes(6, graph));
    type = Bytes(4, Bytes(1, type));  // a sequence of sequences
  }
  EXPECT_EQ(Scan(Model(graph)).code(), Code::kSecurity);
  EXPECT_EQ(Scan(Model(Bytes(11, Bytes(2, type)))).code(), Code::kSecurity);
  EXPECT_TRUE(Scan(Model(Bytes(11, Bytes(2, Bytes(5, Number(1, 7) + Bytes(2, "")))))).ok());
}

TEST(ModelScan, RefusesFunctionsThatCallThemselves) {
  const std::string main = Model(Bytes(1, Call("a")));
  EXPECT_TRUE(Scan(main + Function("a", {"b"}) + Function("b", {"c"})).ok());
  EXPECT_EQ(Scan(main + Function("a", {"a"})).code(), Code::kInvalidArgument);
  EXPECT_EQ(Scan(main + Function("a", {"b"}) + Function("b", {"a"})).code(),
            Code::kInvalidArgument);
  // By way of a subgraph, and without being called.
  const std::string in_subgraph = Bytes(7, Bytes(5, Bytes(6, Bytes(1, Call("a")))));
  EXPECT_EQ(Scan(Model("") + Function("a", {}, in_subgraph)).code(), Code::kInvalidArgument);
  EXPECT_EQ(Scan(main + Function("a", {}) + Function("a", {})).code(), Code::kInvalidArgument);
}

TEST(ModelScan, ExpandsFunctionsBeforeItCounts) {
  // Each calls the next twice: 2^40 nodes.
  std::string model = Model(Bytes(1, Call("0")));
  for (int i = 0; i < 40; ++i) {
    const std::string next = std::to_string(i + 1);
    model += Function(std::to_string(i), {next, next});
  }
  EXPECT_EQ(Scan(model).code(), Code::kTooLarge);
  // And bytes: ten times a tensor of half the memory.
  Limits limits;
  limits.max_memory_bytes = 200;
  const std::string constant = Bytes(7, Bytes(5, Bytes(5, Tensor(DType::kUint8, {100}))));
  EXPECT_TRUE(Scan(Model(Bytes(1, Call("a"))) + Function("a", {}, constant), limits).ok());
  std::string calls;
  for (int i = 0; i < 10; ++i) calls += Bytes(1, Call("a"));
  EXPECT_EQ(Scan(Model(calls) + Function("a", {}, constant), limits).code(), Code::kTooLarge);
}

TEST(ModelScan, RefusesCallsNestedTooDeep) {
  std::string model = Model(Bytes(1, Call("0")));
  for (int i = 0; i < 1000; ++i) {
    model += Function(std::to_string(i), {std::to_string(i + 1)});
  }
  EXPECT_EQ(Scan(model).code(), Code::kSecurity);
}

}  // namespace
}  // namespace wnn::nn
