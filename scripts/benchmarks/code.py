"""Which copy of the gateway is measured: one of its own, so that it stays the same while it is measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import attrs

from .figures import BenchError

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / ".venv" / "compiled"
TRIES = 3
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
    folder = into / "code"
    if plain or given is not None:
        _copy(given or ROOT, folder)
    else:
        _copy_compiled(folder)
    made = subprocess.run([sys.executable, "-m", "compileall", "-q", folder], stdin=subprocess.DEVNULL, check=False)
    if made.returncode:
        raise BenchError("the package does not compile to bytecode")
    return Code(folder, any(folder.glob("aigw/front/*.so")))


def _copy(source: Path, folder: Path) -> None:
    if not (source / "aigw" / "__init__.py").is_file():
        raise BenchError(f"{source} holds no package aigw")
    shutil.copytree(source / "aigw", folder / "aigw", ignore=_IGNORED)


def _copy_compiled(folder: Path) -> None:
    """What scripts/compile makes; once more if somebody makes it anew meanwhile."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        stamp = _compiled()
        with suppress(OSError, shutil.Error):
            _copy(COMPILED, folder)
            if stamp and _stamp() == stamp:
                return
    raise BenchError(f"{COMPILED} changed again and again while it was copied")


def _compiled() -> str:
    compile_ = ROOT / "scripts" / "compile"
    current = subprocess.run([compile_, "--check"], stdin=subprocess.DEVNULL, check=False)
    if current.returncode:
        made = subprocess.run([compile_], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if made.returncode:
            raise BenchError("the hot path cannot be compiled here (see above); --plain measures it uncompiled")
    return _stamp()


def _stamp() -> str:
    """What the compiled copy was made from; it is written last and removed first."""
    try:
        return (COMPILED / "stamp").read_text()
    except OSError:
        return ""
