#include <algorithm>
#include <vector>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/nbit_gemm.h"
#include "engine/kernels/range.h"

namespace wnn::kernels {
namespace {

constexpr int32_t kNone = -1;

// The blocks that rows of equal groups need: whose scale and zero point each has.
std::vector<int32_t> BlocksOf(const NBitMatrix& b, const int32_t* groups, Parallel& stop) {
  std::vector<int64_t> counts(static_cast<size_t>(b.blocks()));
  InSteps(stop, b.k, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++counts[static_cast<size_t>(groups[i])];
  });
  std::vector<int32_t> blocks;
  for (size_t g = 0; g < counts.size(); ++g) {
    blocks.insert(blocks.end(), static_cast<size_t>(CeilDiv(counts[g], b.block)),
                  static_cast<int32_t>(g));
  }
  return blocks;
}

// Which row of b each place of the blocks has.
void FillOrder(const NBitMatrix& b, const int32_t* groups, const std::vector<int32_t>& blocks,
               std::span<int32_t> order, Parallel& stop) {
  std::vector<int64_t> next(static_cast<size_t>(b.blocks()));  // place of each group
  for (size_t i = blocks.size(); i-- > 0;) {
    next[static_cast<size_t>(blocks[i])] = static_cast<int64_t>(i) * b.block;
  }
  InSteps(stop, static_cast<int64_t>(order.size()), [&](int64_t begin, int64_t end) {
    std::fill(order.begin() + begin, order.begin() + end, kNone);
  });
  InSteps(stop, b.k, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      order[static_cast<size_t>(next[static_cast<size_t>(groups[i])]++)] = static_cast<int32_t>(i);
    }
  });
}

// Integer i of those of so many bits, and what makes it so where it was 0.
int BitsAt(const std::byte* bytes, int64_t i, int64_t bits) {
  return std::to_integer<int>(bytes[i * bits / 8]) >> (i * bits % 8) & ((1 << bits) - 1);
}
void SetBits(std::byte* bytes, int64_t i, int64_t bits, int value) {
  bytes[i * bits / 8] |= static_cast<std::byte>(value << (i * bits % 8));
}

template <typename T>
T* As(const AlignedBuffer& buffer) {
  return reinterpret_cast<T*>(const_cast<std::byte*>(buffer.data()));
}

Result<AlignedBuffer> Zeroed(int64_t a, int64_t b, Parallel& stop) {
  const auto bytes = CheckedMul(a, b);
  if (!bytes) return TooLarge("a quantised matrix is too large to address");
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, AlignedBuffer::Allocate(static_cast<size_t>(*bytes)));
  InSteps(stop, *bytes, [&](int64_t begin, int64_t end) {
    std::fill(buffer.data() + begin, buffer.data() + end, std::byte{0});
  });
  return buffer;
}

}  // namespace

Result<RegroupedNBits> RegroupedNBits::Create(const NBitMatrix& b, const int32_t* groups,
                                              Parallel& stop) {
  RegroupedNBits made;
  const std::vector<int32_t> blocks = BlocksOf(b, groups, stop);
  const auto n_blocks = static_cast<int64_t>(blocks.size());
  made.has_zeros_ = b.zeros != nullptr;
  made.has_zero_numbers_ = b.zero_numbers != nullptr;
  NBitMatrix& to = made.matrix_;
  to.k = n_blocks * b.block;
  to.n = b.n;
  to.bits = b.bits;
  to.block = b.block;
  WNN_ASSIGN_OR_RETURN(made.order_, Zeroed(to.k, sizeof(int32_t), stop));
  WNN_ASSIGN_OR_RETURN(made.data_, Zeroed(to.n, to.column_bytes(), stop));
  WNN_ASSIGN_OR_RETURN(made.scales_, Zeroed(to.n, n_blocks * int64_t{sizeof(float)}, stop));
  const int64_t zero_bytes = made.has_zero_numbers_ ? n_blocks * int64_t{sizeof(float)}
                             : made.has_zeros_      ? to.zero_bytes()
                                                    : 0;
  WNN_ASSIGN_OR_RETURN(made.zeros_, Zeroed(to.n, zero_bytes, stop));

  const std::span<int32_t> order(As<int32_t>(made.order_), static_cast<size_t>(to.k));
  FillOrder(b, groups, blocks, order, stop);
  StopCheck check(stop);
  constexpr int64_t kPiece = 1 << 16;
  for (int64_t column = 0; column < b.n; ++column) {
    const std::byte* from = b.data + column * b.column_bytes();
    std::byte* data = made.data_.data() + column * to.column_bytes();
    for (int64_t begin = 0; begin < to.k; begin += kPiece) {
      const int64_t end = std::min(to.k, begin + kPiece);
      if (check.Stopped(4 * (end - begin))) return made;
      for (int64_t i = begin; i < end; ++i) {
        const int32_t row = order[static_cast<size_t>(i)];
        if (row != kNone) SetBits(data, i, b.bits, BitsAt(from, row, b.bits));
      }
    }
    for (int64_t i = 0; i < n_blocks; ++i) {
      const int64_t at = column * b.blocks() + blocks[static_cast<size_t>(i)];
      As<float>(made.scales_)[column * n_blocks + i] = b.scales[at];
      if (b.zero_numbers != nullptr) {
        As<float>(made.zeros_)[column * n_blocks + i] = b.zero_numbers[at];
      } else if (b.zeros != nullptr) {
        SetBits(made.zeros_.data() + column * to.zero_bytes(), i, b.bits,
                BitsAt(b.zeros + column * b.zero_bytes(), blocks[static_cast<size_t>(i)], b.bits));
      }
    }
  }
  return made;
}

NBitMatrix RegroupedNBits::matrix() const {
  NBitMatrix b = matrix_;
  b.data = data_.data();
  b.scales = As<float>(scales_);
  if (has_zeros_) b.zeros = zeros_.data();
  if (has_zero_numbers_) b.zero_numbers = As<float>(zeros_);
  return b;
}

const int32_t* RegroupedNBits::order() const { return As<int32_t>(order_); }

size_t RegroupedNBits::size_bytes() const {
  return data_.size() + scales_.size() + zeros_.size() + order_.size();
}

}  // namespace wnn::kernels
