// The WIT's enumerations, as the component model hands them over: numbers below the count of cases.
#pragma once

#include <cstdint>
#include <span>

#include "engine/tensor/dtype.h"
#include "host/nn/environment.h"
#include "host/runtimes/runtime.h"

namespace wnn::abi {

// `tensor-type`, numbered in the WIT's order: FP16, FP32, FP64, BF16, U8, I32, I64.
// REQUIRES: number < 7
DType DTypeFromWit(uint8_t number);

// The types that it names.
std::span<const DType> WitTensorTypes();

// The number under which a tensor of `dtype` crosses: U8's where the WIT has no name for it, as
// nn::CarriedType has it.
uint8_t WitFromDType(DType dtype);

// `graph-encoding`: openvino, onnx, tensorflow, pytorch, tensorflowlite, ggml, autodetect.
// REQUIRES: number < 7
nn::Encoding EncodingFromWit(uint8_t number);

// `execution-target`: cpu, gpu, tpu. REQUIRES: number < 3
runtimes::Target TargetFromWit(uint8_t number);

}  // namespace wnn::abi
