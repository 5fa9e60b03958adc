#include "engine/kernels/quantized/quad_conv.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/quad_strip.h"
#include "engine/kernels/range.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {
namespace {

// memcpy without a call for the lines of small maps: by two moves that overlap.
void CopyLine(void* to, const void* from, int64_t n) {
  const auto halves = [&]<size_t kBytes>(std::integral_constant<size_t, kBytes>) {
    std::array<std::byte, kBytes> first, last;
    const auto shift = static_cast<size_t>(n) - kBytes;
    std::memcpy(first.data(), from, kBytes);
    std::memcpy(last.data(), static_cast<const std::byte*>(from) + shift, kBytes);
    std::memcpy(to, first.data(), kBytes);
    std::memcpy(static_cast<std::byte*>(to) + shift, last.data(), kBytes);
  };
  if (n > 64 || n < 4) {
    std::memcpy(to, from, static_cast<size_t>(n));
  } else if (n >= 32) {
    halves(std::integral_constant<size_t, 32>());
  } else if (n >= 16) {
    halves(std::integral_constant<size_t, 16>());
  } else if (n >= 8) {
    halves(std::integral_constant<size_t, 8>());
  } else {
    halves(std::integral_constant<size_t, 4>());
  }
}

// Bytes that tiles may read behind the last quad.
constexpr int64_t kOverread = kMaxStrip * 4;

int64_t ElementBytes(QuadEpilogue::Output output) {
  return output == QuadEpilogue::Output::kInt32 || output == QuadEpilogue::Output::kFloat ? 4 : 1;
}

}  // namespace

QuadConv::QuadConv(const ConvGeometry& shape) : shape_(shape), tiles_(&ActiveQuadTiles()) {}

Result<std::unique_ptr<const QuadConv>> QuadConv::Create(const ConvGeometry& shape,
                                                         const Weights& weights, Parallel& stop) {
  std::unique_ptr<QuadConv> conv(new QuadConv(shape));
  WNN_RETURN_IF_ERROR(conv->Plan());
  WNN_RETURN_IF_ERROR(conv->PackWeights(weights, stop));
  return std::unique_ptr<const QuadConv>(std::move(conv));
}

Status QuadConv::Plan() {
  const Window& w = shape_.window;
  sliding_ = shape_.group_in() == 1 && w.dilation[2] == 1;
  n_planes_ = sliding_ ? 1 : CeilDiv(shape_.group_in(), 4);
  const std::array<int64_t, 3> tap_step = {1, 1, sliding_ ? 4 : 1};
  double quads = 1;
  int64_t parts = 1;
  for (size_t d = 0; d < kMaxSpatialRank; ++d) {
    int64_t furthest = 0;
    for (int64_t k = 0; k < w.kernel[d]; k += tap_step[d]) {
      const int64_t at = k * w.dilation[d], remainder = at % w.stride[d];
      furthest = std::max(furthest, at / w.stride[d]);
      if (std::find(remainders_[d].begin(), remainders_[d].end(), remainder) ==
          remainders_[d].end()) {
        remainders_[d].push_back(remainder);
      }
    }
    extent_[d] = w.out[d] + furthest;
    if (sliding_ && d == 2) {
      // Whole padded rows: the windows of all rows are then those of one long row.
      extent_[d] =
          std::max(extent_[d], CeilDiv((w.out[d] - 1) * w.stride[d] + w.kernel[d], w.stride[d]));
    }
    parts *= static_cast<int64_t>(remainders_[d].size());
    quads *= static_cast<double>(extent_[d]) * static_cast<double>(remainders_[d].size());
  }
  if (quads * static_cast<double>(n_planes_) * static_cast<double>(shape_.groups) > 0x1p44) {
    return TooLarge("a convolution's input is too large to address");
  }
  const int64_t part = extent_[0] * extent_[1] * extent_[2];
  plane_quads_ = parts * part;
  n_lanes_ = ((w.out[0] - 1) * extent_[1] + w.out[1] - 1) * extent_[2] + w.out[2];
  // Of maps as large as that, with lines as short as may be, they would take gigabytes.
  constexpr int64_t kMaxKeptStrips = 1 << 16;
  if (CeilDiv(n_lanes_, kMaxStrip) <= kMaxKeptStrips) {
    strip_begins_.push_back(0);
    for (int64_t s = 0; s < CeilDiv(n_lanes_, kMaxStrip); ++s) {
      Segment found[kMaxStrip];
      segments_.insert(segments_.end(), found, found + FindSegments(s, found));
      strip_begins_.push_back(segments_.size());
    }
  }
  const auto place = [&](size_t d, int64_t tap, int64_t* remainder_index) {
    const int64_t at = tap * w.dilation[d];
    *remainder_index = std::find(remainders_[d].begin(), remainders_[d].end(), at % w.stride[d]) -
                       remainders_[d].begin();
    return at / w.stride[d];
  };
  for (int64_t plane = 0; plane < n_planes_; ++plane) {
    for (int64_t z = 0; z < w.kernel[0]; ++z) {
      for (int64_t y = 0; y < w.kernel[1]; ++y) {
        for (int64_t x = 0; x < w.kernel[2]; x += tap_step[2]) {
          int64_t rz = 0, ry = 0, rx = 0;
          const int64_t az = place(0, z, &rz), ay = place(1, y, &ry), ax = place(2, x, &rx);
          const int64_t remainder = (rz * static_cast<int64_t>(remainders_[1].size()) + ry) *
                                        static_cast<int64_t>(remainders_[2].size()) +
                                    rx;
          const int64_t at = (az * extent_[1] + ay) * extent_[2] + ax;
          step_offsets_.push_back(4 * (plane * plane_quads_ + remainder * part + at));
        }
      }
    }
  }
  return OkStatus();
}

