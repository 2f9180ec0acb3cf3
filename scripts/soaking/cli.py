"""The soak from its arguments to its exit code."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop
from trials.code import add_choice, copied
from trials.process import TrialError

from .soak import Plan, Soak

# A run that says something of memory; about three minutes on two cores.
FULL_RUN = 200_000
MOST_SHOWN = 20


def main(arguments: list[str] | None = None) -> int:
    """Run a soak; 0 when nothing was wrong, 1 when something was."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Mixed load on a gateway, watched for leaks and lies."
    )
    parser.add_argument("minutes", type=float, nargs="?", default=10.0, metavar="MINUTES", help="at most so long (10)")
    parser.add_argument("--minutes", type=float, dest="minutes", default=argparse.SUPPRESS, help="the same")
    parser.add_argument("--seconds", type=float, help="the same in seconds")
    parser.add_argument("--requests", type=int, help="end earlier, after so many (no limit)")
    parser.add_argument("--connections", type=int, default=32, help="callers at the same time (32)")
    parser.add_argument("--workers", type=int, default=1, help="processes of the gateway (1)")
    parser.add_argument("--seed", type=int, default=1, help="what is random follows from it (1)")
    add_choice(parser)
    options = parser.parse_args(arguments)
    seconds = options.seconds if options.seconds is not None else 60 * options.minutes
    plan = Plan(seconds, options.requests or sys.maxsize, options.connections, options.workers, options.seed)
    made, wrong = run(plan, compiled=options.compiled, given=options.code)
    for line in wrong[:MOST_SHOWN]:
        print(f"WRONG  {line[:1500]}", file=sys.stderr)
    if made < FULL_RUN:
        print(f"no full run: {made:,} requests instead of {FULL_RUN:,}")
    print(f"{len(wrong)} violations" if wrong else "nothing was wrong")
    return 1 if wrong else 0


def run(plan: Plan, *, compiled: bool = False, given: Path | None = None) -> tuple[int, list[str]]:
    """How many requests were made, and what was wrong."""
    with tempfile.TemporaryDirectory(prefix="aigw-soak-") as name:
        folder = Path(name)
        try:
            soak = Soak(plan, copied(folder, compiled=compiled, given=given))
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                wrong = runner.run(soak.run(folder))
        except TrialError as error:
            return 0, [str(error)]
    return soak.asking.made, wrong
