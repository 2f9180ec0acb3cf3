"""A head that was read before on the same connection: an SDK's requests differ in the length of their bodies alone.

Reading a head costs a tenth of a request. One that equals the last one byte for byte, but for the digits of
Content-Length, would be read the same way again, so what was read is used again. Everything that could make a
difference (another credential, path, or field) makes another head.
"""

from __future__ import annotations

import re

from aigw.front.routes import Route
from aigw.records import AccessKey
from aigw.snapshot import Snapshot
from aigw.wire.head import Head
from aigw.wire.message import RequestHead

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
# Nobody announces a body of more digits; a longer run is left to the parser to refuse.
MAX_DIGITS = 12


class Familiar:
    """What was read of a head, and the bytes around its body's length. `key` holds for `snapshot` only."""

    def __init__(
        self, before: bytes, after: bytes, message: RequestHead, head: Head, route: Route, key: AccessKey, at: Snapshot
    ) -> None:
        self.message = message
        self.head = head
        self.route = route
        self.key = key
        self.snapshot = at
        self._before = before
        self._after = after
        self._around = len(before) + len(after)

    def length(self, raw: bytes) -> int:
        """The body's length in a head that is the same otherwise, -1 for another head."""
        size = len(raw) - self._around
        if not 0 < size <= MAX_DIGITS or not raw.startswith(self._before) or not raw.endswith(self._after):
            return -1
        digits = raw[len(self._before) : len(self._before) + size]
        return int(digits) if digits.isdigit() else -1


def familiarise(
    raw: bytes, message: RequestHead, head: Head, route: Route, key: AccessKey, at: Snapshot
) -> Familiar | None:
    """What to remember of a head that the parser has read; None for one without a length to vary."""
    found = _LENGTH.search(raw)
    if found is None or message.chunked or message.upgrade:
        return None
    return Familiar(raw[: found.start(1)], raw[found.end(1) :], message, head, route, key, at)
