"""Verdicts for people and programs: a matrix per format, what each lie was, totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from aigw.conformance.judge import Kind
from aigw.conformance.play import Played

# What stands in a cell; a case that was not played leaves it empty.
_SHOWN = {
    Kind.TRUE: "true",
    Kind.RAISED: "raised",
    Kind.TOLD: "told",
    Kind.UNASKED: "unasked",
    Kind.LIE: "LIE",
    Kind.HUNG: "HUNG",
}
_WORST = (Kind.LIE, Kind.HUNG, Kind.UNASKED, Kind.TOLD, Kind.RAISED, Kind.TRUE)
_MOST_FINDINGS = 60

Column = Callable[[Played], str]


def lines(played: Sequence[Played], column: Column) -> Iterator[str]:
    """The whole report: a table for each format, faults by `column`; what was wrong; totals."""
    for format in dict.fromkeys(each.case.format for each in played):
        yield from _matrix(format, [each for each in played if each.case.format == format], column)
        yield ""
    wrong = [each for each in played if not each.verdict.kind.good]
    yield from (finding(each) for each in wrong[:_MOST_FINDINGS])
    if len(wrong) > _MOST_FINDINGS:
        yield f"… and {len(wrong) - _MOST_FINDINGS} more"
    yield total(played)


def _matrix(format: str, played: Sequence[Played], column: Column) -> Iterator[str]:
    columns = list(dict.fromkeys(column(each) for each in played))
    cells: dict[tuple[str, str], list[Kind]] = {}
    for each in played:
        cells.setdefault((each.case.fault.name, column(each)), []).append(each.verdict.kind)
    rows = [
        [fault, *(_cell(cells.get((fault, name), [])) for name in columns)]
        for fault in dict.fromkeys(each.case.fault.name for each in played)
    ]
    head = [format, *columns]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(kinds: list[Kind]) -> str:
    """The worst of several verdicts first; how often each, where they differ."""
    counts = Counter(kinds)
    shown = [(_SHOWN[kind], counts[kind]) for kind in _WORST if counts[kind]]
    return " ".join(name if len(shown) == 1 else f"{name}:{count}" for name, count in shown)


def finding(each: Played) -> str:
    """One case that went wrong, in a line."""
    case = each.case
    where = " ".join(filter(None, (case.format, case.mode, case.model, case.who)))
    return f"{each.verdict.kind.value.upper()}  {where}, {case.fault.name} ({case.fault.about}): {each.verdict.why}"


def total(played: Iterable[Played]) -> str:
    """How many calls came to what."""
    counts = Counter(each.verdict.kind for each in played)
    parts = [f"{counts[kind]} {kind.value}" for kind in Kind if counts[kind]]
    wrong = counts[Kind.LIE] + counts[Kind.HUNG]
    verdict = f"{wrong} callers were left with a lie or with nothing" if wrong else "nobody was lied to"
    return f"{counts.total()} calls: {', '.join(parts)}; {verdict}"


def document(played: Sequence[Played]) -> dict[str, Any]:
    """The same as JSON."""
    counts = Counter(each.verdict.kind.value for each in played)
    return {
        "calls": len(played),
        "verdicts": {kind.value: counts[kind.value] for kind in Kind},
        "cases": [
            {
                "format": each.case.format,
                "model": each.case.model,
                "mode": each.case.mode,
                "sdk": each.case.who,
                "fault": each.case.fault.name,
                "lists": list(each.case.fault.lists),
                "verdict": each.verdict.kind.value,
                "why": each.verdict.why,
                "upstream": list(each.paths),
            }
            for each in played
        ],
    }
