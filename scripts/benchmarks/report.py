"""What came out, for people (a table in Markdown) and for programs (JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .figures import Amount, Missing, Outcome

HEAD = ("", "figure", "aigw", "nginx", "result", "target", "")


@attrs.frozen
class Circumstances:
    """Under what conditions it was measured: names of what is there, and the system's load before and after."""

    machine: Mapping[str, Any]
    gateway: Mapping[str, Any]
    plan: Mapping[str, Any]
    load_before: tuple[float, ...]
    load_after: tuple[float, ...]


def number(value: float) -> str:
    """Three significant figures, or whole thousands with commas."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def table(results: Sequence[Outcome | Missing]) -> str:
    """A table in Markdown whose columns are aligned."""
    rows = [HEAD, *(_row(each) for each in results)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join((lines[0], "| " + " | ".join("-" * width for width in widths) + " |", *lines[1:]))


def _row(result: Outcome | Missing) -> tuple[str, ...]:
    figure = result.figure
    target = f"{figure.target.sign} {number(figure.target.limit)} {figure.unit}" if figure.target else "–"
    if isinstance(result, Missing):
        return (figure.number, figure.title, "–", "–", f"not measured: {result.reason}", target, "–")
    value = f"{number(result.value)} {figure.unit}"
    if len(result.rounds) > 1:
        value += f" ({number(min(result.rounds))}–{number(max(result.rounds))})"
    if result.ratio is not None:
        value += f", {number(result.ratio)} × nginx"
    reached = "–" if figure.target is None else "reached" if result.reached else "missed"
    return (figure.number, figure.title, _amounts(result.aigw), _amounts(result.nginx), value, target, reached)


def _amounts(amounts: Sequence[Amount]) -> str:
    return ", ".join(f"{number(each.value)} {each.unit}" for each in amounts) or "–"


def document(results: Sequence[Outcome | Missing], under: Circumstances) -> dict[str, Any]:
    """Everything, as JSON can hold it."""
    return {
        "machine": dict(under.machine),
        "gateway": dict(under.gateway),
        "plan": dict(under.plan),
        "loadAverage": {"before": under.load_before, "after": under.load_after},
        "figures": [_entry(each) for each in results],
    }


def _entry(result: Outcome | Missing) -> dict[str, Any]:
    figure = result.figure
    told: dict[str, Any] = {
        "number": figure.number,
        "title": figure.title,
        "unit": figure.unit,
        "target": attrs.asdict(figure.target) if figure.target else None,
    }
    if isinstance(result, Missing):
        return {**told, "reached": None, "error": result.reason}
    return {
        **told,
        "value": result.value,
        "reached": result.reached if figure.target else None,
        "rounds": result.rounds,
        "ratioToNginx": result.ratio,
        "aigw": {each.name: each.value for each in result.aigw},
        "nginx": {each.name: each.value for each in result.nginx},
    }
