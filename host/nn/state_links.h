// State that stays on the host: outputs of one compute that are inputs of the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/limits.h"
#include "engine/base/memory_budget.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/nn/timings.h"
#include "host/runtimes/runtime.h"

namespace wnn::nn {

// The links of one execution context. Outputs are handed on when they are about to be lost: at the
// first change of an input, or compute, after the compute that made them. Until then they can be
// read as ever.
//
// A runtime that can makes the output's own memory the input's (FeedBack); otherwise the bytes are
// copied once, to the one of two buffers that the input does not lie in: an output may be an input
// of the graph, even another link's.
//
// Thread-compatible. Lifetime: outlives the runtime's context, whose inputs lie in the buffers.
class StateLinks {
 public:
  // What is copied is taken from `budget`; null: only the limits hold.
  explicit StateLinks(std::shared_ptr<const runtimes::Graph> graph,
                      std::shared_ptr<MemoryBudget> budget = nullptr)
      : graph_(std::move(graph)), memory_(std::move(budget)) {}
  StateLinks(const StateLinks&) = delete;
  StateLinks& operator=(const StateLinks&) = delete;

  // From now on `input` takes the value of `output`; in place of the output that it took so far, if
  // any. kInvalidArgument when there is no such output or input, or the model declares types or
  // shapes of which none fits both.
  Status Bind(size_t output, size_t input);
  // `input` keeps its value from now on. kInvalidArgument when it is not bound.
  Status Unbind(size_t input);

  // The context has computed.
  void OnComputed() { has_outputs_ = true; }
  // To be called before an input of `context` is set, or it computes. `set`: the input that the
  // guest is about to set: its word counts, this time. Fails, and changes no input, when an output
  // does not have a shape that its input takes, or the state is over a limit.
  Status Carry(runtimes::Context& context, std::optional<size_t> set, const Limits& limits,
               CallObserver* observer);

 private:
  struct Link {
    size_t output;
    size_t input;
    bool active = true;  // else only the buffers are of use: the input may lie in one
    AlignedBuffer buffers[2];
    int free_buffer = 0;  // the one that the input does not lie in
    Shape shape;          // of what is carried
  };

  Link* Find(size_t input);
  std::string Describe(const Link& link) const;
  Result<TensorView> Read(const runtimes::Context& context, const Link& link,
                          const Limits& limits) const;
  Status Copy(std::span<Link* const> links, std::span<const TensorView> outputs,
              runtimes::Context& context, const Limits& limits);
  Status MakeRoom(Link& link, uint64_t bytes, const Limits& limits);

  std::shared_ptr<const runtimes::Graph> graph_;
  MemoryCharge memory_;
  std::vector<std::unique_ptr<Link>> links_;
  bool has_outputs_ = false;
};

}  // namespace wnn::nn
