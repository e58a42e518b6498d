# shellcheck shell=bash
# The simulator (tests/sim): whole sessions over links that are made up, under a clock that is made up too.

do_sim() {
  install_packages "${build_packages[@]}"
  build release sim >&2
  build/release/tests/sim/sim "$@"
}
