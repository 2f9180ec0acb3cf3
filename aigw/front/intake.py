"""Takes in a request's body: small ones whole, large ones and forms as they come, until the model is known."""

from __future__ import annotations

from typing import NamedTuple

from aigw.errors import InvalidBody, TooLarge
from aigw.relay.request import Body, GrowingBody, WholeBody
from aigw.wire.form import FormScanner
from aigw.wire.peek import Peeked, blank, peek, repeated
from aigw.wire.scan import Scanner

# A body up to this size is read at once by the C decoder (about 50 µs); a larger one is scanned as it comes, so
# that no single turn of the loop is long and the upstream gets its first bytes early.
WHOLE_UP_TO = 256 * 1024


class Taken(NamedTuple):
    """A body whose model is known: what it says, and its bytes so far."""

    peeked: Peeked
    body: Body


class Whole:
    """Collects a JSON body and reads it when it is complete."""

    __slots__ = ("_chunks", "_in_path", "_strict")

    def __init__(self, in_path: bool, *, strict: bool = False) -> None:
        self._chunks: list[bytes] = []
        self._in_path = in_path
        self._strict = strict

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """The body once it is complete. Raises InvalidBody."""
        if not complete or self._chunks:
            self._chunks.append(data)
            if not complete:
                return None
            data = b"".join(self._chunks)
        peeked = peek(data, strict=self._strict)
        return Taken(peeked, WholeBody(data, peeked.model, listed=peeked.listed, in_path=self._in_path))


def too_large(most: int) -> TooLarge:
    """A body over the byte limit."""
    return TooLarge(f"The request body is larger than {most} bytes (limits.max_body_bytes, after decompression).")


class Growing:
    """Scans a JSON body while it comes. `feed` gives the body once, when its model is known; later calls extend it.

    `announced` is the caller's Content-Length, None for a chunked body, which is taken whole if it turns out small.
    """

    __slots__ = ("_announced", "_body", "_in_path", "_scanner", "_small", "_strict")

    def __init__(self, announced: int | None, *, in_path: bool = False, strict: bool = False) -> None:
        self._scanner = Scanner(strict=strict)
        self._announced = announced
        self._body: GrowingBody | None = None
        self._small: bytes | None = b"" if announced is None else None
        self._in_path = in_path
        self._strict = strict

    @property
    def seen(self) -> Peeked:
        """What is known by now; `models` and `stream` may stand behind everything else."""
        scanner = self._scanner
        return Peeked(scanner.model, scanner.models, scanner.stream, scanner.listed)

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """More of the body. Raises InvalidBody."""
        if self._small is not None:
            data = self._small + data
            self._small = None if complete or len(data) > WHOLE_UP_TO else data
            if complete and len(data) <= WHOLE_UP_TO:
                return self._whole(data)
            if self._small is not None:
                return None
        scanner = self._scanner
        scanner.feed(data)
        if complete:
            return self._end()
        if self._body is not None:
            self._body.decided = scanner.listed
        elif not scanner.gave_up and (scanner.model is not None or self._in_path):
            return self._begin()
        return None

    def _begin(self) -> Taken:
        scanner = self._scanner
        at = -1 if self._in_path else scanner.model_at
        self._body = GrowingBody(scanner.pieces, self._announced, scanner.model, at)
        self._body.decided = scanner.listed
        return Taken(self.seen, self._body)

    def _end(self) -> Taken | None:
        """At the end: is it well-formed, and does it have to be read in another way after all?"""
        scanner = self._scanner
        if self._body is None and (scanner.gave_up or scanner.model is None):
            return self._whole(b"".join((*scanner.pieces, scanner.held, *scanner.rest)))
        if scanner.gave_up:
            self._catch_up()
        elif not scanner.complete:
            raise InvalidBody("The request body ends too early: it is not complete JSON.")
        elif scanner.held:
            scanner.pieces.append(scanner.held)
            scanner.held = b""
        taken = self._begin() if self._body is None else None
        assert self._body is not None
        self._body.complete = self._body.decided = True
        return taken

    def _whole(self, body: bytes) -> Taken:
        """Nothing of it went up: it can be read by the quick way."""
        peeked, listed = self._peek(body)
        return Taken(peeked, WholeBody(body, peeked.model, listed=listed, in_path=self._in_path))

    def _catch_up(self) -> None:
        """The scanner gave up on the way: what it has not looked at goes up only after it was looked at."""
        scanner = self._scanner
        sent = sum(map(len, scanner.pieces))
        body = b"".join((*scanner.pieces, scanner.held, *scanner.rest))
        peeked, listed = self._peek(body)
        scanner.models, scanner.listed, scanner.stream = peeked.models, peeked.listed, peeked.stream
        scanner.pieces.append((blank(body) if listed else body)[sent:])

    def _peek(self, body: bytes) -> tuple[Peeked, bool]:
        """What a whole body says, with the `models` that the scanner took out; and whether it still holds any."""
        peeked = peek(body, strict=self._strict)
        scanner = self._scanner
        if not scanner.listed:
            return peeked, peeked.listed
        if peeked.listed:
            raise repeated("models")
        return Peeked(peeked.model, scanner.models, peeked.stream or scanner.stream, True), False


class Form:
    """Scans a form while it comes; a form has no `models`."""

    __slots__ = ("_announced", "_body", "_scanner")

    def __init__(self, boundary: bytes, announced: int | None) -> None:
        self._scanner = FormScanner(boundary)
        self._announced = announced
        self._body: GrowingBody | None = None

    @property
    def seen(self) -> Peeked:
        """What is known by now."""
        return Peeked(self._scanner.model, (), self._scanner.stream)

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """More of the body. Raises InvalidBody."""
        scanner = self._scanner
        scanner.feed(data)
        if complete and not scanner.complete:
            raise InvalidBody("The request body ends too early: it is not a complete form.")
        taken = None
        if self._body is None:
            if scanner.model is None and not complete:
                return None
            self._body = GrowingBody(scanner.pieces, self._announced, scanner.model, scanner.model_at, form=True)
            taken = Taken(self.seen, self._body)
        self._body.complete = complete
        return taken
