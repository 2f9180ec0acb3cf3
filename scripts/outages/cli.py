"""The outages from their arguments to their table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop
from trials.code import add_choice, copied
from trials.process import TrialError

from .run import Plan, run, scenarios
from .scenario import Outcome

_HEAD = (
    *("scenario", "calls", "requests", "attempts", "ratio", "in all", "bound"),
    *("before", "during", "after", "refused", "recovery"),
)


def main(arguments: list[str] | None = None) -> int:
    """Try the outages; 0 when every bound held, 1 when not."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="scripts/outage", description="What an outage costs, and when it is over.")
    parser.add_argument("--before", type=float, default=usual.before, help=f"seconds before it ({usual.before:g})")
    parser.add_argument("--during", type=float, default=usual.during, help=f"seconds of it ({usual.during:g})")
    parser.add_argument("--after", type=float, default=usual.after, help=f"seconds after it ({usual.after:g})")
    parser.add_argument("--rate", type=float, default=usual.rate, help=f"calls a second ({usual.rate:g})")
    parser.add_argument("--only", default="", metavar="WORDS", help="scenarios with these words in their name")
    add_choice(parser)
    options = parser.parse_args(arguments)
    plan = Plan(options.before, options.during, options.after, options.rate)
    wanted = [each for each in scenarios() if options.only in each.words]
    with tempfile.TemporaryDirectory(prefix="aigw-outage-") as name:
        try:
            code = copied(Path(name), compiled=options.compiled, given=options.code)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                outcomes = runner.run(run(plan, wanted, Path(name), code))
        except TrialError as error:
            print(f"WRONG  {error}", file=sys.stderr)
            return 1
    print("\n".join(table(outcomes)))
    wrong = [line for outcome in outcomes for line in outcome.wrong()]
    for line in wrong:
        print(f"WRONG  {line}", file=sys.stderr)
    print(f"{len(wrong)} bounds are broken" if wrong else "every bound held", f"({code.words})")
    return 1 if wrong else 0


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A line per scenario.

    Calls of apps, requests of their SDKs and attempts at upstreams while these failed; attempts in all until they were
    well again, and their bound; shares of calls that failed; first and later tries that failed after the recovery, and
    how long that took.
    """
    rows = [_HEAD, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(_aligned, row, widths, (True, *[False] * len(row)))) for row in rows]


def _aligned(cell: str, width: int, left: bool) -> str:
    return cell.ljust(width) if left else cell.rjust(width)


def _row(outcome: Outcome) -> tuple[str, ...]:
    calls, since = len(outcome.during), outcome.recovered
    shares = (
        outcome.failed(after=0.0, before=outcome.failing),
        outcome.failed(after=outcome.failing, before=outcome.healed),
        outcome.failed(after=outcome.healed, before=float("inf")),
    )
    return (
        outcome.scenario.words,
        str(calls),
        str(outcome.requests),
        str(outcome.attempts),
        f"{outcome.attempts / calls:.2f}" if calls else "-",
        str(outcome.earlier + outcome.attempts),
        f"{outcome.most_attempts:.0f}",
        *(f"{share:.0%}" for share in shares),
        f"{outcome.refused_after(again=False)}+{outcome.refused_after(again=True)}",
        "never" if since is None else f"{since - outcome.healed:.2f} s",
    )
