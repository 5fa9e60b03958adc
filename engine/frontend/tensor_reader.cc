#include "engine/frontend/tensor_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/frontend/wire.h"

namespace wnn::frontend {
namespace {

// Field numbers of TensorProto's typed data.
constexpr uint32_t kFloatData = 4, kInt32Data = 5, kStringData = 6, kInt64Data = 7,
                   kDoubleData = 10, kUint64Data = 11;

// Which typed field holds a type's elements, and how many bytes each of its entries gives.
struct TypedField {
  uint32_t number = 0;
  size_t entry_bytes = 0;
};

TypedField TypedFieldOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64: return {kFloatData, 4};
    case DType::kDouble:
    case DType::kComplex128: return {kDoubleData, 8};
    case DType::kInt64: return {kInt64Data, 8};
    case DType::kUint64: return {kUint64Data, 8};
    case DType::kUint32: return {kUint64Data, 4};
    case DType::kInt32: return {kInt32Data, 4};
    case DType::kUint16:
    case DType::kInt16:
    case DType::kFloat16:
    case DType::kBfloat16: return {kInt32Data, 2};
    case DType::kUint8:
    case DType::kInt8:
    case DType::kBool:
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat8E8M0:
    // Below a byte, an entry holds one byte of packed elements.
    case DType::kUint4:
    case DType::kInt4:
    case DType::kFloat4E2M1:
    case DType::kUint2:
    case DType::kInt2: return {kInt32Data, 1};
    case DType::kString:
    case DType::kUndefined: return {};
  }
  return {};
}

// Appends to a fixed span and remembers whether everything fitted.
class Filler {
 public:
  Filler(std::span<std::byte> out, Parallel& stop) : out_(out), stop_(stop) {}
  void Append(Bytes bytes) {
    if (bytes.size() > out_.size() - filled_) {
      overflowed_ = true;
      return;
    }
    InSteps(stop_, static_cast<int64_t>(bytes.size()), [&](int64_t begin, int64_t end) {
      std::memcpy(out_.data() + filled_ + begin, bytes.data() + begin,
                  static_cast<size_t>(end - begin));
    });
    filled_ += bytes.size();
  }
  bool Complete() const { return !overflowed_ && filled_ == out_.size(); }

 private:
  std::span<std::byte> out_;
  Parallel& stop_;
  size_t filled_ = 0;
  bool overflowed_ = false;
};

bool ReadTypedField(const TensorProto& proto, TypedField typed, std::span<std::byte> out,
                    Parallel& stop) {
  constexpr int64_t kEntryNs = 5;
  Filler filler(out, stop);
  StopCheck check(stop);
  WireReader reader(proto.message);
  while (reader.Next()) {
    if (check.Stopped(kEntryNs)) return false;
    const Field& field = reader.field();
    if (field.number != typed.number) continue;
    bool parsed = false;
    if (typed.number == kFloatData) {
      parsed = ForEachFixedRun<float>(field, [&](Bytes run) { filler.Append(run); });
    } else if (typed.number == kDoubleData) {
      parsed = ForEachFixedRun<double>(field, [&](Bytes run) { filler.Append(run); });
    } else {
      // The low bytes of a little-endian integer are the narrower integer.
      parsed = ForEachVarint(field, [&](uint64_t value) {
        if (check.Stopped(kEntryNs)) return false;
        filler.Append(std::as_bytes(std::span(&value, 1)).first(typed.entry_bytes));
        return true;
      });
    }
    if (!parsed) return false;
  }
  return filler.Complete();
}

// `what` is how an error calls the number; `absent` stands for one that is not there.
Result<uint64_t> ReadByteCount(std::string_view text, std::string_view what, uint64_t absent) {
  if (text.empty()) return absent;
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) {
    return InvalidArgument("its external data's " + std::string(what) + " is no number of bytes");
  }
  return value;
}

// REQUIRES: `size` is what `type`, for messages, takes in bytes.
Result<Tensor> ReadExternal(const TensorProto& proto, DType dtype, size_t size,
                            const std::string& type, ExternalData& external) {
  WNN_ASSIGN_OR_RETURN(const uint64_t offset, ReadByteCount(proto.offset, "offset", 0));
  WNN_ASSIGN_OR_RETURN(const uint64_t length, ReadByteCount(proto.length, "length", size));
  if (length != size) {
    return InvalidArgument(type + " takes " + std::to_string(size) +
                           " bytes, but its external data has " + std::to_string(length));
  }
  // Before room is made for what may not be there.
  WNN_ASSIGN_OR_RETURN(const uint64_t file_size, external.SizeOf(proto.location));
  if (offset > file_size || size > file_size - offset) {
    return InvalidArgument("its " + std::to_string(size) + " bytes at offset " +
                           std::to_string(offset) + " lie past the end of its file, which has " +
                           std::to_string(file_size));
  }
  WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, proto.dims));
  WNN_RETURN_IF_ERROR(external.Read(proto.location, offset, tensor.bytes()));
  return tensor;
}

