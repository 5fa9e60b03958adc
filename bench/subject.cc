#include "bench/subject.h"

namespace wnn::bench {

std::string ToString(const SubjectId& id) {
  return id.model + " on " + id.runtime + ", " + id.path + ", " + std::to_string(id.n_threads) +
         (id.n_threads == 1 ? " thread" : " threads");
}

}  // namespace wnn::bench
