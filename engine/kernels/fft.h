// The discrete Fourier transform of any length, in double precision.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/parallel.h"

namespace wnn::kernels {

// A transform of one length. Immutable and thread-safe.
class Fft {
 public:
  // REQUIRES: n >= 1
  explicit Fft(int64_t n);

  int64_t size() const { return n_; }
  // Complex numbers of working memory for one Run.
  int64_t ScratchSize() const { return n_ == padded_ ? 0 : padded_; }

  // In place: data[k] = sum over j of data[j] * exp(-2 pi i j k / n), with the other sign if
  // `inverse` (not divided by n). `scratch` has ScratchSize() numbers.
  // Ends early once `parallel`, on which nothing is shared out, is stopped.
  void Run(std::span<std::complex<double>> data, bool inverse, std::complex<double>* scratch,
           Parallel& parallel) const;

 private:
  void RunPowerOfTwo(std::complex<double>* data, bool inverse, Parallel& parallel) const;

  const int64_t n_;
  // n_ if that is a power of two, else the next one from 2 n_ - 1 on: Bluestein's convolution.
  int64_t padded_ = 1;
  std::vector<std::complex<double>> roots_;  // exp(-2 pi i k / padded_), k < padded_ / 2
  std::vector<std::complex<double>> chirp_;  // exp(-pi i k^2 / n_), k < n_; not for powers of two
  std::vector<std::complex<double>> chirp_spectrum_;  // of the conjugate chirp, wrapped around
};

}  // namespace wnn::kernels
