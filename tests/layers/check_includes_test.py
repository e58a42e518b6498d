#!/usr/bin/python3
"""The checker itself: each rule is broken once in a small source tree, and must be named."""

import pathlib
import tempfile
import unittest

import check_includes

LAYERS = {
    "base": (0, "mpquic_layer(base LIBRARIES fmt::fmt)"),
    "packet": (1, "mpquic_layer(packet USES base)"),
    "quic": (2, "mpquic_layer(quic USES base packet LIBRARIES PkgConfig::ngtcp2)"),
    "tunnel": (2, "mpquic_layer(tunnel USES base packet\n                    quic)"),
    "system": (2, "mpquic_layer(system USES base LIBRARIES PkgConfig::mnl)"),
    "daemon": (4, "mpquic_layer(daemon USES base packet quic tunnel)"),
    "cli": (4, "add_executable(mpquic main.cpp)\ntarget_link_libraries(mpquic PRIVATE mpquic_flags mpquic_daemon)"),
}


class CheckIncludes(unittest.TestCase):
    def problems(self, files=None, layers=None, order=None):
        layers = LAYERS | (layers or {})
        with tempfile.TemporaryDirectory() as name:
            src = pathlib.Path(name)
            listing = [f"add_subdirectory({folder})  # L{layers[folder][0]}" for folder in order or layers]
            (src / "CMakeLists.txt").write_text("\n".join(listing))
            for folder, (_, declaration) in layers.items():
                (src / folder).mkdir()
                (src / folder / "CMakeLists.txt").write_text(declaration)
            for path, text in (files or {}).items():
                (src / path).parent.mkdir(exist_ok=True)
                (src / path).write_text(text)
            return [problem.removeprefix(f"{name}/") for problem in check_includes.check(src)]

    def assert_one(self, problems, beginning, word):
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(beginning), problems)
        self.assertIn(word, problems[0])

    def test_a_tree_that_keeps_to_its_layers_is_clean(self):
        self.assertEqual(self.problems({
            "packet/a.h": '#include <netinet/in.h>\n#include "base/bytes.h"\n#include "packet/b.h"\n',
            "tunnel/a.cpp": '#include "quic/connection.h"\n#include "base/time.h"\n',
            "quic/a.cpp": "#include <ngtcp2/ngtcp2.h>\n",
            "system/a.cpp": "#include <libmnl/libmnl.h>\n#include <unistd.h>\nauto t = Clock::now();\n",
            "cli/main.cpp": '#include <CLI/CLI.hpp>\n#include "daemon/run.h"\n',
        }), [])

    def test_an_include_of_a_layer_above(self):
        problems = self.problems({"packet/a.cpp": '#include <vector>\n\n#include "tunnel/session.h"\n'})
        self.assert_one(problems, "packet/a.cpp:3: ", "layer above")

    def test_an_include_of_a_lower_layer_that_is_not_declared(self):
        problems = self.problems({"system/a.cpp": '#include "packet/address.h"\n'})
        self.assert_one(problems, "system/a.cpp:1: ", "USES")

    def test_an_include_of_a_neighbour_listed_later(self):
        problems = self.problems({"quic/a.cpp": '#include "tunnel/session.h"\n'})
        self.assert_one(problems, "quic/a.cpp:1: ", "tunnel/session.h")

    def test_an_include_without_its_folder(self):
        self.assert_one(self.problems({"packet/a.cpp": '#include "a.h"\n'}), "packet/a.cpp:1: ", '"packet/a.h"')

    def test_a_declared_use_of_a_layer_above(self):
        problems = self.problems(layers={"packet": (1, "mpquic_layer(packet USES base quic)")})
        self.assert_one(problems, "packet/CMakeLists.txt:1: ", "above")

    def test_a_circle_inside_one_layer(self):
        problems = self.problems(layers={"quic": (2, "mpquic_layer(quic USES base tunnel)")})
        self.assert_one(problems, "quic/CMakeLists.txt:1: ", "listed before")

    def test_a_use_of_nothing_known(self):
        problems = self.problems(layers={"quic": (2, "mpquic_layer(quic USES base magic)")})
        self.assert_one(problems, "quic/CMakeLists.txt:1: ", "magic")

    def test_a_folder_that_is_not_listed(self):
        self.assert_one(self.problems({"extra/a.cpp": "int a;\n"}), "CMakeLists.txt:1: ", "extra")

    def test_a_library_away_from_home(self):
        for header, folder in {"ngtcp2/ngtcp2.h": "tunnel", "gnutls/crypto.h": "daemon", "yaml-cpp/yaml.h": "cli",
                               "libmnl/libmnl.h": "daemon", "CLI/CLI.hpp": "daemon"}.items():
            with self.subTest(header):
                problems = self.problems({f"{folder}/a.cpp": f"#include <{header}>\n"})
                self.assert_one(problems, f"{folder}/a.cpp:1: ", "belongs in")

    def test_descriptors_where_only_bytes_may_be(self):
        for line in ("#include <unistd.h>", "#include <sys/socket.h>", "#include <sys/epoll.h>",
                     "auto n = ::read(fd, p, 1);", "int s = ::socket(AF_INET, SOCK_DGRAM, 0);",
                     "sendmmsg(s, messages, n, 0);"):
            with self.subTest(line):
                self.assert_one(self.problems({"packet/a.cpp": f"{line}\n"}), "packet/a.cpp:1: ", "packet must not")

    def test_a_clock_where_time_is_handed_in(self):
        for call in ("Clock::now()", "std::chrono::steady_clock::now()", "clock_gettime(CLOCK_MONOTONIC, &t)"):
            with self.subTest(call):
                problems = self.problems({"quic/a.cpp": f"\nauto t = {call};\n"})
                self.assert_one(problems, "quic/a.cpp:2: ", "clock")

    def test_comments_and_strings_are_not_code(self):
        self.assertEqual(self.problems({"packet/a.cpp":
            '// #include "tunnel/a.h"\n/*\n#include "tunnel/a.h"\n*/\n// Clock::now() is called elsewhere\n'
            'auto s = "Clock::now() ::read(";\nauto n = 1\'000 + 0x1\'ff; char c = \'"\';\nqueue.read(p); Reader::open(x); bind(y);\n'
        }), [])

    def test_code_after_a_digit_separator_is_still_seen(self):
        problems = self.problems({"packet/a.cpp": "auto n = 1'000; auto t = Clock::now(); auto m = 2'000;\n"})
        self.assert_one(problems, "packet/a.cpp:1: ", "clock")


if __name__ == "__main__":
    unittest.main()
