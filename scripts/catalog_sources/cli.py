"""The command line of `scripts/update_catalog`."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from . import build, document, figures, report

USUAL_FACTS = document.ROOT.parent / "shared" / "facts" / "models.json"
"""Where a models.dev facts file lies beside a checkout, when there is one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write catalog.json, or with `--check` say whether it is what the sources give.

    Exit codes: 0 good, 1 out of date or not sound, 2 wrong usage.
    """
    options = _options(arguments)
    before = document.read()
    day = date.fromisoformat(before["generated"]) if options.check else options.date
    after = _after(before, day, options.facts)
    if faults := document.faults(after):
        sys.exit("\n".join(["the new catalog is not sound:", *faults]))
    if options.check:
        return _check(before, after)
    if document.render(after | {"generated": before["generated"]}) == document.render(before):
        print("nothing to change")
        return 0
    document.CATALOG.write_text(document.render(after), encoding="utf-8")
    print("\n".join(report.summary(before, after)))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="update_catalog",
        description="Regenerate catalog.json from the installed genai-prices and a models.dev facts file. "
        "Without facts the models stay as they are and only their prices are brought up to date.",
        epilog="example: scripts/update_catalog --facts ../facts/models.json",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; fail when catalog.json is out of date")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today(), help="the day whose prices to take")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--facts", type=Path, default=_usual_facts(), help="facts file (or AIGW_CATALOG_FACTS)")
    choice.add_argument("--prices-only", dest="facts", action="store_const", const=None, help="leave facts aside")
    return parser.parse_args(arguments)


def _usual_facts() -> Path | None:
    named = os.environ.get("AIGW_CATALOG_FACTS")
    if named:
        return Path(named)
    return USUAL_FACTS if USUAL_FACTS.exists() else None


def _after(before: document.Document, day: date, facts: Path | None) -> document.Document:
    if facts is None:
        entries = build.repriced(before["models"], day)
        return document.document(entries, day.isoformat(), before["sources"]["models.dev"]["commit"])
    commit, listed = figures.read_facts(facts)
    return document.document(build.full(listed, day), day.isoformat(), commit)


def _check(before: document.Document, after: document.Document) -> int:
    if document.CATALOG.exists() and document.CATALOG.read_text(encoding="utf-8") == document.render(after):
        print("catalog.json is up to date")
        return 0
    print("\n".join(report.summary(before, after)))
    print("catalog.json is out of date: run scripts/update_catalog")
    return 1
