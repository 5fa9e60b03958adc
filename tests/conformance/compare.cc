#include <cmath>
#include <cstring>
#include <string>

#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/number_io.h"
#include "tests/conformance/case_value.h"

namespace wnn::conformance {
namespace {

Status Differ(std::string what) { return RuntimeError(std::move(what)); }

std::string KindName(Kind kind) {
  switch (kind) {
    case Kind::kTensor: return "a tensor of numbers";
    case Kind::kStrings: return "a tensor of strings";
    case Kind::kSequence: return "a sequence";
    case Kind::kOptional: return "an optional";
    case Kind::kMap: return "a map";
  }
  return "";
}

bool Close(double actual, double expected, double rtol, double atol) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= atol + rtol * std::fabs(expected);
}

// The first element that differs, with the number of them.
struct Differences {
  int64_t count = 0;
  int64_t first = 0;
  double actual = 0, expected = 0;
};

template <typename T>
Status CompareFloats(const Tensor& actual, const Tensor& expected, int64_t n, double rtol,
                     double atol) {
  const T* a = reinterpret_cast<const T*>(actual.bytes().data());
  const T* e = reinterpret_cast<const T*>(expected.bytes().data());
  Differences found;
  for (int64_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(kernels::Widen(a[i]));
    const double y = static_cast<double>(kernels::Widen(e[i]));
    if (Close(x, y, rtol, atol) || found.count++ > 0) continue;
    found.first = i;
    found.actual = x;
    found.expected = y;
  }
  if (found.count == 0) return OkStatus();
  char text[160];
  std::snprintf(text, sizeof(text),
                "%lld of %lld numbers differ, the first at %lld: %.9g, not %.9g",
                static_cast<long long>(found.count), static_cast<long long>(n),
                static_cast<long long>(found.first), found.actual, found.expected);
  return Differ(text);
}

Status CompareBytes(const Tensor& actual, const Tensor& expected) {
  const auto a = actual.bytes(), e = expected.bytes();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == e[i]) continue;
    return Differ("byte " + std::to_string(i) + " of " + std::to_string(a.size()) + " is " +
                  std::to_string(static_cast<int>(a[i])) + ", not " +
                  std::to_string(static_cast<int>(e[i])));
  }
  return OkStatus();
}

// Floats of 8 bits: NaN has several patterns of bits, which are all the same.
Status CompareSmallFloats(const Tensor& actual, const Tensor& expected) {
  for (int64_t i = 0; i < expected.n_elements(); ++i) {
    double a, e;
    kernels::ReadNumbers(actual.dtype(), actual.bytes().data(), i, 1, &a);
    kernels::ReadNumbers(expected.dtype(), expected.bytes().data(), i, 1, &e);
    const bool same = std::isnan(e) ? std::isnan(a) : a == e && std::signbit(a) == std::signbit(e);
    if (!same) {
      return Differ("number " + std::to_string(i) + " is " + std::to_string(a) + ", not " +
                    std::to_string(e));
    }
  }
  return OkStatus();
}

Status CompareTensors(const Tensor& actual, const Tensor& expected, double rtol, double atol) {
  if (actual.dtype() != expected.dtype() || actual.shape() != expected.shape()) {
    return Differ("the result is " + TensorTypeToString(actual.dtype(), actual.shape()) + ", not " +
                  TensorTypeToString(expected.dtype(), expected.shape()));
  }
  const int64_t n = expected.n_elements();
  switch (expected.dtype()) {
    case DType::kFloat: return CompareFloats<float>(actual, expected, n, rtol, atol);
    case DType::kDouble: return CompareFloats<double>(actual, expected, n, rtol, atol);
    case DType::kFloat16: return CompareFloats<kernels::Float16>(actual, expected, n, rtol, atol);
    case DType::kBfloat16: return CompareFloats<kernels::Bfloat16>(actual, expected, n, rtol, atol);
    case DType::kComplex64: return CompareFloats<float>(actual, expected, 2 * n, rtol, atol);
    case DType::kComplex128: return CompareFloats<double>(actual, expected, 2 * n, rtol, atol);
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E5M2:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0: return CompareSmallFloats(actual, expected);
    default: return CompareBytes(actual, expected);
  }
}

}  // namespace

Status Compare(const CaseValue& actual, const CaseValue& expected, double rtol, double atol) {
  if (actual.kind != expected.kind) {
    return Differ("the result is " + KindName(actual.kind) + ", not " + KindName(expected.kind));
  }
  if (expected.kind == Kind::kTensor) {
    return CompareTensors(actual.tensor, expected.tensor, rtol, atol);
  }
  if (actual.shape != expected.shape) {
    return Differ("the result's shape is " + ShapeToString(actual.shape) + ", not " +
                  ShapeToString(expected.shape));
  }
  if (actual.strings != expected.strings) return Differ("strings differ");
  if (actual.items.size() != expected.items.size()) {
    return Differ("the result has " + std::to_string(actual.items.size()) + " elements, not " +
                  std::to_string(expected.items.size()));
  }
  for (size_t i = 0; i < expected.items.size(); ++i) {
    WNN_RETURN_IF_ERROR(Compare(actual.items[i], expected.items[i], rtol, atol)
                            .WithContext("element " + std::to_string(i)));
  }
  return OkStatus();
}

}  // namespace wnn::conformance
