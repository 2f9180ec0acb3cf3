"""Takes in a request's body: small ones whole, large ones and forms as they come, until the model is known."""

from __future__ import annotations

import attrs

from aigw.errors import InvalidBody, TooLarge
from aigw.relay.request import Body, GrowingBody, WholeBody
from aigw.wire.form import FormScanner
from aigw.wire.inflate import InflateError, InflateLimit, inflater
from aigw.wire.peek import Peeked, peek
from aigw.wire.scan import Scanner

# A body up to this size is read at once by the C decoder (about 50 µs); a larger one is scanned as it comes, so
# that no single turn of the loop is long and the upstream gets its first bytes early.
WHOLE_UP_TO = 256 * 1024
# A compressed body is undone in slices, so that a bomb is noticed before it has grown large.
INFLATE_SLICE = 65_536


@attrs.define(eq=False)
class Taken:
    """A body whose model is known: what it says, and its bytes so far."""

    peeked: Peeked
    body: Body


class Whole:
    """Collects a JSON body and reads it when it is complete."""

    __slots__ = ("_chunks", "_encoding", "_in_path", "_most")

    def __init__(self, in_path: bool, encoding: str | None, most: int) -> None:
        self._chunks: list[bytes] = []
        self._in_path = in_path
        self._encoding = encoding
        self._most = most

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """The body once it is complete. Raises InvalidBody, TooLarge."""
        if not complete or self._chunks:
            self._chunks.append(data)
            if not complete:
                return None
            data = b"".join(self._chunks)
        if self._encoding is not None:
            data = _inflated(data, self._encoding, self._most)
        peeked = peek(data)
        return Taken(peeked, WholeBody(data, peeked.model, listed=peeked.listed, in_path=self._in_path))


def _inflated(data: bytes, encoding: str, most: int) -> bytes:
    """A compressed request body as it was before; providers do not take compressed ones."""
    undo = inflater(encoding)
    if undo is None:
        raise InvalidBody(f"The content-encoding {encoding[:32]!r} is not known; send gzip, deflate, br, zstd or none.")
    plain: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), INFLATE_SLICE):
            plain.append(undo.feed(data[start : start + INFLATE_SLICE]))
            size += len(plain[-1])
            if size > most:
                raise too_large(most)
    except InflateLimit:
        raise too_large(most) from None
    except InflateError as exc:
        raise InvalidBody(f"The request body cannot be decompressed: {exc}.") from None
    if not undo.complete:
        raise InvalidBody("The compressed request body ends too early.")
    return b"".join(plain)


def too_large(most: int) -> TooLarge:
    """A body over the byte limit."""
    return TooLarge(f"The request body is larger than {most} bytes (limits.max_body_bytes, after decompression).")


class Growing:
    """Scans a body while it comes. `feed` gives the body once, when its model is known; later calls extend it."""

    __slots__ = ("_announced", "_body", "_in_path", "_scanner", "finished")

    def __init__(self, scanner: Scanner | FormScanner, announced: int | None, *, in_path: bool = False) -> None:
        self._scanner = scanner
        self._announced = announced
        self._body: GrowingBody | None = None
        self._in_path = in_path
        self.finished = False

    @property
    def models(self) -> tuple[str, ...]:
        """The `models` seen by now; they may stand behind everything else."""
        return self._scanner.models if isinstance(self._scanner, Scanner) else ()

    def feed(self, data: bytes, complete: bool) -> Taken | None:
        """More of the body. Raises InvalidBody."""
        scanner = self._scanner
        scanner.feed(data)
        self.finished = complete
        if complete:
            whole = self._complete()
            if whole is not None:
                return whole
        if self._body is not None:
            self._body.complete = complete
            return None
        gave_up = isinstance(scanner, Scanner) and scanner.gave_up
        if gave_up or (scanner.model is None and not (complete or self._in_path)):
            return None
        form = isinstance(scanner, FormScanner)
        at = -1 if self._in_path else scanner.model_at
        self._body = GrowingBody(scanner.pieces, self._announced, scanner.model, at, form=form)
        self._body.complete = complete
        return Taken(Peeked(scanner.model, self.models, scanner.stream), self._body)

    def _complete(self) -> Taken | None:
        """At the end: is it well-formed, and does it have to be read in another way after all?"""
        scanner = self._scanner
        if isinstance(scanner, Scanner) and scanner.gave_up and self._body is None:
            body = b"".join(scanner.pieces) + scanner.held
            peeked = peek(body)
            return Taken(peeked, WholeBody(body, peeked.model, listed=peeked.listed, in_path=self._in_path))
        gave_up = isinstance(scanner, Scanner) and scanner.gave_up
        if not scanner.complete and not gave_up:
            raise InvalidBody("The request body ends too early: it is not complete JSON or not a complete form.")
        if scanner.held:
            scanner.pieces.append(scanner.held)
            scanner.held = b""
        if self._body is None and scanner.model is None and not self._in_path and isinstance(scanner, Scanner):
            # Only `models` was given: the first of them is put in where no model stood.
            body = b"".join(scanner.pieces)
            return Taken(Peeked(None, scanner.models, scanner.stream), WholeBody(body, None, listed=False))
        return None