Status QuadConv::PackWeights(const Weights& weights, Parallel& parallel) {
  StopCheck check(parallel);
  const Window& w = shape_.window;
  const int64_t rows = shape_.group_out(), taps = w.n_taps(), channels = shape_.group_in();
  const auto n_steps = static_cast<int64_t>(step_offsets_.size());
  const int64_t plane_steps = n_steps / std::max<int64_t>(n_planes_, 1);
  group_weight_bytes_ = PackedQuadRowsBytes(*tiles_, rows, n_steps);
  WNN_ASSIGN_OR_RETURN(
      weights_, AlignedBuffer::Allocate(static_cast<size_t>(group_weight_bytes_ * shape_.groups)));
  WNN_ASSIGN_OR_RETURN(ones_,
                       AlignedBuffer::Allocate(static_cast<size_t>(n_steps * tiles_->quad_bytes)));
  weight_sums_.assign(static_cast<size_t>(shape_.out_channels), 0);

  // The weight of byte j of a step: its index within an output channel, or -1 if there is none.
  const int64_t quads_a_row = CeilDiv(w.kernel[2], 4);
  const auto index_of = [&](int64_t step, int64_t j) -> int64_t {
    if (sliding_) {
      const int64_t x = step % quads_a_row * 4 + j;
      return x < w.kernel[2] ? step / quads_a_row * w.kernel[2] + x : -1;
    }
    const int64_t channel = step / plane_steps * 4 + j;
    return channel < channels ? channel * taps + step % plane_steps : -1;
  };
  const auto* bytes = static_cast<const uint8_t*>(weights.data);
  const uint8_t flip = weights.is_signed ? 0 : 0x80;
  for (int64_t group = 0; group < shape_.groups; ++group) {
    PackQuadRows(*tiles_, 0, rows, rows, n_steps, weights_.data() + group * group_weight_bytes_,
                 check, [&](int64_t row, int64_t step, int8_t quad[4]) {
                   const int64_t out = group * rows + row;
                   for (int64_t j = 0; j < 4; ++j) {
                     const int64_t at = index_of(step, j);
                     if (at < 0) continue;
                     quad[j] = static_cast<int8_t>(bytes[out * channels * taps + at] ^ flip);
                     weight_sums_[static_cast<size_t>(out)] += quad[j];
                   }
                 });
  }
  PackQuadRows(*tiles_, 0, 1, 1, n_steps, ones_.data(), check,
               [&](int64_t, int64_t step, int8_t quad[4]) {
                 for (int64_t j = 0; j < 4; ++j) quad[j] = index_of(step, j) < 0 ? 0 : 1;
               });
  return OkStatus();
}