Status CheckHead(const TensorProto& proto, const Limits& limits, const ExternalData* external) {
  if (proto.is_external && external == nullptr) {
    return Security("its data lies in an external file, and this model may not open files");
  }
  if (proto.is_segmented) return Unsupported("it is stored in segments");
  if (!DTypeFromOnnx(proto.data_type)) {
    return InvalidArgument("its element type " + std::to_string(proto.data_type) +
                           " is not one of ONNX's");
  }
  if (proto.dims.size() > limits.max_rank) {
    return TooLarge("its rank " + std::to_string(proto.dims.size()) + " is over the limit of " +
                    std::to_string(limits.max_rank));
  }
  return OkStatus();
}

// The bytes of a dense tensor, if they are within the limits.
Result<size_t> CheckedSize(DType dtype, std::span<const int64_t> dims, const Limits& limits) {
  auto count = ElementCount(dims);
  auto size = count ? DenseBytes(dtype, *count) : std::nullopt;
  std::string type = TensorTypeToString(dtype, dims);
  if (!size) return InvalidArgument(type + " has negative dimensions or no size in bytes");
  if (*size > limits.max_tensor_bytes) {
    return TooLarge(type + " is over the limit of " + std::to_string(limits.max_tensor_bytes) +
                    " bytes");
  }
  return *size;
}

Result<Value> ReadStrings(const TensorProto& proto, Parallel& stop) {
  StopCheck check(stop);
  std::vector<std::string> elements;
  WireReader reader(proto.message);
  while (reader.Next()) {
    const Field& field = reader.field();
    if (check.Stopped(50 + static_cast<int64_t>(field.bytes.size()))) break;
    if (field.number == kStringData) elements.emplace_back(field.AsString());
  }
  auto count = ElementCount(proto.dims);
  if (!count || static_cast<uint64_t>(*count) != elements.size()) {
    return InvalidArgument("it has " + std::to_string(elements.size()) +
                           " strings, but the dimensions " + ShapeToString(proto.dims));
  }
  WNN_ASSIGN_OR_RETURN(StringTensor strings, StringTensor::Make(proto.dims, std::move(elements)));
  return Value(std::move(strings));
}

Status Count(uint64_t bytes, const Limits& limits, uint64_t* weight_bytes) {
  *weight_bytes += bytes;
  if (*weight_bytes <= limits.max_memory_bytes) return OkStatus();
  return TooLarge("the model's weights are over the limit of " +
                  std::to_string(limits.max_memory_bytes) + " bytes");
}

// Where element `i` of a sparse tensor is in the dense one; -1 if it is outside.
int64_t DensePlace(const Tensor& indices, int64_t i, std::span<const int64_t> dims,
                   int64_t n_elements) {
  const int64_t* numbers = reinterpret_cast<const int64_t*>(indices.bytes().data());
  if (indices.shape().size() == 1) {
    return numbers[i] >= 0 && numbers[i] < n_elements ? numbers[i] : -1;
  }
  int64_t at = 0;
  for (size_t d = 0; d < dims.size(); ++d) {
    const int64_t index = numbers[i * static_cast<int64_t>(dims.size()) + static_cast<int64_t>(d)];
    if (index < 0 || index >= dims[d]) return -1;
    at = at * dims[d] + index;
  }
  return at;
}

Result<Tensor> ReadElements(const TensorProto& proto, const Limits& limits, ExternalData* external,
                            Parallel& stop) {
  WNN_RETURN_IF_ERROR(CheckHead(proto, limits, external));
  const DType dtype = *DTypeFromOnnx(proto.data_type);
  if (dtype == DType::kString) return Unsupported("a tensor of strings is not supported here");
  WNN_ASSIGN_OR_RETURN(const size_t size, CheckedSize(dtype, proto.dims, limits));
  std::string type = TensorTypeToString(dtype, proto.dims);
  if (proto.is_external) return ReadExternal(proto, dtype, size, type, *external);
  if (proto.raw_data ? proto.raw_data->size() != size : size / 8 > proto.message.size()) {
    // An entry of a typed field takes at least a byte and gives at most eight.
    size_t found = proto.raw_data ? proto.raw_data->size() : proto.message.size();
    return InvalidArgument(type + " takes " + std::to_string(size) + " bytes, but the model has " +
                           (proto.raw_data ? "" : "less than ") + std::to_string(found));
  }

  WNN_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Allocate(dtype, proto.dims));
  if (proto.raw_data) {
    Filler(tensor.bytes(), stop).Append(*proto.raw_data);
  } else if (!ReadTypedField(proto, TypedFieldOf(dtype), tensor.bytes(), stop)) {
    return InvalidArgument("the number of its elements is not that of " + type);
  }
  return tensor;
}

}  // namespace

