"""The measurement from its arguments to its report."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType

import attrs

from . import code, evenness, speed, translation, weight
from .figures import BenchError, Figure, Missing, Outcome
from .laps import Bench, Plan
from .report import Circumstances, document, table
from .servers import Servers
from .stage import REALTIME_PRIORITY, Cores, Stage

GOOD, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
TOOLS = ("nginx", "wrk")
NEEDS = "it compares with nginx under the load of wrk, on Linux (Debian, Ubuntu: apt install nginx-light wrk)"
FULL = Plan(rounds=5, seconds=1.5, starts=5, streams=1000, watched=8.0)
QUICK = Plan(rounds=2, seconds=0.4, starts=2, streams=1000, watched=2.0)
# Then what has been measured is reported and the rest is not.
FULL_SECONDS, QUICK_SECONDS, LITELLM_SECONDS = 300.0, 50.0, 100.0


@attrs.frozen
class Measure:
    """One measurement: the figures that come out, and how it is done."""

    figures: tuple[Figure, ...]
    run: Callable[[Bench], Sequence[Outcome | Missing]]


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "requests": Measure((speed.REQUESTS,), speed.requests),
        "bodies": Measure((speed.BODIES,), speed.bodies),
        "streams": Measure((speed.BURST_STREAMS, speed.SINGLE_STREAMS), speed.streams),
        "latency": Measure((speed.LATENCY,), speed.latency),
        "log": Measure((speed.LOG,), speed.log),
        "memory": Measure((weight.MEMORY, weight.HELD), weight.memory),
        "start": Measure((weight.START,), weight.start),
        "crowd": Measure((evenness.FIRST, evenness.LAST), evenness.crowd),
        "trickle": Measure((weight.TRICKLE,), weight.trickle),
        "chunks": Measure((translation.BURST_CHUNKS, translation.SINGLE_CHUNKS), translation.chunks),
        "translated": Measure((translation.PASSING,), translation.translated),
        "litellm": Measure((translation.LITELLM,), translation.litellm),
        "long": Measure((translation.LINEAR, translation.PEAK), translation.long),
    }
)


class OutOfTime(BenchError):
    """The whole took longer than it may."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; 0 when every target is reached, 1 when not, 2 when it cannot begin."""
    options = _parser().parse_args(arguments)
    missing = [tool for tool in TOOLS if not shutil.which(tool)] if sys.platform == "linux" else ["Linux"]
    if missing:
        print(
            f"bench: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not here: {NEEDS}", file=sys.stderr
        )
        return USAGE
    # Said for SIGINT too: who is started in the background by a shell ignores it until somebody says otherwise.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        results, under = _measured(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("bench: interrupted; everything that it started is stopped", file=sys.stderr)
        return INTERRUPTED
    print(json.dumps(document(results, under), indent=2, ensure_ascii=False) if options.json else _told(results, under))
    return GOOD if all(map(_good, results)) else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the gateway beside nginx on this machine, on loopback; see docs/guides/performance.md.",
        epilog=f"figures: {', '.join(MEASURES)}",
    )
    parser.add_argument("--quick", action="store_true", help="in less than a minute instead of four, less exactly")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--only", type=_names, default=tuple(MEASURES), metavar="FIGURE,…", help="only these figures")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds to take the median of")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a lap of load")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--plain", action="store_true", help="measure the sources as they are, uncompiled")
    which.add_argument("--code", type=Path, metavar="DIR", help="measure the package aigw in this folder")
    parser.add_argument("--litellm", type=Path, metavar="PATH", help="the command of a LiteLLM to compare with")
    parser.add_argument(
        "--realtime", action="store_true", help="real-time priority, so that nothing else interferes (needs root)"
    )
    return parser


def _good(result: Outcome | Missing) -> bool:
    return result.reached if isinstance(result, Outcome) else not result.asked


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if unknown := [name for name in names if name not in MEASURES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(MEASURES)}")
    return names


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _plan(options: argparse.Namespace) -> Plan:
    plan = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("rounds", "seconds") if getattr(options, name)}
    return attrs.evolve(plan, **given)


def _measured(options: argparse.Namespace) -> tuple[list[Outcome | Missing], Circumstances]:
    plan, before = _plan(options), os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="aigw-bench-") as folder:
        measured = code.prepare(Path(folder), plain=options.plain, given=options.code)
        cores = Cores.usable()
        stage = Stage(Path(folder), cores, realtime=options.realtime)
        most = (QUICK_SECONDS if options.quick else FULL_SECONDS) + (LITELLM_SECONDS if options.litellm else 0.0)
        with stage, _limited(most) as limit:
            servers = Servers(stage, measured)
            bench = Bench(stage, servers, plan, servers.nginx(), servers.gateway(), options.litellm)
            results = [each for name in options.only for each in _one(bench, name, limit)]
    under = Circumstances(
        _machine(cores),
        {"compiled": measured.compiled, "log": "info, json, to a file"},
        {**attrs.asdict(plan), "realtimePriority": REALTIME_PRIORITY if options.realtime else None},
        before,
        os.getloadavg(),
    )
    return results, under


def _one(bench: Bench, name: str, limit: Limit) -> Sequence[Outcome | Missing]:
    measure = MEASURES[name]
    print(f"bench: {name} …", file=sys.stderr, flush=True)
    try:
        if limit.passed:
            raise OutOfTime("out of time")
        return measure.run(bench)
    except BenchError as error:
        return [Missing(figure, str(error)) for figure in measure.figures]


@attrs.define
class Limit:
    """Whether the time for all is up."""

    passed: bool = False


@contextmanager
def _limited(seconds: float) -> Iterator[Limit]:
    """Raises OutOfTime in what runs within, once."""
    limit = Limit()

    def up(number: int, frame: FrameType | None) -> None:
        limit.passed = True
        raise OutOfTime(f"not done after {seconds:g} s in all")

    previous = signal.signal(signal.SIGALRM, up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _machine(cores: Cores) -> dict[str, object]:
    return {
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "nginx": _version("nginx", "-v"),
        "wrk": _version("wrk", "-v"),
        "proxyCore": cores.proxy,
        "loadCore": cores.load,
    }


def _version(*command: str) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    found = re.search(r"\d+\.\d+[.\d]*", told.stdout + told.stderr)
    return found[0] if found else "?"


def _told(results: Sequence[Outcome | Missing], under: Circumstances) -> str:
    machine, gateway, plan = under.machine, under.gateway, under.plan
    urgent = "; real-time priority" if plan["realtimePriority"] else ""
    alone = machine["proxyCore"] != machine["loadCore"]
    lines = (
        f"{machine['cores']} cores, {machine['architecture']}, Linux {machine['kernel']}, loopback; Python"
        f" {machine['python']}, nginx {machine['nginx']}, wrk {machine['wrk']}",
        f"load average {under.load_before[0]:.2f} before, {under.load_after[0]:.2f} after{urgent}",
        "proxies on one core, all else on another"
        if alone
        else "only one core: proxies, callers and upstreams share it",
        f"aigw: one process, {'hot path compiled' if gateway['compiled'] else 'not compiled'}; access key, custom"
        f" providers with keys, metrics, control listener, log ({gateway['log']})",
        f"medians of {plan['rounds']} interleaved rounds of {plan['seconds']:g} s; in brackets the extremes",
        "",
    )
    return "\n".join((*lines, table(results)))
