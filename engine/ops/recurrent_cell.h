// One step of RNN, GRU and LSTM for one sequence of the batch: what follows the matrix products.
#pragma once

#include <algorithm>
#include <type_traits>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/reference/scalar_functions.h"
#include "engine/ops/recurrent_spec.h"

namespace wnn::ops {

template <typename C, typename Function>
void ApplyFunction(Function function, C* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = function(x[i]);
}

// x[i] = f(clip(x[i])), in place.
template <typename C>
void Activate(const Activation& f, float clip, C* x, int64_t n) {
  using Kind = Activation::Kind;
  if (clip > 0) {
    const C bound = static_cast<C>(clip);
    for (int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], -bound, bound);
  }
  if constexpr (std::is_same_v<C, float>) {
    if (f.kind == Kind::kSigmoid || f.kind == Kind::kTanh) {
      SerialParallel serial;
      kernels::UnaryParams params;
      params.op = f.kind == Kind::kTanh ? kernels::UnaryOp::kTanh : kernels::UnaryOp::kSigmoid;
      kernels::Unary(params, x, n, x, serial);
      return;
    }
  }
  const C alpha = static_cast<C>(f.alpha), beta = static_cast<C>(f.beta);
  switch (f.kind) {
    case Kind::kRelu: return ApplyFunction(kernels::Relu(), x, n);
    case Kind::kTanh: return ApplyFunction(kernels::Tanh(), x, n);
    case Kind::kSigmoid: return ApplyFunction(kernels::Sigmoid(), x, n);
    case Kind::kAffine: return ApplyFunction([=](C v) { return alpha * v + beta; }, x, n);
    case Kind::kLeakyRelu: return ApplyFunction(kernels::LeakyRelu{f.alpha}, x, n);
    case Kind::kThresholdedRelu:
      return ApplyFunction([=](C v) { return v >= alpha ? v : C{0}; }, x, n);
    case Kind::kScaledTanh:
      return ApplyFunction([=](C v) { return alpha * std::tanh(beta * v); }, x, n);
    case Kind::kHardSigmoid: return ApplyFunction(kernels::HardSigmoid{f.alpha, f.beta}, x, n);
    case Kind::kElu: return ApplyFunction(kernels::Elu{f.alpha}, x, n);
    case Kind::kSoftsign: return ApplyFunction(kernels::Softsign(), x, n);
    case Kind::kSoftplus: return ApplyFunction(kernels::Softplus(), x, n);
  }
}

// `gates` holds i, o, f, c before their functions and is used up; `peepholes`, i, o and f, may be
// null. `h` and `c` are the states, replaced.
template <typename C>
void LstmStep(const RecurrentSpec& spec, const std::vector<Activation>& f, const C* peepholes,
              C* gates, C* h, C* c) {
  const int64_t n = spec.hidden;
  C *i_gate = gates, *o_gate = gates + n, *f_gate = gates + 2 * n, *cell = gates + 3 * n;
  if (peepholes != nullptr) {
    for (int64_t k = 0; k < n; ++k) {
      i_gate[k] += peepholes[k] * c[k];
      f_gate[k] += peepholes[2 * n + k] * c[k];
    }
  }
  Activate(f[0], spec.clip, i_gate, n);
  if (spec.input_forget) {
    for (int64_t k = 0; k < n; ++k) f_gate[k] = C{1} - i_gate[k];
  } else {
    Activate(f[0], spec.clip, f_gate, n);
  }
  Activate(f[1], spec.clip, cell, n);
  for (int64_t k = 0; k < n; ++k) {
    c[k] = f_gate[k] * c[k] + i_gate[k] * cell[k];
    if (peepholes != nullptr) o_gate[k] += peepholes[n + k] * c[k];
    h[k] = c[k];
  }
  Activate(f[0], spec.clip, o_gate, n);
  Activate(f[2], spec.clip, h, n);
  for (int64_t k = 0; k < n; ++k) h[k] *= o_gate[k];
}

// The update gate's share of the old state stays.
template <typename C>
void GruBlend(const C* update, const C* candidate, int64_t n, C* h) {
  for (int64_t k = 0; k < n; ++k) h[k] = (C{1} - update[k]) * candidate[k] + update[k] * h[k];
}

}  // namespace wnn::ops
