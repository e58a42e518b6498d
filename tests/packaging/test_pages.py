"""What the pages and the completion say, against what the program and its sources have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from lab import programs

Commands = dict[tuple[str, ...], str]

PAGES = ROOT / "packaging" / "man"


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commands(*path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every subcommand with its own help, depth first."""
    shown = output(programs.mpquic(), *path, "--help")
    yield path, shown
    _, _, listed = shown.partition("Subcommands:\n")
    for name in re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE):
        yield from commands(*path, name)


@pytest.fixture(scope="module")
def helped() -> Commands:
    return dict(commands())


def test_the_manual_has_every_subcommand_and_option(helped: Commands) -> None:
    page = (PAGES / "mpquic.1").read_text()
    assert {path[0] for path in helped if path} >= {"run", "check", "status", "net", "config", "cert"}
    missing = []
    for path, shown in helped.items():
        if path and "Subcommands:" not in shown and f".It Cm {' '.join(path)}" not in page:
            missing.append(" ".join(path))
        missing += [option for option in re.findall(r"--([a-z]+)", shown) if f"Fl -{option}" not in page]
    assert not missing


def test_the_manual_has_no_subcommand_that_is_none(helped: Commands) -> None:
    page = (PAGES / "mpquic.1").read_text()
    items = re.findall(r"^\.It Cm ([a-z ]+)", page, re.MULTILINE)
    described = {tuple(item.split()) for item in items}
    assert ("cert", "server") in described
    assert described <= set(helped)


def test_the_manual_has_every_key_of_the_file() -> None:
    page = re.sub(r"\\f(\w|\(\w\w)", "", output(PAGES / "configuration.sh", ROOT / "docs" / "configuration.md"))  # fonts
    sources = "".join(path.read_text() for path in sorted((ROOT / "src" / "config").glob("*.cpp")))
    keys = set(re.findall(r"\b(?:read\w*|require|word|number|text|list|flag|has|find)\(\s*\"([a-z_0-9]+)\"", sources))
    assert {"role", "tunnels", "classify", "congestion", "tun_cidr", "multipath_paths"} <= keys, sorted(keys)
    missing = [key for key in sorted(keys) if not re.search(rf"\b{key}\b", page.replace(r"\_", "_"))]
    assert not missing


def test_the_manual_of_the_file_is_a_page_that_can_be_found() -> None:
    page = output(PAGES / "configuration.sh", ROOT / "docs" / "configuration.md")
    assert re.search(r"^\.TH mpquic\.yaml 5 ", page, re.MULTILINE), page[:300]
    assert re.search(r"^\.SH NAME\nmpquic\.yaml \\- ", page, re.MULTILINE), page[:500]
    assert "](" not in page, "links to files of the repository"


@pytest.mark.parametrize("page", ["mpquic.1", "mpquic-update.8"])
def test_the_manuals_are_well_formed(page: str) -> None:
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGES / page], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_manual_of_the_update_has_its_options_and_settings() -> None:
    page = (PAGES / "mpquic-update.8").read_text()
    program = (ROOT / "packaging" / "mpquic-update").read_text()
    for option in re.findall(r"^    --([a-z]+)\)", program, re.MULTILINE):
        assert option == "help" or f".It Fl -{option}" in page, option
    settings = re.findall(r"^([a-z]+)=", (ROOT / "packaging" / "update.conf").read_text(), re.MULTILINE)
    assert set(settings) == {"repository", "ref", "build", "test", "timeout"}
    for setting in settings:
        assert f".Va {setting}" in page, setting


def complete(*words: str) -> set[str]:
    script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _mpquic; printf "%s\\n" "${COMPREPLY[@]}"'
    completion = ROOT / "packaging" / "completion" / "mpquic"
    return set(output("bash", "-c", script, "bash", completion, *words).split())


def test_completion_knows_every_subcommand(helped: Commands) -> None:
    for path, shown in helped.items():
        if "Subcommands:" in shown:
            below = {other[-1] for other in helped if other[:-1] == path and len(other) == len(path) + 1}
            offered = {word for word in complete("mpquic", *path, "") if not word.startswith("-")}
            assert offered == below, path
    assert complete("mpquic", "sta") == {"status"}


def test_completion_knows_the_options_of_certificates(helped: Commands) -> None:
    for command in (("cert", "ca"), ("cert", "server"), ("cert", "client"), ("cert", "revoke"), ("token", "new")):
        options = set(re.findall(r"--[a-z]+", helped[command]))
        assert complete("mpquic", *command, "--") == options, command
    assert complete("mpquic", "status", "--") == set(re.findall(r"--[a-z]+", helped["status",]))
