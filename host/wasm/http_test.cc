#include "host/wasm/http.h"

#include <gtest/gtest.h>

namespace wnn::wasm {
namespace {

bool Allowed(std::string_view rule, std::string_view authority, bool is_https = false) {
  const auto parsed = ParseHttpRule(rule);
  EXPECT_TRUE(parsed.has_value()) << parsed.error().message();
  return HttpAllowed({*parsed}, is_https, authority);
}

TEST(HttpRules, NothingIsAllowedWithoutOne) {
  EXPECT_FALSE(HttpAllowed({}, false, "example.com"));
  EXPECT_FALSE(HttpAllowed({}, true, "localhost:8080"));
}

TEST(HttpRules, AHostHasTheDefaultPorts) {
  EXPECT_TRUE(Allowed("example.com", "example.com"));
  EXPECT_TRUE(Allowed("example.com", "EXAMPLE.com:80"));
  EXPECT_TRUE(Allowed("Example.com", "example.com", true));
  EXPECT_TRUE(Allowed("example.com", "example.com:443", true));
  EXPECT_FALSE(Allowed("example.com", "example.com:443"));
  EXPECT_FALSE(Allowed("example.com", "example.com:8080"));
  EXPECT_FALSE(Allowed("example.com", "www.example.com"));
  EXPECT_FALSE(Allowed("example.com", "example.com.evil.org"));
}

TEST(HttpRules, PortsThatAreNamed) {
  EXPECT_TRUE(Allowed("127.0.0.1:8080", "127.0.0.1:8080"));
  EXPECT_FALSE(Allowed("127.0.0.1:8080", "127.0.0.1:8081"));
  EXPECT_FALSE(Allowed("127.0.0.1:8080", "127.0.0.1"));
  EXPECT_TRUE(Allowed("127.0.0.1:*", "127.0.0.1:1"));
  EXPECT_TRUE(Allowed("[::1]:8080", "[::1]:8080"));
  EXPECT_TRUE(Allowed("[::1]", "[::1]"));
  EXPECT_FALSE(Allowed("[::1]", "[::2]"));
}

TEST(HttpRules, Wildcards) {
  EXPECT_TRUE(Allowed("*.example.com", "a.example.com"));
  EXPECT_TRUE(Allowed("*.example.com:81", "a.b.example.com:81"));
  EXPECT_FALSE(Allowed("*.example.com", "example.com"));
  EXPECT_FALSE(Allowed("*.example.com", ".example.com"));
  EXPECT_FALSE(Allowed("*.example.com", "badexample.com"));
  EXPECT_TRUE(Allowed("*", "example.com"));
  EXPECT_FALSE(Allowed("*", "example.com:8080"));
  EXPECT_TRUE(Allowed("*:*", "[::1]:8080"));
}

TEST(HttpRules, WhatIsNoPlainAuthorityIsNeverAllowed) {
  for (std::string_view authority :
       {"", "user@example.com", "example.com@evil.org", "example.com:", "example.com:x",
        "example.com:99999", "example.com:80:80", "exa mple.com", "[::1", "[]", "[::1]x:80",
        "example.com/path", "ex%61mple.com"}) {
    EXPECT_FALSE(Allowed("*:*", authority)) << authority;
  }
}

TEST(HttpRules, EveryOtherTextIsRefused) {
  for (std::string_view rule :
       {"", ":80", "http://example.com", "example.com/", "a@b", "example.com:", "example.com:http",
        "example.com:70000", "::1", "*.", "*.*", "a.*", "*.[::1]", "**"}) {
    const auto parsed = ParseHttpRule(rule);
    ASSERT_FALSE(parsed.has_value()) << rule;
    EXPECT_NE(parsed.error().message().find("HOST or HOST:PORT"), std::string_view::npos);
  }
}

}  // namespace
}  // namespace wnn::wasm
