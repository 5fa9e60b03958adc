#include "engine/kernels/quantized/channels_last_conv.h"

#include <algorithm>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/quad_tile.h"
#include "engine/kernels/range.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {
namespace {

// That packing a quad of weights takes, in nanoseconds.
constexpr int64_t kPackNs = 20;
// Bytes that quads may read behind the last pixel.
constexpr int64_t kOverread = 64;
// Bytes of the input that a task of a dense convolution reads again for every block of channels.
constexpr int64_t kTaskBytes = 64 * 1024;
// Bytes that it writes at most, and products that it computes: a few milliseconds' work.
constexpr int64_t kTaskOutput = int64_t{1} << 21;
constexpr int64_t kTaskProducts = int64_t{1} << 29;
// Channels times taps that a depthwise task is to compute, and channels of one task.
constexpr int64_t kDepthwiseTask = int64_t{1} << 19;
constexpr int64_t kDepthwisePart = 64 * kDepthwiseChannels;

}  // namespace

struct ChannelsLastConv::Work {
  const Input& input;
  ByteEpilogue epilogue;  // padded, in the order of the tiles
  uint8_t flip = 0;
  std::byte* output = nullptr;
  const uint8_t* padding = nullptr;  // a row of it
  const uint8_t** taps = nullptr;    // of all threads
};

ChannelsLastConv::ChannelsLastConv(const ConvGeometry& shape, InputLayout layout)
    : shape_(shape),
      layout_(layout),
      tiles_(&ActiveChannelsLastTiles()),
      pixel_bytes_(layout == InputLayout::kChannelsFirst ? kMaxPlanes : shape.in_channels) {}

bool ChannelsLastConv::Fits(const ConvGeometry& shape, InputLayout layout) {
  const Window& w = shape.window;
  if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1) return false;
  if (layout == InputLayout::kChannelsFirst) {
    return shape.groups == 1 && shape.in_channels <= kMaxPlanes;
  }
  return shape.groups == 1 ||
         (shape.groups == shape.in_channels && shape.groups == shape.out_channels);
}

Result<std::unique_ptr<const ChannelsLastConv>> ChannelsLastConv::Create(const ConvGeometry& shape,
                                                                         const Weights& weights,
                                                                         InputLayout layout,
                                                                         Parallel& stop) {
  std::unique_ptr<ChannelsLastConv> conv(new ChannelsLastConv(shape, layout));
  WNN_RETURN_IF_ERROR(conv->Plan());
  conv->weight_sums_.assign(static_cast<size_t>(shape.out_channels), 0);
  WNN_RETURN_IF_ERROR(conv->IsDepthwise() ? conv->PackDepthwise(weights, stop)
                                          : conv->PackDense(weights, stop));
  return std::unique_ptr<const ChannelsLastConv>(std::move(conv));
}

// Bytes under the window that lie together: a line of it, or a pixel where lines are dilated.
int64_t ChannelsLastConv::RunBytes() const {
  const Window& w = shape_.window;
  return w.dilation[2] == 1 ? w.kernel[2] * pixel_bytes_ : pixel_bytes_;
}

