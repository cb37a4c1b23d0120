#!/usr/bin/python3
"""Every rule of rules.py finds nothing in a small tree that keeps it, and catches what is planted to break it."""

import tempfile
import unittest
from pathlib import Path

import rules

# A whole tree that keeps every rule.
GOOD = {
    "src/domain/kernel/ids.hpp": "// Strong types for what would be integers.\n#pragma once\n#include <cstdint>\n#include <tl/expected.hpp>\n",
    "src/domain/kernel/ids.cpp": '#include "domain/kernel/ids.hpp"\n// may throw dice at the clock: a comment\nconst char* kName = "redis";\n',
    "src/application/join.hpp": '// A participant joins a daily promotion.\n#pragma once\n#include "domain/kernel/ids.hpp"\n#include <coroutine>\n',
    "src/adapters/codec/json.hpp": "// JSON in and out, strictly read.\n#pragma once\n#include <boost/json.hpp>\n",
    "src/adapters/journal/writer.hpp": '// The one writer of a journal.\n#pragma once\n#include "adapters/codec/json.hpp"\n',
    "src/adapters/embedded/store.hpp": '// The store of the embedded mode.\n#pragma once\n#include "adapters/journal/writer.hpp"\n',
    "src/adapters/http/api/api.cpp": '#include "adapters/http/transport/server.hpp"\n#include "embedded/openapi.hpp"\n',
    "src/adapters/http/transport/server.hpp": "// Listeners and their connections.\n#pragma once\n",
    "src/app/config.cpp": '#include "adapters/embedded/store.hpp"\n{"server.listen", &Config::listen},\n',
    "src/app/metrics.cpp": 'text.one("http_connections", "gauge", "");\ntext.family(\n    "stock_left", "gauge", "");\n',
    "tests/CMakeLists.txt": "foreach(kind domain)\n",
    "tests/domain/CMakeLists.txt": "windfall_test(domain SOURCES ids_test.cpp)\n",
    "tests/domain/ids_test.cpp": 'TEST(Ids, Differ) { GTEST_SKIP() << "no disk"; }\n',
    "docs/architecture.md": "`src/domain/` `src/domain/kernel/` `src/application/` `src/adapters/` `src/adapters/codec/` `src/adapters/journal/` "
    "`src/adapters/embedded/` `src/adapters/http/` `src/adapters/http/api/` `src/adapters/http/transport/` `src/app/`; "
    "`src/app/config.cpp`\n",
    "docs/operations.md": "`server.listen` windfall_http_connections windfall_stock_left\n",
    "docs/dependencies.md": "`cmake`\n",
    "scripts/packages.txt": "# tools\ncmake # builds\n",
    "build/made.cpp": "TO" + "DO\n",
}