// Bytes of the padded rows that PackSliding() makes.
int64_t QuadConv::PaddedBytes() const {
  if (!sliding_) return 0;
  constexpr int64_t kBehind = 64;  // what the last window and its vector reach
  return RoundUp(extent_[0] * extent_[1] * extent_[2] * shape_.window.stride[2] + kBehind, 64);
}

// Makes the quads of one channel: pads rows, then takes every window.
void QuadConv::PackSliding(const Input& input, const uint8_t* source, uint8_t* to, uint8_t* padded,
                           Parallel& parallel) const {
  StopCheck check(parallel);
  const Window& w = shape_.window;
  const int64_t pitch = extent_[2] * w.stride[2], n = extent_[0] * extent_[1] * extent_[2];
  const int64_t live = std::min(w.in[2], pitch - w.pad_begin[2]);
  const uint8_t flip = input.is_signed ? 0x80 : 0;
  for (int64_t rz : remainders_[0]) {
    for (int64_t ry : remainders_[1]) {
      InSteps(parallel, PaddedBytes(), [&](int64_t begin, int64_t end) {
        std::memset(padded + begin, input.zero, static_cast<size_t>(end - begin));
      });
      for (int64_t iz = 0; iz < extent_[0]; ++iz) {
        const int64_t z = iz * w.stride[0] + rz - w.pad_begin[0];
        if (z < 0 || z >= w.in[0]) continue;
        for (int64_t iy = 0; iy < extent_[1]; ++iy) {
          const int64_t y = iy * w.stride[1] + ry - w.pad_begin[1];
          if (check.Stopped(2 + live)) return;
          if (y < 0 || y >= w.in[1]) continue;
          const uint8_t* line = source + (z * w.in[1] + y) * w.in[2];
          uint8_t* row = padded + (iz * extent_[1] + iy) * pitch + w.pad_begin[2];
          if (flip == 0) {
            if (live > 0) CopyLine(row, line, live);
          } else {
            for (int64_t i = 0; i < live; ++i) row[i] = static_cast<uint8_t>(line[i] ^ flip);
          }
        }
      }
      for (int64_t rx : remainders_[2]) {
        InSteps(parallel, n, [&](int64_t begin, int64_t end) {
          SlidingQuads(padded + rx + begin * w.stride[2], end - begin, w.stride[2], to + 4 * begin);
        });
        to += 4 * n;
      }
    }
  }
}

// Makes the quads of four channels, or of one, until `parallel` is stopped. `padded` has
// PaddedBytes().
void QuadConv::PackPlane(const Input& input, int64_t image, int64_t group, int64_t plane,
                         uint8_t* to, uint8_t* padded, Parallel& parallel) const {
  StopCheck check(parallel);
  const Window& w = shape_.window;
  const uint8_t flip = input.is_signed ? 0x80 : 0;
  const auto* source =
      static_cast<const uint8_t*>(input.data) +
      (image * shape_.in_channels + group * shape_.group_in() + 4 * plane) * w.in_size();
  if (sliding_) {
    PackSliding(input, source, to, padded, parallel);
    return;
  }
  const int64_t channels = std::min<int64_t>(4, shape_.group_in() - 4 * plane);
  const int64_t width = extent_[2], stride = w.stride[2];
  for (int64_t rz : remainders_[0]) {
    for (int64_t ry : remainders_[1]) {
      for (int64_t rx : remainders_[2]) {
        // Positions [begin, end) read inside a line.
        const int64_t shift = rx - w.pad_begin[2], room = w.in[2] - shift;
        const int64_t begin =
            std::clamp<int64_t>(shift < 0 ? CeilDiv(-shift, stride) : 0, 0, width);
        const int64_t end = std::clamp<int64_t>(room > 0 ? CeilDiv(room, stride) : 0, begin, width);
        for (int64_t iz = 0; iz < extent_[0]; ++iz) {
          for (int64_t iy = 0; iy < extent_[1]; ++iy, to += 4 * width) {
            const int64_t z = iz * w.stride[0] + rz - w.pad_begin[0];
            const int64_t y = iy * w.stride[1] + ry - w.pad_begin[1];
            if (check.Stopped(4 * width)) return;
            if (z < 0 || z >= w.in[0] || y < 0 || y >= w.in[1]) {
              std::memset(to, input.zero, static_cast<size_t>(4 * width));
              continue;
            }
            std::memset(to, input.zero, static_cast<size_t>(4 * begin));
            std::memset(to + 4 * end, input.zero, static_cast<size_t>(4 * (width - end)));
            const uint8_t* line = source + (z * w.in[1] + y) * w.in[2] + begin * stride + shift;
            const uint8_t* rows[4] = {};
            for (int64_t j = 0; j < channels; ++j) rows[j] = line + j * w.in_size();
            if (stride == 1) {
              InterleaveQuads(rows, end - begin, flip, input.zero, to + 4 * begin);
              continue;
            }
            for (int64_t j = 0; j < 4; ++j) {
              uint8_t* at = to + 4 * begin + j;
              for (int64_t i = 0; i < end - begin; ++i) {
                at[4 * i] =
                    j < channels ? static_cast<uint8_t>(rows[j][i * stride] ^ flip) : input.zero;
              }
            }
          }
        }
      }
    }
  }
}

