// A Discarder for tests.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/base/discarder.h"

namespace wnn::testing {

// Keeps what it is given until somebody waits for it.
class Keeper final : public Discarder {
 public:
  void Discard(std::unique_ptr<Garbage> garbage) override { kept_.push_back(std::move(garbage)); }
  void Wait() override {
    ++n_waits;
    std::exchange(kept_, {}).clear();  // whose end may bring more
  }

  size_t size() const { return kept_.size(); }
  int n_waits = 0;

 private:
  std::vector<std::unique_ptr<Garbage>> kept_;
};

}  // namespace wnn::testing
