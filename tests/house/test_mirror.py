"""Tests mirror the source: whoever changes a module knows where its tests stand."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

# Module → where its rules are tested instead, and why there. A folder stands for all of its modules.
ELSEWHERE: Mapping[str, str] = {}


def mirror(module: str) -> str:
    """Where the tests of a module stand: `aigw/wire/sse.py` → `tests/wire/test_sse.py`."""
    path = PurePosixPath(module)
    folders = path.parts[1:-1] if path.parts[0] == "aigw" else path.parts[:-1]
    return str(PurePosixPath("tests", *folders, f"test_{path.name}"))


def is_source(name: str) -> bool:
    """Whether a file is a module of the product; packages' own files only gather names."""
    return name.startswith(("aigw/", "providers/")) and not name.endswith("__init__.py")


@pytest.mark.parametrize(
    ("module", "test"),
    [
        ("aigw/secret.py", "tests/test_secret.py"),
        ("aigw/wire/formats/chat.py", "tests/wire/formats/test_chat.py"),
        ("providers/groq.py", "tests/providers/test_groq.py"),
    ],
)
def test_the_mirror(module: str, test: str) -> None:
    """The folders of tests are the rooms of the house."""
    assert mirror(module) == test


def test_every_module_has_its_tests(modules: Mapping[str, Path]) -> None:
    """A module has a test module of its name, or stands in the list with the place of its tests."""
    sources = [name for name in modules if is_source(name)]
    assert [name for name in sources if mirror(name) not in modules and name not in ELSEWHERE] == []


def test_the_list_is_true(modules: Mapping[str, Path], root: Path) -> None:
    """What stands in the list exists, has no test module of its own, and its tests stand where the list says."""
    for name, place in ELSEWHERE.items():
        assert name in modules, name
        assert mirror(name) not in modules, name
        assert (root / place.partition(":")[0]).exists(), place


def test_every_test_says_its_rule(modules: Mapping[str, Path]) -> None:
    """The docstring of a test is the rule it guards, in a sentence."""
    without = [
        f"{name}:{node.lineno} {node.name}"
        for name, path in modules.items()
        if name.startswith("tests/") and path.name.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert without == []
