"""Which copy of the gateway is measured: one of its own, so that it stays the same while it is measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import attrs

from .figures import BenchError

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / ".venv" / "compiled"
_IGNORED = shutil.ignore_patterns("*.c", "*.o", ".mypy_cache")


@attrs.frozen
class Code:
    """A folder with the package in it, and whether its hot path is machine code."""

    folder: Path
    compiled: bool


def prepare(into: Path, *, plain: bool, given: Path | None) -> Code:
    """Copy the package: the compiled one (made first if it is not up to date), the sources, or the one given.

    Its bytecode is made as well, as an installation has it. Raises BenchError.
    """
    source = given or (ROOT if plain else _compiled())
    if not (source / "aigw" / "__init__.py").is_file():
        raise BenchError(f"{source} holds no package aigw")
    folder = into / "code"
    shutil.copytree(source / "aigw", folder / "aigw", ignore=_IGNORED)
    made = subprocess.run([sys.executable, "-m", "compileall", "-q", folder], stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise BenchError(f"{source / 'aigw'} does not compile to bytecode")
    return Code(folder, any(folder.glob("aigw/front/*.so")))


def _compiled() -> Path:
    compile_ = ROOT / "scripts" / "compile"
    current = subprocess.run([compile_, "--check"], stdin=subprocess.DEVNULL, check=False)
    if current.returncode:
        made = subprocess.run([compile_], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if made.returncode:
            raise BenchError("the hot path cannot be compiled here (see above); --plain measures it uncompiled")
    return COMPILED
