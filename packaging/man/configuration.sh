#!/bin/sh
# mpquic.yaml(5) from docs/configuration.md, given as the argument: one text for both. To standard output.
set -eu
{
  printf '# NAME\n\nmpquic.yaml - configuration of an mpquic node\n\n# DESCRIPTION\n\n'
  # The page's own title goes; links to other files of the repository become their text.
  # shellcheck disable=SC2016
  sed -e 1d -E -e 's/\[`?([^]`]*)`?\]\([^)]*\)/\1/g' "$1"
} | lowdown -s -Tman -M title=mpquic.yaml -M section=5 -M source=mpquic -M volume=mpquic |
  # The cells of tables are too narrow for lines that are flush on both sides.
  sed -e '/^\.TH/a .na' -e '/^\.TH/a .nh'
