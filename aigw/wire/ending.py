"""How a stream ended: what a format says of its last events."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

import msgspec

from aigw.wire.shapes import Answer, Candidate, Choice


class Last(msgspec.Struct, frozen=True, gc=False):
    """One of a stream's last events: its name, its data, what those say (None: nothing that can be read).

    `bare`: a JSON object that came without `data:`, which some servers break a stream off with. `left_open`: the bytes
    ended before the blank line that SDKs wait for.
    """

    name: str | None
    data: bytes
    answer: Answer | None
    bare: bool = False
    left_open: bool = False


class Start:
    """How the event is known that a stream begins with: by the beginning of a line, in which a mark stands."""

    __slots__ = ("line", "mark")

    def __init__(self, mark: bytes, line: bytes) -> None:
        self.mark = mark
        self.line = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|[\r\n])(%b)" % line)


class Ending(enum.Enum):
    """WHOLE: the terminal event came. FAILED: it came, and says that the answer failed. CUT: it did not come.

    HEARD and UNHEARD: the upstream reported an error, in a shape that the caller's SDK raises for, or passes over.
    """

    WHOLE = "whole"
    FAILED = "failed"
    CUT = "cut"
    HEARD = "heard"
    UNHEARD = "unheard"


class Parts:
    """Which of an answer's parts (choices, candidates) have ended; shown the newest first."""

    __slots__ = ("_ended", "_open")

    def __init__(self) -> None:
        self._ended: set[object] = set()
        self._open: set[object] = set()

    def show(self, parts: Iterable[Choice | Candidate]) -> None:
        """The parts of one event."""
        for part in parts:
            index = part.index if isinstance(part.index, int) else 0
            if part.finish_reason:
                self._ended.add(index)
            elif index not in self._ended:
                self._open.add(index)

    @property
    def whole(self) -> bool:
        """Whether there are some, and each has ended."""
        return bool(self._ended) and not self._open
