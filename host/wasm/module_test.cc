#include "host/wasm/module.h"

#include <gtest/gtest.h>

#include <string_view>

namespace wnn::wasm {
namespace {

using std::string_view_literals::operator""sv;

class ModuleTest : public testing::Test {
 protected:
  ModuleTest() {
    EngineOptions options;
    options.cache.enabled = false;
    engine_ = std::move(*Engine::Create(options));
  }

  Result<std::unique_ptr<Module>> Compile(std::string_view bytes) {
    return Module::Compile(*engine_, std::as_bytes(std::span(bytes)), "test");
  }

  // The code of the error, which must name the module.
  Code ErrorOf(std::string_view bytes) {
    auto module = Compile(bytes);
    EXPECT_FALSE(module.has_value());
    EXPECT_TRUE(module.error().message().starts_with("module 'test': "))
        << module.error().message();
    return module.error().code();
  }

  std::unique_ptr<Engine> engine_;
};

TEST_F(ModuleTest, TakesBinaryAndText) {
  EXPECT_TRUE(Compile("\0asm\1\0\0\0"sv).has_value());
  EXPECT_TRUE(Compile(" ;; a comment\n(module)").has_value());
}

TEST_F(ModuleTest, RefusesWhatIsNoModule) {
  EXPECT_EQ(ErrorOf(""), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("hello"), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("\0asm"sv), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("\0asm\2\0\0\0"sv), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("\0asm\1\0\0\0\1"sv), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("(module (func i32.add))"), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("(module"), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("(module\0)"sv), Code::kInvalidArgument);
}

TEST_F(ModuleTest, TellsComponentsByTheirBytes) {
  for (std::string_view bytes : {"\0asm\x0d\0\1\0"sv, "(component)"sv}) {
    auto component = Compile(bytes);
    ASSERT_TRUE(component.has_value()) << component.error().message();
    EXPECT_TRUE((*component)->is_component());
    EXPECT_EQ((*component)->kind(), "component");
  }
  EXPECT_FALSE((*Compile("(module)"))->is_component());
  EXPECT_EQ((*Compile("(module)"))->kind(), "module");
}

TEST_F(ModuleTest, RefusesComponentsThatDoNotValidate) {
  EXPECT_EQ(ErrorOf("\0asm\x0d\0\1\0\1"sv), Code::kInvalidArgument);
  EXPECT_EQ(ErrorOf("(component (core module (func i32.add)))"), Code::kInvalidArgument);
}

TEST_F(ModuleTest, RefusesPrecompiledModules) {
  EXPECT_EQ(ErrorOf("\x7f"
                    "ELF\2\1\1"),
            Code::kUnsupportedOperation);
}

TEST_F(ModuleTest, RunsPrecompiledCodeWhereThatIsAllowed) {
  for (const char* text : {R"((module (func (export "f"))))", "(component)"}) {
    auto module = Compile(text);
    ASSERT_TRUE(module.has_value()) << module.error().message();
    const auto code = (*module)->Serialize();
    ASSERT_TRUE(code.has_value()) << code.error().message();
    const auto refused = Module::Compile(*engine_, *code, "m");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Code::kUnsupportedOperation);
    const auto again = Module::Compile(*engine_, *code, "m", Precompiled::kAllow);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ((*again)->is_component(), (*module)->is_component());
    EXPECT_EQ((*again)->ExportedFunctions(), (*module)->ExportedFunctions());
  }
}

TEST_F(ModuleTest, RefusesOtherNativeFilesAndCodeForOtherEngines) {
  const std::string_view native =
      "\x7f"
      "ELF\2\1\1";
  const auto refused =
      Module::Compile(*engine_, std::as_bytes(std::span(native)), "m", Precompiled::kAllow);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EngineOptions metered;
  metered.cache.enabled = false;
  metered.meters_fuel = true;
  auto other = Engine::Create(metered);
  ASSERT_TRUE(other.has_value());
  const auto code = (*Compile("(module)"))->Serialize();
  ASSERT_TRUE(code.has_value());
  const auto module = Module::Compile(**other, *code, "m", Precompiled::kAllow);
  ASSERT_FALSE(module.has_value());
  EXPECT_EQ(module.error().code(), Code::kInvalidArgument);
}

TEST_F(ModuleTest, ListsExportedFunctionsOnly) {
  auto module = Compile(R"((module
      (memory (export "memory") 1) (func (export "b")) (global (export "g") i32 (i32.const 0))
      (table (export "t") 1 funcref) (tag (export "x")) (func (export "a"))))");
  ASSERT_TRUE(module.has_value());
  EXPECT_EQ((*module)->ExportedFunctions(), (std::vector<std::string>{"b", "a"}));
}

TEST_F(ModuleTest, ListsComponentsFunctionsWithTheirInstances) {
  auto component = Compile(R"((component
      (core module $m (func (export "f")))
      (core instance $i (instantiate $m))
      (func $f (canon lift (core func $i "f")))
      (instance $sub (export "g" (func $f)))
      (export "a" (func $f))
      (export "test:things/sub@1.0.0" (instance $sub))))");
  ASSERT_TRUE(component.has_value()) << component.error().message();
  EXPECT_EQ((*component)->ExportedFunctions(),
            (std::vector<std::string>{"a", "test:things/sub@1.0.0#g"}));
}

TEST_F(ModuleTest, LoadSaysWhatIsWrongWithAFile) {
  auto missing = Module::Load(*engine_, "no/such/file.wasm");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_EQ(missing.error().message(),
            "module 'no/such/file.wasm': cannot open it: No such file or directory");
  auto directory = Module::Load(*engine_, ".");
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace wnn::wasm
