"""A difference between providers is a field or a method in that provider's module, no `if` elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import aigw
from aigw.registry import load_builtin, load_presets

ROOT = Path(aigw.__file__).parent
# The names of presets have underscores where the ids of providers made from them have hyphens.
IDS = frozenset({*load_builtin(), *load_presets(), *(name.replace("_", "-") for name in load_presets())})


def sources(folder: Path) -> Iterator[Path]:
    """Every module below a folder, without what is only linked there: the providers' own."""
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            yield from sources(entry)
        elif entry.suffix == ".py":
            yield entry


def names(node: ast.AST | None) -> Iterator[str]:
    """The provider ids written in a node: alone, or in a literal list, tuple or set of it."""
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Constant) and part.value in IDS:
            yield str(part.value)


def offences(source: str) -> list[tuple[int, str]]:
    """The lines that compare with a provider's id, match it, or look something up by it."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.MatchValue | ast.Dict):
            found += [(node.lineno, name) for part in decisive(node) for name in names(part)]
    return found


def decisive(node: ast.Compare | ast.MatchValue | ast.Dict) -> list[ast.expr | None]:
    """The parts of a node that a decision hangs on."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    return [node.value] if isinstance(node, ast.MatchValue) else node.keys


@pytest.mark.parametrize(
    "source",
    [
        "provider == 'openai'",
        "'groq' != provider",
        "provider in ('ollama', other)",
        "provider not in {'z-ai'}",
        "provider in frozenset(['vllm'])",
        "match provider:\n    case 'google': pass",
        "match provider:\n    case 'deepseek' | 'x': pass",
        "{'anthropic': 1}[provider]",
    ],
)
def test_offences_are_seen(source: str) -> None:
    """The search sees every way to ask which provider it is."""
    assert len(offences(source)) == 1


@pytest.mark.parametrize("source", ["log('openai')", "x == 'chat'", "DEFAULT = 'openai'", "provider.id == other.id"])
def test_other_uses_pass(source: str) -> None:
    """A name that decides nothing is no offence."""
    assert offences(source) == []


def test_no_provider_names() -> None:
    """No room but the providers' own decides by a provider's id."""
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sources(ROOT)
        for line, name in offences(path.read_text(encoding="utf-8"))
    ]
    assert found == []
