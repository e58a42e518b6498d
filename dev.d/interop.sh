# shellcheck shell=bash
# Against programs that share nothing with mpquic: tests/interop. What they need is in a Debian 13 of its own, in
# build/interop/trixie, whatever this machine is.

interop_suite=trixie
interop_packages=(debootstrap)
interop_inside=(python3-aioquic)

# Debian 13's root directory, from the mirror that this machine uses anyway.
make_interop_root() {
  local made=build/interop/$interop_suite new=build/interop/$interop_suite.new mirror
  if [[ -e $made ]]; then return; fi
  mirror=$(apt_sources | sed -n 's/ \(bookworm\|trixie\)$//p' | grep -v '^cdrom:' | head -n 1 || true)
  [[ $mirror ]] || fail "no source of Debian is configured, so it is not known where to have $interop_suite from"
  say "making $made: $interop_suite with ${interop_inside[*]}"
  rm -rf "$new"
  mkdir -p build/interop
  # debootstrap does not understand all dependencies of what is inside, apt does.
  {
    debootstrap --variant=minbase "$interop_suite" "$new" "$mirror" &&
      DEBIAN_FRONTEND=noninteractive chroot "$new" apt-get -q install --yes --no-install-recommends "${interop_inside[@]}" &&
      chroot "$new" apt-get clean
  } >build/interop/log </dev/null 2>&1 || fail "$interop_suite could not be made; build/interop/log says why"
  mv "$new" "$made"
}

interop_tests() {
  make_interop_root
  python_tests release tests/interop "$@"
}

do_interop() {
  need_root "$@"
  install_packages "${build_packages[@]}" "${run_packages[@]}" "${interop_packages[@]}"
  build release mpquic linkem
  interop_tests "$@"
}
