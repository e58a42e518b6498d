# shellcheck shell=bash
# Debian's packages. A second run asks dpkg alone: instantaneous, and it works offline.

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${ID:-unknown} ${VERSION_CODENAME:-unknown}")
llvm=-19  # both Debian 12 and 13 have it, so that both format and lint alike

# A package may carry the version below which it counts as missing.
build_packages=(g++ cmake ninja-build pkg-config ccache git
  libfmt-dev libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libmnl-dev libnftables-dev libgnutls28-dev libsystemd-dev libc-ares-dev
  'libngtcp2-dev>=1.11' 'libngtcp2-crypto-gnutls-dev>=1.11' 'libnghttp3-dev>=1.8'
  libgtest-dev libbenchmark-dev)
if [[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]]; then build_packages+=(libipsec-mb-dev); fi
run_packages=(iproute2 nftables ethtool iputils-ping tcpdump iperf3 python3 python3-pytest python3-pytest-xdist openssl procps psmisc dbus-daemon)
package_test_packages=(systemd systemd-container dpkg-repack jq lintian mandoc)
# For tests/kernel, and so is the kernel of fetch_kernel.
kernel_packages=()
if [[ $(dpkg --print-architecture 2>/dev/null) == amd64 ]]; then kernel_packages=(qemu-system-x86 kmod systemd); fi
clang_packages=("clang$llvm" "libclang-rt$llvm-dev")
lint_packages=("clang$llvm" "clang-tidy$llvm" "clang-format$llvm" python3)
bench_packages=(wireguard-go wireguard-tools openvpn)

# What Debian 12 itself has not, or has too old.
backported=' libngtcp2-dev libngtcp2-crypto-gnutls-dev libnghttp3-dev wireguard-go '

# missing PACKAGE...: prints the names of those that are not installed, or too old.
missing() {
  local -A installed
  local name version status package
  while read -r name version status; do
    if [[ $status == installed ]]; then installed[$name]=$version; fi
  done < <(dpkg-query --show --showformat='${Package} ${Version} ${db:Status-Status}\n' "${@%%>=*}" 2>/dev/null)
  for package; do
    name=${package%%>=*}
    version=${installed[$name]:-}
    if [[ -z $version ]] || { [[ $package == *'>='* ]] && dpkg --compare-versions "$version" lt "${package##*>=}"; }; then
      echo "$name"
    fi
  done
}

apt() {
  # A machine just booted may be installing its security updates: wait for the lock.
  DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# "MIRROR SUITE" of every Debian source that is configured, in whatever file and format.
apt_sources() {
  apt-get indextargets --no-release-info --format '$(CREATED_BY) $(REPO_URI) $(RELEASE)' 2>/dev/null |
    sed -n 's/^Packages //p' | sort -u
}

# Debian 12's backports from the mirror that this machine uses anyway; an own file, and only if nobody has them yet.
enable_backports() {
  local sources mirror
  sources=$(apt_sources)
  if grep -q ' bookworm-backports$' <<<"$sources"; then return; fi
  mirror=$(sed -n 's/ bookworm$//p' <<<"$sources" | grep -v '^cdrom:' | head -n 1 || true)
  [[ $mirror ]] || fail 1 "no source of bookworm is configured, so it is not known where bookworm-backports would be"
  say "adding the source bookworm-backports"
  cat >/etc/apt/sources.list.d/mpquic-backports.sources <<SOURCE
Types: deb
URIs: $mirror
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
}

apt_update() {
  local attempt
  # Only a lock makes it fail; a mirror that doesn't answer shows when installing.
  for attempt in 1 2 3 4 5 6; do
    if apt update; then return; fi
    warn "apt-get update failed (attempt $attempt of 6)"
    sleep 10
  done
}

# install_packages PACKAGE...
install_packages() {
  local absent ordinary=() backports=() name
  mapfile -t absent < <(missing "$@")
  if ((${#absent[@]} == 0)); then return; fi
  command -v apt-get >/dev/null ||
    fail "this is no Debian ($release), so ./dev can't install what is missing: ${absent[*]}"
  need_root "${verb_arguments[@]}"
  for name in "${absent[@]}"; do
    if [[ $release == 'debian bookworm' && $backported == *" $name "* ]]; then
      backports+=("$name")
    else
      ordinary+=("$name")
    fi
  done
  say "installing ${absent[*]}"
  if ((${#backports[@]})); then enable_backports; fi
  apt_update
  if ((${#ordinary[@]})); then
    apt install --yes --no-install-recommends "${ordinary[@]}" || install_failed "${ordinary[@]}"
  fi
  if ((${#backports[@]})); then
    apt install --yes --no-install-recommends --target-release bookworm-backports "${backports[@]}" ||
      install_failed "${backports[@]}"
  fi
  mapfile -t absent < <(missing "$@")
  ((${#absent[@]} == 0)) || fail "$release has too old a version of: ${absent[*]}"
}

install_failed() {
  fail "apt could not install: $* (its own words are above; is the network there, and does the mirror answer?)"
}

# Debian's kernel into build/kernel, for an emulated machine: nothing of it is installed here.
fetch_kernel() {
  local package=linux-image-cloud-amd64 new=build/kernel.new image version
  if [[ -e build/kernel/vmlinuz ]]; then return; fi
  image=$(depends_on "$package")
  if [[ -z $image ]]; then
    need_root "${verb_arguments[@]}"
    apt_update
    image=$(depends_on "$package")
  fi
  [[ $image ]] || fail "$release has no kernel $package"
  say "fetching $image"
  rm -rf "$new"
  mkdir -p "$new/package/usr" "$new/usr/lib"
  # As root, and not as apt's own user: it can't get into everybody's home.
  (cd "$new/package" && apt -o APT::Sandbox::User=root download "$image") || fail "apt could not download $image"
  dpkg-deb --extract "$new"/package/*.deb "$new/package"
  mv "$new"/package/boot/vmlinuz-* "$new/vmlinuz"
  # It moved between Debian 12 and 13, and depmod looks at either.
  ln -s usr/lib "$new/lib"
  mv "$new"/package/{,usr/}lib/modules "$new/usr/lib/" 2>/dev/null || true
  version=$(ls "$new/usr/lib/modules")
  depmod --basedir "$new" "$version" || fail "depmod failed for $image"
  rm -r "$new/package"
  mv "$new" build/kernel
}

depends_on() { apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: //p' | head -n 1; }

do_deps() {
  case ${1:-} in
    '')
      install_packages "${build_packages[@]}" "${run_packages[@]}" "${kernel_packages[@]}" "${clang_packages[@]}" \
        "${lint_packages[@]}" "${package_packages[@]}" "${package_test_packages[@]}" "${interop_packages[@]}"
      if ((${#kernel_packages[@]})); then fetch_kernel; fi
      ;;
    bench) install_packages "${build_packages[@]}" "${run_packages[@]}" "${bench_packages[@]}" ;;
    *) fail 2 "usage: ./dev deps [bench]" ;;
  esac
  say "everything needed is installed"
}
