#include "guest/tests/identity_model.h"

#include <string>
#include <string_view>

namespace wnn::tests {
namespace {

// Protobuf's wire format, of which a model this small needs two kinds of fields. Every number and
// length below is under 128, so that it is one byte.
std::string Number(int field, int value) {
  return {static_cast<char>(field << 3), static_cast<char>(value)};
}
std::string Bytes(int field, std::string_view payload) {
  std::string out = {static_cast<char>(field << 3 | 2), static_cast<char>(payload.size())};
  return out += payload;
}

// ValueInfoProto of a float32 tensor of [1, 4].
std::string Value(std::string_view name) {
  constexpr int kFloat = 1;
  const std::string shape = Bytes(1, Number(1, 1)) + Bytes(1, Number(1, 4));
  const std::string type = Bytes(1, Number(1, kFloat) + Bytes(2, shape));
  return Bytes(1, name) + Bytes(2, type);
}

}  // namespace

std::vector<std::byte> MakeIdentityModel() {
  constexpr int kIrVersion = 6;
  constexpr int kOpset = 9;
  const std::string node = Bytes(1, "0") + Bytes(2, "1") + Bytes(4, "Identity");
  const std::string graph =
      Bytes(1, node) + Bytes(2, "identity") + Bytes(11, Value("0")) + Bytes(12, Value("1"));
  const std::string model = Number(1, kIrVersion) + Bytes(7, graph) + Bytes(8, Number(2, kOpset));
  std::vector<std::byte> bytes;
  for (const char c : model) bytes.push_back(static_cast<std::byte>(c));
  return bytes;
}

}  // namespace wnn::tests
