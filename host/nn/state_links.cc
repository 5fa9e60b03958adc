#include "host/nn/state_links.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace wnn::nn {
namespace {

Status CheckIndex(size_t index, std::span<const ValueInfo> values, const char* what) {
  if (index < values.size()) return OkStatus();
  return InvalidArgument("the model has " + std::to_string(values.size()) + " " + what +
                         "s, none with index " + std::to_string(index));
}

// Whether some tensor is both, as far as the model says.
bool MayFit(const ValueInfo& from, const ValueInfo& to) {
  const bool same_type =
      from.dtype == DType::kUndefined || to.dtype == DType::kUndefined || from.dtype == to.dtype;
  if (!same_type || from.container != nullptr || to.container != nullptr) return false;
  if (!from.has_shape || !to.has_shape) return true;
  return std::ranges::equal(from.dims, to.dims, [](const Dim& a, const Dim& b) {
    return a.value < 0 || b.value < 0 || a.value == b.value;
  });
}

}  // namespace

StateLinks::Link* StateLinks::Find(size_t input) {
  const auto found = std::ranges::find(links_, input, [](const auto& link) { return link->input; });
  return found == links_.end() ? nullptr : found->get();
}

std::string StateLinks::Describe(const Link& link) const {
  return "state from output '" + graph_->outputs()[link.output].name + "' to input '" +
         graph_->inputs()[link.input].name + "'";
}

Status StateLinks::Bind(size_t output, size_t input) {
  WNN_RETURN_IF_ERROR(CheckIndex(output, graph_->outputs(), "output"));
  WNN_RETURN_IF_ERROR(CheckIndex(input, graph_->inputs(), "input"));
  const ValueInfo& from = graph_->outputs()[output];
  const ValueInfo& to = graph_->inputs()[input];
  if (!MayFit(from, to)) {
    return InvalidArgument("output '" + from.name + "' is " + ValueInfoToString(from) +
                           ", which input '" + to.name + "', " + ValueInfoToString(to) +
                           ", cannot take");
  }
  Link* link = Find(input);
  if (link == nullptr) {
    links_.push_back(std::make_unique<Link>());
    link = links_.back().get();
    link->input = input;
  }
  link->output = output;
  link->active = true;
  return OkStatus();
}

Status StateLinks::Unbind(size_t input) {
  WNN_RETURN_IF_ERROR(CheckIndex(input, graph_->inputs(), "input"));
  Link* link = Find(input);
  if (link == nullptr || !link->active) {
    return InvalidArgument("input '" + graph_->inputs()[input].name + "' is bound to no output");
  }
  link->active = false;
  return OkStatus();
}

Result<TensorView> StateLinks::Read(const runtimes::Context& context, const Link& link,
                                    const Limits& limits) const {
  WNN_ASSIGN_OR_RETURN(const TensorView output, context.Output(link.output));
  WNN_RETURN_IF_ERROR(CheckInput(graph_->inputs()[link.input], output));
  if (output.data.size() > limits.max_tensor_bytes) {
    return TooLarge("it has " + std::to_string(output.data.size()) + " bytes, the limit is " +
                    std::to_string(limits.max_tensor_bytes));
  }
  return output;
}

Status StateLinks::Carry(runtimes::Context& context, std::optional<size_t> set,
                         const Limits& limits, CallObserver* observer) {
  if (!std::exchange(has_outputs_, false)) return OkStatus();
  std::vector<Link*> links;
  for (const auto& link : links_) {
    if (link->active && link->input != set) links.push_back(link.get());
  }
  if (links.empty()) return OkStatus();

  CallTimer timer(observer, Call::kCarryState);
  std::vector<TensorView> outputs;
  std::vector<runtimes::OutputToInput> pairs;
  uint64_t bytes = 0;
  for (const Link* link : links) {
    auto output = Read(context, *link, limits);
    if (!output) return std::move(output.error()).WithContext(Describe(*link));
    outputs.push_back(*output);
    pairs.push_back({link->output, link->input});
    bytes += output->data.size();
  }
  WNN_ASSIGN_OR_RETURN(const bool fed, context.FeedBack(pairs));
  if (fed) return OkStatus();
  WNN_RETURN_IF_ERROR(Copy(links, outputs, context, limits));
  timer.set_bytes_copied(bytes);
  return OkStatus();
}

Status StateLinks::MakeRoom(Link& link, uint64_t bytes, const Limits& limits) {
  AlignedBuffer& buffer = link.buffers[link.free_buffer];
  if (buffer.size() >= bytes) return OkStatus();
  uint64_t held = bytes;
  for (const auto& other : links_) {
    for (const AlignedBuffer& b : other->buffers) held += &b == &buffer ? 0 : b.size();
  }
  if (held > limits.max_memory_bytes) {
    return TooLarge("a context's state takes " + std::to_string(held) + " bytes, the limit is " +
                    std::to_string(limits.max_memory_bytes));
  }
  // Caches grow a little each time.
  const uint64_t room = std::min(bytes / 2, limits.max_memory_bytes - held);
  buffer = AlignedBuffer();
  WNN_RETURN_IF_ERROR(memory_.Resize(held + room));
  WNN_ASSIGN_OR_RETURN(buffer, AlignedBuffer::Allocate(static_cast<size_t>(bytes + room)));
  return OkStatus();
}

Status StateLinks::Copy(std::span<Link* const> links, std::span<const TensorView> outputs,
                        runtimes::Context& context, const Limits& limits) {
  // Every output is read before any input changes.
  for (size_t i = 0; i < links.size(); ++i) {
    Status status = MakeRoom(*links[i], outputs[i].data.size(), limits);
    if (!status.ok()) return std::move(status).WithContext(Describe(*links[i]));
  }
  for (size_t i = 0; i < links.size(); ++i) {
    Link& link = *links[i];
    const std::span<const std::byte> data = outputs[i].data;
    if (!data.empty()) std::memcpy(link.buffers[link.free_buffer].data(), data.data(), data.size());
    link.shape.assign(outputs[i].dims.begin(), outputs[i].dims.end());
  }
  for (size_t i = 0; i < links.size(); ++i) {
    Link& link = *links[i];
    const auto data = link.buffers[link.free_buffer].bytes().first(outputs[i].data.size());
    Status status = context.BindInput(link.input, {outputs[i].dtype, link.shape, data});
    if (!status.ok()) return std::move(status).WithContext(Describe(link));
    link.free_buffer = 1 - link.free_buffer;
  }
  return OkStatus();
}

}  // namespace wnn::nn
