"""What the gateway's log says of each request, held against what was asked of it."""

from __future__ import annotations

import json
import re
from collections import Counter

import attrs

from .asks import CANARY, Ask, numbered
from .caller import Answer, End, Leaving

# Outcomes that a request may have when upstreams fail and callers leave; `failed` would be the gateway's own fault.
_OUTCOMES = frozenset({"ok", "client_error", "client_closed", "refused", "upstream_error", "timeout", "broken"})
_ID = re.compile(rb'"request_id":"(' + CANARY.pattern + rb')"')
_SURE, _PERHAPS, _NEVER = 2, 1, 0
# Two models with two keys each, none asked twice; but one whose connection failed may be, once.
MOST_ATTEMPTS = 5


@attrs.define
class Ledger:
    """Request lines by outcome, each request's number of lines, and every line that should not be there."""

    outcomes: Counter[str] = attrs.field(factory=Counter)
    odd: list[str] = attrs.field(factory=list)
    _lines: bytearray = attrs.field(factory=bytearray, repr=False)
    _expected: bytearray = attrs.field(factory=bytearray, repr=False)

    def take(self, line: bytes) -> None:
        """Count one line of the log."""
        try:
            told = json.loads(line)
        except ValueError:
            self.odd.append(line.decode("utf-8", "replace"))
            return
        if told.get("event") == "request" and told.get("outcome") in _OUTCOMES:
            self.outcomes[told["outcome"]] += 1
            if told.get("attempts", 0) > MOST_ATTEMPTS:
                self.odd.append(f"{told['attempts']} attempts: {line.decode('utf-8', 'replace')}")
            found = _ID.search(line)
            if found is not None:
                number = numbered(found[1])
                _put(self._lines, number, min(255, _at(self._lines, number) + 1))
        elif told.get("event") == "request" or told.get("level") not in ("debug", "info"):
            self.odd.append(line.decode("utf-8", "replace"))

    def asked(self, ask: Ask, leave: Leaving | None, answer: Answer) -> None:
        """A request is over: whether it has surely reached the gateway.

        It has when its head was sent and the connection then closed in order. What a reset catches on the way may
        never arrive.
        """
        sent = len(ask.data) if leave is None or leave.sent is None else leave.sent
        if sent < ask.head:
            sure = _NEVER
        elif answer.status or (answer.end is End.LEFT and leave is not None and not leave.reset):
            sure = _SURE
        else:
            sure = _PERHAPS
        _put(self._expected, ask.number, sure)

    def wrong(self) -> list[str]:
        """Requests without their line, and with more than one."""
        pairs = list(zip(self._expected, self._lines.ljust(len(self._expected), b"\0"), strict=False))
        missing = [number for number, (sure, lines) in enumerate(pairs) if sure == _SURE and not lines]
        doubled = [number for number, (_, lines) in enumerate(pairs) if lines > 1]
        invented = [number for number, (sure, lines) in enumerate(pairs) if sure == _NEVER and lines]
        cases = (
            ("no line", missing),
            ("more than one line", doubled),
            ("a line and were never sent", invented),
        )
        return [f"{len(found):,} requests have {words}, as number {found[0]}" for words, found in cases if found]

    @property
    def lines(self) -> int:
        """Request lines in all."""
        return self.outcomes.total()


def _at(array: bytearray, number: int) -> int:
    return array[number] if number < len(array) else 0


def _put(array: bytearray, number: int, value: int) -> None:
    if number >= len(array):
        array.extend(bytes(number + 4096 - len(array)))
    array[number] = value
