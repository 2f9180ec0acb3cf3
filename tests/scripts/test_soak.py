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
    names = ("asks", "caller", "judge", "ledger", "report", "cli")
    return SimpleNamespace(**{name: importlib.import_module(f"soaking.{name}") for name in names})


@pytest.mark.slow
def test_a_short_soak_finds_nothing_wrong() -> None:
    """Under mixed load, half of it cancelled, no answer goes astray, none lies, and nothing is left behind."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT / "scripts")}
    command = [sys.executable, "-m", "soaking", "--seconds", "5", "--requests", "4000", "--connections", "16"]
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
        (b'{"level":"info","event":"request","outcome":"ok","attempts":5}', False),
        (b'{"level":"info","event":"request","outcome":"ok","attempts":6}', True),
        (b'{"level":"error","event":"unhandled"}', True),
        (b'{"level":"warning","event":"log_lines_dropped"}', True),
        (b"Traceback (most recent call last):", True),
    ],
)
def test_odd_log_lines_are_noticed(soaking: SimpleNamespace, line: bytes, odd: bool) -> None:
    """Requests may fail as their upstreams make them; anything else above info, more attempts than candidates, or
    what is not JSON is a violation."""
    ledger = soaking.ledger.Ledger()
    ledger.take(line)
    assert bool(ledger.odd) is odd


SENT = [
    ("answered", None, 200, "COMPLETE", 1, None),
    ("answered, no line", None, 200, "COMPLETE", 0, "no line"),
    ("answered, two lines", None, 200, "COMPLETE", 2, "more than one line"),
    ("left in order after the head", (110, False), 0, "LEFT", 0, "no line"),
    ("reset after the head", (110, True), 0, "LEFT", 0, None),
    ("left within the head", (50, False), 0, "LEFT", 0, None),
    ("left within the head, a line", (50, False), 0, "LEFT", 1, "never sent"),
]


@pytest.mark.parametrize(
    ("left", "status", "end", "lines", "found"), [case[1:] for case in SENT], ids=[case[0] for case in SENT]
)
def test_each_request_has_its_line(
    soaking: SimpleNamespace, left: tuple[int, bool] | None, status: int, end: str, lines: int, found: str | None
) -> None:
    """Whatever has surely reached the gateway is in its log, once; what never did is not."""
    ledger = soaking.ledger.Ledger()
    ask = soaking.asks.Ask(_OWN, soaking.asks.KINDS[0], b"x" * 120, True, soaking.asks.Expects.TRUTH, "", 100)
    leave = left and soaking.caller.Leaving(left[0], 0, 0.0, left[1])
    ledger.asked(ask, leave, soaking.caller.Answer(status, _OWN, b"", soaking.caller.End[end]))
    for _ in range(lines):
        ledger.take(b'{"level":"info","event":"request","outcome":"ok","request_id":"%b"}' % _OWN)
    wrong = ledger.wrong()
    assert wrong == [] if found is None else found in wrong[0]


@pytest.mark.parametrize(
    ("sent", "streamed", "heard", "point"),
    [
        (5, True, b"", "SENDING"),
        (None, True, b"", "HEAD"),
        (None, False, b"", "PLAIN"),
        (None, True, b"HTTP/1.1 200 OK\r\nx-request-id: " + _OWN + b"\r\n\r\ndata: {", "CONTENT"),
        (None, True, b"HTTP/1.1 200 OK\r\n\r\ndata: " + _OWN, "AMID"),
    ],
)
def test_where_a_caller_left(
    soaking: SimpleNamespace, sent: int | None, streamed: bool, heard: bytes, point: str
) -> None:
    """The report tells apart what the caller had of the answer when it left."""
    ask = soaking.asks.Ask(_OWN, soaking.asks.KINDS[0], b"", streamed, soaking.asks.Expects.TRUTH, "")
    leave = soaking.caller.Leaving(sent, 0, 0.0, False)
    assert soaking.caller.point(ask, leave, soaking.caller.Answer(body=heard)).name == point


def test_the_slope_of_memory(soaking: SimpleNamespace) -> None:
    """Growth is told per 100,000 requests after the first half, and not at all from too few."""
    sample = soaking.report.Sample
    # 512 KiB more every 10,000 requests.
    samples = [sample(n, 10_000 * n, 50_000 + 512 * n) for n in range(30)]
    assert soaking.report.slope(samples) == pytest.approx(5.0)
    assert soaking.report.slope(samples[:6]) is None


def test_violations_end_it_with_1(
    soaking: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong is listed, a short run says that it was one, and the exit code is 1."""

    def run(*_arguments: Any, **_options: Any) -> tuple[int, list[str]]:
        return 1000, ["an answer went astray"]

    monkeypatch.setattr(soaking.cli, "run", run)
    assert soaking.cli.main(["1"]) == 1
    told = capsys.readouterr()
    assert "an answer went astray" in told.err
    assert told.out == "no full run: 1,000 requests instead of 200,000\n1 violations\n"


def test_another_folder_without_the_package_is_told(
    soaking: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code on trial has to be there."""
    assert soaking.cli.main(["--seconds", "1", "--code", str(tmp_path)]) == 1
    assert "holds no package aigw" in capsys.readouterr().err
