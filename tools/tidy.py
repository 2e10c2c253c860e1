# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the tree that no compiler checks: tools/tidy.py

A check is a function from the tree (path -> text) to problems; tests/tools/test_tidy.py tests each.
The rules are data: BANS, ALLOWED and LONG_FILES below, and the layer graph in
cmake/MobulaLayers.cmake.
"""

import pathlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

Tree = Mapping[str, str]


class Problem(NamedTuple):
    path: str
    line: int
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'' if self.fatal else 'warning: '}{self.text}"


class Ban(NamedTuple):
    name: str
    pattern: str
    replacement: str
    folders: tuple[str, ...]


# Same events, same effects, in the same order, on every machine: nothing in these folders may read
# a clock, depend on a thread, an address or a hash, or keep state that a second simulation sees.
PURE = ("runtime/core/", "sim/", "faults/")
PURE_AND_BASE = ("runtime/base/", *PURE)

BANS = [
    Ban(
        "clock",
        r"\b\w+_clock\b|\b(clock_gettime|gettimeofday|std::time|absl::Now)\b"
        r"|<(chrono|ctime|time\.h)>",
        "the `now` argument of Handle(), and Duration of runtime/base/time.h",
        PURE_AND_BASE,
    ),
    Ban(
        "thread",
        r"\bstd::j?thread\b|\bthis_thread\b|\bthread_local\b|\bstd::(async|future|promise)\b"
        r"|<(thread|future)>",
        "an event, or a timer effect",
        PURE_AND_BASE,
    ),
    Ban(
        "lock",
        r"\b\w*[mM]utex\b|\bstd::(atomic|condition_variable|\w*_lock)\b"
        r"|<(mutex|shared_mutex|atomic|condition_variable)>",
        "nothing: a machine runs on one thread",
        PURE,
    ),
    Ban(
        "randomness",
        r"\brandom_device\b|\bs?rand\s*\(|\bmt19937(_64)?\b|\babsl::BitGen\b|<random>",
        "the Rng& handed in at construction (runtime/base/rng.h)",
        PURE_AND_BASE,
    ),
    Ban(
        "hash order",
        r"\bunordered_(multi)?(map|set)\b|\b(flat|node)_hash_(map|set)\b",
        "std::map, a sorted vector, or runtime/base/ordered_hash_map.h",
        PURE,
    ),
    Ban(
        "address order",
        r"\b(map|set)<\s*(const\s+)?[\w:]+\s*(const\s*)?\*|\bstd::less<[^>]*\*>",
        "an id as the key",
        PURE,
    ),
    Ban(
        "mutable static",
        r"^[ \t]*(static|inline)[ \t]+(?!const\b|constexpr\b|inline\b|namespace\b)"
        r"(?!.*\boperator\b)[\w:<>,*& \t]*?\w[ \t]*(=|;|\{[^\n]*\};)",
        "a member of the object that needs it",
        PURE,
    ),
    Ban(
        "environment",
        r"\b(secure_)?getenv\b|\benviron\b",
        "an option struct that the host fills in",
        PURE,
    ),
    Ban(
        "gRPC",
        r"#include [<\"](grpc|.*\.grpc\.pb\.h)",
        "runtime/host, which owns the links between nodes",
        ("runtime/base/", "runtime/wire/", "runtime/api/", "python/", *PURE),
    ),
    Ban(
        "protobuf",
        r"#include [<\"](google/protobuf|(?!.*\.grpc\.).*\.pb\.h)",
        "the structs of runtime/core/protocol, which runtime/wire encodes",
        ("runtime/base/", "runtime/core/", "runtime/api/", "sim/", "python/"),
    ),
    Ban(
        "asio",
        r"#include <(boost/)?asio",
        "an effect that runtime/host carries out",
        ("runtime/base/", "runtime/wire/", "runtime/api/", "python/", *PURE),
    ),
    Ban(
        "hiredis",
        r"#include [<\"]hiredis",
        "an effect that runtime/host carries out",
        ("runtime/base/", "runtime/wire/", "runtime/api/", "python/", *PURE),
    ),
    Ban(
        "sockets",
        r"#include <(sys/(socket|mman|wait|epoll|un)|netinet/|arpa/|unistd|poll|signal|csignal)",
        "an effect that runtime/host carries out",
        ("runtime/base/", "runtime/wire/", *PURE),
    ),
    Ban(
        "deliberate bug",
        r"\bSwitchOn\(",
        "nothing: only tests have bugs on purpose",
        ("runtime/core/", "runtime/wire/", "runtime/host/", "runtime/api/", "sim/", "python/"),
    ),
]

# (path, ban) -> why this one file may do it.
ALLOWED: dict[tuple[str, str], str] = {}

LICENCE = "SPDX-License-Identifier: Apache-2.0"
LINE_LENGTH = 100
README_LENGTH = 40
FILE_LENGTH = 600
TEST_FILE_LENGTH = 800
# Files that are longer and known to be: path -> lines. They may shrink but not grow.
LONG_FILES: dict[str, int] = {}

CODE = (".cc", ".h")
SOURCES = (*CODE, ".proto", ".py", ".cmake", "CMakeLists.txt")


def check_bans(tree: Tree) -> Iterator[Problem]:
    for path, text in tree.items():
        if not path.endswith(CODE):
            continue
        code = without_comments(text)
        for ban in BANS:
            if not path.startswith(ban.folders) or (path, ban.name) in ALLOWED:
                continue
            found = {
                line_of(code, match.end()): match.group().strip()
                for match in re.finditer(ban.pattern, code, re.MULTILINE)
            }
            for line, what in found.items():
                yield Problem(
                    path, line, f"{ban.name}: `{what}` is banned here; use {ban.replacement}"
                )


def check_layers(tree: Tree) -> Iterator[Problem]:
    """An include is an edge of the link graph, also where nothing has to be linked for it."""
    layers = {
        name: {name, *allowed.replace('"', "").split()}
        for name, allowed in re.findall(
            r"^set\(mobula_layer_(\w+)([^)]*)\)", tree["cmake/MobulaLayers.cmake"], re.MULTILINE
        )
    }
    for path, text in tree.items():
        layer = layer_of(path)
        if layer not in layers or not path.endswith(CODE):
            continue
        for match in re.finditer(r'^#include "([^"]+)"', text, re.MULTILINE):
            included = layer_of(match.group(1))
            if included in layers and included not in layers[layer]:
                yield Problem(
                    path,
                    line_of(text, match.start()),
                    f'layer {layer} must not include "{match.group(1)}" of layer {included}; '
                    f"it may include {', '.join(sorted(layers[layer]))}",
                )


def check_dead_files(tree: Tree) -> Iterator[Problem]:
    """A source file outside the build is dead, and a test outside the build tests nothing."""
    built = set()
    for path, text in tree.items():
        folder, _, name = path.rpartition("/")
        if name == "CMakeLists.txt":
            text = re.sub(r"#.*", "", text)
            files = re.findall(r"[\w./-]+\.(?:cc|h|proto)\b", text)
            built |= {f"{folder}/{file}" for file in files}
    for path in tree:
        if path.endswith((*CODE, ".proto")) and not path.startswith("cmake/") and path not in built:
            yield Problem(path, 1, "in no CMakeLists.txt; add it to one, or delete it")


def check_lines(tree: Tree) -> Iterator[Problem]:
    for path, text in tree.items():
        if not path.endswith(SOURCES) and not is_script(path, text):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE_LENGTH and "://" not in line:
                yield Problem(path, number, f"{len(line)} columns; break it before {LINE_LENGTH}")
            if line != line.rstrip():
                yield Problem(path, number, "blank at the end of the line; remove it")


def check_licence(tree: Tree) -> Iterator[Problem]:
    for path, text in tree.items():
        is_source = path.endswith(SOURCES) or is_script(path, text)
        if is_source and text and LICENCE not in "".join(text.splitlines()[:2]):
            yield Problem(path, 1, f"no licence; add the line {LICENCE}")


def check_file_length(tree: Tree) -> Iterator[Problem]:
    for path, text in tree.items():
        if not path.endswith((*CODE, ".py")):
            continue
        lines = text.count("\n")
        aim = TEST_FILE_LENGTH if path.startswith("tests/") else FILE_LENGTH
        known = LONG_FILES.get(path)
        if known is not None and lines > known:
            yield Problem(path, lines, f"grew from {known} to {lines} lines; split it")
        elif known is not None and lines <= aim:
            yield Problem(path, lines, "is short again; take it out of LONG_FILES in tools/tidy.py")
        elif known is None and lines > aim:
            yield Problem(path, lines, f"{lines} lines; can it be split?", fatal=False)
    for path in LONG_FILES.keys() - tree.keys():
        yield Problem(path, 1, "is gone; take it out of LONG_FILES in tools/tidy.py")


def check_readmes(tree: Tree) -> Iterator[Problem]:
    """Each folder of sources says what it is for; folders in a tests/ mirror what they test."""
    folders = {path.rpartition("/")[0] for path in tree if path.endswith((*CODE, ".proto", ".py"))}
    for folder in sorted(folders - {""}):
        if not re.search(r"\btests/.", folder) and f"{folder}/README.md" not in tree:
            yield Problem(f"{folder}/README.md", 1, "missing; say what the folder is for")
    for path, text in tree.items():
        lines = text.count("\n")
        if path.endswith("/README.md") and lines > README_LENGTH:
            yield Problem(path, lines, f"{lines} lines; keep it to {README_LENGTH}")


CHECKS: list[Callable[[Tree], Iterator[Problem]]] = [
    check_bans,
    check_layers,
    check_dead_files,
    check_lines,
    check_licence,
    check_file_length,
    check_readmes,
]


def without_comments(code: str) -> str:
    """Blanks out comments and string literals, except of #include, and keeps the line numbers."""

    def blank(match: re.Match[str]) -> str:
        return match.group() if match["include"] else "\n" * match.group().count("\n")

    return re.sub(
        r'(?P<include>^#include [^\n]*)|//[^\n]*|/\*.*?\*/|R"\((?s:.*?)\)"|"(\\.|[^"\\\n])*"',
        blank,
        code,
        flags=re.MULTILINE | re.DOTALL,
    )


def layer_of(path: str) -> str:
    return path.removeprefix("runtime/").partition("/")[0]


def is_script(path: str, text: str) -> bool:
    return "." not in path.rpartition("/")[2] and text.startswith("#!")


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def read_tree(root: pathlib.Path) -> Tree:
    """All text files that git tracks or would track."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    files = ((name, root / name) for name in sorted(set(filter(None, names))))
    return {name: file.read_text(errors="replace") for name, file in files if file.is_file()}


def main() -> int:
    tree = read_tree(pathlib.Path(__file__).parents[1])
    problems = [problem for check in CHECKS for problem in check(tree)]
    for problem in sorted(problems):
        print(problem)
    fatal = sum(problem.fatal for problem in problems)
    print(f"tidy: {len(tree)} files, {fatal} problems, {len(problems) - fatal} warnings")
    return 1 if fatal else 0


if __name__ == "__main__":
    sys.exit(main())
