#include "host/nn/model_scan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/model_bytes.h"

namespace wnn::nn {
namespace {

using testing::Bytes;
using testing::Number;
using testing::Varint;

std::string Model(const std::string& graph) { return Number(1, 8) + Bytes(7, graph); }
std::string Entry(const std::string& key, const std::string& value) {
  return Bytes(13, Bytes(1, key) + Bytes(2, value));
}
std::string ExternalTensor(const std::string& location) {
  return Number(14, 1) + Entry("location", location) + Entry("offset", "0");
}
std::string Initializer(const std::string& tensor) { return Bytes(5, tensor); }
std::string NodeWithAttribute(const std::string& attribute) {
  return Bytes(1, Bytes(5, attribute));
}

Status Scan(const std::string& model, const Limits& limits = {},
            const std::optional<std::filesystem::path>& model_dir = std::nullopt) {
  return ScanModel(testing::AsBytes(model), limits, model_dir);
}

TEST(ModelScan, AcceptsAGraph) {
  EXPECT_TRUE(Scan(Model("")).ok());
  EXPECT_TRUE(Scan(Model(Initializer(Number(1, 3)) + NodeWithAttribute(""))).ok());
}

TEST(ModelScan, RefusesWhatIsNotOnnx) {
  EXPECT_EQ(Scan("").code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan("hello, world").code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Number(1, 8)).code(), Code::kInvalidEncoding);
  EXPECT_EQ(Scan(Number(7, 8)).code(), Code::kInvalidEncoding);
  const std::string whole = Model(Initializer(Bytes(9, "data")));
  EXPECT_EQ(Scan(whole.substr(0, whole.size() - 1)).code(), Code::kInvalidEncoding);
}

TEST(ModelScan, RefusesExternalDataWhereverItHides) {
  const std::string tensor = ExternalTensor("weights.bin");
  const std::string in_subgraph = Bytes(6, Initializer(tensor));
  for (const std::string& graph : {
           Initializer(tensor),
           Initializer(Number(14, 1)),
           Bytes(15, Bytes(1, tensor)),                        // sparse initializer: values
           Bytes(15, Bytes(2, tensor)),                        // and indices
           NodeWithAttribute(Bytes(5, tensor)),                // t
           NodeWithAttribute(Bytes(10, tensor)),               // tensors
           NodeWithAttribute(in_subgraph),                     // g
           NodeWithAttribute(Bytes(11, Initializer(tensor))),  // graphs
           NodeWithAttribute(Bytes(22, Bytes(1, tensor))),     // sparse_tensor
           NodeWithAttribute(Bytes(23, Bytes(1, tensor))),     // sparse_tensors
       }) {
    EXPECT_EQ(Scan(Model(graph)).code(), Code::kSecurity);
  }
  const std::string function = Bytes(25, Bytes(7, Bytes(5, Bytes(5, tensor))));
  EXPECT_EQ(Scan(Model("") + function).code(), Code::kSecurity);
}

TEST(ModelScan, ExternalDataStaysBeneathTheModelsDirectory) {
  const std::filesystem::path root =
      std::filesystem::path(::testing::TempDir()) / "model_scan_test";
  std::filesystem::create_directories(root / "inside");
  std::filesystem::remove(root / "inside/link");
  std::filesystem::create_symlink(root, root / "inside/link");
  const auto scan = [&](const std::string& location) {
    return Scan(Model(Initializer(ExternalTensor(location))), {}, root / "inside");
  };
  EXPECT_TRUE(scan("weights.bin").ok());
  EXPECT_TRUE(scan("folder/weights.bin").ok());
  EXPECT_TRUE(scan("folder/../weights.bin").ok());
  EXPECT_EQ(scan("../weights.bin").code(), Code::kSecurity);
  EXPECT_EQ(scan("folder/../../weights.bin").code(), Code::kSecurity);
  EXPECT_EQ(scan("/etc/passwd").code(), Code::kSecurity);
  EXPECT_EQ(scan("link/weights.bin").code(), Code::kSecurity);
  std::filesystem::remove_all(root);
}

TEST(ModelScan, CountsNodesAndDimensions) {
  Limits limits;
  limits.max_nodes = 2;
  limits.max_rank = 3;
  const std::string node = Bytes(1, "");
  EXPECT_TRUE(Scan(Model(node + node), limits).ok());
  EXPECT_EQ(Scan(Model(node + node + node), limits).code(), Code::kTooLarge);
  EXPECT_TRUE(Scan(Model(Initializer(Bytes(1, Varint(1) + Varint(2) + Varint(3)))), limits).ok());
  EXPECT_EQ(Scan(Model(Initializer(Bytes(1, std::string(4, '\1')))), limits).code(),
            Code::kTooLarge);
}

TEST(ModelScan, RefusesDeepNesting) {
  std::string graph;
  for (int depth = 0; depth < 200; ++depth) graph = NodeWithAttribute(Bytes(6, graph));
  EXPECT_EQ(Scan(Model(graph)).code(), Code::kSecurity);
}

}  // namespace
}  // namespace wnn::nn