Status ChannelsLastConv::Plan() {
  const Window& w = shape_.window;
  height_ = w.in[1];
  width_ = w.in[2];
  if (IsDepthwise()) {
    n_quads_ = CeilDiv(w.n_taps(), 4);
    for (int64_t y = 0; y < w.kernel[1]; ++y) {
      for (int64_t x = 0; x < w.kernel[2]; ++x) {
        tap_offsets_.push_back((y * w.dilation[1] * width_ + x * w.dilation[2]) * pixel_bytes_);
      }
    }
    return OkStatus();
  }
  is_padded_ = layout_ == InputLayout::kChannelsFirst || RunBytes() % 4 != 0;
  for (size_t d : {1, 2}) is_padded_ = is_padded_ || w.pad_begin[d] != 0 || w.pad_end[d] != 0;
  if (is_padded_) {
    height_ = (w.out[1] - 1) * w.stride[1] + (w.kernel[1] - 1) * w.dilation[1] + 1;
    width_ = (w.out[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1;
    const double bytes = static_cast<double>(height_) * static_cast<double>(width_) *
                         static_cast<double>(pixel_bytes_);
    if (bytes > 0x1p44) return TooLarge("a convolution's input is too large to address");
  }
  for (int64_t y = 0; y < w.kernel[1]; ++y) {
    for (int64_t x = 0; x < (w.dilation[2] == 1 ? 1 : w.kernel[2]); ++x) {
      const int64_t at = (y * w.dilation[1] * width_ + x * w.dilation[2]) * pixel_bytes_;
      runs_.push_back({at, CeilDiv(RunBytes(), 4)});
      n_quads_ += runs_.back().n_quads;
    }
  }
  // Blocks as even as can be: a tile of one vector reads much for what it computes.
  const int64_t vectors = CeilDiv(shape_.out_channels, kLastLanes);
  const int64_t n_blocks = CeilDiv(vectors, kMaxLastVectors);
  for (int64_t b = 0; b < n_blocks; ++b) {
    const int64_t first = vectors * b / n_blocks, end = vectors * (b + 1) / n_blocks;
    blocks_.push_back({first * kLastLanes, end - first});
  }
  return OkStatus();
}

Status ChannelsLastConv::PackDense(const Weights& weights, Parallel& stop) {
  StopCheck check(stop);
  const Window& w = shape_.window;
  const int64_t channels = shape_.in_channels, taps = w.n_taps();
  const int64_t vector_bytes = kLastLanes * tiles_->quad_bytes;
  const int64_t vectors = CeilDiv(shape_.out_channels, kLastLanes);
  WNN_ASSIGN_OR_RETURN(weights_, AlignedBuffer::AllocateZeroed(
                                     static_cast<size_t>(vectors * n_quads_ * vector_bytes)));
  const auto* bytes = static_cast<const uint8_t*>(weights.data);
  const uint8_t flip = weights.is_signed ? 0 : 0x80;
  // The weight of byte i of a run.
  const auto weight = [&](int64_t out, int64_t run, int64_t i) -> int8_t {
    const int64_t channel = i % pixel_bytes_;
    if (i >= RunBytes() || channel >= channels) return 0;
    const int64_t tap = w.dilation[2] == 1 ? run * w.kernel[2] + i / pixel_bytes_ : run;
    return static_cast<int8_t>(bytes[(out * channels + channel) * taps + tap] ^ flip);
  };
  for (const Block& block : blocks_) {
    std::byte* to = weights_.data() + block.first_channel * n_quads_ * tiles_->quad_bytes;
    for (size_t run = 0; run < runs_.size(); ++run) {
      for (int64_t q = 0; q < runs_[run].n_quads; ++q) {
        if (check.Stopped(block.vectors * kLastLanes * kPackNs)) return OkStatus();
        for (int64_t lane = 0; lane < block.vectors * kLastLanes; ++lane) {
          const int64_t out = block.first_channel + lane;
          if (out >= shape_.out_channels) break;
          int8_t quad[4];
          for (int64_t j = 0; j < 4; ++j) {
            quad[j] = weight(out, static_cast<int64_t>(run), 4 * q + j);
            weight_sums_[static_cast<size_t>(out)] += quad[j];
          }
          PackLastQuad(quad, tiles_->quad_bytes, lane % kLastLanes,
                       to + lane / kLastLanes * vector_bytes);
        }
        to += block.vectors * vector_bytes;
      }
    }
  }
  return OkStatus();
}

Status ChannelsLastConv::PackDepthwise(const Weights& weights, Parallel& stop) {
  StopCheck check(stop);
  const int64_t taps = shape_.window.n_taps(), channels = shape_.in_channels;
  const int64_t block = tiles_->depthwise_block, n_blocks = CeilDiv(channels, block);
  const int64_t vector_bytes = kLastLanes * tiles_->quad_bytes;
  WNN_ASSIGN_OR_RETURN(weights_, AlignedBuffer::AllocateZeroed(static_cast<size_t>(
                                     n_blocks * n_quads_ * block * tiles_->quad_bytes)));
  const auto* bytes = static_cast<const uint8_t*>(weights.data);
  const uint8_t flip = weights.is_signed ? 0 : 0x80;
  std::byte* to = weights_.data();
  for (int64_t first = 0; first < channels; first += block) {
    for (int64_t q = 0; q < n_quads_; ++q, to += block * tiles_->quad_bytes) {
      if (check.Stopped(block * kPackNs)) return OkStatus();
      for (int64_t i = 0; i < block; ++i) {
        const int64_t channel = first + tiles_->depthwise_order(i);
        if (channel >= channels) continue;
        int8_t quad[4] = {0, 0, 0, 0};
        for (int64_t tap = 4 * q; tap < std::min(4 * q + 4, taps); ++tap) {
          quad[tap % 4] = static_cast<int8_t>(bytes[channel * taps + tap] ^ flip);
          weight_sums_[static_cast<size_t>(channel)] += quad[tap % 4];
        }
        PackLastQuad(quad, tiles_->quad_bytes, i % kLastLanes, to + i / kLastLanes * vector_bytes);
      }
    }
  }
  return OkStatus();
}

uint64_t ChannelsLastConv::TermBytes() const {
  return static_cast<uint64_t>(RoundUp(shape_.out_channels, kDepthwiseChannels)) * 4;
}

uint64_t ChannelsLastConv::ScratchBytes(int n_threads) const {
  const uint64_t terms = 2 * TermBytes();
  if (IsDepthwise()) {
    const int64_t padding = RoundUp(shape_.in_channels, 64);
    const int64_t taps = 4 * n_quads_ * static_cast<int64_t>(sizeof(const uint8_t*));
    return terms + static_cast<uint64_t>(padding + n_threads * RoundUp(taps, 64));
  }
  if (!is_padded_) return terms;
  return terms + static_cast<uint64_t>(RoundUp(height_ * width_ * pixel_bytes_ + kOverread, 64));
}

// The first n pixels of a line.
void ChannelsLastConv::CopyLine(const Input& input, const uint8_t* image, int64_t y, int64_t n,
                                uint8_t* to) const {
  const Window& w = shape_.window;
  const uint8_t* line = image + y * w.in[2] * shape_.in_channels;
  if (layout_ == InputLayout::kChannelsLast) {
    std::memcpy(to, line, static_cast<size_t>(n * pixel_bytes_));
    return;
  }
  const uint8_t* planes[kMaxPlanes] = {};
  for (int64_t c = 0; c < shape_.in_channels; ++c) {
    planes[c] = image + (c * w.in[1] + y) * w.in[2];
  }
  InterleaveQuads(planes, n, 0, input.padding, to);
}

void ChannelsLastConv::CopyPadded(const Input& input, int64_t image, uint8_t* to,
                                  Parallel& parallel) const {
  const Window& w = shape_.window;
  const int64_t left = std::min(w.pad_begin[2], width_);
  const int64_t live = std::clamp<int64_t>(width_ - left, 0, w.in[2]);
  const auto* source =
      static_cast<const uint8_t*>(input.data) + image * w.in_size() * shape_.in_channels;
  const auto pad = [&](uint8_t* at, int64_t pixels) {
    std::memset(at, input.padding, static_cast<size_t>(pixels * pixel_bytes_));
  };
  const int64_t grain = std::max<int64_t>(4 * kTaskBytes / (width_ * pixel_bytes_), 1);
  ForRanges(parallel, height_, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      uint8_t* line = to + i * width_ * pixel_bytes_;
      const int64_t y = i - w.pad_begin[1];
      if (y < 0 || y >= w.in[1]) {
        pad(line, width_);
        continue;
      }
      pad(line, left);
      if (live > 0) CopyLine(input, source, y, live, line + left * pixel_bytes_);
      pad(line + (left + live) * pixel_bytes_, width_ - left - live);
    }
  });
  std::memset(to + height_ * width_ * pixel_bytes_, 0, kOverread);
}

