"""The comparison of first tokens with and without hedging: what it judges, and a short run of it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ..support.measuring import ROOT, SCRIPTS

_SECONDS = 60


@pytest.fixture
def hedges(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the comparison."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return SimpleNamespace(**{name: importlib.import_module(f"hedges.{name}") for name in ("cli", "run", "upstream")})


def _result(modules: SimpleNamespace, provider: str = "hedged", **differing: object) -> SimpleNamespace:
    """A thousand requests of 10 to 110 ms, fifty of them asked twice."""
    firsts = [0.01 + 0.0001 * number for number in range(1000)]
    fields = {"firsts": firsts, "requests": 1000, "asked": 1050, "hedges": {"won": 30, "lost": 20, "failed": 0}}
    result: SimpleNamespace = modules.run.Result(provider, **{**fields, **differing})
    return result


JUDGED = [
    ("as promised", {}, None),
    ("a long tail", {"firsts": [0.1] * 980 + [0.8] * 20}, "p99 is 800 ms, 8.00 × p95"),
    ("too dear", {"asked": 1060}, "6.0% more calls"),
    ("never used", {"asked": 1000, "hedges": {"won": 0, "lost": 0, "failed": 0}}, "no second candidate"),
    ("not hedged, asked twice", {"provider": "plain", "asked": 1001}, "asked 1001 times"),
    ("not hedged, a long tail", {"provider": "plain", "asked": 1000, "firsts": [0.1] * 980 + [0.8] * 20}, None),
]


@pytest.mark.parametrize(("differing", "found"), [case[1:] for case in JUDGED], ids=[case[0] for case in JUDGED])
def test_what_is_judged(hedges: SimpleNamespace, differing: dict[str, Any], found: str | None) -> None:
    """Hedging has to cut the tail at its price; without it nothing is asked twice."""
    wrong = hedges.cli.judged(_result(hedges, **differing))
    assert wrong == [] if found is None else found in wrong[0]


def test_the_table(hedges: SimpleNamespace) -> None:
    """A line per provider with quantiles in milliseconds and the share of further calls."""
    line = hedges.cli.table([_result(hedges)])[1]
    assert line.split() == ["hedged", "1000", "60", "ms", "105", "ms", "109", "ms", "5.0%", "30", "20", "0"]


@pytest.mark.slow
def test_a_short_run() -> None:
    """The upstream that is stuck now and then is asked twice where it is, and nowhere else."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-m", "hedges", "--seconds", "3"]
    told = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False)
    # Quantiles of some hundred requests on a busy machine prove nothing; that it asks and counts does.
    hedged, plain = (line.split() for line in told.stdout.splitlines()[1:3])
    assert (hedged[0], plain[0]) == ("hedged", "plain"), told.stderr
    assert int(hedged[-3]) > 0
    assert plain[-3:] == ["0", "0", "0"]