// Those of a strip's lanes that are pixels of the output; their number, of at most kMaxStrip.
size_t QuadConv::FindSegments(int64_t strip, Segment* found) const {
  const Window& w = shape_.window;
  const int64_t first = strip * kMaxStrip, n = std::min(kMaxStrip, n_lanes_ - first);
  size_t n_found = 0;
  for (int64_t lane = 0; lane < n;) {
    const int64_t x = (first + lane) % extent_[2], line = (first + lane) / extent_[2];
    const int64_t y = line % extent_[1], z = line / extent_[1];
    const int64_t run = std::min(extent_[2] - x, n - lane);
    if (x < w.out[2] && y < w.out[1]) {
      found[n_found++] = {lane, (z * w.out[1] + y) * w.out[2] + x, std::min(run, w.out[2] - x)};
    }
    lane += run;
  }
  return n_found;
}

// Those that were kept, or else `room` filled with them.
std::span<const QuadConv::Segment> QuadConv::SegmentsOf(int64_t strip, Segment* room) const {
  if (strip_begins_.empty()) return {room, FindSegments(strip, room)};
  const auto at = static_cast<size_t>(strip);
  return std::span(segments_).subspan(strip_begins_[at], strip_begins_[at + 1] - strip_begins_[at]);
}

void QuadConv::RunStrips(const Input& input, const QuadEpilogue& epilogue, int64_t image,
                         int64_t group, const uint8_t* packed, int64_t first_strip,
                         int64_t end_strip, int64_t first_row, int64_t end_row, std::byte* output,
                         Parallel& parallel) const {
  StopCheck check(parallel);
  const Window& w = shape_.window;
  const int64_t element = ElementBytes(epilogue.output);
  const int64_t first_channel = group * shape_.group_out();
  const bool dense = extent_[2] == w.out[2] && (extent_[1] == w.out[1] || w.out[0] == 1);
  alignas(64) std::byte finished[kMaxQuadRows * kMaxStrip * 4];
  alignas(64) int32_t lane_sums[kMaxStrip];
  QuadEpilogue e = epilogue;
  e.lane_sum = lane_sums;
  const int64_t n_taps = w.n_taps() * shape_.group_in();
  const int64_t channel_bytes = w.out_size() * element;
  std::byte* to = output + (image * shape_.out_channels + first_channel) * channel_bytes;
  for (int64_t strip = first_strip; strip < end_strip; ++strip) {
    const int64_t first = strip * kMaxStrip, n = std::min(kMaxStrip, n_lanes_ - first);
    const uint8_t* in = packed + 4 * first;
    if (epilogue.row_zero != nullptr) {
      RunQuadStrip(*tiles_, in, step_offsets_, ones_.data(), 1, 0, 1, n, check,
                   [&](int64_t, int64_t, const int32_t* sums) {
                     for (int64_t i = 0; i < kMaxStrip; ++i) {
                       lane_sums[i] = static_cast<int32_t>(sums[i] - n_taps * input.zero);
                     }
                   });
    }
    const bool in_place = dense && n % kQuadLanes == 0;
    Segment room[kMaxStrip];
    const std::span<const Segment> segments =
        in_place ? std::span<const Segment>() : SegmentsOf(strip, room);
    RunQuadStrip(*tiles_, in, step_offsets_, weights_.data() + group * group_weight_bytes_,
                 shape_.group_out(), first_row, end_row, n, check,
                 [&](int64_t row, int64_t n_rows, const int32_t* sums) {
                   if (in_place) {
                     FinishQuadRows(e, first_channel + row, n_rows, n, sums,
                                    to + row * channel_bytes + first * element, channel_bytes);
                     return;
                   }
                   constexpr int64_t kStride = kMaxStrip * 4;
                   FinishQuadRows(e, first_channel + row, n_rows, n, sums, finished, kStride);
                   for (int64_t r = 0; r < n_rows; ++r) {
                     for (const Segment& s : segments) {
                       CopyLine(to + (row + r) * channel_bytes + s.pixel * element,
                                finished + r * kStride + s.lane * element, s.n * element);
                     }
                   }
                 });
  }
}

