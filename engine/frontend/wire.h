// Reads protobuf's wire format from untrusted bytes: bounded, without allocation or recursion.
//
//   WireReader reader(bytes);
//   while (reader.Next()) { switch (reader.field().number) { ... } }
//   if (!reader.ok()) ...malformed...
//
// Lifetime: everything read borrows the bytes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace wnn::frontend {

static_assert(std::endian::native == std::endian::little, "tensors and the wire are little endian");

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;                // of kVarint, kFixed64 and kFixed32
  std::span<const std::byte> bytes;  // of kBytes

  bool IsVarint() const { return type == WireType::kVarint; }
  bool IsBytes() const { return type == WireType::kBytes; }
  int64_t AsInt64() const { return static_cast<int64_t>(value); }
  float AsFloat() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
  std::string_view AsString() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  // Reads the next field. False at the end and for malformed bytes, which ok() tells apart.
  bool Next() {
    if (rest_.empty() || !ok_) return false;
    ok_ = ReadField();
    return ok_;
  }
  const Field& field() const { return field_; }
  bool ok() const { return ok_; }
  // For a caller that finds a known field with another wire type.
  void Fail() { ok_ = false; }

  // One varint of at most ten bytes.
  bool ReadVarint(uint64_t* value) {
    uint64_t result = 0;
    for (size_t i = 0; i < 10 && i < rest_.size(); ++i) {
      uint64_t byte = static_cast<uint64_t>(rest_[i]);
      result |= (byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) {
        rest_ = rest_.subspan(i + 1);
        *value = result;
        return true;
      }
    }
    return false;
  }
  bool AtEnd() const { return rest_.empty(); }

 private:
  bool ReadField() {
    uint64_t tag = 0;
    if (!ReadVarint(&tag) || tag > UINT32_MAX || tag >> 3 == 0) return false;
    field_ = Field();
    field_.number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0: return ReadVarint(&field_.value);
      case 1: field_.type = WireType::kFixed64; return ReadFixed(8);
      case 2: field_.type = WireType::kBytes; return ReadBytes();
      case 5: field_.type = WireType::kFixed32; return ReadFixed(4);
      default: return false;  // groups are not part of ONNX
    }
  }

  bool ReadFixed(size_t size) {
    if (rest_.size() < size) return false;
    std::memcpy(&field_.value, rest_.data(), size);
    rest_ = rest_.subspan(size);
    return true;
  }

  bool ReadBytes() {
    uint64_t size = 0;
    if (!ReadVarint(&size) || size > rest_.size()) return false;
    field_.bytes = rest_.first(static_cast<size_t>(size));
    rest_ = rest_.subspan(static_cast<size_t>(size));
    return true;
  }

  std::span<const std::byte> rest_;
  Field field_;
  bool ok_ = true;
};

// Calls add(uint64_t) for each element of a repeated varint field, packed or not. False if
// malformed, or when `add` says false.
template <typename Add>
bool ForEachVarint(const Field& field, Add add) {
  const auto take = [&](uint64_t value) {
    if constexpr (std::is_same_v<decltype(add(value)), bool>) {
      return add(value);
    } else {
      add(value);
      return true;
    }
  };
  if (field.IsVarint()) return take(field.value);
  if (!field.IsBytes()) return false;
  WireReader reader(field.bytes);
  uint64_t value = 0;
  while (!reader.AtEnd()) {
    if (!reader.ReadVarint(&value) || !take(value)) return false;
  }
  return true;
}

// As ForEachVarint for a repeated float (T of 4 bytes) or double (8 bytes) field: calls add(bytes)
// with whole elements, one or many, little endian.
template <typename T, typename Add>
bool ForEachFixedRun(const Field& field, Add add) {
  constexpr WireType kScalar = sizeof(T) == 4 ? WireType::kFixed32 : WireType::kFixed64;
  if (field.type == kScalar) {
    add(std::as_bytes(std::span(&field.value, 1)).first(sizeof(T)));
    return true;
  }
  if (!field.IsBytes() || field.bytes.size() % sizeof(T) != 0) return false;
  add(field.bytes);
  return true;
}

}  // namespace wnn::frontend
