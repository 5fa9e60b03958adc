// Values behind small numbers: how the host keeps what a component's resources stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace wnn::abi {

// A number is free again once its value is taken. Thread-compatible.
template <typename T>
class Slab {
 public:
  size_t size() const { return slots_.size() - free_.size(); }

  uint32_t Put(T value) {
    if (free_.empty()) {
      slots_.emplace_back(std::move(value));
      return static_cast<uint32_t>(slots_.size() - 1);
    }
    const uint32_t number = free_.back();
    free_.pop_back();
    slots_[number] = std::move(value);
    return number;
  }

  // Null for a number that nothing has. Valid until the next Put or Take.
  T* Find(uint32_t number) {
    if (number >= slots_.size() || !slots_[number]) return nullptr;
    return &*slots_[number];
  }

  std::optional<T> Take(uint32_t number) {
    if (Find(number) == nullptr) return std::nullopt;
    std::optional<T> value = std::exchange(slots_[number], std::nullopt);
    free_.push_back(number);
    return value;
  }

 private:
  std::vector<std::optional<T>> slots_;
  std::vector<uint32_t> free_;
};

}  // namespace wnn::abi
