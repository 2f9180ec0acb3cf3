"""What the relay needs of a caller's request: its fields, and its body as it is or as far as it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aigw.adapter import Operation
from aigw.wire.format import Format
from aigw.wire.head import CONNECTION, Head
from aigw.wire.headers import NO_NAMES, named_by_connection
from aigw.wire.peek import encode_string, splice


class Body(Protocol):
    """A request's body. `arrived` pieces may grow while `complete` is false; what was there stays the same.

    `decided` says that nothing still to come can name another model to try.
    """

    complete: bool
    decided: bool

    def pieces(self, model: str, start: int = 0) -> list[bytes]:
        """What has arrived from piece `start` on, with this model spliced in."""

    def count(self) -> int:
        """How many pieces have arrived."""

    def length(self, model: str) -> int | None:
        """The length with this model, negative for no body at all, None when it is not known in advance."""

    def release(self, upto: int) -> None:
        """Let go of the first pieces: they were sent, and nobody else will be asked."""


class NoBody:
    """A request without a body."""

    __slots__ = ()
    complete = True
    decided = True

    def pieces(self, model: str, start: int = 0) -> list[bytes]:
        """Nothing."""
        return []

    def count(self) -> int:
        """Nothing."""
        return 0

    def length(self, model: str) -> int | None:
        """Not even a Content-Length."""
        return -1

    def release(self, upto: int) -> None:
        """Nothing to let go of."""


class WholeBody:
    """A complete JSON body; `model` is what it says, None for one that names no model (Gemini's path does)."""

    __slots__ = ("_body", "_in_path", "_listed", "_model", "_spliced")
    complete = True
    decided = True

    def __init__(self, body: bytes, model: str | None, *, listed: bool, in_path: bool = False) -> None:
        self._body = body
        self._model = model
        self._listed = listed
        self._in_path = in_path
        self._spliced: dict[str | None, bytes] = {}

    def _for(self, model: str) -> bytes:
        if not self._listed and (self._in_path or model == self._model):
            return self._body
        wanted = None if self._in_path else model
        known = self._spliced.get(wanted)
        if known is None:
            known = self._spliced[wanted] = splice(self._body, wanted, listed=self._listed)
        return known

    def pieces(self, model: str, start: int = 0) -> list[bytes]:
        """The body as one piece."""
        return [self._for(model)]

    def count(self) -> int:
        """One."""
        return 1

    def length(self, model: str) -> int | None:
        """The number of bytes."""
        return len(self._for(model))

    def release(self, upto: int) -> None:
        """A whole body is small, or was kept whole on purpose."""


class GrowingBody:
    """A body that goes up while it comes; the piece at `model_at` (-1: none), which says `model`, is spliced.

    `arrived` is shared with whoever appends to it. `announced` is the caller's Content-Length, None for a chunked
    body. A form's model is plain text, a JSON body's a string literal.
    """

    __slots__ = (
        "_announced",
        "_arrived",
        "_encode",
        "_form",
        "_model",
        "_model_at",
        "_model_size",
        "_released",
        "complete",
        "decided",
    )

    def __init__(
        self, arrived: list[bytes], announced: int | None, model: str | None, model_at: int, *, form: bool = False
    ) -> None:
        self._arrived = arrived
        self._announced = announced
        self._model = model
        self._model_at = model_at
        self._model_size = len(arrived[model_at]) if model_at >= 0 else 0
        self._encode = str.encode if form else encode_string
        self._form = form
        self._released = 0
        self.complete = False
        self.decided = form

    def pieces(self, model: str, start: int = 0) -> list[bytes]:
        """A copy of what has arrived, from piece `start` on."""
        arrived = self._arrived[start:]
        at = self._model_at - start
        if 0 <= at < len(arrived) and model != self._model:
            arrived[at] = self._encode(model)
        return arrived

    def count(self) -> int:
        """How many pieces have arrived."""
        return len(self._arrived)

    def release(self, upto: int) -> None:
        """Let go of the first pieces: they were sent, and nobody else will be asked.

        An open JSON body is kept: it may have to be read as a whole at its end.
        """
        if self._form or self.complete:
            self._arrived[self._released : upto] = [b""] * (upto - self._released)
            self._released = max(upto, self._released)

    def length(self, model: str) -> int | None:
        """The announced length, changed by the difference between the models' names."""
        if self._announced is None and self.complete:
            return sum(map(len, self.pieces(model)))
        if self._announced is None or self._model_at < 0 or model == self._model:
            return self._announced
        return self._announced - self._model_size + len(self._encode(model))


class Request:
    """A caller's request on its way: what is wanted, its fields as received, its body.

    `head` has the fields that may pass; `headers` are all of them for providers that look at one; `dropped` are
    further names that do not pass; `extra` are header lines of the gateway's own (a protocol switch).
    """

    def __init__(
        self, operation: Operation, format: Format, head: Head, headers: Mapping[str, str], body: Body
    ) -> None:
        self.id = ""
        self.query = ""
        self.extra = b""
        self.operation = operation
        self.format = format
        self.head = head
        self.headers = headers
        self.body = body
        connection = head.noted.get(CONNECTION)
        self.dropped = NO_NAMES if connection is None else named_by_connection(connection)
