"""`scripts/install` finds a Python, says what is missing, and does nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with as much in it as the script looks at."""
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "setup.cfg", "scripts/install"):
        shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def interpreter(folder: Path, name: str, body: str) -> Path:
    """A made-up interpreter: a shell script that answers what it is asked in `$2`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def install(tree: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing on the path but the system's tools and what the test made."""
    path = f"{tree / 'bin'}:/usr/bin:/bin"
    command = [str(tree / "scripts" / "install"), *arguments]
    return subprocess.run(
        command, env={"PATH": path, "HOME": os.devnull} | environ, capture_output=True, text=True, check=False
    )


def test_no_python(tree: Path) -> None:
    """Where no Python is new enough the way out is named."""
    old = interpreter(tree / "bin", "python-of-old", "exit 1")
    done = install(tree, PYTHON=str(old))
    assert done.returncode == 1
    assert "no Python 3.11 or later was found" in done.stderr
    assert not (tree / ".venv").exists()


def test_no_ensurepip(tree: Path) -> None:
    """Where Python cannot make environments (Debian without python3-venv) the package to install is named."""
    if shutil.which("uv", path="/usr/bin:/bin"):
        pytest.skip("uv is there, which needs no ensurepip")
    python = interpreter(tree / "bin", "python-of-debian", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = install(tree, PYTHON=str(python))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_wrong_usage(tree: Path) -> None:
    """An unknown flag is wrong usage, and the usage is told."""
    done = install(tree, "--nonsense")
    assert done.returncode == 2
    assert "usage: scripts/install [--dev]" in done.stdout


@pytest.fixture
def logged(tree: Path) -> Path:
    """An environment that is there already; its Python writes down what it is asked to run."""
    log = tree / "calls"
    asked = "*version_info*|*--version*) exit 0;; *tomllib*) echo pytest; exit 0;; -V) echo Python; exit 0;;"
    body = f'case "$*" in {asked} esac\necho "$*" >>{log}'
    interpreter(tree / ".venv" / "bin", "python", body)
    (tree / ".venv" / "old-sdks").mkdir()
    return log


def test_nothing_is_done_twice(tree: Path, logged: Path) -> None:
    """A second run with the same inputs runs nothing; changed inputs are installed again."""
    assert install(tree).returncode == 0
    first = logged.read_text()
    assert "install -qq" in first
    assert install(tree).returncode == 0
    assert logged.read_text() == first
    with (tree / "pyproject.toml").open("a") as file:
        file.write("\n")
    assert install(tree).returncode == 0
    assert logged.read_text() == first * 2


def test_dev_is_more(tree: Path, logged: Path) -> None:
    """--dev installs the tools and the SDKs of old, and serves for an ordinary run, too."""
    assert install(tree, "--dev").returncode == 0
    calls = logged.read_text()
    assert "-e . -r .venv/dev.txt" in calls
    assert "--target .venv/old-sdks openai==1" in calls
    assert install(tree).returncode == 0
    assert logged.read_text() == calls


@pytest.mark.parametrize("works", [True, False])
def test_javascript_is_no_condition(tree: Path, logged: Path, works: bool) -> None:
    """The SDKs of npm are installed where npm is, once; where that fails it is told, and the rest is there."""
    wanted = tree / "tests" / "sdk" / "npm" / "package.json"
    wanted.parent.mkdir(parents=True)
    wanted.write_text("{}")
    interpreter(tree / "bin", "npm", f"echo npm $* >>{logged}; {'exit 0' if works else 'exit 1'}")
    done = install(tree, "--dev")
    assert done.returncode == 0
    assert "npm install --prefix .venv/npm-sdks" in logged.read_text()
    assert ("npm could not install" in done.stderr) is not works
    assert (tree / ".venv" / "npm-sdks" / "installed").exists() is works
    assert (tree / ".venv" / "npm-sdks" / "drivers").resolve() == wanted.parent


def test_an_interrupted_run_is_done_again(tree: Path) -> None:
    """Only what came to its end counts as installed."""
    interpreter(tree / ".venv" / "bin", "python", 'case "$*" in *"-m pip install"*) exit 1;; esac')
    assert install(tree).returncode != 0
    assert not (tree / ".venv" / "installed-run").exists()