# Rule, file, what is appended to it, and part of the one finding; no part: only a companion of the next row.
PLANTED = [
    ("layering", "src/domain/kernel/ids.hpp", '#include "application/join.hpp"\n', "may include domain"),
    ("layering", "src/domain/kernel/ids.hpp", "#include <boost/json.hpp>\n", "standard library"),
    ("layering", "src/domain/kernel/ids.hpp", "#include <chrono>\n", "no clock"),
    ("layering", "src/domain/kernel/ids.hpp", '#  include "ids.hpp"\n', "by paths from src/"),
    ("layering", "src/application/join.hpp", '#include "adapters/codec/json.hpp"\n', "may include application, domain"),
    ("layering", "src/application/join.hpp", "#include <fmt/format.h>\n", "standard library"),
    ("layering", "src/adapters/journal/writer.hpp", '#include "adapters/embedded/store.hpp"\n', "do not know each other"),
    ("layering", "src/adapters/http/api/api.cpp", '#include "adapters/journal/writer.hpp"\n', "do not know each other"),
    ("layering", "src/adapters/codec/json.hpp", '#include "app/config.hpp"\n', "may include adapters"),
    ("layering", "src/adapters/journal/writer.hpp", '#include "embedded/openapi.hpp"\n', "by paths from src/"),
    ("layering", "src/elsewhere/a.cpp", '#include "domain/kernel/ids.hpp"\n', "no layer"),
    ("purity", "src/domain/kernel/ids.cpp", "void f() { throw 1; }\n", "line 4 says throw"),
    ("purity", "src/domain/kernel/ids.cpp", "int x = systemClock();\n", "'clock'"),
    ("purity", "src/domain/kernel/ids.cpp", "struct RedisKey {};\n", "'redis'"),
    ("purity", "src/domain/kernel/ids.cpp", "std::mutex guard_;\n", "'mutex'"),
    ("purity", "src/domain/kernel/ids.cpp", "auto t = std::time(nullptr);\n", "asks the system"),
    ("sizes", "src/app/config.cpp", "\n" * 600, "lines, more than 600"),
    ("folder_map", "src/app/client/call.cpp", "\n", "does not name src/app/client/"),
    ("folder_map", "docs/architecture.md", "`src/adapters/kafka/`\n", "names src/adapters/kafka/"),
    ("named_paths", "docs/operations.md", "`scripts/backup`\n", "names scripts/backup"),
    ("named_paths", "README.md", "see `src/domain/*/join.cpp`\n", "names src/domain/*/join.cpp"),
    ("registered_tests", "tests/domain/zone_test.cpp", "\n", "is in no CMakeLists.txt"),
    ("registered_tests", "tests/domain/my_ids_test.cpp", "\n", "is in no CMakeLists.txt"),
    ("registered_tests", "tests/model/CMakeLists.txt", "a_test.cpp\n", None),
    ("registered_tests", "tests/model/a_test.cpp", "\n", "does not add the folder model"),
    ("first_paragraphs", "src/app/config.hpp", "#pragma once\n", "does not open with"),
    ("first_paragraphs", "src/app/config.hpp", "// Config.\n#pragma once\n", "does not open with"),
    ("first_paragraphs", "tests/domain/builders.hpp", "// Builds promotions for the tests.\n", "no #pragma once"),
    ("finished", "src/app/config.cpp", "// TO" + "DO later\n", "unfinished"),
    ("finished", "scripts/build", "#!/bin/sh\n# FIX" + "ME\n", "unfinished"),
    ("finished", "tests/domain/ids_test.cpp", "TEST(Ids, DIS" + "ABLED_Other) {}\n", "switched off"),
    ("finished", "tests/domain/ids_test.cpp", "GTEST" + "_SKIP();\n", "switched off"),
    ("self_contained", "docs/operations.md", "the fa" + "rm\n", "outside this tree"),
    ("self_contained", "src/app/config.cpp", "// /wo" + "rk/main\n", "outside this tree"),
    ("self_contained", ".ci/run", "cat sha" + "red/x\n", "outside this tree"),
    ("telling_names", "src/app/string_utils.cpp", "\n", "'utils'"),
    ("telling_names", "src/application/common/a.cpp", "\n", "'common'"),
    ("operations_page", "src/app/config.cpp", '{"server.data", &Config::data},\n', "setting server.data"),
    ("operations_page", "docs/operations.md", "`server.gone`\n", "server.gone, which is gone"),
    ("operations_page", "src/app/metrics.cpp", 'text.one("new_total", "counter", "");\n', "metric windfall_new_total"),
    ("operations_page", "docs/operations.md", "windfall_old_total\n", "windfall_old_total, which is gone"),
    ("dependencies_page", "scripts/packages.txt", "ninja-build\n", "package ninja-build"),
]


def planted_tree(folder, *additions):
    for path, text in GOOD.items():
        write(folder, path, text)
    for path, text in additions:
        write(folder, path, GOOD.get(path, "") + text)
    return rules.Tree(folder)


def write(folder, path, text):
    file = Path(folder) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


class Rules(unittest.TestCase):
    def test_a_tree_that_keeps_the_rules_has_no_findings(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(rules.findings(planted_tree(folder)), [])

    def test_each_rule_catches_what_is_planted(self):
        by_name = {rule.__name__: rule for rule in rules.RULES}
        kept = []
        for name, path, text, part in PLANTED:
            if part is None:  # a second file that the next one needs
                kept.append((path, text))
                continue
            with self.subTest(rule=name, path=path, text=text[:40]), tempfile.TemporaryDirectory() as folder:
                found = rules.findings(planted_tree(folder, *kept, (path, text)), [by_name[name]])
                self.assertEqual(len(found), 1, found)
                self.assertIn(part, found[0])
                self.assertTrue(found[0].endswith(f"[{name}]"))
            kept = []

    def test_every_rule_has_something_planted_for_it(self):
        self.assertEqual({rule.__name__ for rule in rules.RULES}, {name for name, _, _, part in PLANTED if part})

    def test_a_folder_without_sources_is_no_clean_tree(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(rules.main([folder]), 2)


if __name__ == "__main__":
    unittest.main()
