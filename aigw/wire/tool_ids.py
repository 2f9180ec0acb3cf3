"""Ids of tool calls that the target takes: every provider has its own idea of length, alphabet and uniqueness.

An id that is legal stays. Another one is rewritten by its own text alone, so that a growing conversation keeps its
bytes: what is legal in it, and a hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import msgspec

from aigw.wire.losses import Ledger
from aigw.wire.neutral import Part, ToolCall, ToolResult, Turn

_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9_-]+")
_KEPT: Final = 23
"""Characters of the old id that are kept: with the hash 40, the most that Chat Completions takes."""
_REASON: Final = "the target does not take this id of a tool call"


class Ids:
    """The ids of one conversation, in the order of its turns. `once`: an id may not come again in a later turn."""

    __slots__ = ("_ledger", "_legal", "_now", "_once", "_owners", "_seen")

    def __init__(self, legal: re.Pattern[str], ledger: Ledger, *, once: bool) -> None:
        self._legal = legal
        self._ledger = ledger
        self._once = once
        # Which id, for the how-manieth time, a new id stands for; how often an id came; what stands for it now.
        self._owners: dict[str, tuple[str, int]] = {}
        self._seen: dict[str, int] = {}
        self._now: dict[str, str] = {}

    def turn(self, turn: Turn) -> Turn:
        """The turn with legal ids, itself where they all were."""
        changed = False
        parts: list[Part] = []
        for part in turn.parts:
            new = self._part(part)
            changed = changed or new is not part
            parts.append(new)
        return msgspec.structs.replace(turn, parts=parts) if changed else turn

    def _part(self, part: Part) -> Part:
        if type(part) is ToolCall:
            id = self._called(part.id)
            if id != part.id:
                self._ledger.rewrite(part.at, _REASON)
                return msgspec.structs.replace(part, id=id)
        elif type(part) is ToolResult:
            id = self._now.get(part.call_id) or self._called(part.call_id)
            if id != part.call_id:
                self._ledger.rewrite(part.at, _REASON)
                return msgspec.structs.replace(part, call_id=id)
        return part

    def _called(self, old: str) -> str:
        count = 0
        if self._once:
            count = self._seen.get(old, 0)
            self._seen[old] = count + 1
        owner = (old, count)
        for new in _spellings(old, count):
            if self._legal.fullmatch(new) and self._owners.setdefault(new, owner) == owner:
                self._now[old] = new
                return new
        raise AssertionError("no end to the spellings")  # pragma: no cover


def _spellings(old: str, count: int) -> Iterator[str]:
    """Ids that may stand for one, the nicest first; without end."""
    if count == 0:
        yield old
    clean = _ILLEGAL.sub("_", old)[:_KEPT]
    for salt in range(10_000):
        digest = blake2b(f"{old}\0{count}\0{salt}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        yield f"{clean}_{digest}"
        yield f"call_{digest}"
        yield digest
        yield digest[:9]
