// Hostile components: each of these ends in a trap, and the host lives on.
#include "tests/abi/wit_fixture.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {
namespace {

class WitHostileTest : public WitTest {
 protected:
  // `call` must trap. The component is spent then: the next call gets a new one.
  void ExpectTrap(std::string_view function, const std::vector<uint32_t>& args,
                  std::string_view words = "") {
    EXPECT_FALSE(guest().TryCall(function, args).has_value()) << function;
    EXPECT_NE(guest().trap().find(words), std::string::npos) << guest().trap();
    Restart();
  }
};

INSTANTIATE_TEST_SUITE_P(Runtimes, WitHostileTest,
                         ::testing::Combine(::testing::Values("builtin"),
                                            ::testing::Values(WitVersion::k20241028,
                                                              WitVersion::k20240625)),
                         WitTestName);

TEST_P(WitHostileTest, PointersOutsideTheMemory) {
  for (uint32_t bad : {0x10000000u, 0x7ffffff0u, 0xfffffff0u}) {
    ExpectTrap("load", {bad, 1, 1, 0, 1024});
    ExpectTrap("load", {1024, 0xffffffff, 1, 0, 1024});
    ExpectTrap("load-by-name", {bad, 8, 1024});
    ExpectTrap("load-by-name", {1024, 0xffffffff, 1024});
    ExpectTrap("tensor.new", {bad, 1, kWitF32, 1024, 4});
    ExpectTrap("tensor.new", {1024, 1, kWitF32, bad, 4});
    ExpectTrap("tensor.new", {1024, 0x40000001, kWitF32, 1024, 4});
    ExpectTrap("tensor.new", {1024, 1, kWitF32, 1024, 0xffffffff});
    const uint32_t builder = guest().PutU32s({bad, 8});
    ExpectTrap("load", {builder, 1, 1, 0, 1024});
    const uint32_t tensor = Floats({1});
    ExpectTrap("tensor.data", {tensor, bad});
    const uint32_t other = Floats({1});
    ExpectTrap("tensor.dimensions", {other, bad});
  }
}

TEST_P(WitHostileTest, MisalignedLists) {
  ExpectTrap("tensor.new", {1025, 1, kWitF32, 1024, 4});
  ExpectTrap("load", {1025, 1, 1, 0, 1024});
}

TEST_P(WitHostileTest, NamesThatAreNotUtf8) {
  for (std::string_view name : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    const uint32_t address = guest().Put(std::as_bytes(std::span(name)));
    ExpectTrap("load-by-name", {address, static_cast<uint32_t>(name.size()), 1024});
  }
}

TEST_P(WitHostileTest, UnknownEnumerationCases) {
  for (uint32_t bad : {7u, 255u, 0xffffffffu}) {
    ExpectTrap("tensor.new", {1024, 0, bad, 1024, 0});
    ExpectTrap("load", {1024, 0, bad, 0, 1024});
    ExpectTrap("load", {1024, 0, 1, bad, 1024});
  }
}

TEST_P(WitHostileTest, HandlesThatItDoesNotHold) {
  for (uint32_t bad : {0u, 1u, 77u, 0xffffffffu}) {
    ExpectTrap("tensor.ty", {bad});
    ExpectTrap("tensor.drop", {bad});
    ExpectTrap("graph.init", {bad, 1024});
    ExpectTrap("graph.drop", {bad});
    ExpectTrap("context.drop", {bad});
    ExpectTrap("error.code", {bad});
  }
}

TEST_P(WitHostileTest, HandlesOfAnotherKind) {
  const uint32_t tensor = Floats({1});
  ExpectTrap("graph.init", {tensor, 1024});
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {1}));
  ExpectTrap("context.drop", {graph});
}

TEST_P(WitHostileTest, HandlesAfterTheyWereDropped) {
  const uint32_t tensor = Floats({1});
  guest().DropTensor(tensor);
  ExpectTrap("tensor.ty", {tensor});
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {1}));
  guest().Call("graph.drop", {graph});
  ExpectTrap("graph.init", {graph, 1024});
}

TEST_P(WitHostileTest, TensorsAfterTheyWereTaken) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  const uint32_t tensor = Floats({1});
  ASSERT_FALSE(InferOne(context, tensor, nullptr, "nobody").ok);
  ExpectTrap("tensor.ty", {tensor});
}

TEST_P(WitHostileTest, OneTensorTwiceInOneCall) {
  if (version() != WitVersion::k20241028) GTEST_SKIP() << "only 2024-10-28 takes a list";
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  const uint32_t tensor = Floats({1});
  const uint32_t name = guest().PutU32s({'x'});
  const uint32_t list = guest().PutU32s({name, 1, tensor, name, 1, tensor});
  const uint32_t out = guest().Reserve(12);
  ExpectTrap("context.compute", {context, list, 2, out});
}

TEST_P(WitHostileTest, ResultsThatItHasNoRoomFor) {
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {1}));
  ExpectTrap("graph.init", {graph, 0xfffffff0});
}

}  // namespace
}  // namespace wnn::testing
