// Any bytes through the reader of protobuf's wire format: it ends, and stays inside.
#include <span>

#include "engine/frontend/wire.h"
#include "fuzz/models.h"
#include "fuzz/mutations.h"
#include "fuzz/target.h"

namespace wnn::fuzz {
namespace {

// Reads what looks like messages down to `depth`; the number of fields.
size_t Read(std::span<const std::byte> bytes, int depth) {
  size_t n = 0;
  frontend::WireReader reader(bytes);
  while (reader.Next()) {
    const frontend::Field& field = reader.field();
    if (++n > bytes.size()) Fail("more fields than bytes");
    if (!field.IsBytes()) continue;
    const std::byte* end = bytes.data() + bytes.size();
    if (!field.bytes.empty() &&
        (field.bytes.data() < bytes.data() || field.bytes.data() + field.bytes.size() > end)) {
      Fail("a field outside of its message");
    }
    size_t entries = 0;
    static_cast<void>(frontend::ForEachVarint(field, [&](uint64_t) { ++entries; }));
    if (entries > field.bytes.size()) Fail("more numbers than bytes");
    if (depth > 0) Read(field.bytes, depth - 1);
  }
  return n;
}

}  // namespace

std::vector<std::string> Seeds() { return SeedModels(); }
std::string Mutate(const std::string& input, std::mt19937& random) {
  return random() % 2 == 0 ? MutateBytes(input, random) : MutateMessage(input, random);
}

}  // namespace wnn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  wnn::fuzz::Read(std::as_bytes(std::span(data, size)), 8);
  return 0;
}
