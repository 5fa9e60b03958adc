// A subject for tests of what measures and verifies: y = scale * x, with times that it makes up.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "bench/subject.h"

namespace wnn::bench {

class FakeSubject final : public Subject {
 public:
  FakeSubject(std::string name, float scale, std::vector<std::string>* turns)
      : id_{"fake", std::move(name), "native", 1}, scale_(scale), turns_(turns) {}

  const SubjectId& id() const override { return id_; }
  const PhaseTimes& setup() const override { return setup_; }

  Status SetInput(const TensorView& input) override {
    input_ = input;
    dims_.assign(input.dims.begin(), input.dims.end());
    return OkStatus();
  }

  Result<PhaseTimes> Infer() override {
    if (turns_ != nullptr) turns_->push_back(id_.runtime);
    ++n_inferences_;
    if (n_inferences_ > fails_after_) return RuntimeError("out of order");
    values_.resize(input_.data.size() / sizeof(float));
    if (!values_.empty()) std::memcpy(values_.data(), input_.data.data(), input_.data.size());
    for (float& value : values_) value *= scale_;
    PhaseTimes times;
    times[Phase::kTotal] = std::chrono::microseconds(n_inferences_);
    return times;
  }

  TensorView output() override {
    return {DType::kFloat, dims_, std::as_bytes(std::span<const float>(values_))};
  }

  void set_scale(float scale) { scale_ = scale; }
  void set_fails_after(int n_inferences) { fails_after_ = n_inferences; }

 private:
  const SubjectId id_;
  const PhaseTimes setup_;
  float scale_;
  std::vector<std::string>* turns_;  // gets the name at each inference; null: nobody counts
  int n_inferences_ = 0;
  int fails_after_ = 1'000'000;
  TensorView input_;
  Shape dims_;
  std::vector<float> values_;
};

}  // namespace wnn::bench
