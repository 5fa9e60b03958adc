#include "host/nn/background_discarder.h"

#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

namespace wnn::nn {
namespace {

std::atomic<int> n_threads{0};

// One of the threads that there may be, while this lives.
class Place {
 public:
  Place() : is_free_(n_threads.fetch_add(1) < BackgroundDiscarder::kMaxThreads) {}
  Place(Place&& other) noexcept
      : is_held_(std::exchange(other.is_held_, false)), is_free_(other.is_free_) {}
  ~Place() {
    if (is_held_) n_threads.fetch_sub(1);
  }
  bool is_free() const { return is_free_; }

 private:
  bool is_held_ = true;
  bool is_free_;
};

}  // namespace

void BackgroundDiscarder::Discard(std::unique_ptr<Garbage> garbage) {
  Place place;
  if (!place.is_free()) return;
  try {
    std::thread([place = std::move(place), held = std::move(garbage)]() mutable {
      held.reset();
    }).detach();
  } catch (const std::system_error&) {
    // The function, and the garbage with it, has ended here.
  }
}

void BackgroundDiscarder::Wait() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace wnn::nn
