# SPDX-License-Identifier: Apache-2.0
"""Each check of tools/tidy.py must catch what it is for, and let the recommended form pass."""

import importlib.util
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("tidy", ROOT / "tools" / "tidy.py")
assert spec is not None and spec.loader is not None
tidy = importlib.util.module_from_spec(spec)
sys.modules["tidy"] = tidy
spec.loader.exec_module(tidy)

BANNED = {
    "clock": [
        "auto now = std::chrono::steady_clock::now();",
        "using Clock = std::chrono::system_clock;",
        "#include <chrono>",
        "Instant start = absl::Now();",
    ],
    "thread": [
        "std::thread worker(Run);",
        "std::this_thread::sleep_for(delay);",
        "thread_local int depth = 0;",
        "#include <future>",
    ],
    "lock": [
        "std::mutex mutex;",
        "absl::Mutex mutex_;",
        "std::atomic<int> count;",
        "#include <mutex>",
    ],
    "randomness": ["std::random_device device;", "int x = rand();", "std::mt19937_64 engine(1);"],
    "hash order": [
        "std::unordered_map<int, int> sizes;",
        "absl::flat_hash_set<int> seen;",
        "#include <unordered_set>",
    ],
    "address order": ["std::map<Node*, int> leases;", "std::set<const core::Task *> ready;"],
    "mutable static": [
        "static int counter = 0;",
        "  static std::vector<int> cache;",
        "inline std::map<int, std::string> names;",
        "static Registry registry{1, 2};",
    ],
    "environment": ['const char* home = std::getenv("HOME");'],
    "gRPC": ["#include <grpcpp/grpcpp.h>", '#include "runtime/host/link.grpc.pb.h"'],
    "protobuf": ["#include <google/protobuf/message.h>", '#include "runtime/wire/message.pb.h"'],
    "asio": ["#include <boost/asio/io_context.hpp>"],
    "hiredis": ["#include <hiredis/async.h>"],
    "sockets": ["#include <sys/socket.h>", "#include <unistd.h>"],
    "deliberate bug": ["options.bugs.SwitchOn(Bug::kNeverFences);"],
}

ALLOWED = [
    "std::map<NodeId, std::unique_ptr<Node>> nodes;",
    "std::vector<Node*> nodes;",
    "static constexpr int kLimit = 3;",
    "static const std::string kName;",
    "static Id FromText(std::string_view text);",
    "inline constexpr bool kOn = true;",
    "inline bool operator==(const A& a, const B& b) { return a.x == b.x; }",
    "static_assert(sizeof(int) == 4);",
    "// std::mutex would be wrong here, and so would steady_clock.",
    "/* no std::thread */",
    'Fail("std::thread is banned");',
    "Runtime runtime = Operand(3);",
    '#include "runtime/base/time.h"',
    "#include <vector>",
]

LAYERS = """
set(mobula_layer_base "")
set(mobula_layer_core base)
set(mobula_layer_host base core)
set(mobula_layer_sim base core)
"""


def texts(check, tree):
    return [str(problem) for problem in check(tree)]


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name, lines in BANNED.items() for line in lines]
)
def test_banned_line_is_reported_with_its_place_and_replacement(name, line):
    [problem] = tidy.check_bans({"runtime/core/gcs/gcs.cc": f"// first\n\n{line}\n"})
    [ban] = [ban for ban in tidy.BANS if ban.name == name]
    assert (problem.path, problem.line) == ("runtime/core/gcs/gcs.cc", 3)
    assert problem.text.startswith(f"{name}: ") and problem.text.endswith(ban.replacement)


def test_every_ban_has_an_example():
    assert {ban.name for ban in tidy.BANS} == set(BANNED)


@pytest.mark.parametrize("line", ALLOWED)
def test_recommended_line_passes(line):
    assert texts(tidy.check_bans, {"sim/world.cc": line + "\n"}) == []


def test_host_may_use_clocks_threads_and_sockets():
    code = "#include <thread>\n#include <sys/socket.h>\n#include <grpcpp/grpcpp.h>\nstd::mutex m;\n"
    assert texts(tidy.check_bans, {"runtime/host/loop.cc": code}) == []


