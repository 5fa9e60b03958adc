#include "bench/nn_subject.h"

#include <utility>

#include "host/nn/environment.h"

namespace wnn::bench {

SessionSubject::SessionSubject(SubjectId id, std::shared_ptr<const runtimes::Runtime> runtime)
    : id_(std::move(id)), session_(MakeEnvironment(std::move(runtime)), MakeSessionOptions()) {}

std::shared_ptr<nn::Environment> SessionSubject::MakeEnvironment(
    std::shared_ptr<const runtimes::Runtime> runtime) {
  nn::EnvironmentOptions options;
  options.runtime = std::move(runtime);
  options.n_threads = id_.n_threads;
  options.log = &log_;
  return std::make_shared<nn::Environment>(std::move(options));
}

nn::SessionOptions SessionSubject::MakeSessionOptions() {
  nn::SessionOptions options;
  options.observer = &recorder_;
  return options;
}

TensorView SessionSubject::Flat(std::span<const std::byte> output) {
  output_dims_ = {static_cast<int64_t>(output.size() / sizeof(float))};
  return {DType::kFloat, output_dims_, output};
}

}  // namespace wnn::bench
