#include "engine/kernels/fft.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "engine/base/stop_check.h"

namespace wnn::kernels {
namespace {

using Complex = std::complex<double>;

// exp(-2 pi i k / n)
Complex Root(int64_t k, int64_t n) {
  const double angle = -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), std::sin(angle)};
}

// Plain multiplication: operator* also looks for infinities.
Complex Times(const Complex& a, const Complex& b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Fft::Fft(int64_t n) : n_(n) {
  while (padded_ < n) padded_ *= 2;
  if (padded_ != n) {
    while (padded_ < 2 * n - 1) padded_ *= 2;
  }
  for (int64_t k = 0; k < padded_ / 2; ++k) roots_.push_back(Root(k, padded_));
  if (padded_ == n) return;
  // k^2 mod 2n keeps the angle small and exact.
  int64_t square = 0;
  for (int64_t k = 0; k < n; ++k) {
    chirp_.push_back(Root(square, 2 * n));
    square = (square + 2 * k + 1) % (2 * n);
  }
  chirp_spectrum_.assign(static_cast<size_t>(padded_), Complex());
  for (int64_t k = 0; k < n; ++k) {
    const Complex value = std::conj(chirp_[static_cast<size_t>(k)]);
    chirp_spectrum_[static_cast<size_t>(k)] = value;
    if (k > 0) chirp_spectrum_[static_cast<size_t>(padded_ - k)] = value;
  }
  SerialParallel serial;
  RunPowerOfTwo(chirp_spectrum_.data(), false, serial);
}

// Cooley and Tukey's, iterative, decimation in time.
void Fft::RunPowerOfTwo(Complex* data, bool inverse, Parallel& parallel) const {
  StopCheck check(parallel);
  for (int64_t i = 1, j = 0; i < padded_; ++i) {
    if (check.Stopped(8)) return;
    int64_t bit = padded_ / 2;
    for (; (j & bit) != 0; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(data[i], data[j]);
  }
  for (int64_t half = 1; half < padded_; half *= 2) {
    const int64_t step = padded_ / (2 * half);
    for (int64_t first = 0; first < padded_; first += 2 * half) {
      if (check.Stopped(8 * half)) return;
      for (int64_t k = 0; k < half; ++k) {
        Complex root = roots_[static_cast<size_t>(k * step)];
        if (inverse) root = std::conj(root);
        Complex &a = data[first + k], &b = data[first + k + half];
        const Complex turned = Times(b, root);
        b = a - turned;
        a += turned;
      }
    }
  }
}

void Fft::Run(std::span<Complex> data, bool inverse, Complex* scratch, Parallel& parallel) const {
  if (padded_ == n_) {
    RunPowerOfTwo(data.data(), inverse, parallel);
    return;
  }
  // The inverse is the conjugate of the transform of the conjugate.
  auto maybe_conjugate = [inverse](const Complex& x) { return inverse ? std::conj(x) : x; };
  std::fill(scratch, scratch + padded_, Complex());
  for (size_t k = 0; k < data.size(); ++k) {
    scratch[k] = Times(maybe_conjugate(data[k]), chirp_[k]);
  }
  RunPowerOfTwo(scratch, false, parallel);
  for (size_t k = 0; k < static_cast<size_t>(padded_); ++k) {
    scratch[k] = Times(scratch[k], chirp_spectrum_[k]);
  }
  RunPowerOfTwo(scratch, true, parallel);
  const double scale = 1 / static_cast<double>(padded_);
  for (size_t k = 0; k < data.size(); ++k) {
    data[k] = maybe_conjugate(Times(scratch[k], chirp_[k]) * scale);
  }
}

}  // namespace wnn::kernels
