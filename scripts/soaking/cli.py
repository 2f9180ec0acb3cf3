"""The soak from its arguments to its report."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import attrs
import uvloop

from .asks import Asking
from .caller import Caller, leaving
from .judge import judge
from .watch import KEY, SoakError, Watched, watched

# Idle connections that the gateway may keep beside one per caller: some were replaced while in use.
SPARE_CONNECTIONS = 16
SETTLE_LOOKS, SETTLE_PAUSE = 150, 0.1
# Growth of memory that is judged: over this many requests after the first third, above this many MiB per 100,000.
JUDGED_REQUESTS = 50_000
MOST_GROWTH = 20.0
MOST_SHOWN = 20


@attrs.frozen
class Sample:
    """One look from outside: requests begun so far, resident memory in KiB, upstream connections open."""

    at: float
    requests: int
    memory: int
    connections: int


@attrs.define
class Tally:
    """What came of it."""

    ends: Counter[str] = attrs.field(factory=Counter)
    statuses: Counter[int] = attrs.field(factory=Counter)
    wrong: list[str] = attrs.field(factory=list)
    samples: list[Sample] = attrs.field(factory=list)


def main(arguments: list[str] | None = None) -> int:
    """Run a soak; 0 when nothing was wrong, 1 when something was."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Mixed load on a gateway, watched for leaks and lies."
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--connections", type=int, default=32, help="callers at the same time (32)")
    parser.add_argument("--workers", type=int, default=1, help="processes of the gateway (1)")
    parser.add_argument("--seed", type=int, default=1, help="what is random follows from it (1)")
    options = parser.parse_args(arguments)
    seconds = options.seconds if options.seconds is not None else 60 * options.minutes
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            wrong = runner.run(soak(seconds, options.connections, options.workers, options.seed))
    except SoakError as error:
        wrong = [str(error)]
    for line in wrong[:MOST_SHOWN]:
        print(f"WRONG  {line[:1500]}", file=sys.stderr)
    print(f"{len(wrong)} violations" if wrong else "nothing was wrong")
    return 1 if wrong else 0


async def soak(seconds: float, connections: int, workers: int, seed: int) -> list[str]:
    """Load a gateway for so long; what was wrong."""
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="aigw-soak-") as folder:
        async with watched(Path(folder), workers) as gateway:
            asking = Asking(KEY, seed)
            until = time.monotonic() + seconds
            looking = asyncio.create_task(look(gateway, asking, tally, until))
            await asyncio.gather(
                *(load(gateway, asking, tally, until, random.Random(f"{seed}/{n}")) for n in range(connections))
            )
            await looking
            await settled(gateway, tally, connections * workers)
    tally.wrong += gateway.log.odd
    report(tally, gateway, asking.made, seconds)
    return tally.wrong


async def load(gateway: Watched, asking: Asking, tally: Tally, until: float, rng: random.Random) -> None:
    """One caller: asks, leaves every other time, and judges what it got."""
    caller = Caller(*gateway.listen)
    while time.monotonic() < until:
        ask = asking.next()
        leave = leaving(ask, rng) if rng.random() < 0.5 else None
        answer = await caller.ask(ask, leave, 0.05 if rng.random() < 0.01 else 0.0)
        tally.ends[answer.end.value] += 1
        tally.statuses[answer.status] += 1
        found = judge(ask, answer)
        if found is not None:
            tally.wrong.append(f"{ask.kind.name} streamed={ask.streamed} fault={ask.fault!r}: {found}")
    caller.close()


async def look(gateway: Watched, asking: Asking, tally: Tally, until: float) -> None:
    """Look from outside now and then, and say how it goes."""
    began = time.monotonic()
    every = min(10.0, max(0.5, (until - began) / 20))
    while time.monotonic() < until:
        await asyncio.sleep(min(every, max(0.0, until - time.monotonic())))
        metrics = await gateway.metrics()
        now = time.monotonic() - began
        sample = Sample(now, asking.made, gateway.memory(), int(metrics["aigw_upstream_connections"]))
        tally.samples.append(sample)
        print(
            f"{now:6.0f} s  {sample.requests:9,} requests  {sample.requests / now:6.0f} /s"
            f"  {sample.memory / 1024:7.1f} MiB  {sample.connections:4} upstream connections  {len(tally.wrong)} wrong",
            flush=True,
        )


async def settled(gateway: Watched, tally: Tally, most: int) -> None:
    """Once all callers have left, nothing may be under way and no more kept than was in use."""
    for _ in range(SETTLE_LOOKS):
        metrics = await gateway.metrics()
        if not metrics["aigw_requests_in_flight"]:
            break
        await asyncio.sleep(SETTLE_PAUSE)
    else:
        tally.wrong.append(f"{metrics['aigw_requests_in_flight']:.0f} requests are still in flight")
    if metrics['aigw_upstream_connections{state="active"}']:
        tally.wrong.append("upstream connections are in use without a request")
    if metrics["aigw_upstream_connections"] > most + SPARE_CONNECTIONS:
        tally.wrong.append(f"{metrics['aigw_upstream_connections']:.0f} upstream connections are open")
    if metrics["aigw_log_dropped_total"]:
        tally.wrong.append(f"{metrics['aigw_log_dropped_total']:.0f} log lines were lost")
    growth = slope(tally.samples)
    if growth is not None and growth > MOST_GROWTH:
        tally.wrong.append(f"memory grew by {growth:.1f} MiB per 100,000 requests")
    counted = int(metrics["aigw_requests_total"])
    print(
        f"\nafterwards: {metrics['aigw_requests_in_flight']:.0f} requests in flight;"
        f" {metrics['aigw_upstream_connections']:.0f} upstream connections open;"
        f" {gateway.descriptors()} descriptors; {counted:,} requests counted"
    )


def slope(samples: list[Sample]) -> float | None:
    """Growth in MiB per 100,000 requests after the first third (least squares); None when there were too few."""
    kept = samples[len(samples) // 3 :]
    if len(kept) < 3 or kept[-1].requests - kept[0].requests < JUDGED_REQUESTS:
        return None
    mean_x = sum(each.requests for each in kept) / len(kept)
    mean_y = sum(each.memory for each in kept) / len(kept)
    above = sum((each.requests - mean_x) * (each.memory - mean_y) for each in kept)
    below = sum((each.requests - mean_x) ** 2 for each in kept)
    return above / below * 100_000 / 1024


def report(tally: Tally, gateway: Watched, made: int, seconds: float) -> None:
    """The numbers."""
    growth = slope(tally.samples)
    first, last = tally.samples[0], tally.samples[-1]
    print(f"{made:,} requests in {seconds:.0f} s, {made / seconds:.0f} a second")
    print("ends:     " + ", ".join(f"{name} {count:,}" for name, count in sorted(tally.ends.items())))
    print("statuses: " + ", ".join(f"{status or 'none'} {count:,}" for status, count in sorted(tally.statuses.items())))
    print("log:      " + ", ".join(f"{name} {count:,}" for name, count in sorted(gateway.log.requests.items())))
    print(
        f"memory:   {first.memory / 1024:.1f} MiB at first, {last.memory / 1024:.1f} MiB at last; "
        + ("too few requests for a slope" if growth is None else f"{growth:+.2f} MiB per 100,000 requests")
    )
