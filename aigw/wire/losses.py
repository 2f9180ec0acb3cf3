"""The loss ledger: what a translation could not carry as it was, each with its place in the caller's request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Action = Literal["dropped", "rewritten", "approximated"]

MOST = 100
"""Entries kept of one translation; a longer ledger says no more, and headers and records are bounded."""

SHOWN_BYTES = 1024
"""Bytes of the response header: proxies commonly refuse heads above 8 KiB in all."""


class Loss(msgspec.Struct, frozen=True):
    """One thing that is not as the caller said it.

    `pointer` is a JSON pointer (RFC 6901) into the caller's request; for what only the answer had, into the answer
    with `answer:` before it. `dropped`: it is not sent at all. `rewritten`: it is sent in other words of the same
    meaning that a careful reader could notice (a tool's id). `approximated`: the nearest thing that the target has.
    """

    pointer: str
    action: Action
    reason: str


class Ledger:
    """Collects losses, each pointer once per action, at most `MOST` of them (`more` counts the rest)."""

    __slots__ = ("_seen", "entries", "more")

    def __init__(self) -> None:
        self.entries: list[Loss] = []
        self.more = 0
        self._seen: set[tuple[str, Action]] = set()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __len__(self) -> int:
        return len(self.entries) + self.more

    def note(self, pointer: str, action: Action, reason: str) -> None:
        """Add an entry. A pointer of several places (joined by spaces) gives one entry for each."""
        # A name in a pointer may hold spaces; only what begins with a slash after one is another pointer.
        first, *others = pointer.split(" /")
        for place in (first, *(f"/{other}" for other in others)):
            if (place, action) in self._seen:
                continue
            if len(self.entries) >= MOST:
                self.more += 1
                continue
            self._seen.add((place, action))
            self.entries.append(Loss(place, action, reason))

    def add(self, entries: Iterable[Loss]) -> None:
        """Note what another ledger has."""
        for entry in entries:
            self.note(entry.pointer, entry.action, entry.reason)

    def drop(self, pointer: str, reason: str) -> None:
        """Note that something is not sent."""
        self.note(pointer, "dropped", reason)

    def rewrite(self, pointer: str, reason: str) -> None:
        """Note that something is sent in other words."""
        self.note(pointer, "rewritten", reason)

    def approximate(self, pointer: str, reason: str) -> None:
        """Note that the nearest thing is sent."""
        self.note(pointer, "approximated", reason)

    def drop_members(self, at: str, names: Iterable[str], reason: str) -> None:
        """Note members of the object at a pointer."""
        for name in names:
            self.drop(child(at, name), reason)


def child(at: str, *names: str | int) -> str:
    """The pointer of a member or element below a pointer (RFC 6901, section 3: `~` is `~0`, `/` is `~1`)."""
    for name in names:
        at += f"/{name}" if isinstance(name, int) else f"/{name.replace('~', '~0').replace('/', '~1')}"
    return at


def shown(entries: Iterable[Loss]) -> bytes:
    """The value of `x-aigw-loss`: `pointer;action` with commas between, ASCII, bounded; `...` where it was cut."""
    text = b""
    for entry in entries:
        pointer = "".join(char if "!" <= char <= "~" and char not in ",;" else "?" for char in entry.pointer or "/")
        item = f"{pointer};{entry.action}".encode("ascii")
        if len(text) + len(item) + 7 > SHOWN_BYTES:  # `, ` before it and `, ...` after it
            return text + b", ..." if text else b"..."
        text = text + b", " + item if text else item
    return text