uint64_t QuadConv::ScratchBytes(int n_threads) const {
  const int64_t packed = RoundUp(4 * n_planes_ * plane_quads_ + kOverread, 64);
  const int64_t copies = shape_.groups > 1 ? n_threads : 1;
  return static_cast<uint64_t>(copies * packed + n_threads * PaddedBytes());
}

void QuadConv::Run(const Input& input, const QuadEpilogue& epilogue, void* output,
                   std::byte* scratch, Parallel& parallel) const {
  if (shape_.batch == 0 || shape_.out_channels == 0 || shape_.window.out_size() == 0) return;
  const int64_t row_bytes = PaddedBytes();
  const int64_t packed_bytes = RoundUp(4 * n_planes_ * plane_quads_ + kOverread, 64);
  auto* rows = reinterpret_cast<uint8_t*>(scratch);
  uint8_t* packed = rows + parallel.n_threads() * row_bytes;
  auto* out = static_cast<std::byte*>(output);
  const int64_t n_strips = CeilDiv(n_lanes_, kMaxStrip);
  const int64_t wanted = parallel.n_threads() == 1 ? 1 : int64_t{6} * parallel.n_threads();

  if (shape_.groups > 1) {
    // A group is packed and computed by one thread, while it is in the cache.
    const int64_t n = shape_.batch * shape_.groups, n_tasks = std::min(n, wanted);
    parallel.ForEach(static_cast<size_t>(n_tasks), [&](size_t task, int thread) {
      StopCheck check(parallel);
      uint8_t* mine = packed + thread * packed_bytes;
      const auto t = static_cast<int64_t>(task);
      for (int64_t i = n * t / n_tasks; i < n * (t + 1) / n_tasks; ++i) {
        if (check.Stopped(1000)) return;
        const int64_t image = i / shape_.groups, group = i % shape_.groups;
        for (int64_t plane = 0; plane < n_planes_; ++plane) {
          PackPlane(input, image, group, plane, mine + 4 * plane * plane_quads_,
                    rows + thread * row_bytes, parallel);
        }
        RunStrips(input, epilogue, image, group, mine, 0, n_strips, 0, shape_.group_out(), out,
                  parallel);
      }
    });
    return;
  }
  const int64_t n_tiles = CeilDiv(shape_.out_channels, kMaxQuadRows);
  const int64_t strip_parts = std::min(n_strips, wanted);
  const int64_t row_parts = std::min(n_tiles, CeilDiv(wanted, strip_parts));
  for (int64_t image = 0; image < shape_.batch; ++image) {
    parallel.ForEach(static_cast<size_t>(n_planes_), [&](size_t plane, int thread) {
      PackPlane(input, image, 0, static_cast<int64_t>(plane),
                packed + 4 * static_cast<int64_t>(plane) * plane_quads_, rows + thread * row_bytes,
                parallel);
    });
    parallel.ForEach(static_cast<size_t>(strip_parts * row_parts), [&](size_t task, int) {
      const int64_t s = static_cast<int64_t>(task) / row_parts;
      const int64_t r = static_cast<int64_t>(task) % row_parts;
      const int64_t first_row = n_tiles * r / row_parts * kMaxQuadRows;
      const int64_t end_row =
          std::min(shape_.out_channels, n_tiles * (r + 1) / row_parts * kMaxQuadRows);
      RunStrips(input, epilogue, image, 0, packed, n_strips * s / strip_parts,
                n_strips * (s + 1) / strip_parts, first_row, end_row, out, parallel);
    });
  }
}

}  // namespace wnn::kernels
