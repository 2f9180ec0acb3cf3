"""How even: what huge bodies of some callers cost the small requests of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import load
from .asks import SINK, SMALL, ask, picture
from .figures import Amount, BenchError, Figure, Outcome, Target, median
from .laps import Bench, Run, lap
from .servers import Server
from .stage import Place

_TITLE = "p99 of small requests rises beside 16 bodies of 10 MB, model "
FIRST = Figure("8a", f"{_TITLE}first", "ms", Target("<", 10.0))
LAST = Figure("8b", f"{_TITLE}last", "ms", Target("<", 10.0))
SENDERS = 16
# Small requests must find the gateway busy with the huge ones, not with each other.
CONNECTIONS = 4
_BEGIN_SECONDS = 20.0


def crowd(bench: Bench) -> list[Outcome]:
    """The rise of the 99th percentile of small requests' latency, with the model first and last in huge bodies."""
    small = load.script(bench.stage.folder, "beside", ask(SMALL))
    bodies = {}
    for figure, model_last in ((FIRST, False), (LAST, True)):
        bodies[figure] = bench.stage.folder / f"huge-{figure.number}.body"
        bodies[figure].write_bytes(picture(SINK, model_last=model_last))
    alone: dict[Server, list[float]] = {bench.nginx: [], bench.gateway: []}
    beside: dict[tuple[Server, Figure], list[tuple[float, float]]] = {
        (side, figure): [] for side in alone for figure in bodies
    }
    for _ in range(max(1, bench.plan.rounds // 2)):
        for side, quiet in alone.items():
            run = Run(side, SMALL, small, CONNECTIONS)
            quiet.append(_p99(bench, run))
            for figure, body in bodies.items():
                with _senders(bench, side, body) as output:
                    output.write_bytes(b"")
                    loud = _p99(bench, run)
                beside[side, figure].append((loud, _sent(output, side) / bench.plan.seconds))
    return [_outcome(bench, figure, alone, beside) for figure in bodies]


def _outcome(
    bench: Bench,
    figure: Figure,
    alone: dict[Server, list[float]],
    beside: dict[tuple[Server, Figure], list[tuple[float, float]]],
) -> Outcome:
    def rises(side: Server) -> tuple[float, ...]:
        return tuple(loud - quiet for (loud, _), quiet in zip(beside[side, figure], alone[side], strict=True))

    def shown(side: Server) -> tuple[Amount, ...]:
        return (
            Amount("p99_ms_alone", median(alone[side]), "ms alone"),
            Amount("p99_ms_beside", median([loud for loud, _ in beside[side, figure]]), "ms beside"),
            Amount("huge_bodies_per_second", median([sent for _, sent in beside[side, figure]]), "huge/s"),
        )

    rounds = rises(bench.gateway)
    return Outcome(figure, median(rounds), shown(bench.gateway), shown(bench.nginx), rounds=rounds)


def _p99(bench: Bench, run: Run) -> float:
    """In milliseconds."""
    return lap(bench, run, bench.plan.seconds).tally.p99 / 1000


@contextmanager
def _senders(bench: Bench, side: Server, body: Path) -> Iterator[Path]:
    """Callers that send one huge body after the other; what they tell goes to the file."""
    output = bench.stage.folder / f"senders-{side.name}.out"
    output.unlink(missing_ok=True)
    process = bench.servers.module(
        "callers", Place.BACKGROUND, output, "send", side.port, SENDERS, side.path(SINK), body
    )
    try:
        bench.stage.await_line(process, output, _BEGIN_SECONDS)
        yield output
    finally:
        bench.stage.stop(process)


def _sent(output: Path, side: Server) -> int:
    told = [json.loads(line) for line in output.read_text().splitlines()]
    failed = [each for each in told if each["status"] != 200]
    if failed or not told:
        raise BenchError(f"huge bodies did not pass {side.name}: {failed[0] if failed else 'none was answered'}")
    return len(told)
