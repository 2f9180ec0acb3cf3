"""What translating costs: processor time beside passing, requests a second beside LiteLLM, streams of any length."""

from __future__ import annotations

import socket
import time

from .asks import BURSTS, CHAT, LONG, LONGER, MESSAGES, SINGLE, SMALL, STORIES, ask, head
from .figures import Amount, BenchError, Figure, Missing, Outcome, Target, median, quotients
from .laps import Bench, Lap, Run, amounts, interleaved, lap
from .load import script
from .processes import cpu_seconds, forget_peak, peak_mib, resident_mib
from .servers import Server
from .speed import CONNECTIONS
from .upstream import BURST, STREAM_CHUNKS
from .weight import SETTLE_SECONDS

_CHUNKS = "processor time for a chunk that is translated, above one that passes, 50-chunk streams, "
BURST_CHUNKS = Figure("10a", f"{_CHUNKS}in bursts of {BURST}", "µs", Target("≤", 12.0))
SINGLE_CHUNKS = Figure("10b", f"{_CHUNKS}one by one", "µs", Target("≤", 12.0))
PASSING = Figure("11a", "translated requests, 1 KB JSON in and out, 32 connections", "× passing", None)
LITELLM = Figure("11b", "the same, beside LiteLLM", "× LiteLLM", Target("≥", 25.0))
LINEAR = Figure("12a", "processor time for a translated stream of 50,000 deltas", "× one of 5,000", Target("<", 12.0))
PEAK = Figure("12b", "memory grown at most by a translated stream of 50,000 deltas", "MiB", Target("<", 8.0))
# LiteLLM answers some dozens of requests a second: fewer rounds, but each long enough to count them; and its first
# second or two are slower than the rest.
_SLOW_SECONDS, _SLOW_WARM_UP_SECONDS = 3.0, 4.0
_SLOW_ROUNDS = 3
_STREAM_SECONDS = 30.0
_PIECE = 1 << 18
# More than the last event of a stream takes.
_TAIL = 1024
_OK, _DONE, _END = b"HTTP/1.1 200", b"data: [DONE]", b"0\r\n\r\n"


def chunks(bench: Bench) -> list[Outcome]:
    """What it costs to say a chunk of a chat stream in Messages, the request included."""
    return [_chunks(bench, BURST_CHUNKS, BURSTS), _chunks(bench, SINGLE_CHUNKS, SINGLE)]


def _chunks(bench: Bench, figure: Figure, provider: str) -> Outcome:
    laps = interleaved(bench, _both(bench, provider, stream=True))
    passing, translated = ([_chunk_us(each) for each in laps[surface]] for surface in (CHAT, MESSAGES))
    rounds = tuple(ours - theirs for ours, theirs in zip(translated, passing, strict=True))
    shown = (
        Amount("cpu_us_per_chunk", median(translated), "µs translated"),
        Amount("cpu_us_per_chunk_passing", median(passing), "µs passing"),
    )
    return Outcome(figure, median(rounds), shown, rounds=rounds)


def _chunk_us(lap: Lap) -> float:
    return lap.cpu_us / STREAM_CHUNKS


def _both(bench: Bench, provider: str, *, stream: bool = False) -> dict[str, Run]:
    """One upstream of chat, asked by a caller of its own format, which passes, and by one of Messages."""
    folder = bench.stage.folder
    asked = {surface: ask(provider, stream=stream, surface=surface) for surface in (CHAT, MESSAGES)}
    return {
        surface: Run(bench.gateway, provider, script(folder, f"{provider}-{len(surface)}", body), CONNECTIONS, surface)
        for surface, body in asked.items()
    }


def translated(bench: Bench) -> list[Outcome]:
    """Translated requests a second, relative to those that pass."""
    laps = interleaved(bench, _both(bench, SMALL))
    ours, theirs = laps[MESSAGES], laps[CHAT]
    rounds = quotients([each.tally.per_second for each in ours], [each.tally.per_second for each in theirs])
    shown = (*amounts(ours), *(_beside(each, "passing") for each in amounts(theirs)))
    return [Outcome(PASSING, median(rounds), shown, rounds=rounds)]


def _beside(amount: Amount, whose: str) -> Amount:
    return Amount(f"{amount.name}_{whose.lower()}", amount.value, f"{amount.unit} {whose}")


def litellm(bench: Bench) -> list[Outcome | Missing]:
    """The same requests a second, relative to a LiteLLM that translates them for the same upstream."""
    if bench.litellm is None:
        return [Missing(LITELLM, "--litellm PATH says where one is", asked=False)]
    other = bench.servers.litellm(bench.litellm)
    try:
        body = script(bench.stage.folder, "litellm", ask(SMALL, surface=MESSAGES))
        sides = [Run(server, SMALL, body, CONNECTIONS, MESSAGES) for server in (bench.gateway, other)]
        lap(bench, sides[1], _SLOW_WARM_UP_SECONDS)
        turns = range(min(_SLOW_ROUNDS, bench.plan.rounds))
        laps = [(lap(bench, sides[0], bench.plan.seconds), lap(bench, sides[1], _SLOW_SECONDS)) for _ in turns]
    finally:
        bench.servers.stop(other)
    ours, theirs = ([pair[side] for pair in laps] for side in (0, 1))
    rounds = quotients([each.tally.per_second for each in ours], [each.tally.per_second for each in theirs])
    shown = (*amounts(ours), *(_beside(each, "LiteLLM") for each in amounts(theirs)))
    return [Outcome(LITELLM, median(rounds), shown, rounds=rounds)]


def long(bench: Bench) -> list[Outcome]:
    """Streams of Messages for a caller of chat: ten times the deltas, in time and in memory."""
    server = bench.servers.gateway()
    try:
        time.sleep(SETTLE_SECONDS)
        idle = resident_mib(server.pid)
        forget_peak(server.pid)
        _told(server, LONGER)
        grown = peak_mib(server.pid) - idle
        took: dict[str, list[float]] = {LONG: [], LONGER: []}
        for _ in range(bench.plan.rounds):
            for name, seen in took.items():
                seen.append(_told(server, name))
    finally:
        bench.servers.stop(server)
    rounds = quotients(took[LONGER], took[LONG])
    shown = tuple(_per_delta(name, took[name]) for name in (LONGER, LONG))
    peak = Amount("peak_mib", grown + idle, "MiB in all")
    return [Outcome(LINEAR, median(rounds), shown, rounds=rounds), Outcome(PEAK, grown, (peak,))]


def _per_delta(name: str, took: list[float]) -> Amount:
    count = STORIES[name]
    return Amount(f"cpu_us_per_delta_of_{count}", median(took) / count * 1e6, f"µs a delta of {count:,}")


def _told(server: Server, provider: str) -> float:
    """Processor seconds of a server for one whole stream, heard as fast as it comes. Raises BenchError."""
    request = ask(provider, stream=True)
    before = cpu_seconds(server.pid)
    with socket.create_connection(("127.0.0.1", server.port), timeout=_STREAM_SECONDS) as caller:
        caller.sendall(head(server.path(provider), len(request)) + request)
        first = last = caller.recv(_PIECE)
        while not last.endswith(_END) and (data := caller.recv(_PIECE)):
            last = (last + data)[-_TAIL:]
    if not first.startswith(_OK) or _DONE not in last:
        raise BenchError(f"the long stream through {server.name} ended early: {first[:200]!r} … {last[-200:]!r}")
    return cpu_seconds(server.pid) - before
