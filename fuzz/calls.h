// A sequence of calls, read from an input's bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace wnn::fuzz {

// Reads numbers until the bytes are used up, then zeros.
class CallReader {
 public:
  explicit CallReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool AtEnd() const { return rest_.empty(); }
  uint8_t Byte() { return static_cast<uint8_t>(Number(1)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }
  // A number that is small in most cases: a handle, an index, an enumeration's case.
  uint32_t Small() {
    const uint8_t byte = Byte();
    return byte < 240 ? byte % 12 : U32();
  }

 private:
  uint64_t Number(size_t n_bytes) {
    uint64_t value = 0;
    const size_t n = std::min(n_bytes, rest_.size());
    std::memcpy(&value, rest_.data(), n);
    rest_ = rest_.subspan(n);
    return value;
  }
  std::span<const std::byte> rest_;
};

}  // namespace wnn::fuzz
