"""The house as a whole: its files, its modules, its pages."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What no clone has, for a tree that is not under version control.
_NOT_OURS = frozenset({".git", ".venv", "build", "dist", "aigw-data", "htmlcov"})


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the tree."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> tuple[Path, ...]:
    """Every file of the repository that exists, links left out; without git whatever lies in the tree."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = told.stdout.decode().split("\0") if told.returncode == 0 else _walked()
    paths = (ROOT / name for name in names if name)
    return tuple(sorted(path for path in paths if path.is_file() and not path.is_symlink()))


def _walked() -> list[str]:
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [
        str(path)
        for path in found
        if not _NOT_OURS.intersection(path.parts)
        and not any(part.endswith((".egg-info", "_cache", "__pycache__", ".hypothesis")) for part in path.parts)
    ]


@pytest.fixture(scope="session")
def modules(files: tuple[Path, ...]) -> Mapping[str, Path]:
    """Every Python file by its path from the top."""
    return {str(path.relative_to(ROOT)): path for path in files if path.suffix == ".py"}


@pytest.fixture(scope="session")
def pages(files: tuple[Path, ...]) -> Mapping[str, str]:
    """Every page of the documentation by its path from the top."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files if path.suffix == ".md"}


@pytest.fixture(scope="session")
def reference(pages: Mapping[str, str]) -> Mapping[str, str]:
    """The pages of docs/reference by their bare names."""
    return {Path(name).stem: text for name, text in pages.items() if name.startswith("docs/reference/")}