// Pixels [first, end) of one image and some blocks of channels.
void ChannelsLastConv::RunDensePixels(const Work& work, const uint8_t* source, std::byte* out,
                                      int64_t first, int64_t end, int64_t first_block,
                                      int64_t end_block) const {
  const Window& w = shape_.window;
  ChannelsLastTileArgs args;
  args.runs = runs_.data();
  args.n_runs = static_cast<int64_t>(runs_.size());
  args.flip = work.flip;
  args.out_stride = shape_.out_channels;
  const int64_t step = w.stride[2] * pixel_bytes_;
  const int64_t line = w.stride[1] * width_ * pixel_bytes_;
  for (int64_t b = first_block; b < end_block; ++b) {
    const Block& block = blocks_[static_cast<size_t>(b)];
    args.weights = weights_.data() + block.first_channel * n_quads_ * tiles_->quad_bytes;
    args.epilogue = work.epilogue;
    args.epilogue.add += block.first_channel;
    args.epilogue.scale += block.first_channel;
    args.n_channels =
        std::min(block.vectors * kLastLanes, shape_.out_channels - block.first_channel);
    int64_t x = first % w.out[2];
    const uint8_t* pixel = source + first / w.out[2] * line + x * step;
    for (int64_t p = first; p < end; p += kLastPixels) {
      args.n_pixels = std::min(kLastPixels, end - p);
      for (int64_t i = 0; i < kLastPixels; ++i) {
        args.pixels[i] = pixel;
        if (p + i + 1 >= end) continue;  // the last one again
        pixel += step;
        if (++x == w.out[2]) {
          x = 0;
          pixel += line - w.out[2] * step;
        }
      }
      args.out = out + p * args.out_stride + block.first_channel;
      tiles_->tile[block.vectors](args);
    }
  }
}

