"""The matrix from its arguments to its tables."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from aigw.conformance.faults import BY_NAME, CONTROL, FAULTS, MODES, STREAM, Fault
from aigw.conformance.judge import Kind
from aigw.conformance.outcome import Ask, Outcome
from aigw.conformance.play import Case, Played, cases, play_all
from aigw.conformance.report import document, finding, lines
from aigw.sandbox.server import start

from .gateway import SURFACES, NoGateway, copied, gateway, model
from .players import GENERATIONS, OLD_SDKS, Player, player

TIMEOUT = 20.0
AT_ONCE = 32


def main(arguments: list[str] | None = None) -> int:
    """Play the matrix; 0 when all is well, 1 when something is wrong, 2 when it cannot begin.

    Wrong is a lie, a hang, a fault that did not reach the gateway, and one that a second candidate would have mended.
    """
    parser = argparse.ArgumentParser(
        prog="scripts/faults", description="Every fault, format and SDK against a gateway of its own."
    )
    repeated: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--quick", action="store_true", help="streams alone, current SDKs alone")
    parser.add_argument("--fault", **repeated, choices=list(BY_NAME), metavar="NAME", help="only this fault")
    parser.add_argument("--caller", **repeated, choices=list(SURFACES), metavar="FORMAT", help="only these callers")
    parser.add_argument("--upstream", **repeated, choices=list(SURFACES), metavar="FORMAT", help="only these upstreams")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help=f"calls at the same time ({AT_ONCE})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    wanted = plan(options)
    began = time.monotonic()
    try:
        played = asyncio.run(tested(wanted, options.at_once))
    except NoGateway as error:
        print(f"scripts/faults: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(document(played), indent=2))
    else:
        report(played, time.monotonic() - began)
    return 0 if all(each.verdict.kind.good and each.paths for each in played) and not unmended(played) else 1


def plan(options: argparse.Namespace) -> list[Case]:
    """The cases that are asked for."""
    callers, upstreams = options.caller or list(SURFACES), options.upstream or list(SURFACES)
    pairs = [(caller, model(upstream)) for caller in callers for upstream in upstreams]
    generations = generations_here() if not options.quick else ["current"]
    found = cases(pairs, faults(options.fault), [STREAM] if options.quick else MODES)
    asked = [attrs.evolve(each, who=who) for each in found for who in generations if each.format in GENERATIONS[who]]
    return [apart(each) if each.fault.waits else each for each in asked]


def apart(case: Case) -> Case:
    """A case with a model of its own, for a rate limit holds for a model of a key."""
    return attrs.evolve(case, model=model(upstream(case), f"limited-{case.format}-{case.mode}-{case.who}"))


def upstream(case: Case) -> str:
    """The format that a case's provider speaks."""
    return case.model.removeprefix("only-").partition(":")[0]


def faults(names: list[str]) -> list[Fault]:
    """The faults of these names; all without a name."""
    return [each for each in FAULTS if not names or each.name in names or each.name == CONTROL]


def generations_here() -> list[str]:
    """The generations of SDKs that are installed."""
    if OLD_SDKS.is_dir():
        return list(GENERATIONS)
    print(f"the SDKs' old majors are not in {OLD_SDKS}: only the current ones are asked", file=sys.stderr)
    return ["current"]


async def tested(wanted: list[Case], at_once: int) -> list[Played]:
    """Play cases with the SDKs that they need. Raises NoGateway."""
    async with contextlib.AsyncExitStack() as stack:
        players = {
            who: await stack.enter_async_context(player(who, TIMEOUT))
            for who in dict.fromkeys(each.who for each in wanted)
        }
        return await run(wanted, players, at_once)


async def run(
    wanted: list[Case],
    players: Mapping[str, Player],
    at_once: int = AT_ONCE,
    change: Callable[[Path], None] | None = None,
) -> list[Played]:
    """Play cases against a gateway of their own; in the order given. Raises NoGateway.

    `change` may change the copy of the code that the gateway is made of, in the folder given.
    """
    played: list[Played] = []
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aigw-faults-")))
        sandbox = await stack.enter_async_context(await start())
        source = await asyncio.to_thread(copied, folder)
        if change is not None:
            change(source)
        url = await stack.enter_async_context(gateway(folder, sandbox.base_url, source))

        async def ask(case: Case, question: Ask) -> Outcome:
            return await players[case.who].ask(url, case.format, question)

        async for each in play_all(wanted, sandbox, ask, at_once):
            played.append(each)
            if sys.stderr.isatty():
                print(f"\r{len(played)} of {len(wanted)}", end="", file=sys.stderr, flush=True)
    order = {id(case): number for number, case in enumerate(wanted)}
    return sorted(played, key=lambda each: order[id(each.case)])


def unmended(played: Iterable[Played]) -> list[Played]:
    """Those that failed, though there was another candidate and nothing had been said yet."""
    return [each for each in played if each.case.fault.mends and each.verdict.kind is not Kind.TRUE]


def report(played: list[Played], seconds: float) -> None:
    """The tables, the columns of which are the upstreams; of several SDKs and modes in a cell the worst comes first."""
    for line in lines(played, lambda each: upstream(each.case)):
        print(line)
    for each in unmended(played):
        print(f"UNMENDED  {finding(each)}")
    print(f"{seconds:.0f} s")
