// Which of witx's numberings core modules use.
#pragma once

namespace wnn::abi {

// The numbers of tensor types changed in August 2023, those of errors in mid 2022.
enum class WitxDialect {
  kAuto,     // types of either, told apart by the tensor and the model; errors as today
  kCurrent,  // today's
  kOld,  // types and errors as guests of 2020 know them; a model of no bytes fails late, as then
};

}  // namespace wnn::abi
