"""Does the measurement read its instruments right, judge right, and leave nothing behind?"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ..support.measuring import ROOT, SECONDS, exchange, left_behind, needs_tools, running

STAT = "4242 (a b) c) S 1 4242 4242 0 -1 4194560 2713 0 0 0 {utime} {stime} 5 6 20 0 1 0 990 1 2"


def told(**differing: int) -> str:
    """What wrk prints, with our line at its end."""
    line = {"requests": 3000, "microseconds": 1_500_000, "refused": 0, "broken": 0, "p50": 140, "p99": 900}
    return f"Running 1s test @ http://127.0.0.1:1\n  Latency   {{odd}}\n\n{json.dumps({**line, **differing})}\n"


# -- instruments ------------------------------------------------------------------------------------------------------


def test_wrk_is_read(bench: SimpleNamespace) -> None:
    """Requests, the time they really took, and percentiles in microseconds come from the line of our own script."""
    tally = bench.load.parse(told())
    assert (tally.requests, tally.seconds, tally.per_second, tally.p50, tally.p99) == (3000, 1.5, 2000.0, 140, 900)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (told(refused=7), "7 were answered with an error"),
        (told(broken=1), "1 failed"),
        (told(requests=0), "no request was answered"),
        ("unable to connect to 127.0.0.1:1 Connection refused\n", "Connection refused"),
    ],
)
def test_a_lap_with_failures_is_no_lap(bench: SimpleNamespace, output: str, reason: str) -> None:
    """Requests that failed are cheap: a lap that had any is not measured, and the report says why."""
    with pytest.raises(bench.figures.BenchError, match=re.escape(reason)):
        bench.load.parse(output)


def test_processor_time_is_read(bench: SimpleNamespace) -> None:
    """User and kernel time are the 14th and 15th field of stat, whatever the command's name contains."""
    assert bench.processes.ticks(STAT.format(utime=1200, stime=345)) == 1545
    assert bench.processes.cpu_seconds(os.getpid()) > 0


def test_memory_is_read(bench: SimpleNamespace) -> None:
    """Resident memory is VmRSS in MiB; a process that has ended has none, which is an error and not zero."""
    assert bench.processes.resident("Name:\tx\nVmHWM:\t 9 kB\nVmRSS:\t   53248 kB\nThreads:\t1\n") == 52.0
    assert bench.processes.resident_mib(os.getpid()) > 1
    assert bench.processes.resident("VmHWM:\t 2048 kB\nVmRSS:\t 1024 kB\n", "VmHWM") == 2.0
    assert bench.processes.peak_mib(os.getpid()) >= bench.processes.resident_mib(os.getpid()) - 1
    with pytest.raises(bench.figures.BenchError):
        bench.processes.resident("Name:\tx\nState:\tZ (zombie)\n")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_percentiles(bench: SimpleNamespace, share: float, expected: float) -> None:
    """A percentile is a value that was seen: the smallest that so large a share does not exceed."""
    assert bench.callers.rank([float(n) for n in range(1, 101)], share) == expected


# -- judging ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sign", "below", "at", "above"), [("≥", False, True, True), ("≤", True, True, False), ("<", True, False, False)]
)
def test_targets(bench: SimpleNamespace, sign: str, below: bool, at: bool, above: bool) -> None:
    """The limit itself keeps ≥ and ≤, not <."""
    target = bench.figures.Target(sign, 1.5)
    assert [target.reached(value) for value in (1.4, 1.5, 1.6)] == [below, at, above]


def test_rounds_are_compared_with_their_neighbours(bench: SimpleNamespace) -> None:
    """A ratio is the median of the rounds' own ratios, so that a moment of noise that hits both sides is no result."""
    rounds = bench.figures.quotients([50.0, 10.0, 52.0], [100.0, 20.0, 100.0])
    assert rounds == (0.5, 0.5, 0.52)
    assert bench.figures.median(rounds) == 0.5


@pytest.mark.parametrize("below", [[1.0, 0.0], [-3.0, 1.0]])
def test_nothing_is_compared_with_nothing(bench: SimpleNamespace, below: list[float]) -> None:
    """A reference that measured zero or less makes no ratio."""
    with pytest.raises(bench.figures.BenchError):
        bench.figures.quotients([1.0, 1.0], below)
    with pytest.raises(bench.figures.BenchError):
        bench.figures.median([])


def test_a_rise_is_measured_from_the_calmest_moment(bench: SimpleNamespace) -> None:
    """Noise while the small requests are alone must not make what huge bodies cost look small."""
    first = bench.evenness.FIRST
    side = bench.evenness.Side(None, [1.0, 300.0], {first: [6.0, 7.0]}, {first: [10.0, 10.0]})
    assert side.rises(first) == (5.0, 6.0)


# -- the report -------------------------------------------------------------------------------------------------------


