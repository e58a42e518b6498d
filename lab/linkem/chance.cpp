#include "chance.h"

namespace linkem {

Fate Chance::next(const Parameters& parameters) {
  const double loss = draw(), turn = draw(), burst = draw(), duplicate = draw(), reorder = draw(), jitter = draw();
  const Gilbert& gilbert = parameters.gilbert;
  if (turn < (bad_ ? gilbert.to_good : gilbert.to_bad)) bad_ = !bad_;
  return {.lost = loss < parameters.loss,
          .burst_lost = burst < (bad_ ? gilbert.loss_in_bad : gilbert.loss_in_good),
          .duplicated = duplicate < parameters.duplicate,
          .reordered = reorder < parameters.reorder,
          .jitter = jitter * 2 - 1};
}

// The standard distributions may differ from one library to the next; the generator may not.
double Chance::draw() { return static_cast<double>(generator_() >> 11) * 0x1p-53; }

}  // namespace linkem
