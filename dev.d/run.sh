# shellcheck shell=bash
# What runs the built program in network namespaces: as root, with Debian's own Python.

in_lab() { PYTHONPATH=$root /usr/bin/python3 "$@"; }

do_demo() {
  need_root "$@"
  install_packages "${build_packages[@]}" "${run_packages[@]}"
  build release
  in_lab -m lab.demo "$@"
}

do_bench() {
  need_root "$@"
  install_packages "${build_packages[@]}" "${run_packages[@]}" "${bench_packages[@]}"
  build release
  in_lab -m tests.bench "$@"
}

do_soak() {
  [[ ${1:-} =~ ^[0-9]+$ ]] || fail 2 "usage: ./dev soak MINUTES"
  need_root "$@"
  install_packages "${build_packages[@]}" "${run_packages[@]}"
  build release
  in_lab -m tests.soak "$@"
}
