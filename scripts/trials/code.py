"""Which code is on trial: the sources as they are now, those compiled as scripts/serve has them, or a given folder's.

Always a copy of its own: what is edited meanwhile does not change what is under way.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import attrs

from .process import TrialError

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / ".venv" / "compiled"
_IGNORED = shutil.ignore_patterns("__pycache__", "*.c", "*.o", ".mypy_cache")


@attrs.frozen
class Code:
    """A folder with the package in it, and what is to be said of it."""

    folder: Path
    compiled: bool

    @property
    def words(self) -> str:
        """For a report."""
        return "the hot path compiled" if self.compiled else "plain Python, nothing compiled"


def add_choice(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which code: `compiled` and `code`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--compiled", action="store_true", help="the code that scripts/compile made")
    which.add_argument("--code", type=Path, metavar="DIR", help="the package `aigw` in that folder")


def copied(into: Path, *, compiled: bool = False, given: Path | None = None) -> Code:
    """A copy of the package. Raises TrialError when there is none, or a compiled one is older than the sources."""
    if compiled:
        check = subprocess.run([ROOT / "scripts" / "compile", "--check"], stdin=subprocess.DEVNULL, check=False)
        if check.returncode:
            raise TrialError("the compiled copy does not belong to the sources: run scripts/compile first")
    source = given or (COMPILED if compiled else ROOT)
    if not (source / "aigw" / "__init__.py").is_file():
        raise TrialError(f"{source} holds no package aigw")
    folder = into / "code"
    shutil.copytree(source / "aigw", folder / "aigw", ignore=_IGNORED)
    return Code(folder, any(folder.glob("aigw/front/*.so")))
