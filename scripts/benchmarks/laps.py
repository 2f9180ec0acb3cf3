"""Laps of wrk through several servers in turn: what came through, and what it cost the process it went through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from . import load
from .asks import CHAT
from .figures import Amount, BenchError, median
from .load import Tally
from .processes import cpu_seconds
from .servers import Server, Servers
from .stage import Stage

# A lap that is not counted: connections are opened, what is remembered is learned.
WARM_UP_SECONDS = 0.3


@attrs.frozen
class Plan:
    """How much is measured: rounds of laps of so many seconds; starts; open streams; seconds of watching memory."""

    rounds: int
    seconds: float
    starts: int
    streams: int
    watched: float


@attrs.frozen
class Bench:
    """A measurement under way: servers on a stage; the proxies that all laps share."""

    stage: Stage
    servers: Servers
    plan: Plan
    nginx: Server
    gateway: Server
    # The command of a LiteLLM to compare with, if there is one.
    litellm: Path | None = None


@attrs.frozen
class Run:
    """One way that laps are run: through which server, to which provider on which surface, with what connections."""

    server: Server
    provider: str
    script: Path
    connections: int
    surface: str = CHAT


@attrs.frozen
class Lap:
    """What came of one lap: the caller's view, and processor seconds of the server's process."""

    tally: Tally
    cpu: float

    @property
    def cpu_us(self) -> float:
        """Processor time for a request in microseconds."""
        return self.cpu / self.tally.requests * 1e6


def lap(bench: Bench, run: Run, seconds: float) -> Lap:
    """One lap. Raises BenchError."""
    before = cpu_seconds(run.server.pid)
    try:
        tally = load.run(bench.stage, run.script, run.server.url(run.provider, run.surface), run.connections, seconds)
    except BenchError as error:
        raise BenchError(f"through {run.server.name}: {error}") from None
    spent = cpu_seconds(run.server.pid) - before
    run.server.forget_output()
    return Lap(tally, spent)


def interleaved(bench: Bench, runs: Mapping[str, Run]) -> dict[str, list[Lap]]:
    """Rounds of one lap each, in turns, so that what else the machine does weighs on all alike. Raises BenchError."""
    for run in runs.values():
        lap(bench, run, min(WARM_UP_SECONDS, bench.plan.seconds))
    laps: dict[str, list[Lap]] = {name: [] for name in runs}
    for number in range(bench.plan.rounds):
        # Forth and back: whoever comes first may find another clock frequency or another cache.
        for name in sorted(runs, reverse=bool(number % 2)):
            laps[name].append(lap(bench, runs[name], bench.plan.seconds))
    return laps


def amounts(laps: Sequence[Lap]) -> tuple[Amount, ...]:
    """Requests a second and processor time for a request, medians."""
    return (
        Amount("requests_per_second", median([each.tally.per_second for each in laps]), "req/s"),
        Amount("cpu_us_per_request", median([each.cpu_us for each in laps]), "µs"),
    )
