"""The soak, for a few seconds instead of minutes, and what it would notice."""

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_SECONDS = 120
_OWN, _FOREIGN = b"canary00000001z", b"canary00000002z"


@pytest.fixture
def soaking(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the soak."""
    monkeypatch.syspath_prepend(str(_ROOT / "scripts"))
    names = ("asks", "caller", "judge", "watch", "cli")
    return SimpleNamespace(**{name: importlib.import_module(f"soaking.{name}") for name in names})


@pytest.mark.slow
def test_a_short_soak_finds_nothing_wrong() -> None:
    """Under mixed load, half of it cancelled, no answer goes astray, none lies, and nothing is left behind."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT / "scripts")}
    command = [sys.executable, "-m", "soaking", "--seconds", "5", "--connections", "16"]
    told = subprocess.run(
        command, cwd=_ROOT, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.endswith("nothing was wrong\n")
    assert "0 requests in flight" in told.stdout


JUDGED = [
    ("whole", "COMPLETE", 200, _OWN + b" [DONE]", "COMPLETE", None),
    ("of another", "COMPLETE", 200, _OWN + _FOREIGN + b" [DONE]", "COMPLETE", "FOREIGN CANARY"),
    ("of another, left early", "TRUTH", 0, _FOREIGN, "LEFT", "FOREIGN CANARY"),
    ("left early", "COMPLETE", 0, b"", "LEFT", None),
    ("an error instead", "COMPLETE", 502, b"", "COMPLETE", "status 502"),
    ("cut", "COMPLETE", 200, _OWN, "BROKEN", "not whole"),
    ("without its terminal", "COMPLETE", 200, _OWN, "COMPLETE", "not whole"),
    ("never ended", "TRUTH", 200, b"", "HUNG", "patience"),
    ("cut, where it may be", "TRUTH", 200, _OWN, "BROKEN", None),
    ("told of an error", "TRUTH", 200, b'data: {"error":{}}', "COMPLETE", None),
    ("short and as if complete", "TRUTH", 200, _OWN, "COMPLETE", "looks complete"),
    ("nothing at all", "TRUTH", 0, b"", "BROKEN", "no answer"),
]


@pytest.mark.parametrize(
    ("expects", "status", "body", "end", "found"), [case[1:] for case in JUDGED], ids=[case[0] for case in JUDGED]
)
def test_what_is_judged(
    soaking: SimpleNamespace, expects: str, status: int, body: bytes, end: str, found: str | None
) -> None:
    """Bytes of another request, hangs, and answers that look complete and are not are noticed; honest failures pass."""
    kind = soaking.asks.KINDS[0]
    ask = soaking.asks.Ask(_OWN, kind, b"", True, soaking.asks.Expects[expects], "")
    answer = soaking.caller.Answer(status, _OWN, body, soaking.caller.End[end])
    told = soaking.judge.judge(ask, answer)
    assert told is None if found is None else found in told


def test_a_foreign_request_id_is_noticed(soaking: SimpleNamespace) -> None:
    """The id in the answer's head has to be the caller's own."""
    ask = soaking.asks.Ask(_OWN, soaking.asks.KINDS[0], b"", True, soaking.asks.Expects.TRUTH, "")
    answer = soaking.caller.Answer(503, _FOREIGN, b"", soaking.caller.End.COMPLETE)
    assert "request id" in soaking.judge.judge(ask, answer)


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        (b'{"level":"info","event":"started"}', False),
        (b'{"level":"warning","event":"request","outcome":"broken"}', False),
        (b'{"level":"error","event":"request","outcome":"failed"}', True),
        (b'{"level":"error","event":"unhandled"}', True),
        (b'{"level":"warning","event":"log_lines_dropped"}', True),
        (b"Traceback (most recent call last):", True),
    ],
)
def test_odd_log_lines_are_noticed(soaking: SimpleNamespace, line: bytes, odd: bool) -> None:
    """Requests may fail as their upstreams make them; anything else above info, or not JSON, is a violation."""
    log = soaking.watch.Log()
    log.take(line)
    assert bool(log.odd) is odd


def test_the_slope_of_memory(soaking: SimpleNamespace) -> None:
    """Growth is told per 100,000 requests after the first third, and not at all from too few."""
    sample = soaking.cli.Sample
    # 512 KiB more every 10,000 requests.
    samples = [sample(n, 10_000 * n, 50_000 + 512 * n, 0) for n in range(30)]
    assert soaking.cli.slope(samples) == pytest.approx(5.0)
    assert soaking.cli.slope(samples[:6]) is None


def test_violations_end_it_with_1(
    soaking: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong is listed, and the exit code is 1."""

    async def soak(*_arguments: Any) -> list[str]:
        return ["an answer went astray"]

    monkeypatch.setattr(soaking.cli, "soak", soak)
    assert soaking.cli.main(["--seconds", "1"]) == 1
    told = capsys.readouterr()
    assert "an answer went astray" in told.err
    assert told.out == "1 violations\n"
