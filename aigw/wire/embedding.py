"""The way of a request for embeddings between formats: read once, written per provider, the answer translated back."""

from __future__ import annotations

from aigw.wire import embeddings
from aigw.wire.dialect import Dialect
from aigw.wire.embeddings import Surface
from aigw.wire.format import Format, Trouble
from aigw.wire.lane import BackLane, decoded
from aigw.wire.losses import Ledger

# By the format whose errors the surface shares.
_SURFACES: dict[str, Surface] = {"chat": embeddings.OpenAI(), "gemini": embeddings.Gemini()}


class EmbedAsking:
    """A caller's request for embeddings."""

    __slots__ = ("_asked", "_ledger", "_surface", "array", "effort", "format")

    def __init__(self, format: Format, body: bytes, model: str, *, stream: bool) -> None:
        """Raises InvalidBody, which names the place."""
        self.format = format
        self.array = False
        self.effort: str | None = None
        self._surface = _SURFACES[format.name]
        self._ledger = Ledger()
        self._asked = self._surface.read_request(decoded(body), model, self._ledger)

    def written(self, target: Format, dialect: Dialect, ledger: Ledger) -> bytes:
        """The request in the provider's format. Raises InvalidBody."""
        ledger.add(self._ledger.entries)
        return _SURFACES[target.name].write_request(self._asked, dialect.model, ledger)

    def back(self, target: Format, dialect: Dialect, ledger: Ledger) -> BackLane:
        """The way back of the vectors."""
        return EmbedLane(self._surface, _SURFACES[target.name], self._asked, ledger)


class EmbedLane:
    """The way back of embeddings; they are never streamed."""

    __slots__ = ("_asked", "_caller", "_target", "array", "failed", "finished", "ledger", "streams")

    def __init__(self, caller: Surface, target: Surface, asked: embeddings.Asked, ledger: Ledger) -> None:
        self.ledger = ledger
        self.array = self.streams = self.finished = False
        self.failed: Trouble | None = None
        self._asked = asked
        self._caller = caller
        self._target = target

    def whole(self, data: bytes) -> bytes:
        """The provider's answer in the caller's format. Raises ValueError if it is none."""
        return self._caller.write_answer(self._target.read_answer(data, self._asked), self._asked, self.ledger)

    def streamed(self, data: bytes) -> bytes:
        """As `whole`."""
        return self.whole(data)

    def collected(self, data: bytes) -> bytes:
        """Raises ValueError: embeddings are no stream."""
        raise ValueError("a stream of events where embeddings were asked for")

    def feed(self, data: bytes) -> bytes:
        """Raises ValueError: embeddings are no stream."""
        return self.collected(data)

    def finish(self) -> bytes:
        """Nothing."""
        return b""
