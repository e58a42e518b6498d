#!/usr/bin/python3
"""clang-tidy over the compile database, several files at once, remembering what was clean.

A file that was clean is not looked at again until its text, a header of this repository that it includes, its compile
command, .clang-tidy or clang-tidy itself is another: build/tidy holds an empty file per clean content hash.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLEAN = ROOT / "build" / "tidy"


def main():
    arguments = parse_arguments()
    CLEAN.mkdir(parents=True, exist_ok=True)
    units = compile_units(arguments.build)
    if arguments.changed:
        units = only_changed(units, changed_files())
    stale = [unit for unit in units if not stamp(unit, arguments).exists()]
    deadline = time.monotonic() + arguments.seconds if arguments.seconds else None
    print(f"{len(units)} files, {len(units) - len(stale)} known to be clean", flush=True)

    failed, left = 0, 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for unit, report in pool.map(lambda unit: (unit, check(unit, arguments, deadline)), stale):
            if report is None:
                left += 1
            elif report:
                failed += 1
                print(f"{unit.name}:\n{report}", flush=True)
    if left:
        print(f"{left} files left out after {arguments.seconds} s: ./dev lint checks them all")
    print(f"{len(stale) - failed - left} clean, {failed} not")
    return 1 if failed else 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clang-tidy", required=True, metavar="PROGRAM")
    parser.add_argument("--build", required=True, type=pathlib.Path, help="a built build directory of ninja's")
    parser.add_argument("--changed", action="store_true", help="only what differs from the last commit's parent")
    parser.add_argument("--seconds", type=int, help="start no further file after so long")
    return parser.parse_args()


class Unit:
    """A source file, how it is compiled, and the files of this repository that it is made of."""

    def __init__(self, command, headers):
        self.path = pathlib.Path(command["file"])
        self.name = self.path.relative_to(ROOT)
        self.command = command["command"]
        self.made_of = sorted({self.path, *headers})


def compile_units(build):
    commands = json.loads((build / "compile_commands.json").read_text())
    headers = headers_of_objects(build)
    ours = [command for command in commands if pathlib.Path(command["file"]).is_relative_to(ROOT)]
    return [Unit(command, headers.get(object_of(command), ())) for command in ours]


def object_of(command):
    words = shlex.split(command["command"])
    return words[words.index("-o") + 1]


def headers_of_objects(build):
    """What the compiler said that each object depends on, from ninja's log."""
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    headers, current = {}, None
    for line in listing.splitlines():
        if line.startswith("    "):
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT):
                current.append(path)
        elif ": #deps" in line:
            current = headers.setdefault(line.split(": #deps")[0], [])
    return headers


def changed_files():
    """Against the parent of the last commit, so that a CI run right after a commit looks at that commit."""
    for base in ("HEAD~1", "HEAD"):
        found = subprocess.run(["git", "-C", ROOT, "diff", "--name-only", "-z", base], capture_output=True, text=True)
        if found.returncode == 0:
            untracked = subprocess.run(["git", "-C", ROOT, "ls-files", "--others", "--exclude-standard", "-z"],
                                       capture_output=True, text=True)
            return {ROOT / name for name in (found.stdout + untracked.stdout).split("\0") if name}
    return None


def only_changed(units, changed):
    """Every unit where git knows nothing (no repository, no commit)."""
    return units if changed is None else [unit for unit in units if changed.intersection(unit.made_of)]


def stamp(unit, arguments):
    digest = hashlib.sha256()
    version = subprocess.run([arguments.clang_tidy, "--version"], check=True, capture_output=True).stdout
    for part in (version, unit.command.encode()):
        digest.update(part + b"\0")
    for path in (ROOT / ".clang-tidy", *unit.made_of):
        digest.update(path.read_bytes() + b"\0")
    return CLEAN / digest.hexdigest()


def check(unit, arguments, deadline):
    """What clang-tidy says, "" when the file is clean, None when there was no time for it."""
    if deadline and time.monotonic() > deadline:
        return None
    run = subprocess.run([arguments.clang_tidy, "--quiet", "-p", arguments.build,
                          "--extra-arg=-Wno-unknown-warning-option",  # the commands are GCC's
                          unit.path], capture_output=True, text=True)
    if run.returncode == 0:
        stamp(unit, arguments).touch()
        return ""
    return run.stdout.strip() or run.stderr.strip()


if __name__ == "__main__":
    sys.exit(main())