@pytest.fixture
def results(bench: SimpleNamespace) -> list[Any]:
    """A figure reached, one missed, one that could not be measured, one without a target."""
    figures = bench.figures
    amounts = (figures.Amount("requests_per_second", 21234.4, "req/s"), figures.Amount("cpu_us", 33.33, "µs"))
    first = figures.Figure("1", "speed", "× nginx", figures.Target("≥", 0.45))
    second = figures.Figure("6", "memory", "MiB", figures.Target("≤", 60.0))
    return [
        figures.Outcome(first, 0.5, amounts, amounts, rounds=(0.4, 0.5, 0.61)),
        figures.Outcome(second, 61.25, amounts[1:], ratio=6.5),
        figures.Missing(second, "nginx ended"),
        figures.Outcome(figures.Figure("3b", "streams", "× nginx", None), 0.1, ()),
    ]


def test_the_table(bench: SimpleNamespace, results: list[Any]) -> None:
    """Every figure has a row with its absolute numbers, what is judged, the target and the verdict; columns align."""
    lines = bench.report.table(results).splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    speed = ["1", "speed", "21,234 req/s, 33.3 µs", "21,234 req/s, 33.3 µs", "0.50 × nginx (0.40–0.61)"]
    assert rows[2] == [*speed, "≥ 0.45 × nginx", "reached"]
    assert rows[3] == ["6", "memory", "33.3 µs", "–", "61.2 MiB, 6.50 × nginx", "≤ 60.0 MiB", "missed"]
    assert rows[4][4:] == ["not measured: nginx ended", "≤ 60.0 MiB", "–"]
    assert rows[5] == ["3b", "streams", "–", "–", "0.10 × nginx", "–", "–"]
    assert len({len(line) for line in lines}) == 1


def test_the_json(bench: SimpleNamespace, results: list[Any]) -> None:
    """Programs get the same, with the value of each round, and null where nothing was judged."""
    under = bench.report.Circumstances({"cores": 2}, {"compiled": True}, {"rounds": 3}, (0.1,), (0.2,))
    document = json.loads(json.dumps(bench.report.document(results, under)))
    first, second, missing, unjudged = document["figures"]
    assert first["aigw"] == {"requests_per_second": 21234.4, "cpu_us": 33.33}
    assert (first["value"], first["rounds"], first["reached"]) == (0.5, [0.4, 0.5, 0.61], True)
    assert first["target"] == {"sign": "≥", "limit": 0.45}
    assert (second["reached"], second["ratioToNginx"]) == (False, 6.5)
    assert (missing["reached"], missing["error"]) == (None, "nginx ended")
    assert (unjudged["reached"], unjudged["target"]) == (None, None)
    assert document["loadAverage"] == {"before": [0.1], "after": [0.2]}


# -- what is asked and answered ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("size", [1024, 32 * 1024])
def test_bodies_have_their_size(bench: SimpleNamespace, size: int, surface: str) -> None:
    """A request of 1 KB has 1,024 bytes and so has the answer, which is a chat completion with usage."""
    asked = bench.asks.ask("small", size, surface=surface)
    assert len(asked) == size
    assert ("max_tokens" in json.loads(asked)) == (surface == bench.asks.MESSAGES)
    assert json.loads(asked)["model"] == "small"
    answered = json.loads(bench.asks.answer())
    assert len(bench.asks.answer().encode()) == bench.asks.ANSWER_BYTES
    assert answered["usage"]["total_tokens"] == 420
    assert answered["choices"][0]["message"]["content"]


@pytest.mark.parametrize(("model_last", "place"), [(False, 0), (True, -1)])
def test_huge_bodies(bench: SimpleNamespace, model_last: bool, place: int) -> None:
    """A huge body is a picture in base64 with the model in front of it or behind it."""
    body = bench.asks.picture("sink", model_last=model_last, size=1_000_000)
    assert abs(len(body) - 1_000_000) < 1000
    assert list(json.loads(body))[place] == "model"


@pytest.mark.parametrize("kind", ["bursts", "single"])
async def test_streams_have_their_chunks(bench: SimpleNamespace, kind: str) -> None:
    """A measured stream is chunked and has 50 flushes of about 200 bytes: events, the last ones usage and the end."""
    answer = await exchange(bench, f"/{kind}/v1/chat/completions", [b"{}"], b"0\r\n\r\n")
    framed = answer.partition(b"\r\n\r\n")[2]
    events = re.findall(rb"[0-9a-f]+\r\n(data: .*)\n\n\r\n", framed)
    assert len(events) == bench.upstream.STREAM_CHUNKS == len(bench.upstream.FLUSHES)
    assert {len(event) + 2 for event in events[:-2]} == {bench.upstream.CHUNK_BYTES}
    assert json.loads(events[-2].removeprefix(b"data: "))["usage"]["total_tokens"] == 57
    assert events[-1] == b"data: [DONE]"