Result<Tensor> ReadTensor(const TensorProto& proto, const Limits& limits, ExternalData* external,
                          Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor, ReadElements(proto, limits, external, stop));
  if (tensor.dtype() != DType::kBool) return tensor;
  // Kernels read them as bool, for which other bytes have no meaning in C++.
  bool are_bools = true;
  InSteps(stop, tensor.n_elements(), [&](int64_t begin, int64_t end) {
    const auto is_bool = [](std::byte value) { return value <= std::byte{1}; };
    const auto some =
        tensor.bytes().subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
    are_bools = are_bools && std::ranges::all_of(some, is_bool);
  });
  if (!are_bools) return InvalidArgument("it is bool, but not all of its bytes are 0 or 1");
  return tensor;
}

Result<Value> ReadValue(const TensorProto& proto, const Limits& limits, ExternalData* external,
                        Parallel& stop) {
  if (proto.data_type == static_cast<int64_t>(DType::kString)) {
    WNN_RETURN_IF_ERROR(CheckHead(proto, limits, nullptr));
    return ReadStrings(proto, stop);
  }
  WNN_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(proto, limits, external, stop));
  return Value(std::move(tensor));
}

Result<Tensor> ReadSparse(const SparseTensorProto& proto, const Limits& limits, Parallel& stop) {
  auto values_proto = proto.values ? ParseTensor(*proto.values, stop) : std::nullopt;
  auto indices_proto = proto.indices ? ParseTensor(*proto.indices, stop) : std::nullopt;
  if (!values_proto || !indices_proto) return InvalidEncoding("a malformed sparse tensor");
  WNN_ASSIGN_OR_RETURN(Tensor values, ReadTensor(*values_proto, limits, nullptr, stop));
  WNN_ASSIGN_OR_RETURN(Tensor indices, ReadTensor(*indices_proto, limits, nullptr, stop));
  const Shape& shape = indices.shape();
  const int64_t n = values.n_elements();
  const bool is_linear = shape == Shape{n};
  const bool by_dimension = shape == Shape{n, static_cast<int64_t>(proto.dims.size())};
  const size_t element_bytes = DTypeBits(values.dtype()) / 8;
  if (values.shape().size() != 1 || indices.dtype() != DType::kInt64 || element_bytes == 0 ||
      (!is_linear && !by_dimension) || proto.dims.size() > limits.max_rank) {
    return InvalidArgument("values " + TensorTypeToString(values.dtype(), values.shape()) +
                           " and indices " + TensorTypeToString(indices.dtype(), shape) +
                           " are no sparse tensor " + ShapeToString(proto.dims));
  }
  WNN_ASSIGN_OR_RETURN(const size_t size, CheckedSize(values.dtype(), proto.dims, limits));
  WNN_ASSIGN_OR_RETURN(Tensor dense, Tensor::Allocate(values.dtype(), proto.dims));
  InSteps(stop, static_cast<int64_t>(size), [&](int64_t begin, int64_t end) {
    std::memset(dense.bytes().data() + begin, 0, static_cast<size_t>(end - begin));
  });
  StopCheck check(stop);
  for (int64_t i = 0; i < n; ++i) {
    if (check.Stopped(10 + static_cast<int64_t>(proto.dims.size()))) break;
    const int64_t at = DensePlace(indices, i, proto.dims, dense.n_elements());
    if (at < 0) return InvalidArgument("index " + std::to_string(i) + " lies outside the tensor");
    std::memcpy(dense.bytes().data() + static_cast<size_t>(at) * element_bytes,
                values.bytes().data() + static_cast<size_t>(i) * element_bytes, element_bytes);
  }
  return dense;
}

Result<Value> ReadCountedValue(const TensorProto& proto, const Limits& limits,
                               uint64_t* weight_bytes, ExternalData* external, Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(Value value, ReadValue(proto, limits, external, stop));
  WNN_RETURN_IF_ERROR(Count(value.size_bytes(), limits, weight_bytes));
  return value;
}

Result<TensorPtr> ReadCountedSparse(const SparseTensorProto& proto, const Limits& limits,
                                    uint64_t* weight_bytes, Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(Tensor dense, ReadSparse(proto, limits, stop));
  WNN_RETURN_IF_ERROR(Count(dense.bytes().size(), limits, weight_bytes));
  return TensorPtr(std::make_shared<const Tensor>(std::move(dense)));
}

}  // namespace wnn::frontend
