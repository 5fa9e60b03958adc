// A way of running a model that goes through WASI-NN, whose host counts what it copies.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bench/call_recorder.h"
#include "bench/subject.h"
#include "host/nn/session.h"
#include "host/runtimes/runtime.h"

namespace wnn::bench {

class NnSubject : public Subject {
 public:
  // Tensor bytes that the host copied during the last Infer, as it reports them.
  virtual uint64_t bytes_copied() const = 0;
};

// What those of either ABI share: a session of their own and what it tells of the guest's calls.
class SessionSubject : public NnSubject {
 public:
  SessionSubject(SubjectId id, std::shared_ptr<const runtimes::Runtime> runtime);

  const SubjectId& id() const final { return id_; }
  const PhaseTimes& setup() const final { return setup_; }
  uint64_t bytes_copied() const final { return bytes_copied_; }

 protected:
  nn::Session& session() { return session_; }
  // Why the host refused the last call.
  std::string refusal() const { return log_.text(); }
  // The times of the guest's calls since the last TakeTimes.
  PhaseTimes TakeTimes() { return recorder_.Take(&bytes_copied_); }
  // The number of WASI-NN for the target, in either ABI.
  uint32_t target() const { return id_.target == runtimes::Target::kGpu ? 1 : 0; }
  // The bytes of an output as a tensor of floats; WASI-NN's guests here ask for no shape.
  TensorView Flat(std::span<const std::byte> output);

  PhaseTimes setup_;

 private:
  std::shared_ptr<nn::Environment> MakeEnvironment(
      std::shared_ptr<const runtimes::Runtime> runtime);
  nn::SessionOptions MakeSessionOptions();

  const SubjectId id_;
  LastMessage log_;
  CallRecorder recorder_;
  nn::Session session_;
  uint64_t bytes_copied_ = 0;
  Shape output_dims_;
};

}  // namespace wnn::bench
