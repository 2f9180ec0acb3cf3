"""How does a command print what it found? As JSON, or as columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """JSON for people and programs."""
    import orjson

    print(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    shown = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in shown) for at in range(len(head))]
    for row in shown:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(text: str) -> str:
    """A text on one line that no terminal takes for a command: what cannot be printed is written as its escape."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def note(text: str) -> None:
    """A remark on standard error, beside what the command prints."""
    print(f"aigw: {text}", file=sys.stderr)
