# shellcheck shell=bash
# The Debian package: `./dev package` builds build/package/mpquic_VERSION_ARCH.deb from the working tree.

package_packages=("${build_packages[@]}" build-essential debhelper dpkg-dev fakeroot lowdown)

# The project's version; behind it, unless this very commit is tagged with it, the time of the commit, so that later
# ones count as newer.
package_version() {
  local version stamp dirty=
  version=$(sed -n 's/^project(mpquic VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
  if ! in_git rev-parse --verify --quiet HEAD >/dev/null; then
    echo "$version"
    return
  fi
  if [[ $(in_git status --porcelain) ]]; then dirty=.dirty; fi
  if [[ ! $dirty && $(in_git tag --points-at HEAD) == *"v$version"* ]]; then
    echo "$version"
    return
  fi
  stamp=$(TZ=UTC in_git log -1 --date=format-local:%Y%m%d%H%M%S --format=%cd.%h)
  echo "$version+$stamp$dirty"
}

# git here, whoever the repository belongs to: root may build what a user has cloned.
in_git() { git -c safe.directory="$root" -C "$root" "$@"; }

# What git knows or would add, as it is in the working tree; without git, all but build/.
export_tree() {
  if in_git rev-parse --git-dir >/dev/null 2>&1; then
    in_git ls-files -z --cached --others --exclude-standard
  else
    find . -path ./build -prune -o \( -type f -o -type l \) -print0
  fi | while IFS= read -r -d '' file; do
    if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
  done | tar --create --null --files-from=- | tar --extract --directory="$1"
}

do_package() {
  local version source=build/package/source
  install_packages "${package_packages[@]}"
  version=$(package_version)
  say "building the package mpquic $version"
  rm -rf build/package
  mkdir -p "$source"
  export_tree "$source"
  cp -a packaging/debian "$source/debian"
  cat >"$source/debian/changelog" <<CHANGELOG
mpquic ($version) unstable; urgency=medium

  * CHANGELOG.md says what is new.

 -- $(sed -n 's/^Maintainer: //p' packaging/debian/control)  $(LC_ALL=C date -u -R -d "$(in_git log -1 --format=%cI 2>/dev/null || date)")
CHANGELOG
  use_ccache
  # From its own folder, ccache has what ./dev build has compiled.
  (cd "$source" && CCACHE_BASEDIR=$PWD dpkg-buildpackage --build=binary --no-sign)
  say "built $(echo build/package/mpquic_*.deb)"
}
