"""Does the script show what differs, rewrite it on request, and leave everything else alone?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What scripts/golden runs once everything is installed.
COMMAND = (sys.executable, "-m", "tests.support.golden_files")
GOLDEN = ROOT / "tests" / "wire" / "golden"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few of the cases, to be changed."""
    for name in ("errors/quota", "requests/text"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
    return tmp_path


def test_nothing_differs(folder: Path) -> None:
    """Where the files say what the translation makes, the script says so and succeeds."""
    done = run("--folder", folder)
    assert (done.returncode, done.stdout) == (0, "6 cases, 0 differ\n"), done.stderr


def test_a_difference_is_shown(folder: Path) -> None:
    """A file that says something else is shown as a diff, and the script fails; nothing is rewritten."""
    expected = folder / "requests" / "text" / "chat.expected.json"
    changed = expected.read_bytes().replace(b"Say hello.", b"Say goodbye.")
    expected.write_bytes(changed)
    done = run("--folder", folder)
    assert done.returncode == 1
    assert "--- requests/text/chat as expected\n+++ requests/text/chat today\n" in done.stdout
    assert done.stdout.endswith("6 cases, 1 differ\n")
    assert expected.read_bytes() == changed


def test_update(folder: Path) -> None:
    """`--update` rewrites what differs, makes what is missing and removes what no case expects."""
    kept = (folder / "requests" / "text" / "chat.expected.json").read_bytes()
    (folder / "requests" / "text" / "chat.expected.json").write_text("{}")
    (folder / "requests" / "text" / "gemini.expected.json").unlink()
    (folder / "requests" / "text" / "messages.json").unlink()
    done = run("--folder", folder, "--update")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "rewritten: requests/text/chat",
        "rewritten: requests/text/gemini",
        "removed: messages.expected.json",
        "5 cases, 2 rewritten",
    ]
    assert (folder / "requests" / "text" / "chat.expected.json").read_bytes() == kept
    assert run("--folder", folder).returncode == 0


def test_some_cases(folder: Path) -> None:
    """Parts of names choose cases; a part that is in none is a mistake."""
    assert run("--folder", folder, "quota/chat", "text/gemini").stdout == "2 cases, 0 differ\n"
    assert run("--folder", folder, "nothing-like-it").returncode == 1


def test_the_script_runs_it() -> None:
    """The command that people call is the one that is tested here."""
    assert f"exec .venv/bin/python {' '.join(COMMAND[1:])} " in (ROOT / "scripts" / "golden").read_text(
        encoding="utf-8"
    )
