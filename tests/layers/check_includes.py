#!/usr/bin/python3
"""Holds the #includes under src/ against the layers that its CMakeLists.txt files declare.

usage: check_includes.py SRC

The layer of a folder is the comment behind its add_subdirectory in SRC/CMakeLists.txt; what it may include is the USES
of its mpquic_layer(). Prints one line per violation as file:line: what is wrong, and exits with 1 if there is any.
"""

import dataclasses
import pathlib
import re
import sys

# A library is spoken to in few folders, so that it can be replaced there. Beginning of the header name: folders.
LIBRARY_HOMES = {
    "ngtcp2/": {"quic", "certs"},
    "gnutls/": {"quic", "certs"},
    "nghttp3/": {"masque"},
    "yaml-cpp/": {"config"},
    "libmnl/": {"system"},
    "systemd/": {"system"},
    "ares.h": {"dns"},
    "CLI/": {"cli"},
}

# Bytes and a time point go in, bytes, verdicts and a next deadline come out: the same code runs under a virtual clock.
SANS_IO_FOLDERS = {"packet", "tunnel", "quic", "masque"}
IO_HEADERS = {"sys/socket.h", "sys/epoll.h", "sys/ioctl.h", "sys/timerfd.h", "sys/eventfd.h", "sys/uio.h", "unistd.h",
              "fcntl.h", "poll.h", "net/if.h", "base/fd.h"}
CLOCK_READ = re.compile(r"\b(?:\w*[Cc]lock::now|clock_gettime|gettimeofday|timespec_get)\s*\(")
IO_CALL = re.compile(r"(?<!\w)::\s*(?:socket|bind|connect|send|recv|read|write|open|close|poll|ioctl)\s*\("
                     r"|(?<!\.)\b(?:sendto|sendm?msg|recvfrom|recvm?msg|epoll_\w+)\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
COMMENT_OR_LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'""", re.DOTALL)


@dataclasses.dataclass
class Folder:
    name: str
    level: int
    position: int  # in src/CMakeLists.txt: decides between folders of one level
    uses: list[str]


def read_folders(src):
    """The folders by name, and what is wrong with the declaration itself."""
    folders, problems = {}, []
    listing = src / "CMakeLists.txt"
    for number, line in enumerate(listing.read_text().splitlines(), 1):
        found = re.match(r"\s*add_subdirectory\((\w+)\)\s*(?:#\s*L(\d))?", line)
        if found and not found[2]:
            problems.append(f"{listing}:{number}: {found[1]} has no layer: write `# L<number>` behind it")
        elif found:
            folders[found[1]] = Folder(found[1], int(found[2]), len(folders), read_uses(src / found[1]))
    for path in sorted(src.iterdir()):
        if path.is_dir() and path.name not in folders and any(sources(path)):
            problems.append(f"{listing}:1: the folder {path.name} is not listed")
    for folder in folders.values():
        problems += [f"{src / folder.name}/CMakeLists.txt:1: {problem}" for problem in wrong_uses(folder, folders)]
    return folders, problems


def read_uses(path):
    text = re.sub(r"#[^\n]*", "", (path / "CMakeLists.txt").read_text())
    layer = re.search(r"mpquic_layer\(\s*(\w+)([^)]*)\)", text)
    if layer:
        words = re.search(r"\bUSES\b(.*?)(?:\bLIBRARIES\b|$)", layer[2], re.DOTALL)
        return words[1].split() if words else []
    # A program: what it links.
    linked = " ".join(re.findall(r"target_link_libraries\(([^)]*)\)", text))
    return [name for name in re.findall(r"\bmpquic_(\w+)", linked) if name != "flags"]


def wrong_uses(folder, folders):
    for name in folder.uses:
        used = folders.get(name)
        if used is None:
            yield f"{folder.name} uses {name}, which src/CMakeLists.txt does not list"
        elif used.level > folder.level:
            yield f"{folder.name} (L{folder.level}) uses {name} of a layer above it (L{used.level})"
        elif used.level == folder.level and used.position >= folder.position:
            yield f"{folder.name} uses {name} of its own layer, which must be listed before it in src/CMakeLists.txt"


def sources(path):
    return sorted(p for p in path.rglob("*") if p.suffix in {".h", ".cpp"})


def without_comments(text, keep_literals):
    """The same lines, blanked where a comment (or a literal) was."""
    def blank(match):
        if keep_literals and not match[0].startswith("/"):
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])
    return COMMENT_OR_LITERAL.sub(blank, text)


def check_file(path, folder, folders):
    text = path.read_text()
    for number, line in enumerate(without_comments(text, keep_literals=True).splitlines(), 1):
        if found := INCLUDE.match(line):
            for problem in wrong_include(found[1] or found[2], found[1] is not None, folder, folders):
                yield f"{path}:{number}: {problem}"
    if folder.name in SANS_IO_FOLDERS:
        for number, line in enumerate(without_comments(text, keep_literals=False).splitlines(), 1):
            if CLOCK_READ.search(line):
                yield f"{path}:{number}: {folder.name} must not read a clock: time is handed in"
            if IO_CALL.search(line):
                yield f"{path}:{number}: {folder.name} must not do I/O: bytes are handed in and out"


def wrong_include(header, quoted, folder, folders):
    if quoted and "/" not in header:
        yield f'"{header}" lacks its folder: write "{folder.name}/{header}"'
    owner = folders.get(header.split("/")[0]) if quoted else None
    if owner and owner is not folder and owner.name not in folder.uses:
        direction = "of a layer above it" if owner.level > folder.level else "which its USES do not name"
        yield f'{folder.name} (L{folder.level}) must not include "{header}", {direction} (L{owner.level})'
    for beginning, homes in LIBRARY_HOMES.items():
        if header.startswith(beginning) and folder.name not in homes:
            yield f"<{header}> belongs in {' and '.join(sorted(homes))} only"
    if header in IO_HEADERS and folder.name in SANS_IO_FOLDERS:
        yield f"{folder.name} must not see file descriptors or sockets: <{header}>"


def check(src):
    folders, problems = read_folders(src)
    for folder in folders.values():
        for path in sources(src / folder.name):
            problems += check_file(path, folder, folders)
    return problems


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    problems = check(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) if problems else "every #include keeps to its layer")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
