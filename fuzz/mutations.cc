#include "fuzz/mutations.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/frontend/wire.h"

namespace wnn::fuzz {
namespace {

using frontend::WireReader;
using frontend::WireType;

struct Field {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;
  std::string bytes;
};

std::optional<std::vector<Field>> Parse(const std::string& message) {
  std::vector<Field> fields;
  WireReader reader(std::as_bytes(std::span(message)));
  while (reader.Next()) {
    const frontend::Field& field = reader.field();
    fields.push_back({field.number, field.type, field.value, std::string(field.AsString())});
  }
  if (!reader.ok()) return std::nullopt;
  return fields;
}

void AppendVarint(uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

std::string Serialize(const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) {
    AppendVarint(uint64_t{field.number} << 3 | static_cast<uint64_t>(field.type), out);
    const auto* raw = reinterpret_cast<const char*>(&field.value);
    switch (field.type) {
      case WireType::kVarint: AppendVarint(field.value, out); break;
      case WireType::kFixed64: out.append(raw, 8); break;
      case WireType::kFixed32: out.append(raw, 4); break;
      case WireType::kBytes:
        AppendVarint(field.bytes.size(), out);
        out += field.bytes;
        break;
    }
  }
  return out;
}

size_t Below(size_t n, std::mt19937& random) { return n == 0 ? 0 : random() % n; }

uint64_t InterestingNumber(uint64_t value, std::mt19937& random) {
  constexpr std::array<uint64_t, 16> kNumbers = {0,
                                                 1,
                                                 2,
                                                 3,
                                                 7,
                                                 16,
                                                 64,
                                                 255,
                                                 INT32_MAX,
                                                 UINT32_MAX,
                                                 uint64_t{1} << 32,
                                                 uint64_t{1} << 40,
                                                 INT64_MAX,
                                                 UINT64_MAX,
                                                 4,
                                                 8};
  switch (random() % 4) {
    case 0: return value + 1;
    case 1: return value - 1;
    case 2: return value ^ (uint64_t{1} << (random() % 64));
    default: return kNumbers[random() % kNumbers.size()];
  }
}

}  // namespace

std::string MutateBytes(const std::string& input, std::mt19937& random) {
  std::string out = input;
  for (size_t n = 1 + random() % 4; n > 0; --n) {
    const size_t at = Below(out.size(), random);
    switch (random() % 5) {
      case 0:
        if (!out.empty()) out[at] = static_cast<char>(out[at] ^ (1 << (random() % 8)));
        break;
      case 1: out.insert(at, 1, static_cast<char>(random())); break;
      case 2:
        if (!out.empty()) out.erase(at, 1 + random() % 8);
        break;
      case 3: out.insert(at, out.substr(Below(out.size(), random), random() % 32)); break;
      default:
        if (!out.empty()) out[at] = static_cast<char>(random());
    }
  }
  return out;
}

std::string MutateMessage(const std::string& message, std::mt19937& random) {
  auto fields = Parse(message);
  if (!fields || fields->empty()) return MutateBytes(message, random);
  const size_t at = Below(fields->size(), random);
  Field& field = (*fields)[at];
  // Down into a message, mostly; strings and tensors' data look like one at times, too.
  if (field.type == WireType::kBytes && field.bytes.size() > 1 && random() % 8 != 0 &&
      Parse(field.bytes)) {
    field.bytes = MutateMessage(field.bytes, random);
    return Serialize(*fields);
  }
  const auto place = fields->begin() + static_cast<std::ptrdiff_t>(at);
  switch (random() % 6) {
    case 0: fields->erase(place); break;
    case 1: fields->insert(place, Field(field)); break;
    case 2: std::swap(field, (*fields)[Below(fields->size(), random)]); break;
    case 3: field.number = 1 + static_cast<uint32_t>(random() % 26); break;
    default:
      if (field.type == WireType::kBytes) {
        field.bytes = MutateBytes(field.bytes, random);
      } else {
        field.value = InterestingNumber(field.value, random);
      }
  }
  return Serialize(*fields);
}

std::string Splice(const std::string& message, const std::string& other, std::mt19937& random) {
  auto fields = Parse(message);
  const auto others = Parse(other);
  if (!fields || fields->empty() || !others) return message;
  Field& field = (*fields)[Below(fields->size(), random)];
  std::vector<const Field*> alike;
  for (const Field& candidate : *others) {
    if (candidate.number == field.number && candidate.type == field.type) {
      alike.push_back(&candidate);
    }
  }
  if (alike.empty()) return message;
  const Field& chosen = *alike[Below(alike.size(), random)];
  if (random() % 4 != 0 && Parse(field.bytes) && Parse(chosen.bytes)) {
    field.bytes = Splice(field.bytes, chosen.bytes, random);
  } else {
    field = chosen;
  }
  return Serialize(*fields);
}

}  // namespace wnn::fuzz
