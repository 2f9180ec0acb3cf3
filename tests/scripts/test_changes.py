"""The trials of changes: what they find holds, in short versions, and they tell what does not."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ..support.measuring import ROOT, SCRIPTS

_SECONDS = 90
SHORT = {
    "revocation": ["--seconds", "2"],
    "outage": ["--seconds", "4", "--rate", "100"],
    "nodes": ["--rate", "100"],
    "keys": ["--seconds", "4", "--rate", "50", "--keys", "2000"],
    "reload": ["--seconds", "4", "--rate", "100"],
}


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the trials."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return SimpleNamespace(
        **{name: importlib.import_module(f"changing.{name}") for name in ("cli", "findings", "load")}
    )


@pytest.mark.slow
@pytest.mark.parametrize("trial", SHORT)
def test_it_holds(trial: str) -> None:
    """Deleted keys are refused, no request notices a change, an outage of the store or a reload."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-m", "changing", trial, *SHORT[trial]]
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if "no PostgreSQL can be started here" in told.stderr:
        pytest.skip(told.stderr)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "everything held" in told.stdout


def test_every_trial_is_tried(changing: SimpleNamespace) -> None:
    """Each has its short version."""
    assert set(changing.cli.TRIALS) == set(SHORT)


def test_what_does_not_hold(changing: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told on stderr, and counted."""
    findings = changing.findings.Findings()
    findings.tell("a line")
    findings.expect(True, "nothing")
    findings.expect(False, "a key was let in")
    assert changing.cli._told("revocation", findings) == 1
    assert capsys.readouterr() == ("revocation:\n  a line\n", "WRONG  revocation: a key was let in\n")


@pytest.mark.parametrize(
    ("head", "parsed"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", (200, 12, False)),
        (b"HTTP/1.1 401 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\n", (401, 3, True)),
        (b"HTTP/1.1 204 None\r\n\r\n", (204, 0, False)),
    ],
)
def test_heads(changing: SimpleNamespace, head: bytes, parsed: tuple[int, int, bool]) -> None:
    """Status, length of the body, whether the connection ends with it."""
    assert changing.load.parsed(head) == parsed


def test_the_slowest_hundredth(changing: SimpleNamespace) -> None:
    """The p99 is what all but a hundredth took at most."""
    asked = [changing.load.Asked(0.0, float(number), "", 200) for number in range(1, 201)]
    assert changing.load.p99(asked) == 199.0
    assert changing.load.p99([]) == 0.0
