# shellcheck shell=bash
# Form: clang-format, and clang-tidy over the compile database.

# All C++ that is ours, NUL-separated.
cxx_files() { find src tests lab -type f \( -name '*.cpp' -o -name '*.h' \) -print0; }

do_format() {
  install_packages "clang-format$llvm"
  cxx_files | xargs -0 "clang-format$llvm" -i
}

check_format() {
  local complaints
  say "clang-format$llvm over every source"
  complaints=$(cxx_files | xargs -0 "clang-format$llvm" --dry-run -Werror 2>&1) && return
  sed -n 's/^\([^:]*\):.*\[-Wclang-format-violations\]$/\1/p; /^Error\|^YAML\|^xargs/p' <<<"$complaints" | sort -u
  fail "these are not as .clang-format says: ./dev format"
}

# clang_tidy ARGUMENT...: those of dev.d/tidy.py.
clang_tidy() {
  build release
  say "clang-tidy$llvm"
  /usr/bin/python3 dev.d/tidy.py --clang-tidy "clang-tidy$llvm" --build build/release "$@"
}

do_lint() {
  install_packages "${build_packages[@]}" "${lint_packages[@]}"
  check_format
  clang_tidy "$@"
}
