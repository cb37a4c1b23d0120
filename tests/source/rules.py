#!/usr/bin/python3
"""What the source tree promises about itself, as rules that read it.

usage: tests/source/rules.py [ROOT]

Prints one line per broken promise, "path: what is wrong [rule]". Exit status: 0 none, 1 some, 2 nothing to read.
A rule is a function from a Tree to its findings; rules_test.py plants a violation of each and sees it caught.
"""

import os
import re
import sys
from pathlib import Path

# Folders of what is made, fetched or not ours.
NOT_OURS = {".git", ".venv", "build", "node_modules", "target", "__pycache__", "windfall-data"}
TEXT = {".cpp", ".hpp", ".lua", ".py", ".ts", ".md", ".txt", ".cmake", ".yaml", ".json", ".sql", ".html", ".css", ".js", ".in", ".java", ""}
CODE = {".cpp", ".hpp", ".lua", ".py", ".ts", ".cmake", ".sql", ".js", ".java", ".sh", ""}

MAX_LINES = 600  # of one file: more is more than one reason to change
SIZED = {".cpp", ".hpp", ".lua", ".py", ".ts"}

# Standard headers that bring in time, threads, dice, files or output; the domain has none of them.
IMPURE_HEADERS = {
    "atomic", "barrier", "cerrno", "chrono", "condition_variable", "coroutine", "csignal", "cstdio", "ctime", "exception",
    "filesystem", "fstream", "future", "iostream", "istream", "latch", "locale", "mutex", "ostream", "random", "semaphore",
    "shared_mutex", "sstream", "stdexcept", "stop_token", "syncstream", "system_error", "thread",
}
# Words of identifiers that have no business in the domain: it is handed time and dice as data, and knows no product.
IMPURE_WORDS = {
    "atomic", "await", "catch", "cerr", "chrono", "clock", "cout", "curl", "fopen", "fstream", "getenv", "http", "json", "kafka",
    "logger", "mongo", "mutex", "postgres", "printf", "rand", "random", "redis", "socket", "sql", "sqlite", "thread", "throw", "try",
}
IMPURE_CALLS = re.compile(r"\b(?:std::)?(?:time|sleep|usleep|log|open|read|write)\s*\((?:\s*nullptr|\s*\d|\s*\")")

# Adapters that every adapter may use, and the one pair that belongs together.
SHARED_ADAPTERS = {"codec", "system"}
ADAPTER_PAIRS = {("embedded", "journal")}

# A test may be skipped where the machine cannot run it, but not without a word why; scripts/test lists it.
UNFINISHED = re.compile("|".join([r"\bTO" + r"DO\b", r"\bFIX" + r"ME\b", "DIS" + "ABLED_", "GTEST" + r"_SKIP\(\)(?!\s*<< \")"]))
# Places where this tree was once written are nobody's business, and names of them would be dead links.
FOREIGN = re.compile("|".join([r"\bfa" + r"rm\b", "/wo" + "rk/", r"\bsha" + r"red/"]), re.IGNORECASE)

VAGUE_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
NAMED_PATH = re.compile(r"`((?:src|tests|docs|scripts|cmake|api|bench|\.ci)/[\w./*-]*)`")


class Tree:
    """The text files under a root, by their path relative to it."""

    def __init__(self, root):
        self.root = Path(root)
        self.text = {}
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(set(folders) - NOT_OURS)
            for name in sorted(files):
                path = Path(folder) / name
                if path.suffix in TEXT and name != "package-lock.json" and path.is_file():
                    try:
                        self.text[path.relative_to(self.root).as_posix()] = path.read_text(encoding="utf-8")
                    except UnicodeDecodeError:
                        continue  # a binary without a suffix

    def under(self, folder, *suffixes):
        return [(p, t) for p, t in self.text.items() if p.startswith(folder) and (not suffixes or p.endswith(suffixes))]

    def folders(self, top):
        """Every folder from top downwards that has a file of ours somewhere below it."""
        found = set()
        for path in self.text:
            parent = Path(path).parent
            while parent.parts and parent.parts[0] == top:
                found.add(parent.as_posix())
                parent = parent.parent
        return found


