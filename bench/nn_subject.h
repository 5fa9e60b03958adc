// A way of running a model that goes through WASI-NN, whose host counts what it copies.
#pragma once

#include <cstdint>

#include "bench/subject.h"

namespace wnn::bench {

class NnSubject : public Subject {
 public:
  // Tensor bytes that the host copied during the last Infer, as it reports them.
  virtual uint64_t bytes_copied() const = 0;
};

}  // namespace wnn::bench
