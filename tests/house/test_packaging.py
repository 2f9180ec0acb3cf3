"""The package is whole however it is got: wheel, sdist, a wheel from the sdist, editable installation, clone."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import aigw

OLDEST_SETUPTOOLS = 77
# What a package is made of; the rest of a clone does not matter to it.
_PARTS = ("LICENSE", "README.md", "aigw", "catalog.json", "providers", "pyproject.toml", "setup.cfg", "setup.py")
_MADE = shutil.ignore_patterns("__pycache__", "*.so")
Run = Callable[..., str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs this Python in a folder, with another one first on its path; gives what it prints."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: str, cwd: Path = elsewhere, first: Path | None = None) -> str:
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "AIGW_"))}
        if first is not None:
            environ["PYTHONPATH"] = str(first)
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    return run


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as a clone has it, links included; what is built in it does not touch the real one."""
    clone = tmp_path_factory.mktemp("clone")
    for part in _PARTS:
        if (root / part).is_dir():
            shutil.copytree(root / part, clone / part, symlinks=True, ignore=_MADE)
        else:
            shutil.copy2(root / part, clone / part)
    return clone


@pytest.fixture(scope="module")
def build(run: Run) -> Callable[[str, Path], Path]:
    """Builds a `wheel` or an `sdist` of a folder without fetching anything, as pip does with --no-build-isolation."""
    version = importlib.metadata.version("setuptools")
    if int(version.partition(".")[0]) < OLDEST_SETUPTOOLS:
        pytest.skip(f"setuptools {version} cannot build this project; scripts/install --dev brings a newer one")

    def build(kind: str, folder: Path) -> Path:
        code = f"import setuptools.build_meta as b; print('built', b.build_{kind}('dist'))"
        return folder / "dist" / run("-W", "ignore", "-c", code, cwd=folder).rpartition("built ")[2]

    return build


@pytest.fixture(scope="module")
def wheel(clone: Path, build: Callable[[str, Path], Path]) -> Path:
    """The wheel of the clone."""
    return build("wheel", clone)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is installed: it is pure Python, so unpacking is all there is to it."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def names_in(wheel: Path) -> set[str]:
    """The files of a wheel beside its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_module(root: Path, wheel: Path) -> None:
    """Every module and data file of the tree is in the wheel, providers and catalog as real files, and nothing else."""
    files = {path for path in (root / "aigw").rglob("*") if path.is_file()}
    files |= {root / "aigw" / "providers" / path.name for path in (root / "providers").iterdir() if path.is_file()}
    assert names_in(wheel) == {
        str(path.relative_to(root)) for path in files if "__pycache__" not in path.parts and path.suffix != ".so"
    }


def test_the_wheel_has_the_command(installed: Path) -> None:
    """`aigw` leads to the function that runs commands."""
    read = configparser.ConfigParser()
    read.read(next(installed.glob("*.dist-info")) / "entry_points.txt")
    assert dict(read["console_scripts"]) == {"aigw": "aigw.__main__:main"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "aigw", "version"], f"aigw {aigw.__version__}"),
        (["-m", "aigw", "models", "--provider", "anthropic"], "claude-"),
        (
            ["-c", "from aigw.wire import formats; print(sorted(formats.load()))"],
            "['chat', 'gemini', 'messages', 'responses']",
        ),
        (["-c", "from aigw.registry import load_builtin; print('groq' in load_builtin())"], "True"),
    ],
    ids=["version", "catalog", "formats", "providers"],
)
def test_the_wheel_works(run: Run, installed: Path, arguments: list[str], expected: str) -> None:
    """What was installed runs by itself: commands, catalog, formats, providers."""
    assert Path(run("-c", "import aigw; print(aigw.__file__)", first=installed)).is_relative_to(installed)
    assert expected in run(*arguments, first=installed)


def test_the_sdist_makes_the_same_wheel(
    clone: Path, wheel: Path, build: Callable[[str, Path], Path], tmp_path: Path
) -> None:
    """Who builds from the sdist gets what we built from the tree."""
    with tarfile.open(build("sdist", clone)) as archive:
        assert not any(member.issym() for member in archive.getmembers())
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert names_in(build("wheel", unpacked)) == names_in(wheel)


def test_a_clone_works(run: Run, clone: Path) -> None:
    """Nothing has to be installed but the dependencies."""
    assert run("-m", "aigw", "version", cwd=clone) == f"aigw {aigw.__version__}"
    assert "llama" in run("-m", "aigw", "models", "--provider", "groq", cwd=clone)


def test_an_editable_installation_works(run: Run, root: Path) -> None:
    """What scripts/install makes finds the tree from anywhere, and the command with it."""
    if not (root / ".venv" / "installed-run").exists() or Path(sys.prefix).resolve() != (root / ".venv").resolve():
        pytest.skip("this Python is not the one that scripts/install made")
    assert Path(run("-c", "import aigw; print(aigw.__file__)")).is_relative_to(root)
    command = Path(sys.executable).with_name("aigw")
    assert subprocess.run([command, "version"], capture_output=True, text=True, check=True).stdout.startswith("aigw ")
