"""Undoes compressed request bodies as they come: providers do not take them, and limits count plain bytes."""

from __future__ import annotations

from collections import deque

from aigw.errors import InvalidBody
from aigw.front.intake import Form, Growing, Taken, too_large
from aigw.wire.inflate import InflateError, InflateLimitError, inflater
from aigw.wire.peek import Peeked

# A compressed body is undone in slices, so that a bomb is noticed before it has grown large: of gzip (1:1032 at most)
# one slice is a megabyte.
SLICE = 1024
# Plain bytes after which others have their turn: some milliseconds of undoing and reading.
AT_ONCE = 1024 * 1024


class Inflated:
    """A compressed body, undone in front of another intake.

    `most` is how many plain bytes it may have. Raises InvalidBody for a coding that is not known, or several: nobody
    compresses twice but to hide how much it is.

    `feed` does some milliseconds of work at a time; `behind` says that there is more to do, with `feed(b"", False)`,
    when others have had their turn.
    """

    __slots__ = ("_coded", "_ended", "_inner", "_left", "_most", "_undo")

    def __init__(self, inner: Growing | Form, encoding: str, most: int) -> None:
        undo = inflater(encoding) if "," not in encoding else None
        if undo is None:
            known = "send gzip, deflate, br, zstd or none"
            raise InvalidBody(
                f"The content-encoding {encoding[:32]!r} is not known; {known}.", param="content-encoding"
            )
        self._inner = inner
        self._undo = undo
        self._most = self._left = most
        self._coded: deque[bytes] = deque()
        self._ended = False

    @property
    def seen(self) -> Peeked:
        """What is known by now."""
        return self._inner.seen

    @property
    def behind(self) -> bool:
        """Whether something has come that was not looked at yet."""
        return len(self._coded) > 0

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """More of the body. Raises InvalidBody, TooLarge."""
        coded = self._coded
        if data:
            coded.append(data)
        self._ended = self._ended or complete
        plain: list[bytes] = []
        size = 0
        while coded and size < AT_ONCE:
            arrival, at = coded.popleft(), 0
            while at < len(arrival) and size < AT_ONCE:
                plain.append(self._plain(arrival[at : at + SLICE]))
                size += len(plain[-1])
                at += SLICE
            if at < len(arrival):
                coded.appendleft(arrival[at:])
        over = self._ended and not coded
        if over and not self._undo.complete:
            raise InvalidBody("The compressed request body ends too early.")
        return self._inner.feed(b"".join(plain), over)

    def _plain(self, data: bytes) -> bytes:
        try:
            plain = self._undo.feed(data)
        except InflateLimitError:
            raise too_large(self._most) from None
        except InflateError as exc:
            raise InvalidBody(f"The request body cannot be decompressed: {exc}.") from None
        self._left -= len(plain)
        if self._left < 0:
            raise too_large(self._most)
        return plain
