"""The repository speaks of the product alone: no machine's paths, no package index, no secret."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

# A path of somebody's machine says nothing to anybody else.
_MACHINE = re.compile(r"(?<![\w.:/-])/(?:root|work|Users|home/(?!user\b)\w{2,})/")
# Where packages come from is the choice of whoever installs them.
_INDEX = re.compile(
    r"\b(?:pypi\.(?:org|python)|files\.pythonhosted|registry\.npmjs|proxy\.golang)\b|--(?:extra-)?index-url"
)
# The shapes of real credentials with the lengths they really have; the made-up ones of tests are shorter.
_SECRETS = re.compile(
    "|".join(
        (
            r"\bsk-proj-[\w-]{60,}",
            r"\bsk-ant-api\d\d-[\w-]{80,}",
            r"\bsk-or-v1-[0-9a-f]{64}",
            r"\bAIza[\w-]{35}\b",
            r"\bgsk_\w{48,}",
            r"\bAKIA[0-9A-Z]{16}\b",
            r"\bgh[pousr]_[A-Za-z0-9]{36}",
            r"\bhf_[A-Za-z]{34}\b",
            r"\baigw-(?:api-)?[A-Za-z0-9]{40}\b",
            r"-{5}BEGIN (?:[A-Z]+ )?PRIVATE KEY-{5}",
        )
    )
)
# What nobody would take for a credential.
_MADE_UP = re.compile(r"0123456789|abcdefgh|(.)\1{9}")
_TEXTS = frozenset({"", ".cfg", ".json", ".lock", ".md", ".mjs", ".py", ".service", ".sh", ".socket", ".toml", ".yaml"})


@pytest.fixture(scope="module")
def texts(files: tuple[Path, ...], root: Path) -> Mapping[str, str]:
    """Every text of the repository but this module, which names what it looks for."""
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in files
        if path.suffix in _TEXTS and path != Path(__file__).resolve()
    }


def found(texts: Mapping[str, str], pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern stands."""
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in texts.items()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
        if not _MADE_UP.search(match[0])
    ]


@pytest.mark.parametrize("pattern", [_MACHINE, _INDEX, _SECRETS], ids=["paths", "indexes", "secrets"])
def test_nothing_foreign(texts: Mapping[str, str], pattern: re.Pattern[str]) -> None:
    """No file names a machine's folder or a package index, or holds what looks like a real credential."""
    assert found(texts, pattern) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (_MACHINE, "see /root/notes"),
        (_MACHINE, '"/Users/someone/aigw"'),
        (_MACHINE, "/home/someone/x"),
        (_INDEX, "https://pypi.org/simple"),
        (_INDEX, "pip install --index-url x"),
        (_SECRETS, "AKIA" + "A" * 16),
        (_SECRETS, "-----BEGIN " + "PRIVATE KEY-----"),
    ],
)
def test_the_search_finds(pattern: re.Pattern[str], text: str) -> None:
    """The patterns match what they are for."""
    assert pattern.search(text)


def reads_environment(source: str) -> bool:
    """Whether a module names `os.environ` or `os.getenv` in its code."""
    names = [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return "os.environ" in names or "os.getenv" in names


def test_nobody_reads_the_environment_but_the_settings(modules: Mapping[str, Path]) -> None:
    """Configuration has one reader; the sockets that systemd hands over are no configuration."""
    readers = {
        name
        for name, path in modules.items()
        if name.startswith(("aigw/", "providers/")) and reads_environment(path.read_text(encoding="utf-8"))
    }
    others = {name for name in readers if not name.startswith("aigw/settings/")}
    assert others == {"aigw/serve.py", "aigw/supervisor.py"}


def test_scripts_can_be_run(files: tuple[Path, ...], root: Path) -> None:
    """Everything in scripts/ and .ci/ that is a command can be executed and says how to call it."""
    commands = [path for path in files if path.parent in (root / "scripts", root / ".ci") and not path.suffix]
    assert commands
    for path in commands:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("#!"), path
        assert path.stat().st_mode & 0o111, path
        # A Python script tells its usage by argparse.
        assert "\n# usage: " in text or "python" in text.partition("\n")[0], path
