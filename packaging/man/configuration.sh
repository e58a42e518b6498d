#!/bin/sh
# mpquic.yaml(5) from docs/configuration.md, given as the argument: one text for both. To standard output.
set -eu
# The cells of tables are too narrow for lines that are flush on both sides.
cat <<'HEAD'
'\" t
.TH mpquic.yaml 5 "" mpquic mpquic
.na
.nh
.SH NAME
mpquic.yaml \- configuration of an mpquic node
.SH DESCRIPTION
HEAD
# The page's own title goes; links to other files of the repository become their text.
# shellcheck disable=SC2016
sed -e 1d -E -e 's/\[`?([^]`]*)`?\]\([^)]*\)/\1/g' "$1" | lowdown -Tman