def without_comments_and_strings(text):
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\''
    return re.sub(pattern, lambda found: "\n" * found.group().count("\n") or " ", text, flags=re.DOTALL)


def words_of(identifier):
    """redis_client, RedisClient and kRedis all hold the word "redis"."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", identifier)}


def is_standard(header):
    return re.fullmatch(r"[a-z_]+", header) is not None


def layering(tree):
    """Dependencies point down only; adapters do not know each other."""
    for path, text in tree.under("src/", ".cpp", ".hpp"):
        layer = path.split("/")[1]
        for kind, header in INCLUDE.findall(text):
            wrong = wrong_include(path, layer, kind, header)
            if wrong:
                yield path, f"includes {header}: {wrong}"


def wrong_include(path, layer, kind, header):
    top = header.split("/")[0]
    if kind == "<":
        if layer == "domain" and header in IMPURE_HEADERS:
            return "the domain has no clock, thread, dice, file or stream"
        if layer in ("domain", "application") and not is_standard(header) and header != "tl/expected.hpp":
            return f"the {layer} uses the standard library and tl::expected only"
        return None
    allowed = {
        "domain": {"domain"},
        "application": {"domain", "application"},
        "adapters": {"domain", "application", "adapters"},
        "app": {"domain", "application", "adapters", "app"},
    }.get(layer)
    if allowed is None:
        return f"src/{layer} is no layer"
    if top == "embedded" and path.startswith("src/adapters/http/"):
        return None  # made by windfall_embed
    if top not in allowed:
        return f"src/{layer} may include {', '.join(sorted(allowed))}, by paths from src/"
    if layer == "adapters" and top == "adapters":
        mine, other = path.split("/")[2], header.split("/")[1]
        if other != mine and other not in SHARED_ADAPTERS and (mine, other) not in ADAPTER_PAIRS:
            return "adapters do not know each other; src/app brings them together"
    return None


def purity(tree):
    """The domain is handed time and dice as data, throws nothing and names no product."""
    for path, text in tree.under("src/domain/", ".cpp", ".hpp"):
        code = without_comments_and_strings(INCLUDE.sub("", text))
        for number, line in enumerate(code.split("\n"), 1):
            for identifier in re.findall(r"[A-Za-z_]\w*", line):
                for word in sorted(words_of(identifier) & IMPURE_WORDS):
                    yield path, f"line {number} says {identifier}: '{word}' does not belong into the domain"
            if IMPURE_CALLS.search(line):
                yield path, f"line {number} asks the system"


def sizes(tree):
    """No file is too long to be read."""
    for path, text in tree.text.items():
        lines = text.count("\n")
        if Path(path).suffix in SIZED and lines > MAX_LINES:
            yield path, f"has {lines} lines, more than {MAX_LINES}: it has more than one reason to change"


def folder_map(tree):
    """docs/architecture.md names every folder of src/ and no other."""
    page = "docs/architecture.md"
    named = {token.rstrip("/") for token in re.findall(r"`(src/[\w/]*/)`", tree.text.get(page, ""))}
    there = tree.folders("src") - {"src"}
    for folder in sorted(there - named):
        yield page, f"does not name {folder}/"
    for folder in sorted(named - there):
        yield page, f"names {folder}/, which is not there"


def named_paths(tree):
    """What a document names is there."""
    for path, text in tree.under("", ".md"):
        for token in sorted(set(NAMED_PATH.findall(text))):
            found = list(tree.root.glob(token)) if "*" in token else (tree.root / token).exists()
            if not found:
                yield path, f"names {token}, which is not there"


def registered_tests(tree):
    """A test file that nobody builds would be green for ever."""
    top = tree.text.get("tests/CMakeLists.txt", "")
    for path, _ in tree.under("tests/", "_test.cpp", "_fuzz.cpp"):
        file = Path(path)
        listed = tree.text.get((file.parent / "CMakeLists.txt").as_posix(), "")
        if not re.search(rf"(?<![\w/]){re.escape(file.name)}(?!\w)", listed):
            yield path, "is in no CMakeLists.txt beside it"
        if not re.search(rf"\b{re.escape(file.parts[1])}\b", top):
            yield path, f"tests/CMakeLists.txt does not add the folder {file.parts[1]}"


def first_paragraphs(tree):
    """A header opens with what it is for."""
    for path, text in [*tree.under("src/", ".hpp"), *tree.under("tests/", ".hpp")]:
        first = text.split("\n", 1)[0]
        if not first.startswith("// ") or len(first.split()) < 5:
            yield path, "does not open with a paragraph on what it is for"
        if "#pragma once" not in text:
            yield path, "has no #pragma once"


def finished(tree):
    """What is left to do stands in docs/next.md; a test that is switched off is no test."""
    for path, text in tree.text.items():
        if Path(path).suffix not in CODE or Path(path).name == "LICENSE":
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if UNFINISHED.search(line):
                yield path, f"line {number} is unfinished or switched off: {line.strip()[:80]}"


def self_contained(tree):
    """Nothing outside this tree is named."""
    for path, text in tree.text.items():
        for number, line in enumerate(text.split("\n"), 1):
            if FOREIGN.search(line):
                yield path, f"line {number} names something outside this tree: {line.strip()[:80]}"


def telling_names(tree):
    """A folder or file name says what is inside."""
    for path, _ in [*tree.under("src/"), *tree.under("tests/"), *tree.under("scripts/")]:
        for part in Path(path).parts:
            vague = words_of(part.split(".")[0]) & VAGUE_NAMES
            if vague:
                yield path, f"'{sorted(vague)[0]}' says nothing about what is inside"


def operations_page(tree):
    """docs/operations.md knows every setting and every metric, and none that is gone."""
    page = "docs/operations.md"
    text = tree.text.get(page, "")
    config = tree.text.get("src/app/config.cpp", "")
    settings = set(re.findall(r'\{"([\w.]+)", &Config::', config))
    for name in sorted(settings):
        if f"`{name}`" not in text:
            yield page, f"does not explain the setting {name}"
    sections = {name.split(".")[0] for name in settings if "." in name}
    for name in sorted(set(re.findall(r"`([a-z]+(?:\.[a-z_]+)+)`", text)) - settings):
        if name.split(".")[0] in sections:
            yield page, f"explains the setting {name}, which is gone"
    metrics = {f"windfall_{name}" for name in re.findall(r'(?:one|family)\(\s*"(\w+)"', tree.text.get("src/app/metrics.cpp", ""))}
    # Those of one mode are a list of {name, kind, help, value}.
    more = tree.text.get("src/app/wiring/distributed_metrics.cpp", "")
    metrics |= {f"windfall_{name}" for name in re.findall(r'\{\s*"(\w+)",\s*"(?:gauge|counter)"', more)}
    named = set(re.findall(r"\bwindfall_[a-z_]+\b", text))
    for name in sorted(metrics - named):
        yield page, f"does not explain the metric {name}"
    for name in sorted(named - metrics):
        yield page, f"explains the metric {name}, which is gone"


def dependencies_page(tree):
    """Every package that is installed has its reason on a page."""
    page = "docs/dependencies.md"
    for line in tree.text.get("scripts/packages.txt", "").split("\n"):
        package = line.split("#")[0].strip()
        if package and f"`{package}`" not in tree.text.get(page, ""):
            yield page, f"does not explain the package {package}"


RULES = [
    layering,
    purity,
    sizes,
    folder_map,
    named_paths,
    registered_tests,
    first_paragraphs,
    finished,
    self_contained,
    telling_names,
    operations_page,
    dependencies_page,
]


def findings(tree, rules=RULES):
    return [f"{path}: {what} [{rule.__name__}]" for rule in rules for path, what in rule(tree)]


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    tree = Tree(root)
    if not tree.under("src/"):
        print(f"{root}: there is no src/ to read", file=sys.stderr)
        return 2
    found = findings(tree)
    for line in found:
        print(line)
    print(f"{len(tree.text)} files, {len(RULES)} rules, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
