"""The tail is capped: no module and no function grows beyond what a reader holds in mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40
# Path, or path:function → why it may be longer. Empty is as it should be.
ALLOWED: Mapping[str, str] = {
    "tests/wire/test_counts.py": "a table: one row per dialect",
    "tests/observe/test_metrics.py": "a few lines over, all of them on one page of metrics",
    "tests/observe/test_outlet.py": "a few lines over, all of them on one pipe",
}


def functions(source: str) -> Iterator[tuple[str, int]]:
    """The functions of a module and their lines, from `def` to the end."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


def test_modules_stay_short(modules: Mapping[str, Path]) -> None:
    """A module has at most 400 lines; a longer one has a seam with a name along which to split it."""
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules.items()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_MODULE and name not in ALLOWED} == {}


def test_functions_stay_short(modules: Mapping[str, Path]) -> None:
    """A function has at most 40 lines; tests may be longer, they are read one at a time."""
    found = {
        f"{name}:{function}": size
        for name, path in modules.items()
        if not name.startswith("tests/")
        for function, size in functions(path.read_text(encoding="utf-8"))
        if size > LONGEST_FUNCTION
    }
    assert {place: size for place, size in found.items() if place not in ALLOWED} == {}


def test_the_list_of_exceptions_is_needed(modules: Mapping[str, Path]) -> None:
    """An exception whose reason is gone goes, too."""
    assert [place for place in ALLOWED if place.partition(":")[0] not in modules] == []
