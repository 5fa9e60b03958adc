#include "host/nn/tensor_scan.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/tensor/tensor.h"

namespace wnn::nn {
namespace {

using frontend::Field;
using frontend::WireReader;

// onnx.proto's field numbers of TensorProto.
constexpr uint32_t kDims = 1, kDataType = 2, kSegment = 3, kFloatData = 4, kInt32Data = 5,
                   kStringData = 6, kInt64Data = 7, kRawData = 9, kDoubleData = 10,
                   kUint64Data = 11, kExternalData = 13, kDataLocation = 14;
// StringStringEntryProto, SparseTensorProto.
constexpr uint32_t kEntryKey = 1, kEntryValue = 2;
constexpr uint32_t kSparseValues = 1, kSparseIndices = 2, kSparseDims = 3;

constexpr uint32_t kLocationExternal = 1;

// What ONNX Runtime writes into models of its own making: a pointer instead of a file.
constexpr std::string_view kAddressMarker = "_ORT_MEM_ADDR_";

// How a type's elements lie in the typed fields: which one, and its entries for `n` elements that
// take `bytes` bytes.
struct TypedEntries {
  uint32_t field = 0;
  uint64_t count = 0;
};
TypedEntries TypedEntriesOf(DType dtype, uint64_t n, uint64_t bytes) {
  switch (dtype) {
    case DType::kFloat: return {kFloatData, n};
    case DType::kComplex64: return {kFloatData, 2 * n};
    case DType::kDouble: return {kDoubleData, n};
    case DType::kComplex128: return {kDoubleData, 2 * n};
    case DType::kInt64: return {kInt64Data, n};
    case DType::kUint64:
    case DType::kUint32: return {kUint64Data, n};
    case DType::kString: return {kStringData, n};
    default: break;
  }
  // One entry an element, or, of types below a byte, one for each byte.
  return {kInt32Data, DTypeBits(dtype) < 8 ? bytes : n};
}

// Entries of a typed field; nothing if malformed, or once `check` says stop.
std::optional<uint64_t> CountEntries(const Field& field, StopCheck& check) {
  uint64_t n = 0;
  bool parsed = false;
  switch (field.number) {
    case kFloatData:
      parsed = frontend::ForEachFixedRun<float>(field, [&](auto run) { n += run.size() / 4; });
      break;
    case kDoubleData:
      parsed = frontend::ForEachFixedRun<double>(field, [&](auto run) { n += run.size() / 8; });
      break;
    case kStringData:
      parsed = field.IsBytes();
      n = 1;
      break;
    default:
      parsed = frontend::ForEachVarint(field, [&](uint64_t) {
        ++n;
        return !check.Stopped(2);
      });
  }
  if (!parsed) return std::nullopt;
  return n;
}

std::optional<uint64_t> ParseCount(std::string_view text) {
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

class TensorScan {
 public:
  TensorScan(const Limits& limits, uint64_t* n_fields, StoppableParallel& stop)
      : limits_(limits), n_fields_(n_fields), stop_(stop), check_(stop) {}

  Result<ScannedTensor> Run(std::span<const std::byte> message) {
    tensor_.message = message;
    WireReader reader(message);
    while (reader.Next()) {
      if (check_.Stopped(kFieldNs)) return stop_.Check();
      if (!IsElements(reader.field().number)) {
        WNN_RETURN_IF_ERROR(CountFields(1, limits_, n_fields_));
      }
      WNN_RETURN_IF_ERROR(Read(reader.field()));
    }
    if (!reader.ok()) return MalformedModel();
    WNN_RETURN_IF_ERROR(CheckSize());
    WNN_RETURN_IF_ERROR(tensor_.is_external ? CheckExternal() : CheckElements());
    return std::move(tensor_);
  }

 private:
  // Numbers, packed or not.
  static bool IsElements(uint32_t field) {
    return field == kFloatData || field == kInt32Data || field == kInt64Data ||
           field == kDoubleData || field == kUint64Data;
  }

  Status Read(const Field& field) {
    switch (field.number) {
      case kDims: return ReadDims(field);
      case kDataType:
        if (!field.IsVarint()) return MalformedModel();
        data_type_ = static_cast<int32_t>(field.value);  // as protobuf reads an int32
        return OkStatus();
      case kSegment: return Unsupported("the model has a tensor in segments");
      case kFloatData:
      case kInt32Data:
      case kStringData:
      case kInt64Data:
      case kDoubleData:
      case kUint64Data: {
        const auto n = CountEntries(field, check_);
        if (!n) WNN_RETURN_IF_ERROR(stop_.Check());
        if (!n) return MalformedModel();
        entries_[field.number] += *n;
        if (field.number == kStringData) string_bytes_ += field.bytes.size();
        return OkStatus();
      }
      case kRawData:
        if (!field.IsBytes()) return MalformedModel();
        tensor_.raw_data = field.bytes;
        return OkStatus();
      case kExternalData: return ReadExternalEntry(field);
      case kDataLocation: return ReadDataLocation(field);
      default: return OkStatus();
    }
  }

  Status ReadDims(const Field& field) {
    uint64_t rank = tensor_.dims.size();
    const auto add = [&](uint64_t dim) {
      if (++rank <= limits_.max_rank) tensor_.dims.push_back(static_cast<int64_t>(dim));
    };
    if (!frontend::ForEachVarint(field, add)) return MalformedModel();
    if (rank <= limits_.max_rank) return OkStatus();
    return TooLarge("the model has a tensor of more than " + std::to_string(limits_.max_rank) +
                    " dimensions, the limit");
  }

  Status ReadDataLocation(const Field& field) {
    if (!field.IsVarint()) return MalformedModel();
    // As protobuf reads an enumeration: the low 32 bits.
    const auto location = static_cast<uint32_t>(field.value);
    if (location > kLocationExternal) return InvalidArgument("a tensor's data location is unknown");
    if (location == kLocationExternal) tensor_.is_external = true;
    return OkStatus();
  }

  Status ReadExternalEntry(const Field& field) {
    if (!field.IsBytes()) return MalformedModel();
    tensor_.is_external = true;
    std::string_view key;
    std::string_view value;
    WireReader reader(field.bytes);
    while (reader.Next()) {
      if (!reader.field().IsBytes()) continue;
      if (reader.field().number == kEntryKey) key = reader.field().AsString();
      if (reader.field().number == kEntryValue) value = reader.field().AsString();
    }
    if (!reader.ok()) return MalformedModel();
    std::optional<std::string_view>* const entry = key == "location" ? &location_
                                                   : key == "offset" ? &offset_
                                                   : key == "length" ? &length_
                                                                     : nullptr;
    if (entry == nullptr) return OkStatus();
    if (*entry) {
      return InvalidArgument("a tensor's external data has two entries '" + std::string(key) + "'");
    }
    *entry = value;
    return OkStatus();
  }

  Status CheckSize() {
    const auto dtype = DTypeFromOnnx(data_type_);
    if (!dtype || *dtype == DType::kUndefined) {
      return InvalidArgument("the model has a tensor of the unknown element type " +
                             std::to_string(data_type_));
    }
    tensor_.dtype = *dtype;
    const auto count = ElementCount(tensor_.dims);
    if (!count) {
      return InvalidArgument("the model has a tensor " + Type() +
                             ": negative dimensions, or too many elements to count");
    }
    n_elements_ = static_cast<uint64_t>(*count);
    const auto size = *dtype == DType::kString ? std::optional<size_t>(string_bytes_)
                                               : DenseBytes(*dtype, *count);
    if (!size || *size > limits_.max_tensor_bytes) {
      return TooLarge("the model has a tensor " + Type() + ", over the limit of " +
                      std::to_string(limits_.max_tensor_bytes) + " bytes");
    }
    tensor_.size_bytes = *size;
    return OkStatus();
  }

  Status CheckElements() const {
    if (tensor_.raw_data && tensor_.dtype != DType::kString) {
      if (tensor_.raw_data->size() != tensor_.size_bytes) {
        return InvalidArgument("the model has a tensor " + Type() + " of " +
                               std::to_string(tensor_.size_bytes) + " bytes with raw data of " +
                               std::to_string(tensor_.raw_data->size()));
      }
      // Runtimes read them as bool, for which other bytes have no meaning in C++.
      bool are_bools = true;
      InSteps(stop_, tensor_.dtype == DType::kBool ? static_cast<int64_t>(tensor_.size_bytes) : 0,
              [&](int64_t begin, int64_t end) {
                const auto is_bool = [](std::byte value) { return value <= std::byte{1}; };
                const auto some = tensor_.raw_data->subspan(static_cast<size_t>(begin),
                                                            static_cast<size_t>(end - begin));
                are_bools = are_bools && std::ranges::all_of(some, is_bool);
              });
      if (are_bools) return OkStatus();
      return InvalidArgument("the model has a tensor " + Type() +
                             " of which not all bytes are 0 or 1");
    }
    const auto expected = TypedEntriesOf(tensor_.dtype, n_elements_, tensor_.size_bytes);
    if (!tensor_.raw_data && entries_[expected.field] == expected.count) return OkStatus();
    return InvalidArgument("the model has a tensor " + Type() + " whose number of elements is " +
                           std::to_string(entries_[expected.field]));
  }

  Status CheckExternal() {
    if (tensor_.dtype == DType::kString) {
      return InvalidArgument("the model keeps a tensor of strings as external data");
    }
    if (!location_) return OkStatus();  // no file: for whoever asks for one to refuse
    tensor_.location = *location_;
    if (tensor_.location.find(kAddressMarker) != std::string_view::npos) {
      return Security("the model names an address in memory as its external data");
    }
    const auto offset = ParseCount(offset_.value_or("0"));
    const auto length =
        length_ ? ParseCount(*length_) : std::optional<uint64_t>(tensor_.size_bytes);
    if (!offset || !length || *length != tensor_.size_bytes) {
      return InvalidArgument("the model has a tensor " + Type() + " of " +
                             std::to_string(tensor_.size_bytes) +
                             " bytes whose external data has another offset or length");
    }
    tensor_.offset = *offset;
    return OkStatus();
  }

  std::string Type() const { return TensorTypeToString(tensor_.dtype, tensor_.dims); }

  static constexpr int64_t kFieldNs = 10;

  const Limits& limits_;
  uint64_t* n_fields_;
  StoppableParallel& stop_;
  StopCheck check_;
  ScannedTensor tensor_;
  int32_t data_type_ = 0;
  uint64_t n_elements_ = 0;
  uint64_t string_bytes_ = 0;
  std::array<uint64_t, kUint64Data + 1> entries_{};  // by field number
  std::optional<std::string_view> location_, offset_, length_;
};

// Calls use(value) for each element of an int64 tensor that ScanTensor has accepted, until it
// returns false; whether it never did.
template <typename Use>
bool AllInt64(const ScannedTensor& tensor, Use use) {
  bool all = true;
  if (tensor.raw_data) {
    for (size_t i = 0; i + 8 <= tensor.raw_data->size() && all; i += 8) {
      int64_t value;
      std::memcpy(&value, tensor.raw_data->data() + i, sizeof(value));
      all = use(value);
    }
    return all;
  }
  WireReader reader(tensor.message);
  while (reader.Next() && all) {
    if (reader.field().number != kInt64Data) continue;
    if (!frontend::ForEachVarint(reader.field(), [&](uint64_t value) {
          all = all && use(static_cast<int64_t>(value));
          return all;
        })) {
      return false;
    }
  }
  return all;
}

Status CheckIndices(const ScannedTensor& indices, int64_t n_values,
                    const std::vector<int64_t>& dims, int64_t n_elements, StoppableParallel& stop) {
  const auto rank = static_cast<int64_t>(dims.size());
  const bool is_linear = indices.dims == std::vector<int64_t>{n_values};
  const bool is_by_dim = indices.dims == std::vector<int64_t>{n_values, rank};
  if (indices.dtype != DType::kInt64 || (!is_linear && !is_by_dim)) {
    return InvalidArgument("a sparse tensor's indices do not have the shape of its values");
  }
  size_t position = 0;
  StopCheck check(stop);
  const bool inside = AllInt64(indices, [&](int64_t index) {
    if (check.Stopped(5)) return false;
    const int64_t end = is_linear ? n_elements : dims[position++ % dims.size()];
    return index >= 0 && index < end;
  });
  if (!inside) WNN_RETURN_IF_ERROR(stop.Check());
  return inside ? OkStatus() : InvalidArgument("a sparse tensor has an index outside of its shape");
}

}  // namespace

Status MalformedModel() {
  return InvalidEncoding("the bytes are not an ONNX model: malformed protobuf");
}

Status RepeatedField() {
  return InvalidEncoding(
      "the bytes are not an ONNX model: a message that may be there once is there twice");
}

Status CountFields(uint64_t n, const Limits& limits, uint64_t* n_fields) {
  *n_fields += std::min(n, limits.max_fields + 1);
  if (*n_fields <= limits.max_fields) return OkStatus();
  return TooLarge("the model has more than " + std::to_string(limits.max_fields) +
                  " names, declarations and list elements, the limit");
}

Result<ScannedTensor> ScanTensor(std::span<const std::byte> message, const Limits& limits,
                                 uint64_t* n_fields, StoppableParallel& stop) {
  return TensorScan(limits, n_fields, stop).Run(message);
}

Result<uint64_t> ScanSparseTensor(std::span<const std::byte> message, const Limits& limits,
                                  uint64_t* n_fields, StoppableParallel& stop) {
  std::optional<ScannedTensor> values;
  std::optional<ScannedTensor> indices;
  std::vector<int64_t> dims;
  WireReader reader(message);
  while (reader.Next()) {
    const Field& field = reader.field();
    WNN_RETURN_IF_ERROR(CountFields(1, limits, n_fields));
    if (field.number == kSparseDims) {
      const auto add = [&](uint64_t dim) {
        if (dims.size() <= limits.max_rank) dims.push_back(static_cast<int64_t>(dim));
      };
      if (!frontend::ForEachVarint(field, add)) return MalformedModel();
    }
    if (field.number != kSparseValues && field.number != kSparseIndices) continue;
    auto& tensor = field.number == kSparseValues ? values : indices;
    if (!field.IsBytes()) return MalformedModel();
    if (tensor) return RepeatedField();
    WNN_ASSIGN_OR_RETURN(tensor, ScanTensor(field.bytes, limits, n_fields, stop));
    if (tensor->is_external) return Security("a sparse tensor keeps its data in an external file");
  }
  if (!reader.ok()) return MalformedModel();
  if (!values || !indices) return InvalidArgument("a sparse tensor lacks its values or indices");
  if (dims.size() > limits.max_rank) {
    return TooLarge("the model has a sparse tensor of more than " +
                    std::to_string(limits.max_rank) + " dimensions, the limit");
  }
  const auto count = ElementCount(dims);
  if (dims.empty() || !count || values->dims.size() != 1) {
    return InvalidArgument("a sparse tensor's shape, or that of its values, is not valid");
  }
  const auto size = DenseBytes(values->dtype, *count);
  if (!size || *size > limits.max_tensor_bytes) {
    return TooLarge("the model has a sparse tensor " + TensorTypeToString(values->dtype, dims) +
                    ", over the limit of " + std::to_string(limits.max_tensor_bytes) + " bytes");
  }
  WNN_RETURN_IF_ERROR(CheckIndices(*indices, values->dims[0], dims, *count, stop));
  return static_cast<uint64_t>(*size);
}

}  // namespace wnn::nn
