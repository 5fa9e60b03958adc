#include "guest/image/jpeg_tables.h"

#include <algorithm>

namespace wnn::image {
namespace {

// Markers, after their 0xff (ITU-T T.81, table B.1).
constexpr unsigned kSoi = 0xd8, kDht = 0xc4, kSos = 0xda, kRst0 = 0xd0, kEoi = 0xd9, kTem = 0x01;

class Segments {
 public:
  explicit Segments(std::span<const std::byte> file) : rest_(file) {}

  // The next marker; 0 at the end of the bytes. Skips what is between markers: padding, and, after
  // the first scan, compressed data, in which 0xff is followed by 0 or a restart marker.
  unsigned NextMarker() {
    while (rest_.size() >= 2) {
      const unsigned marker = At(0) == 0xff ? At(1) : 0;
      // Of several 0xff the last begins the marker.
      rest_ = rest_.subspan(marker == 0 || marker == 0xff ? 1 : 2);
      const bool stands_alone = marker >= kRst0 && marker <= kEoi;
      if (marker != 0 && marker != 0xff && marker != kTem && !stands_alone) return marker;
    }
    return 0;
  }
  // The segment's bytes after its length; leaves it unread.
  std::span<const std::byte> Segment() const {
    if (rest_.size() < 2) return {};
    const std::size_t size = At(0) << 8 | At(1);
    return rest_.first(std::min(std::max<std::size_t>(size, 2), rest_.size())).subspan(2);
  }
  void Skip(std::size_t n_bytes) { rest_ = rest_.subspan(std::min(n_bytes, rest_.size())); }

 private:
  unsigned At(std::size_t i) const { return std::to_integer<unsigned>(rest_[i]); }

  std::span<const std::byte> rest_;
};

// `segment`: of tables, each a byte, sixteen numbers of codes, and as many bytes.
bool TablesFit(std::span<const std::byte> segment) {
  constexpr std::size_t kHead = 17;
  while (segment.size() >= kHead) {
    std::size_t n_codes = 0;
    for (std::byte count : segment.subspan(1, 16)) n_codes += std::to_integer<std::size_t>(count);
    if (n_codes > 256) return false;
    segment = segment.subspan(std::min(kHead + n_codes, segment.size()));
  }
  // stb_image goes on past the segment's end with a table that began in it.
  return segment.empty();
}

}  // namespace

bool HuffmanTablesFit(std::span<const std::byte> file) {
  // stb_image takes several 0xff before the first marker, too.
  const auto* soi = std::find_if(file.data(), file.data() + file.size(),
                                 [](std::byte byte) { return byte != std::byte{0xff}; });
  const auto n_fill = static_cast<std::size_t>(soi - file.data());
  if (n_fill == 0 || n_fill == file.size() || *soi != std::byte{kSoi}) return true;
  Segments segments(file.subspan(n_fill + 1));
  bool in_scans = false;
  for (unsigned marker = segments.NextMarker(); marker != 0; marker = segments.NextMarker()) {
    const auto segment = segments.Segment();
    if (marker == kDht && !TablesFit(segment)) return false;
    in_scans = in_scans || marker == kSos;
    // Once there is compressed data, where stb_image takes up again is hard to say: every marker
    // counts, also within segments.
    if (!in_scans) segments.Skip(segment.size() + 2);
  }
  return true;
}

}  // namespace wnn::image
