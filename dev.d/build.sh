# shellcheck shell=bash
# Building: CMake's presets, with ccache, and clang for the fuzz targets.

export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

# Objects are the same wherever the tree is, so that a package, or another clone, has to compile nothing again.
use_ccache() {
  if ! command -v ccache >/dev/null; then return; fi
  export MPQUIC_LAUNCHER=${MPQUIC_LAUNCHER-ccache} CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1
  # debhelper gives its commands another language, and another HOME.
  export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:+$CCACHE_SLOPPINESS,}locale
  CCACHE_DIR=${CCACHE_DIR:-$(ccache --get-config cache_dir)}
  export CCACHE_DIR
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  use_ccache
  export MPQUIC_CLANG=${MPQUIC_CLANG:-clang++$llvm}
  say "building build/$preset: ${*:-all}"
  cmake --preset "$preset"
  cmake --build --preset "$preset" --target "${@:-all}"
}

do_build() {
  local preset=${1:-release}
  case $preset in
    release | dev | asan-ubsan | tsan) install_packages "${build_packages[@]}" ;;
    fuzz) install_packages "${build_packages[@]}" "${clang_packages[@]}" ;;
    *) fail 2 "no preset '$preset': release, dev, asan-ubsan, tsan or fuzz" ;;
  esac
  build "$preset" "${@:2}"
}

# A sanitizer's shadow memory needs its place, which a kernel with more than 28 random bits in its mappings may take.
fixed_addresses() {
  if setarch --addr-no-randomize true 2>/dev/null; then
    setarch --addr-no-randomize "$@"
  else
    "$@"
  fi
}
