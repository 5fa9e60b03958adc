#include "engine/tensor/tensor.h"

#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/tensor/value.h"

namespace wnn {
namespace {

// Whether all are 0 or 1. In one go, so that compilers turn it into vectors.
bool AreBools(std::span<const std::byte> bytes) {
  std::byte bits{0};
  for (std::byte value : bytes) bits |= value;
  return bits <= std::byte{1};
}

}  // namespace

std::string ShapeToString(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

std::string TensorTypeToString(DType dtype, std::span<const int64_t> dims) {
  return std::string(DTypeName(dtype)) + ShapeToString(dims);
}

Status CheckTensor(const TensorView& view) {
  auto count = ElementCount(view.dims);
  if (!count) {
    return InvalidArgument("dimensions " + ShapeToString(view.dims) +
                           " are negative or too large to count");
  }
  auto size = DenseBytes(view.dtype, *count);
  if (!size) {
    return InvalidArgument(TensorTypeToString(view.dtype, view.dims) + " has no size in bytes");
  }
  if (*size != view.data.size()) {
    return InvalidArgument(TensorTypeToString(view.dtype, view.dims) + " takes " +
                           std::to_string(*size) + " bytes, but " +
                           std::to_string(view.data.size()) + " came");
  }
  if (view.dtype == DType::kBool && !AreBools(view.data)) {
    return InvalidArgument(TensorTypeToString(view.dtype, view.dims) +
                           " has bytes that are neither 0 nor 1");
  }
  return OkStatus();
}

Result<Tensor> Tensor::Allocate(DType dtype, Shape shape, std::shared_ptr<MemoryBudget> budget) {
  auto count = ElementCount(shape);
  auto size = count ? DenseBytes(dtype, *count) : std::nullopt;
  if (!size) {
    return InvalidArgument(TensorTypeToString(dtype, shape) + " has no size in bytes");
  }
  auto storage = std::make_shared<Storage>();
  // With what surrounds the elements, which in many small tensors is most of what they take.
  constexpr uint64_t kOverheadBytes = 192;
  WNN_ASSIGN_OR_RETURN(storage->charge,
                       MemoryCharge::Take(std::move(budget), *size + kOverheadBytes));
  WNN_ASSIGN_OR_RETURN(storage->buffer, AlignedBuffer::Allocate(*size));
  Tensor tensor;
  tensor.storage_ = std::move(storage);
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Result<Tensor> Tensor::CopyOf(const TensorView& view, std::shared_ptr<MemoryBudget> budget) {
  WNN_RETURN_IF_ERROR(CheckTensor(view));
  WNN_ASSIGN_OR_RETURN(
      Tensor tensor,
      Allocate(view.dtype, Shape(view.dims.begin(), view.dims.end()), std::move(budget)));
  if (!view.data.empty()) {
    std::memcpy(tensor.bytes().data(), view.data.data(), view.data.size());
  }
  return tensor;
}

Tensor::Storage::~Storage() {
  if (buffer.size() >= kLongEndBytes) charge.DiscardWith(std::move(buffer));
}

Tensor Tensor::WithShape(Shape shape) const {
  Tensor tensor;
  tensor.dtype_ = dtype_;
  tensor.shape_ = std::move(shape);
  tensor.storage_ = storage_;
  return tensor;
}

int64_t Tensor::n_elements() const { return ElementCount(shape_).value_or(0); }

std::string ValueInfoToString(const ValueInfo& info) {
  if (info.container != nullptr) return ValueTypeToString(*info.container);
  std::string text(DTypeName(info.dtype));
  if (!info.has_shape) return text + "[...]";
  text += "[";
  for (size_t i = 0; i < info.dims.size(); ++i) {
    if (i > 0) text += ", ";
    const Dim& dim = info.dims[i];
    text += dim.value >= 0 ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text + "]";
}

Status CheckInput(const ValueInfo& declared, const TensorView& view) {
  auto mismatch = [&] {
    return InvalidArgument("input '" + declared.name + "' is " + ValueInfoToString(declared) +
                           ", but the tensor is " + TensorTypeToString(view.dtype, view.dims));
  };
  if (declared.container != nullptr) return mismatch();
  if (declared.dtype != DType::kUndefined && declared.dtype != view.dtype) return mismatch();
  if (declared.has_shape) {
    if (declared.dims.size() != view.dims.size()) return mismatch();
    for (size_t i = 0; i < view.dims.size(); ++i) {
      if (declared.dims[i].value >= 0 && declared.dims[i].value != view.dims[i]) return mismatch();
    }
  }
  return CheckTensor(view).WithContext("input '" + declared.name + "'");
}

}  // namespace wnn