void ChannelsLastConv::RunDense(const Work& work, int64_t image, const uint8_t* source,
                                Parallel& parallel) const {
  const int64_t n_pixels = shape_.window.out_size();
  const auto n_blocks = static_cast<int64_t>(blocks_.size());
  const int64_t wanted = int64_t{6} * parallel.n_threads();
  int64_t grain = kTaskBytes / (4 * n_quads_);
  grain = std::clamp<int64_t>(grain, 1, std::max<int64_t>(kTaskOutput / shape_.out_channels, 1));
  if (parallel.n_threads() > 1) grain = std::min(grain, CeilDiv(n_pixels, wanted));
  grain = RoundUp(grain, kLastPixels);
  const int64_t n_ranges = CeilDiv(n_pixels, grain);
  int64_t parts = parallel.n_threads() == 1 ? 1 : CeilDiv(wanted, n_ranges);
  parts = std::max(parts, CeilDiv(grain * 4 * n_quads_ * shape_.out_channels, kTaskProducts));
  parts = std::min(parts, n_blocks);
  std::byte* out = work.output + image * n_pixels * shape_.out_channels;
  parallel.ForEach(static_cast<size_t>(n_ranges * parts), [&](size_t task, int) {
    const int64_t range = static_cast<int64_t>(task) / parts;
    const int64_t part = static_cast<int64_t>(task) % parts;
    RunDensePixels(work, source, out, range * grain, std::min(n_pixels, (range + 1) * grain),
                   n_blocks * part / parts, n_blocks * (part + 1) / parts);
  });
}

// Pixels [first, end) of one image and channels [first_channel, end_channel), from a whole block
// on.
void ChannelsLastConv::RunDepthwisePixels(const Work& work, const uint8_t* source, std::byte* out,
                                          int64_t first, int64_t end, int64_t first_channel,
                                          int64_t end_channel, const uint8_t** taps) const {
  const Window& w = shape_.window;
  const int64_t channels = shape_.in_channels;
  const auto n_taps = static_cast<int64_t>(tap_offsets_.size());
  DepthwiseArgs args;
  args.taps = taps;
  args.n_taps = n_taps;
  args.in_step = w.stride[2] * channels;
  args.flip = work.flip;
  args.weights = weights_.data() + first_channel * n_quads_ * tiles_->quad_bytes;
  args.epilogue = work.epilogue;
  args.epilogue.add += first_channel;
  args.epilogue.scale += first_channel;
  args.n_channels = end_channel - first_channel;
  args.out_stride = channels;
  // Outputs of a line whose windows are inside it.
  const Range inside{OutputsInside(w, 2, 0).begin, OutputsInside(w, 2, w.kernel[2] - 1).end};
  for (int64_t p = first; p < end; p += args.n_pixels) {
    const int64_t oy = p / w.out[2], ox = p % w.out[2];
    const int64_t y = oy * w.stride[1] - w.pad_begin[1], x = ox * w.stride[2] - w.pad_begin[2];
    const uint8_t* corner = source + (y * w.in[2] + x) * channels + first_channel;
    const Range rows = TapsInside(w, 1, oy), columns = TapsInside(w, 2, ox);
    args.n_pixels = 1;
    if (rows.size() == w.kernel[1] && ox >= inside.begin && ox < inside.end) {
      args.n_pixels = std::min(end - p, inside.end - ox);
    } else {
      std::fill(taps, taps + n_taps, work.padding);
    }
    for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
      for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
        const int64_t t = ky * w.kernel[2] + kx;
        taps[t] = corner + tap_offsets_[static_cast<size_t>(t)];
      }
    }
    std::fill(taps + n_taps, taps + 4 * n_quads_, taps[0]);  // without weight
    args.out = out + p * channels + first_channel;
    tiles_->depthwise(args);
  }
}

