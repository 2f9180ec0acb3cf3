"""How light: memory when idle, with many open streams, behind a slow caller; the time a start takes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .asks import ENDLESS, SLOW, ask, head
from .figures import Amount, BenchError, Figure, Outcome, Target, median
from .laps import Bench
from .processes import resident_mib
from .servers import Server
from .stage import Place

MEMORY = Figure("6a", "resident memory, idle", "MiB", Target("≤", 60.0))
HELD = Figure("6b", "resident memory with 1,000 open slow streams", "MiB", Target("≤", 100.0))
START = Figure("7", "start until /readyz answers", "s", Target("≤", 0.7))
TRICKLE = Figure("9", "memory grown behind a caller who reads 1 KB/s of 100 MB", "MiB", Target("<", 2.0))
SETTLE_SECONDS = 0.5
# Long enough that every stream has said something since the last one was opened.
HOLD_SECONDS = 1.5
_OPEN_SECONDS = 30.0
_SIP_BYTES = 1024
_LOOK_SECONDS = 0.1
_OK = b"HTTP/1.1 200"


def memory(bench: Bench) -> list[Outcome]:
    """Memory of a gateway that has just started, and again while it carries many streams."""
    idle: dict[str, float] = {}
    held: dict[str, float] = {}
    for side, make in _makers(bench):
        with _fresh(bench, make) as server:
            time.sleep(SETTLE_SECONDS)
            idle[side] = resident_mib(server.pid)
            held[side] = _holding(bench, server)
    return [_weighed(MEMORY, idle), _weighed(HELD, held)]


def _weighed(figure: Figure, seen: dict[str, float]) -> Outcome:
    ours, theirs = ((Amount("resident_mib", seen[side], "MiB"),) for side in ("aigw", "nginx"))
    return Outcome(figure, seen["aigw"], ours, theirs, ratio=seen["aigw"] / seen["nginx"])


def _holding(bench: Bench, server: Server) -> float:
    body, output = bench.stage.folder / "slow.body", bench.stage.folder / f"listen-{server.name}.out"
    body.write_bytes(ask(SLOW, stream=True))
    callers = bench.servers.module(
        "callers", Place.BACKGROUND, output, "listen", server.port, bench.plan.streams, server.path(SLOW), body
    )
    try:
        opened = json.loads(bench.stage.await_line(callers, output, _OPEN_SECONDS))
        if opened["talking"] != bench.plan.streams:
            raise BenchError(f"{opened['talking']} of {bench.plan.streams} streams through {server.name}: {opened}")
        time.sleep(HOLD_SECONDS)
        return resident_mib(server.pid)
    finally:
        bench.stage.stop(callers)


def start(bench: Bench) -> list[Outcome]:
    """Seconds from the start of a process until it is ready, bytecode and files being warm."""
    took: dict[str, list[float]] = {"aigw": [], "nginx": []}
    for _ in range(bench.plan.starts):
        for side, make in _makers(bench):
            with _fresh(bench, make) as server:
                took[side].append(server.took)
    ours, theirs = median(took["aigw"]), median(took["nginx"])
    shown = [(Amount("seconds", seconds, "s"),) for seconds in (ours, theirs)]
    return [Outcome(START, ours, shown[0], shown[1], ratio=ours / theirs, rounds=tuple(took["aigw"]))]


def trickle(bench: Bench) -> list[Outcome]:
    """How much memory an answer takes that its caller does not take off our hands."""
    seen: dict[str, tuple[float, float]] = {}
    for side, make in _makers(bench):
        with _fresh(bench, make) as server:
            time.sleep(SETTLE_SECONDS)
            before = resident_mib(server.pid)
            seen[side] = before, max(_sipping(bench, server))
    grown = {side: after - before for side, (before, after) in seen.items()}

    def shown(side: str) -> tuple[Amount, ...]:
        return (Amount("grown_mib", grown[side], "MiB"), Amount("resident_mib", seen[side][1], "MiB in all"))

    return [Outcome(TRICKLE, grown["aigw"], shown("aigw"), shown("nginx"))]


def _sipping(bench: Bench, server: Server) -> Iterator[float]:
    request = ask(ENDLESS)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10.0) as caller:
        caller.sendall(head(server.path(ENDLESS), len(request)) + request)
        until = time.monotonic() + bench.plan.watched
        sip = 0.0
        first = b""
        while (now := time.monotonic()) < until:
            if now >= sip:
                data = caller.recv(_SIP_BYTES)
                first = first or data
                if not data or not first.startswith(_OK):
                    raise BenchError(f"the long answer through {server.name} ended early: {first[:200]!r}")
                sip = now + 1.0
            yield resident_mib(server.pid)
            time.sleep(_LOOK_SECONDS)


def _makers(bench: Bench) -> tuple[tuple[str, Callable[[], Server]], ...]:
    return ("nginx", bench.servers.nginx), ("aigw", bench.servers.gateway)


@contextmanager
def _fresh(bench: Bench, make: Callable[[], Server]) -> Iterator[Server]:
    server = make()
    try:
        yield server
    finally:
        bench.servers.stop(server)