def test_one_file_can_be_excepted_from_one_ban(monkeypatch):
    monkeypatch.setitem(tidy.ALLOWED, ("sim/fork.cc", "sockets"), "the test's reason")
    code = "#include <unistd.h>\n"
    assert texts(tidy.check_bans, {"sim/fork.cc": code}) == []
    assert len(texts(tidy.check_bans, {"sim/other.cc": code})) == 1


def test_line_number_survives_a_block_comment_and_a_raw_string():
    code = '/* one\n two */\nauto text = R"(\n"\n)";\nstd::mutex m;\n'
    [problem] = tidy.check_bans({"sim/world.cc": code})
    assert problem.line == 6


def test_include_that_the_layer_graph_forbids_is_reported():
    tree = {
        "cmake/MobulaLayers.cmake": LAYERS,
        "sim/world.cc": '#include "runtime/core/gcs.h"\n#include "runtime/host/loop.h"\n',
        "runtime/core/gcs.cc": '#include "runtime/core/gcs.h"\n#include "runtime/base/ids.h"\n',
    }
    [problem] = texts(tidy.check_layers, tree)
    assert problem.startswith('sim/world.cc:2: layer sim must not include "runtime/host/loop.h"')


def test_layers_of_the_real_graph_are_understood():
    graph = {"cmake/MobulaLayers.cmake": (ROOT / "cmake/MobulaLayers.cmake").read_text()}
    bad = graph | {"sim/world.cc": '#include "runtime/host/loop.h"\n'}
    good = graph | {"sim/world.cc": '#include "runtime/core/gcs/gcs.h"\n'}
    assert len(texts(tidy.check_layers, bad)) == 1
    assert texts(tidy.check_layers, good) == []


def test_source_in_no_cmakelists_is_dead():
    tree = {
        "sim/CMakeLists.txt": "mobula_library(NAME sim SRCS a.cc part/b.cc HDRS a.h)\n# c.cc\n",
        "sim/a.cc": "",
        "sim/a.h": "",
        "sim/part/b.cc": "",
        "sim/c.cc": "",
    }
    [problem] = texts(tidy.check_dead_files, tree)
    assert problem.startswith("sim/c.cc:1: in no CMakeLists.txt")


def test_long_line_and_trailing_blank_are_reported():
    tree = {"sim/a.cc": "x" * 100 + "\n" + "x" * 101 + "\nint y; \n", "doc.md": "x" * 200}
    assert [problem.line for problem in tidy.check_lines(tree)] == [2, 3]


def test_missing_licence_is_reported():
    line = "# SPDX-License-Identifier: Apache-2.0\n"
    tree = {
        "python/a.py": line,
        "python/b.py": "import os\n",
        "python/__init__.py": "",
        "tools/run": f"#!/bin/sh\n{line}",
        "tools/walk": "#!/bin/sh\n",
    }
    assert [problem.path for problem in tidy.check_licence(tree)] == ["python/b.py", "tools/walk"]


def test_long_file_warns_and_a_listed_one_must_not_grow(monkeypatch):
    monkeypatch.setattr(tidy, "LONG_FILES", {"sim/old.cc": 700, "sim/cut.cc": 700, "gone.cc": 700})
    tree = {
        "sim/new.cc": "\n" * 601,
        "sim/old.cc": "\n" * 701,
        "sim/cut.cc": "\n" * 600,
        "tests/sim/new_test.cc": "\n" * 601,
    }
    problems = {problem.path: problem for problem in tidy.check_file_length(tree)}
    assert set(problems) == {"sim/new.cc", "sim/old.cc", "sim/cut.cc", "gone.cc"}
    assert [path for path, problem in problems.items() if not problem.fatal] == ["sim/new.cc"]
    assert "grew from 700 to 701" in problems["sim/old.cc"].text


def test_folder_without_readme_and_long_readme_are_reported():
    tree = {
        "sim/a.cc": "",
        "faults/a.cc": "",
        "faults/README.md": "\n" * 41,
        "tests/sim/a_test.cc": "",
    }
    problems = texts(tidy.check_readmes, tree)
    assert problems == [
        "sim/README.md:1: missing; say what the folder is for",
        "faults/README.md:41: 41 lines; keep it to 40",
    ]
