// What the scan of a model checks of its tensors. Private to this folder.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/base/stoppable_parallel.h"
#include "engine/frontend/wire.h"
#include "engine/tensor/dtype.h"

namespace wnn::nn {

// A TensorProto without its elements.
struct ScannedTensor {
  DType dtype = DType::kUndefined;
  std::vector<int64_t> dims;  // of a rank within the limits
  uint64_t size_bytes = 0;    // as a dense tensor; of strings, their bytes
  std::optional<std::span<const std::byte>> raw_data;
  std::span<const std::byte> message;

  bool is_external = false;
  std::string_view location;  // of external data
  uint64_t offset = 0;
};

// Checks that type, dimensions and number of elements fit each other and `limits`. Of external
// data, that the entries make sense; the file is the caller's to look at. `n_fields` grows by what
// limits.max_fields counts.
// kTimeout when `stop` says so.
Result<ScannedTensor> ScanTensor(std::span<const std::byte> message, const Limits& limits,
                                 uint64_t* n_fields, StoppableParallel& stop);

// Checks a SparseTensorProto: its tensors, their shapes, and that every index lies inside. Returns
// the bytes of the tensor as a dense one. kSecurity for external data.
Result<uint64_t> ScanSparseTensor(std::span<const std::byte> message, const Limits& limits,
                                  uint64_t* n_fields, StoppableParallel& stop);

Status MalformedModel();
Status RepeatedField();
// Adds one field to the count. kTooLarge over the limit.
Status CountFields(uint64_t n, const Limits& limits, uint64_t* n_fields);

}  // namespace wnn::nn
