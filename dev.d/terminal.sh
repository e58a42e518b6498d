# shellcheck shell=bash
# What the person, or the CI's log, gets to see. Colours only on a terminal.

if [[ -t 1 ]]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' red='' green='' plain=''
fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
warn() { printf './dev: %s\n' "$*" >&2; }

# fail [STATUS] MESSAGE: 1 is "it failed", 2 is "wrong usage".
fail() {
  local status=1
  if (($# > 1)); then
    status=$1
    shift
  fi
  warn "$*"
  exit "$status"
}
