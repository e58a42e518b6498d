# shellcheck shell=bash
# Fuzzing: each program fuzz_NAME that tests/fuzz builds, over its seeds in tests/fuzz/corpus/NAME. What it finds
# interesting is kept in build/fuzz/corpus/NAME for the next run; an input that breaks it is left in build/fuzz/crashes/.

# fuzz SECONDS: each target for so long.
fuzz() {
  local seconds=$1 program name targets=0 seeds
  build fuzz tests/fuzz/all
  mkdir -p build/fuzz/crashes
  while IFS= read -r program; do
    name=${program##*/fuzz_}
    mkdir -p "build/fuzz/corpus/$name"
    seeds=()
    if [[ -d tests/fuzz/corpus/$name ]]; then seeds=("tests/fuzz/corpus/$name"); fi
    say "$name, $seconds s, $(find "${seeds[@]:-build/fuzz/corpus/$name}" -type f | wc -l) seeds"
    fixed_addresses "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -verbosity=0 -artifact_prefix="build/fuzz/crashes/$name-" "build/fuzz/corpus/$name" "${seeds[@]}"
    targets=$((targets + 1))
  done < <(find build/fuzz/tests/fuzz -maxdepth 1 -type f -name 'fuzz_*' -executable | sort)
  ((targets)) || fail "tests/fuzz built no program"
  say "$targets fuzz targets, nothing found"
}

do_fuzz() {
  [[ ${1:-60} =~ ^[0-9]+$ ]] || fail 2 "usage: ./dev fuzz [SECONDS]"
  install_packages "${build_packages[@]}" "${clang_packages[@]}"
  fuzz "${1:-60}"
}
