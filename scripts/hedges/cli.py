"""The comparison from its arguments to its table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import uvloop
from trials.code import add_choice, copied
from trials.process import TrialError

from .run import HEDGED, Result, run
from .upstream import Modes

MOST_EXTRA = 0.05
MOST_TAIL = 1.5
# The share is one of all requests; a handful of them at the start may be above it.
SLACK = 0.005


def main(arguments: list[str] | None = None) -> int:
    """Compare; 0 when hedging keeps what it promises, 1 when not."""
    parser = argparse.ArgumentParser(prog="scripts/hedging", description="First tokens with and without hedging.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (20)")
    parser.add_argument("--rate", type=float, default=150.0, help="requests a second, each (150)")
    for field in attrs.fields(Modes):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(
            name, type=float, default=field.default, metavar="X", help=f"of the upstream ({field.default:g})"
        )
    add_choice(parser)
    options = parser.parse_args(arguments)
    modes = Modes(**{field.name: getattr(options, field.name) for field in attrs.fields(Modes)})
    with tempfile.TemporaryDirectory(prefix="aigw-hedging-") as name:
        try:
            code = copied(Path(name), compiled=options.compiled, given=options.code)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                results = runner.run(run(options.seconds, options.rate, modes, Path(name), code))
        except TrialError as error:
            print(f"WRONG  {error}", file=sys.stderr)
            return 1
    print("\n".join(table(results)))
    wrong = [line for result in results for line in judged(result)]
    for line in wrong:
        print(f"WRONG  {line}", file=sys.stderr)
    print("hedging does not keep its promise" if wrong else "hedging keeps its promise", f"({code.words})")
    return 1 if wrong else 0


def judged(result: Result) -> list[str]:
    """What does not hold: the tail and the price where it is hedged; where not, that it costs nothing."""
    if result.provider != HEDGED:
        return [f"{result.provider}: asked {result.asked} times for {result.requests} requests"] if result.extra else []
    wrong = []
    tail, edge = result.quantile(0.99), result.quantile(0.95)
    if tail >= MOST_TAIL * edge:
        wrong.append(f"p99 is {tail * 1e3:.0f} ms, {tail / edge:.2f} × p95")
    if result.extra > MOST_EXTRA + SLACK:
        wrong.append(f"{result.extra:.1%} more calls than requests")
    if not result.hedges["won"]:
        wrong.append("no second candidate was ever first")
    return wrong


def table(results: Sequence[Result]) -> list[str]:
    """A line per provider: quantiles of the first token, calls beyond one per request, how the second ones fared."""
    lines = ["provider  requests     p50     p95     p99   extra  won  lost  failed"]
    for each in results:
        times = "".join(f"{each.quantile(share) * 1e3:5.0f} ms" for share in (0.5, 0.95, 0.99))
        hedges = each.hedges
        ended = f"{hedges['won']:5}{hedges['lost']:6}{hedges['failed']:8}"
        lines.append(f"{each.provider:8}{each.requests:10}{times}{each.extra:8.1%}{ended}")
    return lines