async def test_the_sink_reads_everything_first(bench: SimpleNamespace) -> None:
    """The upstream of huge bodies answers when it has the whole body, in however many pieces it comes."""
    answer = await exchange(bench, "/sink/v1/chat/completions", [b"x" * 70_000, b"y", b"z" * 100_000], b"}}")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_the_endless_answer(bench: SimpleNamespace) -> None:
    """The long answer announces 100 MiB, and begins as one that no gateway takes for something else."""
    answer = await exchange(bench, "/endless/v1/chat/completions", [b"{}"], b'"content":"')
    assert b"content-length: 104857600" in answer
    assert b'\r\n\r\n{"object":"chat.completion"' in answer


# -- processes and time -----------------------------------------------------------------------------------------------


def test_a_stage_ends_what_it_started(bench: SimpleNamespace, tmp_path: Path) -> None:
    """Whatever goes wrong, the processes started on a stage are ended, and this process is as it was before."""
    before = os.sched_getaffinity(0)
    place = bench.stage.Place
    started: list[Any] = []

    def interrupted() -> None:
        with bench.stage.Stage(tmp_path, bench.stage.Cores.usable()) as stage:
            started.extend(stage.start(("sleep", "60"), each, tmp_path / "sleep.out") for each in place)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [process.poll() for process in started] == [-signal.SIGTERM] * len(place)
    assert os.sched_getaffinity(0) == before


def test_a_server_that_does_not_start_says_why(bench: SimpleNamespace, tmp_path: Path) -> None:
    """What a process complained about before it ended is in the error."""
    output = tmp_path / "server.log"
    with bench.stage.Stage(tmp_path, bench.stage.Cores.usable()) as stage:
        (port,) = bench.stage.free_ports(1)
        process = stage.start(("sh", "-c", "echo cannot bind >&2; exit 3"), bench.stage.Place.PROXY, output)
        with pytest.raises(bench.figures.BenchError, match=r"exit code 3: cannot bind"):
            stage.await_answer(process, output, port, "/", 30.0)


def test_time_is_limited(bench: SimpleNamespace) -> None:
    """When the time for all is up, what is under way is broken off; that is told apart from being interrupted."""
    with bench.cli._limited(0.01) as limit:
        with pytest.raises(bench.cli.OutOfTime):
            signal.pause()
        assert limit.passed


def test_a_copy_is_measured(bench: SimpleNamespace, tmp_path: Path) -> None:
    """The package is copied before it is measured, with its bytecode; a folder without it is refused."""
    package = tmp_path / "given" / "aigw"
    (package / "front").mkdir(parents=True)
    (package / "__init__.py").write_text("answer = 42\n")
    code = bench.code.prepare(tmp_path, plain=False, given=package.parent)
    assert (code.folder / "aigw" / "__init__.py").read_text() == "answer = 42\n"
    assert list(code.folder.glob("aigw/__pycache__/__init__.*.pyc"))
    assert not code.compiled
    with pytest.raises(bench.figures.BenchError, match="holds no package"):
        bench.code.prepare(tmp_path / "other", plain=False, given=tmp_path)


# -- the command ------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without nginx or wrk the command says so and ends with exit code 2 before it does anything."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bench.cli.main([]) == 2
    assert "nginx and wrk are not here" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--only", "beauty"], ["--plain", "--code", "x"], ["--fast"]])
def test_wrong_usage(bench: SimpleNamespace, arguments: list[str]) -> None:
    """A figure or an option that does not exist is wrong usage: exit code 2."""
    with pytest.raises(SystemExit) as ended:
        bench.cli.main(arguments)
    assert ended.value.code == 2


@needs_tools
@pytest.mark.slow
def test_a_short_measurement(tmp_path: Path) -> None:
    """Requests are measured through nginx and the gateway, told as JSON, and nothing is left behind."""
    with running(tmp_path, "--only", "requests", "--rounds", "1", "--seconds", "0.2", "--json") as process:
        output, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode in (0, 1), complaints
    document = json.loads(output)
    (figure,) = document["figures"]
    assert "error" not in figure, figure
    assert figure["aigw"]["requests_per_second"] > 0
    assert figure["nginx"]["cpu_us_per_request"] > 0
    assert figure["reached"] is (figure["value"] >= figure["target"]["limit"])
    assert document["gateway"]["compiled"] is False
    assert left_behind(tmp_path) == []


@needs_tools
@pytest.mark.slow
def test_an_interrupted_measurement(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a lap ends everything that was started, and that alone."""
    with running(tmp_path, "--only", "requests", "--seconds", "50") as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "bench: requests …\n"
        # As a person would: again while nothing happens (one may come while it is no moment to be interrupted).
        for _ in range(10):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(SECONDS / 10)
                break
        _, complaints = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, complaints
    assert left_behind(tmp_path) == []


def test_the_lists_agree(bench: SimpleNamespace) -> None:
    """Every figure that is measured has a number of its own and stands in the guide."""
    guide = (ROOT / "docs" / "guides" / "performance.md").read_text(encoding="utf-8")
    figures = [figure for measure in bench.cli.MEASURES.values() for figure in measure.figures]
    assert len({figure.number for figure in figures}) == len(figures)
    assert [figure.title for figure in figures if figure.title not in guide] == []
    assert [name for name in bench.cli.MEASURES if f"`{name}`" not in guide] == []
