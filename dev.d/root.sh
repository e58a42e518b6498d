# shellcheck shell=bash
# Root, where it is needed, and giving back what root has built.

# need_root ARGUMENT...: returns as root, or starts the same verb again under sudo. The whole verb, not its single
# commands: sudo forgets the password long before a full test run ends.
need_root() {
  ((EUID == 0)) && return
  command -v sudo >/dev/null || fail "'./dev $verb' needs root here, and there is no sudo: run it as root"
  if [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; then
    fail "'./dev $verb' needs root here, and sudo wants a password but has no terminal to ask: run it as root"
  fi
  local name kept=()
  for name in CI TERM CCACHE_DIR CMAKE_BUILD_PARALLEL_LEVEL http_proxy https_proxy no_proxy ${!MPQUIC_@}; do
    if [[ -v $name ]]; then kept+=("$name=${!name}"); fi
  done
  say "root is needed: sudo ./dev $verb $*"
  exec sudo -- env "${kept[@]}" "$root/dev" "$verb" "$@"
}

# So that whoever typed `./dev test` can `./dev build` afterwards without root.
give_back_build() {
  if ((EUID == 0)) && [[ -n ${SUDO_UID:-} && -d $root/build ]]; then
    chown -R --no-dereference "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$root/build"
  fi
}
