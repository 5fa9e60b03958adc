// Sets of element types that operators accept, by what their kernels do with them.
#pragma once

#include "engine/ops/op_context.h"

namespace wnn::ops {

inline constexpr TypeSet kFloatSet = {DType::kFloat, DType::kDouble, DType::kFloat16,
                                      DType::kBfloat16};
inline constexpr TypeSet kIntegerSet = {DType::kInt8,   DType::kInt16, DType::kInt32,
                                        DType::kInt64,  DType::kUint8, DType::kUint16,
                                        DType::kUint32, DType::kUint64};
inline constexpr TypeSet kUnsignedSet = {DType::kUint8, DType::kUint16, DType::kUint32,
                                         DType::kUint64};
inline constexpr TypeSet kNumericSet = {DType::kFloat,    DType::kDouble, DType::kFloat16,
                                        DType::kBfloat16, DType::kInt8,   DType::kInt16,
                                        DType::kInt32,    DType::kInt64,  DType::kUint8,
                                        DType::kUint16,   DType::kUint32, DType::kUint64};
inline constexpr TypeSet kBoolSet = {DType::kBool};
// kernels::AllTypes: numbers and booleans.
inline constexpr TypeSet kAllSet = {
    DType::kFloat,  DType::kDouble, DType::kFloat16, DType::kBfloat16, DType::kInt8,
    DType::kInt16,  DType::kInt32,  DType::kInt64,   DType::kUint8,    DType::kUint16,
    DType::kUint32, DType::kUint64, DType::kBool};
// Numbers of every width, and booleans: kernels::IsNumber.
inline constexpr TypeSet kNumberSet = {
    DType::kFloat,          DType::kDouble,       DType::kFloat16,    DType::kBfloat16,
    DType::kInt8,           DType::kInt16,        DType::kInt32,      DType::kInt64,
    DType::kUint8,          DType::kUint16,       DType::kUint32,     DType::kUint64,
    DType::kBool,           DType::kFloat8E4M3FN, DType::kFloat8E5M2, DType::kFloat8E4M3FNUZ,
    DType::kFloat8E5M2FNUZ, DType::kFloat8E8M0,   DType::kFloat4E2M1, DType::kUint4,
    DType::kInt4,           DType::kUint2,        DType::kInt2};
// What can be copied without being looked at. Elements below a byte come to a kernel as bytes: see
// widened.h.
inline constexpr TypeSet kCopySet = {
    DType::kUint4,        DType::kInt4,       DType::kUint2,          DType::kInt2,
    DType::kFloat4E2M1,   DType::kFloat,      DType::kDouble,         DType::kFloat16,
    DType::kBfloat16,     DType::kInt8,       DType::kInt16,          DType::kInt32,
    DType::kInt64,        DType::kUint8,      DType::kUint16,         DType::kUint32,
    DType::kUint64,       DType::kBool,       DType::kComplex64,      DType::kComplex128,
    DType::kFloat8E4M3FN, DType::kFloat8E5M2, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2FNUZ,
    DType::kFloat8E8M0};
inline constexpr TypeSet kIndexSet = {DType::kInt32, DType::kInt64};

}  // namespace wnn::ops
