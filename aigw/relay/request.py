"""What the relay needs of a caller's request: its fields, and its body as it is or as far as it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from aigw.adapter import Operation
from aigw.wire.format import Format
from aigw.wire.head import CONNECTION, Head
from aigw.wire.headers import NO_NAMES, named_by_connection
from aigw.wire.peek import encode_string, splice
from aigw.wire.signatures import MARK


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

    def sealed(self) -> bool:
        """Whether what has arrived carries reasoning of another provider, under this gateway's seal."""

    def size(self) -> int:
        """How many bytes have arrived."""

    def original(self) -> bytes:
        """What the caller sent, as far as it has arrived (a `models` member may be missing)."""

    def kept(self) -> Sequence[bytes]:
        """What `original` joins."""

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

    def sealed(self) -> bool:
        """Never."""
        return False

    def size(self) -> int:
        """None."""
        return 0

    def original(self) -> bytes:
        """Nothing."""
        return b""

    def kept(self) -> Sequence[bytes]:
        """Nothing."""
        return ()

    def release(self, upto: int) -> None:
        """Nothing to let go of."""


class WholeBody:
    """A complete JSON body; `model` is what it says, None for one that names no model (Gemini's path does)."""

    __slots__ = ("_body", "_in_path", "_listed", "_model", "_sealed", "_spliced")
    complete = True
    decided = True

    def __init__(self, body: bytes, model: str | None, *, listed: bool, in_path: bool = False) -> None:
        self._body = body
        self._model = model
        self._listed = listed
        self._in_path = in_path
        self._spliced: dict[str | None, bytes] = {}
        self._sealed: bool | None = None

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

    def sealed(self) -> bool:
        """Whether the mark is in it."""
        sealed = self._sealed
        if sealed is None:
            sealed = self._sealed = MARK in self._body
        return sealed

    def size(self) -> int:
        """The number of bytes."""
        return len(self._body)

    def original(self) -> bytes:
        """The body as it came."""
        return self._body

    def kept(self) -> Sequence[bytes]:
        """The body as one piece."""
        return (self._body,)

    def release(self, upto: int) -> None:
        """A whole body is small, or was kept whole on purpose."""


class WrittenBody(NoBody):
    """A body that the gateway wrote for one candidate; nothing is spliced into it."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def pieces(self, model: str, start: int = 0) -> list[bytes]:
        """The body as one piece."""
        return [self._body]

    def count(self) -> int:
        """One."""
        return 1

    def length(self, model: str) -> int | None:
        """The number of bytes."""
        return len(self._body)

    def size(self) -> int:
        """The number of bytes."""
        return len(self._body)

    def original(self) -> bytes:
        """The body."""
        return self._body

    def kept(self) -> Sequence[bytes]:
        """The body as one piece."""
        return (self._body,)


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
        "_looked",
        "_model",
        "_model_at",
        "_model_size",
        "_released",
        "_sealed",
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
        self._looked = 0
        self._sealed = False
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

    def sealed(self) -> bool:
        """Whether the mark is in it; each piece is looked at once, and each seam between two."""
        arrived = self._arrived
        while not self._sealed and not self._form and self._looked < len(arrived):
            piece = arrived[self._looked]
            before = arrived[self._looked - 1] if self._looked else b""
            self._sealed = MARK in piece or MARK in before[1 - len(MARK) :] + piece[: len(MARK) - 1]
            self._looked += 1
        return self._sealed

    def size(self) -> int:
        """The number of bytes that were kept."""
        return sum(map(len, self._arrived))

    def original(self) -> bytes:
        """What has arrived and was kept."""
        return b"".join(self._arrived)

    def kept(self) -> Sequence[bytes]:
        """What has arrived and was kept, in pieces."""
        return self._arrived

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
    further names that do not pass; `extra` are header lines of the gateway's own (a protocol switch). `model` is what
    the caller asked for, `stream` and `strict` how; `array`: a stream as one JSON array (Gemini without `alt=sse`).
    `timeouts` are limits of time that the caller set, in seconds by their names in `snapshot.Limits`; `hedge` and
    `strategy` (None: as the provider's policy says) whether and how it wants candidates chosen; `retries` is how often
    its SDK has sent this request before.
    """

    def __init__(
        self, operation: Operation, format: Format, head: Head, headers: Mapping[str, str], body: Body
    ) -> None:
        self.id = ""
        self.query = ""
        self.extra = b""
        self.model = ""
        self.stream = False
        self.strict = False
        self.array = False
        self.timeouts: Mapping[str, float] | None = None
        self.hedge: bool | None = None
        self.strategy: str | None = None
        self.retries = 0
        self.operation = operation
        self.format = format
        self.head = head
        self.headers = headers
        self.body = body
        connection = head.noted.get(CONNECTION)
        self.dropped = NO_NAMES if connection is None else named_by_connection(connection)
