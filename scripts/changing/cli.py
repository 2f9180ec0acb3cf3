"""The trials of changes from their arguments to their findings."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import uvloop
from trials.code import add_choice, copied
from trials.process import TrialError

from . import keys, nodes, outage, reload, revocation
from .findings import Findings, Plan

TRIALS = {
    "revocation": revocation.run,
    "outage": outage.run,
    "nodes": nodes.run,
    "keys": keys.run,
    "reload": reload.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Try them; 0 when everything held, 1 when not."""
    usual = Plan()
    parser = argparse.ArgumentParser(prog="scripts/changes", description="Changes of keys under load.")
    parser.add_argument("trial", nargs="*", metavar="TRIAL", help=f"{', '.join(TRIALS)} (all)")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help=f"load of each ({usual.seconds:g})")
    parser.add_argument("--rate", type=float, default=usual.rate, help=f"requests a second ({usual.rate:g})")
    parser.add_argument("--keys", type=int, default=usual.keys, help=f"of `keys` ({usual.keys})")
    add_choice(parser)
    options = parser.parse_args(arguments)
    plan = Plan(options.seconds, options.rate, options.keys)
    wanted = options.trial or list(TRIALS)
    if unknown := [name for name in wanted if name not in TRIALS]:
        parser.error(f"there is no trial {unknown[0]!r}")
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="aigw-changes-") as name:
        try:
            code = copied(Path(name), compiled=options.compiled, given=options.code)
            for trial in wanted:
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    wrong += _told(trial, runner.run(TRIALS[trial](plan, _folder(name, trial), code.folder)))
        except TrialError as error:
            print(f"WRONG  {error}", file=sys.stderr)
            return 1
    print(f"{wrong} things do not hold" if wrong else "everything held", f"({code.words})")
    return 1 if wrong else 0


def _folder(name: str, trial: str) -> Path:
    folder = Path(name) / trial
    folder.mkdir()
    return folder


def _told(trial: str, findings: Findings) -> int:
    print(f"{trial}:")
    for line in findings.lines:
        print(f"  {line}")
    for line in findings.wrong:
        print(f"WRONG  {trial}: {line}", file=sys.stderr)
    return len(findings.wrong)
