"""How even: what huge bodies of some callers cost the small requests of others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from .asks import SINK, SMALL, ask, picture
from .figures import Amount, BenchError, Figure, Outcome, Target, median
from .laps import Bench
from .servers import Server
from .stage import Place

_TITLE = "p99 of small requests rises beside 16 bodies of 10 MB, model "
FIRST = Figure("8a", f"{_TITLE}first", "ms", Target("<", 10.0))
LAST = Figure("8b", f"{_TITLE}last", "ms", Target("<", 10.0))
SENDERS = 16
PROBES = 4
_BEGIN_SECONDS = 20.0
_GRACE_SECONDS = 20.0


@attrs.define
class Side:
    """What one proxy was seen to do: p99 in milliseconds, alone and beside each kind of body; those per second."""

    server: Server
    alone: list[float] = attrs.field(factory=list)
    beside: dict[Figure, list[float]] = attrs.field(factory=lambda: {FIRST: [], LAST: []})
    sent: dict[Figure, list[float]] = attrs.field(factory=lambda: {FIRST: [], LAST: []})

    def rises(self, figure: Figure) -> tuple[float, ...]:
        """By how much p99 rose in each round, from the calmest moment that was seen: others may disturb that, too."""
        return tuple(loud - min(self.alone) for loud in self.beside[figure])

    def amounts(self, figure: Figure) -> tuple[Amount, ...]:
        """The calmest moment, medians of the others."""
        return (
            Amount("p99_ms_alone", min(self.alone), "ms alone"),
            Amount("p99_ms_beside", median(self.beside[figure]), "ms beside"),
            Amount("huge_bodies_per_second", median(self.sent[figure]), "huge/s"),
        )


def crowd(bench: Bench) -> list[Outcome]:
    """The rise of the 99th percentile of small requests' latency, with the model first and last in huge bodies."""
    folder = bench.stage.folder
    small, bodies = folder / "probe.body", {FIRST: folder / "first.body", LAST: folder / "last.body"}
    small.write_bytes(ask(SMALL))
    for figure, path in bodies.items():
        path.write_bytes(picture(SINK, model_last=figure is LAST))
    sides = [Side(make(Place.BUSY_PROXY)) for make in (bench.servers.nginx, bench.servers.gateway)]
    try:
        for _ in range(max(1, bench.plan.rounds // 2)):
            for side in sides:
                _round(bench, side, small, bodies)
    finally:
        bench.servers.stop(*(side.server for side in sides))
    nginx, ours = sides
    return [
        Outcome(figure, median(rises), ours.amounts(figure), nginx.amounts(figure), rounds=rises)
        for figure in bodies
        for rises in [ours.rises(figure)]
    ]


def _round(bench: Bench, side: Side, small: Path, bodies: dict[Figure, Path]) -> None:
    side.alone.append(_p99(bench, side.server, small))
    for figure, body in bodies.items():
        with _senders(bench, side.server, body) as told:
            told.write_bytes(b"")
            began = time.monotonic()
            side.beside[figure].append(_p99(bench, side.server, small))
            side.sent[figure].append(_sent(told, side.server) / (time.monotonic() - began))


def _p99(bench: Bench, server: Server, body: Path) -> float:
    """In milliseconds, as the probe saw it."""
    output = bench.stage.folder / f"probe-{server.name}.out"
    output.unlink(missing_ok=True)
    seconds = bench.plan.seconds
    arguments = ("probe", server.port, PROBES, server.path(SMALL), body, "--seconds", seconds)
    process = bench.servers.module("callers", Place.PROBE, output, *arguments)
    try:
        told = json.loads(bench.stage.await_line(process, output, seconds + _GRACE_SECONDS))
    finally:
        bench.stage.stop(process)
        server.forget_output()
    return float(told["p99"])


@contextmanager
def _senders(bench: Bench, server: Server, body: Path) -> Iterator[Path]:
    """Callers that send one huge body after the other; what they tell goes to the file."""
    output = bench.stage.folder / f"senders-{server.name}.out"
    output.unlink(missing_ok=True)
    arguments = ("send", server.port, SENDERS, server.path(SINK), body)
    process = bench.servers.module("callers", Place.BACKGROUND, output, *arguments)
    try:
        bench.stage.await_line(process, output, _BEGIN_SECONDS)
        yield output
    finally:
        bench.stage.stop(process)


def _sent(output: Path, server: Server) -> int:
    told = [json.loads(line) for line in output.read_text().rpartition("\n")[0].splitlines()]
    failed = [each for each in told if each["status"] != 200]
    if failed or not told:
        raise BenchError(f"huge bodies did not pass {server.name}: {failed[0] if failed else 'none was answered'}")
    return len(told)
