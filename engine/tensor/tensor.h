// Dense tensors, borrowed and owned: the vocabulary of the engine and of the runtime interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/memory_budget.h"
#include "engine/base/status.h"
#include "engine/tensor/dtype.h"

namespace wnn {

using Shape = std::vector<int64_t>;

// "[1, 3, 224, 224]", "[]" for rank 0.
std::string ShapeToString(std::span<const int64_t> dims);

// A borrowed dense tensor, row-major, little endian. `data` may have any alignment.
// Lifetime: whoever hands it out says how long `dims` and `data` live.
struct TensorView {
  DType dtype = DType::kUndefined;
  std::span<const int64_t> dims;
  std::span<const std::byte> data;
};

// "float[1, 3, 224, 224]".
std::string TensorTypeToString(DType dtype, std::span<const int64_t> dims);

// kInvalidArgument unless every dimension is >= 0, data.size() is what type and shape need, and
// bools are 0 or 1: operators rely on that.
Status CheckTensor(const TensorView& view);

// An owned dense tensor, aligned to a cache line. Move-only.
class Tensor {
 public:
  Tensor() = default;
  // Uninitialised contents. kTooLarge if it cannot be allocated or `budget`, if any, has no room
  // for it; kInvalidArgument for a shape whose size cannot be expressed.
  static Result<Tensor> Allocate(DType dtype, Shape shape,
                                 std::shared_ptr<MemoryBudget> budget = nullptr);
  static Result<Tensor> CopyOf(const TensorView& view,
                               std::shared_ptr<MemoryBudget> budget = nullptr);

  // The same bytes under another shape, shared and not copied: from then on neither may be written.
  // REQUIRES: as many elements as shape() has.
  Tensor WithShape(Shape shape) const;
  // Whether another tensor has the same bytes.
  bool SharesBytes() const { return storage_.use_count() > 1; }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t n_elements() const;
  std::span<std::byte> bytes() const {
    return storage_ != nullptr ? storage_->buffer.bytes() : std::span<std::byte>();
  }
  TensorView view() const { return {dtype_, shape_, bytes()}; }

 private:
  struct Storage {
    ~Storage();  // leaves a large buffer to the discarder of its budget
    AlignedBuffer buffer;
    MemoryCharge charge;
  };

  DType dtype_ = DType::kUndefined;
  Shape shape_;
  std::shared_ptr<const Storage> storage_;
};

using TensorPtr = std::shared_ptr<const Tensor>;

// What a model declares of one of its inputs or outputs.
struct Dim {
  int64_t value = -1;  // >= 0 when fixed
  std::string symbol;  // name of a symbolic dimension; empty when fixed or unnamed
};

struct ValueType;  // engine/tensor/value.h

struct ValueInfo {
  std::string name;
  DType dtype = DType::kUndefined;  // kUndefined when the model does not say
  bool has_shape = false;           // false: any rank
  std::vector<Dim> dims;
  // Of a sequence, an optional or a map, which has none of the above; null for a tensor.
  std::shared_ptr<const ValueType> container;
};

// "float[N, 3, 224, 224]"; "?" for an unnamed dimension, "float[...]" for any rank. What is not a
// tensor as ValueTypeToString() writes it.
std::string ValueInfoToString(const ValueInfo& info);

// kInvalidArgument, naming the input, what it allows and what came, unless `view` is a whole
// tensor (CheckTensor) of the type, rank and dimensions that `declared` allows. Symbolic
// dimensions allow any value >= 0. Strings and what is not a tensor have no view: see CheckValue().
Status CheckInput(const ValueInfo& declared, const TensorView& view);

}  // namespace wnn
