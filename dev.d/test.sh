# shellcheck shell=bash
# `./dev test`: stages, each a process of its own, up to the first that fails; then how long each took and what it
# counted. Twenty minutes on two cores is the limit for them all, so of the end-to-end tests only the core runs under
# ASan there (`./dev test asan` runs all of them), and mpquic-update is left to `./dev test package`.

all_stages=(deps build lint unit fuzz lab e2e kernel package-build package
  asan-build asan-unit asan-core tsan-build tsan-unit tsan-e2e)
foreground=()
if [[ -t 0 ]]; then foreground=(--foreground); fi

export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1

# Seconds: what hangs is a failure too, with a log. Compilers only take their time, on a small machine.
limit_of() {
  case $1 in
    deps | lint | fuzz | *build) echo 3600 ;;
    *) echo 900 ;;
  esac
}

stages_of() {
  case $1 in
    unit) echo deps build unit ;;
    lab) echo deps build lab ;;
    e2e) echo deps build e2e ;;
    kernel) echo deps build kernel ;;
    interop) echo deps build interop ;;
    lint) echo deps lint ;;
    fuzz) echo deps fuzz ;;
    asan) echo deps asan-build asan-unit asan-e2e ;;
    package) echo deps build package-build package-all ;;
    tsan) echo deps tsan-build tsan-unit tsan-e2e ;;
    *) fail 2 "no tests '$1': unit, e2e, kernel, lab, lint, fuzz, package, interop, asan or tsan" ;;
  esac
}

# A verb for do_test alone.
do_stage() {
  case $1 in
    deps) do_deps ;;
    build) build release ;;
    lint)
      check_format
      clang_tidy --changed --seconds 100
      ;;
    unit) unit_tests release ;;
    fuzz) fuzz 4 ;;
    lab) python_tests release tests/lab ;;
    e2e) python_tests release tests/e2e ;;
    kernel) kernel_tests ;;
    interop) interop_tests ;;
    package-build) "$root/dev" package ;;
    # A machine is booted for each file: its tests stay together.
    package) python_tests release tests/packaging/test_{pages,package,service}.py --dist loadfile ;;
    package-all) python_tests release tests/packaging --dist loadfile ;;
    asan-build) fixed_addresses "$root/dev" build asan-ubsan ;;
    asan-unit) unit_tests asan-ubsan ;;
    asan-core) python_tests asan-ubsan tests/e2e -m threads ;;
    asan-e2e) python_tests asan-ubsan tests/e2e ;;
    tsan-build) build_threads ;;
    tsan-unit) unit_tests tsan --label-regex "^($(threaded_layers | paste -sd '|'))$" ;;
    tsan-e2e) python_tests tsan tests/e2e -m threads ;;
  esac
}

unit_tests() {
  local preset=$1
  shift
  fixed_addresses ctest --test-dir "build/$preset" --parallel "$(nproc)" --timeout 120 --output-on-failure \
    --no-tests=error "$@"
}

python_tests() {
  local preset=$1
  shift
  # Each test has namespaces of its own, and most of them wait for timers: two at a time.
  MPQUIC_BUILD=$root/build/$preset fixed_addresses /usr/bin/python3 -m pytest -ra -o cache_dir=build/pytest -n 2 "$@"
}

# In an emulated machine, of the one kind that there is a kernel for.
kernel_tests() {
  if ((${#kernel_packages[@]} == 0)); then
    warn "no kernel for this architecture: tests/kernel is left out"
    return
  fi
  python_tests release tests/kernel
}

# The folders with threads and unit tests.
threaded_layers() {
  local layer
  for layer in io daemon; do
    if compgen -G "tests/unit/$layer/*.cpp" >/dev/null; then echo "$layer"; fi
  done
}

build_threads() {
  local tests
  mapfile -t tests < <(threaded_layers)
  # The tests run once while they are built, to be asked for their names.
  fixed_addresses "$root/dev" build tsan mpquic linkem quic_poke "${tests[@]/%/_test}"
}

do_test() {
  local what wanted stage seen=' ' stages=() rows=() log status start seconds passed failed all_passed=0 all_failed=0
  if (($# == 0)); then stages=("${all_stages[@]}"); fi
  for what; do
    wanted=$(stages_of "$what")
    for stage in $wanted; do
      if [[ $seen != *" $stage "* ]]; then stages+=("$stage"); fi
      seen+="$stage "
    done
  done
  need_root "$@"
  mkdir -p build/logs

  status=0
  for stage in "${stages[@]}"; do
    log=build/logs/$stage.log
    start=$SECONDS
    say "stage $stage"
    # On a terminal it must stay in the foreground, so that ^C reaches it.
    timeout --kill-after=20 "${foreground[@]}" "$(limit_of "$stage")" "$root/dev" stage "$stage" 2>&1 |
      tee "$log" || status=1
    seconds=$((SECONDS - start))
    read -r passed failed < <(count_tests "$log")
    if ((status && failed == 0)); then failed=1; fi  # a stage that did not get as far as counting
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed))
    rows+=("$(printf '%-12s %7d %7d %7d' "$stage" "$seconds" "$passed" "$failed")")
    if ((status)); then break; fi
  done

  printf '\n%s%-12s %7s %7s %7s%s\n' "$bold" stage seconds passed failed "$plain"
  printf '%s\n' "${rows[@]}"
  printf '%-12s %7d\n\n' all "$SECONDS"
  if ((status)); then say "${red}stage $stage failed${plain}; its output is above and in $log"; fi
  echo "$all_passed passed, $all_failed failed"
  return "$status"
}

# count_tests LOG: "PASSED FAILED", from the last lines of ctest and pytest.
count_tests() {
  awk '
    # 97% tests passed, 3 tests failed out of 120
    /^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+/ { failed += $4; passed += $NF - $4 }
    /^ *[0-9]+\/[0-9]+ Test .*\*\*\*Skipped/ { passed -= 1 }  # which ctest counts as passed
    # ===== 1 failed, 41 passed, 2 skipped, 1 error in 12.34s =====
    /^=+ .* in [0-9.]+s( \([0-9:]+\))? =+$/ {
      for (i = 2; i < NF; ++i) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^(failed|error)/) failed += $(i - 1)
      }
    }
    END { print passed + 0, failed + 0 }' "$1"
}
