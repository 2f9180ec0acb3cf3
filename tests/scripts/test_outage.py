"""The outages, some of them for seconds, and whether their callers are like the official SDKs."""

from __future__ import annotations

import asyncio
import importlib
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from types import SimpleNamespace

import openai
import pytest

from ..support.measuring import ROOT, SCRIPTS

_SECONDS = 60


@pytest.fixture
def outages(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the outages, and of the callers."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    names = {name: f"outages.{name}" for name in ("cli", "run", "scenario", "upstream")} | {"sdk": "trials.sdk"}
    return SimpleNamespace(**{name: importlib.import_module(path) for name, path in names.items()})


@pytest.mark.slow
def test_total_outages_stay_within_their_bound() -> None:
    """With an upstream that fails every request, attempts stay within the bound, and one probe ends it."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-m", "outages", "--only", "500", "--before", "0.5", "--during", "1.5", "--after", "2"]
    told = subprocess.run(
        [*command, "--rate", "10"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "every bound held" in told.stdout


class _Scripted:
    """A server that answers every request with the same status and headers, and notes what callers said of retries."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        self.retries: list[str] = []
        lines = [f"HTTP/1.1 {status} Said", "content-length: 2", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._answer = "\r\n".join((*lines, "", "{}")).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        self.retries.append(fields["x-stainless-retry-count"])
        writer.write(self._answer)
        writer.close()
        await writer.wait_closed()


SOON = {"retry-after-ms": "1"}
ANSWERS = [
    *[(status, SOON, 3) for status in (408, 409, 429, 500, 502, 503, 504, 529)],
    *[(status, SOON, 1) for status in (400, 401, 402, 403, 404, 413, 422)],
    (500, {"x-should-retry": "false"}, 1),
    (400, {"x-should-retry": "true", **SOON}, 3),
    (503, {"retry-after": "0.001"}, 3),
    (503, {"retry-after": "121"}, 1),
    (503, {"retry-after": "121", "x-should-retry": "true"}, 1),
    (503, {"retry-after": "300", **SOON}, 3),
]


@pytest.mark.parametrize(("status", "headers", "tries"), ANSWERS)
async def test_callers_retry_as_the_official_sdk(
    outages: SimpleNamespace, status: int, headers: dict[str, str], tries: int
) -> None:
    """The caller of the trials makes the tries that OpenAI's SDK makes, and tells their number alike."""
    said: list[list[str]] = []
    for official in (True, False):
        scripted = _Scripted(status, headers)
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        if official:
            async with openai.AsyncOpenAI(base_url=f"http://{host}:{port}/v1", api_key="key") as client:
                with pytest.raises(openai.APIStatusError):
                    await client.chat.completions.create(model="model", messages=[{"role": "user", "content": "hello"}])
        else:
            await outages.sdk.Sdk((host, port), "key").ask("model")
        server.close()
        await server.wait_closed()
        said.append(scripted.retries)
    assert said[0] == said[1] == [str(number) for number in range(tries)]


@pytest.mark.parametrize(
    ("retry", "headers", "shortest", "longest"),
    [
        (0, {}, 0.375, 0.5),
        (1, {}, 0.75, 1.0),
        (9, {}, 6.0, 8.0),
        (0, {"retry-after": "7"}, 7.0, 7.0),
        (0, {"retry-after": "7", "retry-after-ms": "20"}, 0.02, 0.02),
        (0, {"retry-after": "0"}, 0.375, 0.5),
        (0, {"retry-after": "soon"}, 0.375, 0.5),
    ],
)
def test_how_long_callers_wait(
    outages: SimpleNamespace, retry: int, headers: dict[str, str], shortest: float, longest: float
) -> None:
    """As long as they are told; else half a second, doubled each time up to eight, less up to a quarter."""
    rng = random.Random(1)
    assert all(shortest <= outages.sdk.delay(retry, headers, rng) <= longest for _ in range(100))


def _outcome(outages: SimpleNamespace, **differing: object) -> SimpleNamespace:
    """What came of an outage from second 10 to 20 with a call a second, each of one try, served before and after."""
    scenario = outages.scenario
    kind = scenario.Scenario(0, scenario.Shape.SINGLE, outages.upstream.Way.ERRORS, True)
    calls = [
        scenario.Call(float(at), [outages.sdk.Try(at, at + 0.1, 503 if 10 <= at < 20 else 200, {})]) for at in range(30)
    ]
    outcome: SimpleNamespace = scenario.Outcome(kind, calls, 10.0, 20.0, attempts=12, earlier=10)
    for name, value in differing.items():
        setattr(outcome, name, value)
    return outcome


def test_what_an_outage_may_cost(outages: SimpleNamespace) -> None:
    """Of twenty calls until its end, 22 attempts and the burst are within the bound, one more is not."""
    assert _outcome(outages, attempts=22).wrong() == []
    assert "33 attempts until its end, more than 32" in _outcome(outages, attempts=23).wrong()[0]


def test_failures_before_the_outage_are_told(outages: SimpleNamespace) -> None:
    """What the outage cut is its doing; what had failed before is not."""
    calls, sdk = _outcome(outages).calls, outages.sdk
    cut, failed = (outages.scenario.Call(9.5, [sdk.Try(9.5, ended, 0, {})]) for ended in (10.5, 9.6))
    assert _outcome(outages, calls=[*calls, cut]).wrong() == []
    assert "before the outage" in _outcome(outages, calls=[*calls, failed]).wrong()[0]


def test_requests_that_fail_after_the_recovery_are_told(outages: SimpleNamespace) -> None:
    """Once one request was served, none is refused any more."""
    outcome = _outcome(outages)
    assert outcome.recovered == 20.1
    outcome.calls.append(outages.scenario.Call(25.0, [outages.sdk.Try(25.0, 25.1, 503, {})]))
    assert "1 requests failed after the recovery" in outcome.wrong()[0]


def test_an_outage_without_end_is_told(outages: SimpleNamespace) -> None:
    """An upstream that is well again is asked again."""
    calls = [call for call in _outcome(outages).calls if call.began < 20]
    assert _outcome(outages, calls=calls).wrong() == ["one key, answers 500: no recovery"]


def test_the_table(outages: SimpleNamespace) -> None:
    """A line per scenario, with ratio and bound."""
    head, line = outages.cli.table([_outcome(outages)])
    assert head.split()[:2] == ["scenario", "calls"]
    cells = ["10", "10", "12", "1.20", "22", "32", "0%", "100%", "0%", "0+0", "0.10", "s"]
    assert line.split()[-len(cells) :] == cells
