"""What changed between two catalogs, in a few lines for whoever reviews the change?"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from .prices import announced

Entry = dict[str, Any]
Document = dict[str, Any]


def summary(before: Document, after: Document) -> Iterator[str]:
    """One line per model that differs, then totals, then the price changes already announced."""
    old, new = _by_key(before), _by_key(after)
    for key in sorted(old.keys() | new.keys()):
        line = _line(old.get(key), new.get(key))
        if line:
            yield f"{line} {key}"
    unpriced = sum("prices" not in entry for entry in new.values())
    yield f"{len(new)} models of {len(after['providers'])} providers, {unpriced} without a known price"
    yield from _coming(after)


def _by_key(catalog: Document) -> dict[str, Entry]:
    return {f"{entry['provider']}:{entry['id']}": entry for entry in catalog["models"]}


def _line(old: Entry | None, new: Entry | None) -> str | None:
    if old == new:
        return None
    if old is None:
        return "added    "
    if new is None:
        return "removed  "
    return "re-priced" if old.get("prices") != new.get("prices") else "changed  "


def _coming(catalog: Document) -> Iterator[str]:
    day = date.fromisoformat(catalog["generated"])
    for entry in catalog["models"]:
        change = announced(entry["provider"], entry["id"], day)
        if change:
            yield f"changes price on {change}: {entry['provider']}:{entry['id']}"
