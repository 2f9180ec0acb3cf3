"""Did a stream that passes untouched really end? Known at its end from its last events, at no cost per chunk.

The usage tap keeps what stood last; how a stream of each format ends is in that format's `ending`. Only what must not
be passed on is looked for before: the event that a stream begins with, when it comes a second time.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from aigw.errors import AnswerBroken
from aigw.wire.ending import Ending, Last, Start
from aigw.wire.inflate import InflateError
from aigw.wire.skim import Block, heard, understand
from aigw.wire.usage import Tap

if TYPE_CHECKING:
    from aigw.wire.format import Format

CUT = "the upstream's stream stopped before its end"
NO_TEXT = "the upstream's stream has bytes that are no text"
TWICE = "a second answer began in the upstream's stream"

_utf8 = codecs.getincrementaldecoder("utf-8")
# More than the beginning of a line by which an event is known, with a byte order mark before it.
_MOST_OF_A_LINE = 48


class Guard:
    """Of one stream of events, which `tap` is shown; `coded` streams are not looked into before they pass on."""

    __slots__ = ("_begun", "_decoder", "_format", "_in_letter", "_line", "_start", "room", "tap", "why")

    def __init__(self, format: Format, tap: Tap, *, coded: bool) -> None:
        self._format = format
        self._start: Start | None = None if coded else format.begins_with
        self._line = b""  # how the line began that has not ended
        self._begun = False
        self._decoder = _utf8() if format.reads_loosely and not coded else None
        self._in_letter = False
        self.tap = tap
        self.room = 0
        self.why = TWICE

    def halts(self, data: bytes) -> bool:
        """Whether the stream may not go on with all of these bytes: `room` of them may pass, and `why` not all."""
        if self._decoder is not None and not self._reads(self._decoder, data):
            return True
        start = self._start
        if start is None or (not self._line and data.find(start.mark) < 0 and data.endswith(b"\n")):
            return False
        known = len(self._line)
        text = self._line + data
        for found in start.line.finditer(text):
            if found.end() <= known:
                continue  # seen when it came
            if self._begun:
                self.room = max(found.start(1) - known, 0)
                return True
            self._begun = True
        line = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        self._line = text[line : line + _MOST_OF_A_LINE]
        return False

    def _reads(self, decoder: codecs.IncrementalDecoder, data: bytes) -> bool:
        """Whether these bytes are text; a letter may come in two arrivals."""
        if data.isascii() and not self._in_letter:
            return True
        try:
            decoder.decode(data)
        except UnicodeDecodeError:
            self.room, self.why = 0, NO_TEXT
            return False
        self._in_letter = bool(decoder.getstate()[0])
        return True

    def ending(self) -> AnswerBroken | None:
        """What is wrong with the end, after the tap was shown the last bytes; None for a true one."""
        try:
            found = self.tap.farewells()
        except InflateError as error:
            return AnswerBroken("bad_stream", f"the upstream's stream cannot be read: {error}")
        if found is None:
            return None
        blocks, left_open = found
        ending = self._format.ending([_last(block, left_open and not at) for at, block in enumerate(blocks)])
        if ending is Ending.WHOLE:
            return None
        if ending is Ending.CUT:
            return AnswerBroken("stream_cut", CUT)
        return self._reported(ending, blocks)

    def _reported(self, ending: Ending, blocks: list[Block]) -> AnswerBroken:
        """The upstream's own error, among its last events."""
        data = next((last.data for last in map(_closed, blocks) if self._format.is_error(last)), b"")
        trouble = self._format.read_error(0, data)
        broken = AnswerBroken("error_in_stream", trouble.message, trouble)
        broken.told = ending is not Ending.UNHEARD
        broken.proper = ending is Ending.FAILED or (broken.told and not self._format.cuts_after_error)
        return broken


def _closed(block: Block) -> Last:
    return _last(block, False)


def _last(block: Block, left_open: bool) -> Last:
    event = heard(block)
    data = block if isinstance(block, bytes) else block[0]
    named = event.event if event is not None else None
    bare = event is None or event.kind != "event"
    return Last(named, data if event is None or bare else event.data, understand(block), bare, left_open)
