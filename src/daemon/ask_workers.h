#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/node.h"

namespace mpquic::daemon {

/// Has every worker answer a question on its own thread, and hands all answers, in the order of the workers, to `done`
/// on the control thread.
template <class Answer>
void ask_workers(const ControlTools& tools, const std::function<Answer(std::size_t worker)>& question,
                 std::function<void(std::vector<Answer>)> done) {
  struct Gathered {
    std::vector<Answer> answers;
    std::size_t missing;
    std::function<void(std::vector<Answer>)> done;
  };
  const std::size_t count = tools.workers.size();
  auto gathered = std::make_shared<Gathered>(Gathered{std::vector<Answer>(count), count, std::move(done)});
  for (std::size_t i = 0; i < count; ++i) {
    tools.workers[i]->post([i, question, gathered, post = tools.post] {
      auto answer = std::make_shared<Answer>(question(i));
      post([i, answer, gathered] {
        gathered->answers[i] = std::move(*answer);
        if (--gathered->missing == 0) gathered->done(std::move(gathered->answers));
      });
    });
  }
}

}  // namespace mpquic::daemon
