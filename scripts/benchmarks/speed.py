"""How fast: requests a second, chunks for a second of processor time, added latency, the price of the log."""

from __future__ import annotations

from .asks import BURSTS, MEDIUM_BYTES, SINGLE, SMALL, SMALL_BYTES, ask
from .figures import Amount, BenchError, Figure, Outcome, Target, median, quotients
from .laps import Bench, Lap, Run, amounts, interleaved
from .load import script
from .servers import Server
from .upstream import BURST, STREAM_CHUNKS

CONNECTIONS = 32
RATIO = "× nginx"
REQUESTS = Figure("1", "1 KB JSON in and out, 32 connections", RATIO, Target("≥", 0.45))
BODIES = Figure("2", "the same with 32 KB request bodies", RATIO, Target("≥", 0.4))
_STREAMS = "50-chunk streams, 32 connections: chunks per processor second, "
BURST_STREAMS = Figure("3a", f"{_STREAMS}in bursts of {BURST}", RATIO, Target("≥", 1.0))
SINGLE_STREAMS = Figure("3b", f"{_STREAMS}one by one", RATIO, None)
LATENCY = Figure("4", "latency added at one connection, median", RATIO, Target("≤", 1.6))
LOG = Figure("5", "processor time per request, log on", "× log off", Target("≤", 1.25))


def requests(bench: Bench) -> list[Outcome]:
    """Small requests a second, relative to nginx."""
    return [_rates(bench, REQUESTS, SMALL_BYTES)]


def bodies(bench: Bench) -> list[Outcome]:
    """Requests of 32 KB a second, relative to nginx."""
    return [_rates(bench, BODIES, MEDIUM_BYTES)]


def _rates(bench: Bench, figure: Figure, size: int) -> Outcome:
    body = script(bench.stage.folder, f"ask-{size}", ask(SMALL, size))
    laps = interleaved(bench, {side.name: Run(side, SMALL, body, CONNECTIONS) for side in (bench.nginx, bench.gateway)})
    ours, theirs = laps[bench.gateway.name], laps[bench.nginx.name]
    rounds = quotients([each.tally.per_second for each in ours], [each.tally.per_second for each in theirs])
    return Outcome(figure, median(rounds), amounts(ours), amounts(theirs), rounds=rounds)


def streams(bench: Bench) -> list[Outcome]:
    """Chunks that pass in a second of processor time, relative to nginx: both get the same chunks in the same way."""
    return [_streams(bench, BURST_STREAMS, BURSTS), _streams(bench, SINGLE_STREAMS, SINGLE)]


def _streams(bench: Bench, figure: Figure, provider: str) -> Outcome:
    body = script(bench.stage.folder, provider, ask(provider, stream=True))
    runs = {side.name: Run(side, provider, body, CONNECTIONS) for side in (bench.nginx, bench.gateway)}
    laps = interleaved(bench, runs)
    ours, theirs = laps[bench.gateway.name], laps[bench.nginx.name]
    rounds = quotients([_passed(each) for each in ours], [_passed(each) for each in theirs])
    return Outcome(figure, median(rounds), _chunks(ours), _chunks(theirs), rounds=rounds)


def _passed(lap: Lap) -> float:
    if not lap.cpu:
        raise BenchError("the lap was too short to count processor time")
    return lap.tally.requests * STREAM_CHUNKS / lap.cpu


def _chunks(laps: list[Lap]) -> tuple[Amount, ...]:
    return (
        Amount("chunks_per_cpu_second", median([_passed(each) for each in laps]), "chunks/CPU s"),
        Amount("chunks_per_second", median([each.tally.per_second * STREAM_CHUNKS for each in laps]), "chunks/s"),
        Amount("cpu_us_per_chunk", median([1e6 / _passed(each) for each in laps]), "µs"),
    )


def latency(bench: Bench) -> list[Outcome]:
    """What a proxy adds to the median latency of one caller, relative to nginx."""
    body = script(bench.stage.folder, "alone", ask(SMALL))
    direct = bench.servers.small
    runs = {side.name: Run(side, SMALL, body, 1) for side in (direct, bench.nginx, bench.gateway)}
    laps = interleaved(bench, runs)

    def added(side: Server) -> list[float]:
        return [a.tally.p50 - b.tally.p50 for a, b in zip(laps[side.name], laps[direct.name], strict=True)]

    def shown(side: Server) -> tuple[Amount, ...]:
        p50 = Amount("p50_us", median([each.tally.p50 for each in laps[side.name]]), "µs p50")
        return (Amount("added_us", median(added(side)), "µs added"), p50, amounts(laps[side.name])[1])

    rounds = quotients(added(bench.gateway), added(bench.nginx))
    return [Outcome(LATENCY, median(rounds), shown(bench.gateway), shown(bench.nginx), rounds=rounds)]


def log(bench: Bench) -> list[Outcome]:
    """Processor time for a request with a log line for each, relative to none."""
    body = script(bench.stage.folder, "logged", ask(SMALL))
    silent = bench.servers.gateway(log=False)
    try:
        sides = {"on": bench.gateway, "off": silent, "nginx": bench.nginx}
        laps = interleaved(bench, {name: Run(side, SMALL, body, CONNECTIONS) for name, side in sides.items()})
    finally:
        bench.servers.stop(silent)
    on, off, nginx = ([each.cpu_us for each in laps[name]] for name in ("on", "off", "nginx"))
    rounds = quotients(on, off)
    ours = (
        Amount("cpu_us_per_request", median(on), "µs"),
        Amount("cpu_us_per_request_log_off", median(off), "µs without"),
    )
    theirs = (Amount("cpu_us_per_request", median(nginx), "µs, no log"),)
    return [Outcome(LOG, median(rounds), ours, theirs, ratio=median(on) / median(nginx), rounds=rounds)]
