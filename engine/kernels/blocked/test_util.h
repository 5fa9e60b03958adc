// What the tests of the blocked kernels share: data, layouts, a pool, comparison.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/kernels/blocked/layout.h"
#include "engine/kernels/blocked/reference.h"
#include "engine/kernels/isa.h"

namespace wnn::kernels {

// Threads that last for one ForEach and take tasks from the end, unlike SerialParallel.
class TestPool final : public Parallel {
 public:
  explicit TestPool(int n_threads) : n_threads_(n_threads) {}
  int n_threads() const override { return n_threads_; }
  void ForEach(size_t n_tasks, FunctionRef<void(size_t, int)> task) override {
    std::atomic<size_t> left{n_tasks};
    const auto work = [&](int thread) {
      for (;;) {
        size_t n = left.load();
        while (n > 0 && !left.compare_exchange_weak(n, n - 1)) {
        }
        if (n == 0) return;
        task(n - 1, thread);
      }
    };
    std::vector<std::thread> threads;
    for (int t = 1; t < n_threads_; ++t) threads.emplace_back(work, t);
    work(0);
    for (std::thread& t : threads) t.join();
  }

 private:
  int n_threads_;
};

// Runs a test on each instruction set that the machine has, with its name in failures.
inline void OnEveryIsa(const std::function<void()>& test) {
  for (const std::string& isa : SupportedIsas()) {
    SCOPED_TRACE(isa);
    ASSERT_TRUE(RestrictIsa(isa).ok());
    test();
  }
  ASSERT_TRUE(RestrictIsa("").ok());
}

// The same for the same seed.
inline std::vector<uint8_t> RandomBytes(int64_t n, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<uint8_t> bytes(static_cast<size_t>(n));
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(generator());
  return bytes;
}

// Uniform in [-1, 1), the same for the same seed.
inline std::vector<float> RandomFloats(int64_t n, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(static_cast<size_t>(n));
  for (float& v : values) v = distribution(generator);
  return values;
}

// An aligned array whose edges show writes beyond it.
class GuardedFloats {
 public:
  explicit GuardedFloats(int64_t n, float fill = std::nanf("")) : n_(n) {
    auto buffer = AlignedBuffer::Allocate(static_cast<size_t>(n + 2 * kGuard) * sizeof(float));
    EXPECT_TRUE(buffer.has_value());
    buffer_ = std::move(*buffer);
    std::fill_n(begin(), n + 2 * kGuard, kMark);
    std::fill_n(data(), n, fill);
  }
  ~GuardedFloats() {
    for (int64_t i = 0; i < kGuard; ++i) {
      EXPECT_EQ(begin()[i], kMark) << "write before the array";
      EXPECT_EQ(data()[n_ + i], kMark) << "write behind the array";
    }
  }
  GuardedFloats(const GuardedFloats&) = delete;
  GuardedFloats& operator=(const GuardedFloats&) = delete;

  float* data() { return begin() + kGuard; }
  int64_t size() const { return n_; }
  std::span<std::byte> bytes() {
    return {reinterpret_cast<std::byte*>(data()), static_cast<size_t>(n_) * sizeof(float)};
  }
  std::vector<float> values() { return {data(), data() + n_}; }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr float kMark = 123456.0f;
  float* begin() { return reinterpret_cast<float*>(buffer_.data()); }

  AlignedBuffer buffer_;
  int64_t n_;
};

// NCHW to blocked and back, the obvious way. Lanes past `channels` are `fill`: kernels may find
// any finite value there.
inline void Block(std::span<const float> in, int64_t batch, int64_t channels, int64_t n_pixels,
                  float fill, float* out) {
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < BlockCount(channels) * kBlock; ++c) {
      for (int64_t p = 0; p < n_pixels; ++p) {
        const int64_t to =
            ((n * BlockCount(channels) + c / kBlock) * n_pixels + p) * kBlock + c % kBlock;
        out[to] = c < channels ? in[static_cast<size_t>((n * channels + c) * n_pixels + p)] : fill;
      }
    }
  }
}

inline std::vector<float> Unblock(const float* in, int64_t batch, int64_t channels,
                                  int64_t n_pixels) {
  std::vector<float> out;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t p = 0; p < n_pixels; ++p) {
        out.push_back(
            in[((n * BlockCount(channels) + c / kBlock) * n_pixels + p) * kBlock + c % kBlock]);
      }
    }
  }
  return out;
}

// Each value is within `eps` times 2^-23 times the magnitude of its sum's terms of the reference.
inline void ExpectClose(std::span<const float> got, const reference::Map& want, double eps) {
  ASSERT_EQ(got.size(), want.values.size());
  double worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double bound = std::ldexp(std::max(want.magnitudes[i], 1e-3), -23);
    const double error = got[i] == want.values[i] ? 0 : std::abs(got[i] - want.values[i]) / bound;
    // A NaN fails every comparison.
    if (!(error <= worst)) {
      worst = error;
      where = i;
    }
    if (std::isnan(error)) break;
  }
  EXPECT_LE(worst, eps) << "at " << where << ": " << got[where] << " instead of "
                        << want.values[where];
}

}  // namespace wnn::kernels
