"""The matrix of faults as a script, for one fault instead of all; and how its cases are chosen."""

import importlib
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_SECONDS = 120
ALL: dict[str, Any] = {"caller": [], "upstream": [], "fault": [], "quick": False}


@pytest.fixture
def faulting(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the command line."""
    monkeypatch.syspath_prepend(str(_ROOT / "scripts"))
    return importlib.import_module("faulting.cli")


@pytest.mark.slow
def test_a_part_of_the_matrix() -> None:
    """Both generations of the SDKs are asked, and nobody is lied to."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT / "scripts")}
    command = [sys.executable, "-P", "-m", "faulting", "--json", "--fault", "cut"]
    command += ["--caller", "chat", "--upstream", "chat", "--upstream", "messages"]
    told = subprocess.run(
        command, cwd=_ROOT, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    cases = json.loads(told.stdout)["cases"]
    installed = {"current", "old"} if (_ROOT / ".venv" / "old-sdks").is_dir() else {"current"}
    assert {case["sdk"] for case in cases} == installed
    assert {case["model"] for case in cases} == {"only-chat:sandbox-small", "only-messages:sandbox-small"}
    assert {case["verdict"] for case in cases if case["fault"] == "none"} == {"true"}
    assert {case["verdict"] for case in cases if case["fault"] == "cut"} == {"raised"}


def test_the_whole_matrix(faulting: ModuleType) -> None:
    """All callers meet all upstreams, under every fault, with every generation of their SDK."""
    found = faulting.plan(Namespace(**ALL))
    pairs = {(case.format, faulting.upstream(case)) for case in found}
    assert len(pairs) == 16
    assert len({case.fault.name for case in found}) > 20
    assert {case.mode for case in found} == {"stream", "slow", "whole", "tools"}


def test_a_quick_part(faulting: ModuleType) -> None:
    """Quick is streams alone, with the current SDKs; what is chosen is what is played."""
    chosen = {"quick": True, "caller": ["gemini"], "upstream": ["chat"], "fault": ["half"]}
    found = faulting.plan(Namespace(**ALL | chosen))
    assert [(case.format, case.mode, case.fault.name, case.who) for case in found] == [
        ("gemini", "stream", "none", "current"),
        ("gemini", "stream", "half", "current"),
    ]


def test_rate_limits_are_kept_apart(faulting: ModuleType) -> None:
    """A fault for which the gateway waits has models of its own, so that no other case waits with it."""
    found = faulting.plan(Namespace(**ALL))
    limited = {case.model for case in found if case.fault.waits}
    assert limited
    assert not limited & {case.model for case in found if not case.fault.waits}