void ChannelsLastConv::RunDepthwise(const Work& work, int64_t image, Parallel& parallel) const {
  const Window& w = shape_.window;
  const int64_t channels = shape_.in_channels, n_pixels = w.out_size();
  const auto* source =
      static_cast<const uint8_t*>(work.input.data) + image * w.in_size() * channels;
  std::byte* out = work.output + image * n_pixels * channels;
  const int64_t parts = CeilDiv(channels, kDepthwisePart);
  int64_t grain =
      std::max<int64_t>(kDepthwiseTask / (4 * n_quads_ * std::min(channels, kDepthwisePart)), 1);
  if (parallel.n_threads() > 1) {
    grain = std::min(grain, CeilDiv(n_pixels, int64_t{6} * parallel.n_threads()));
  }
  const int64_t n_ranges = CeilDiv(n_pixels, grain);
  parallel.ForEach(static_cast<size_t>(n_ranges * parts), [&](size_t task, int thread) {
    const int64_t range = static_cast<int64_t>(task) / parts;
    const int64_t channel = static_cast<int64_t>(task) % parts * kDepthwisePart;
    RunDepthwisePixels(work, source, out, range * grain, std::min(n_pixels, (range + 1) * grain),
                       channel, std::min(channels, channel + kDepthwisePart),
                       work.taps + thread * RoundUp(4 * n_quads_, 8));
  });
}

void ChannelsLastConv::Run(const Input& input, const ByteEpilogue& epilogue, void* output,
                           std::byte* scratch, Parallel& parallel) const {
  if (shape_.batch == 0 || shape_.out_channels == 0 || shape_.window.out_size() == 0) return;
  auto* add = reinterpret_cast<int32_t*>(scratch);
  auto* scale = reinterpret_cast<float*>(scratch + TermBytes());
  auto* rest = reinterpret_cast<uint8_t*>(scratch + 2 * TermBytes());
  const int64_t block = IsDepthwise() ? tiles_->depthwise_block : kLastLanes;
  for (int64_t i = 0; i < RoundUp(shape_.out_channels, kDepthwiseChannels); ++i) {
    const int64_t channel =
        IsDepthwise() ? i / block * block + tiles_->depthwise_order(i % block) : i;
    const bool exists = channel < shape_.out_channels;
    add[i] = exists ? epilogue.add[channel] : 0;
    scale[i] = exists ? epilogue.scale[channel] : 0;
  }
  Work work{.input = input, .epilogue = epilogue};
  work.epilogue.add = add;
  work.epilogue.scale = scale;
  work.flip = input.is_signed ? 0x80 : 0;
  work.output = static_cast<std::byte*>(output);
  if (IsDepthwise()) {
    const int64_t padding_bytes = RoundUp(shape_.in_channels, 64);
    std::memset(rest, input.padding, static_cast<size_t>(padding_bytes));
    work.padding = rest;
    work.taps = reinterpret_cast<const uint8_t**>(rest + padding_bytes);
  }
  for (int64_t image = 0; image < shape_.batch; ++image) {
    if (IsDepthwise()) {
      RunDepthwise(work, image, parallel);
      continue;
    }
    const uint8_t* source = static_cast<const uint8_t*>(input.data) +
                            image * shape_.window.in_size() * shape_.in_channels;
    if (is_padded_) {
      CopyPadded(input, image, rest, parallel);
      source = rest;
    }
    RunDense(work, image, source, parallel);
  }
}

}  // namespace wnn::kernels
