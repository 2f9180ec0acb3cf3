"""What each candidate gets of one caller's request, where that is not the caller's own bytes.

The request is read once, from the original, and written once per way; a second key of a model gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import msgspec

from aigw import operations
from aigw.adapter import CALLER_DIALECT_HEADERS, CONVERSE, COUNT, EMBED, Operation
from aigw.errors import InvalidBody, LossyTranslation, Refusal
from aigw.relay.bounding import as_said, bounded, check_input, is_small, weight
from aigw.relay.request import Request, WrittenBody
from aigw.routing.plan import Candidate, Way, dialect
from aigw.wire.counting import CountAsking
from aigw.wire.dialect import Dialect
from aigw.wire.embedding import EmbedAsking
from aigw.wire.format import Format
from aigw.wire.headers import NO_NAMES
from aigw.wire.lane import Asking, BackLane
from aigw.wire.losses import Ledger, Loss
from aigw.wire.neutral import Conversation
from aigw.wire.strip import strip

# What reading or writing a request of an unknown shape may end in.
UNFORESEEN = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)

_JSON_TYPE = b"content-type: application/json\r\n"


class _Reasoning(msgspec.Struct, gc=False):
    effort: str | None = None


class _Asked(msgspec.Struct, gc=False):
    reasoning_effort: str | None = None
    reasoning: _Reasoning | None = None


_KINDS: dict[str, type[Asking] | type[EmbedAsking]] = {CONVERSE: Asking, COUNT: CountAsking, EMBED: EmbedAsking}

# Whose bodies may hold seals, and members that a model refuses.
_CONVERSATIONS = frozenset({CONVERSE, COUNT})

_decode_effort = msgspec.json.Decoder(_Asked).decode


class Translated:
    """One request as one attempt sends it.

    `format` is the provider's, `lane` the answer's way back (None: it passes as it is), `losses` what the request
    lost. `dropped` names (lower case) the caller's headers that do not go along, `extra` are header lines instead.
    """

    __slots__ = ("body", "dropped", "extra", "format", "lane", "losses", "operation", "query")

    def __init__(
        self, operation: Operation, format: Format, body: bytes, lane: BackLane | None, losses: Sequence[Loss]
    ) -> None:
        self.operation = operation
        self.format = format
        self.body = WrittenBody(body)
        self.lane = lane
        self.losses = losses
        self.dropped: frozenset[bytes] = NO_NAMES
        self.extra = b""
        self.query = ""
        if lane is not None:
            self.dropped = CALLER_DIALECT_HEADERS
            self.extra = _JSON_TYPE
            # A Gemini stream is events only if it is asked for so; else it is one JSON array.
            self.query = "alt=sse" if operation is operations.GEMINI_STREAM else ""


class Translator:
    """One caller's request on its way to candidates of any format."""

    __slots__ = ("_asking", "_formats", "_prepared", "_request", "_weight", "_written")

    def __init__(self, request: Request, formats: Mapping[str, Format]) -> None:
        self._request = request
        self._formats = formats
        self._asking: Asking | EmbedAsking | None = None
        self._written: dict[tuple[str, str], tuple[Way, bytes, list[Loss]]] = {}
        self._prepared: dict[Candidate, Translated | Exception | None] = {}
        self._weight = 0

    def prepare(self, candidate: Candidate) -> None:
        """Find out what this candidate gets, for `translated` to tell later: may run in a thread, for one at a time."""
        try:
            self._prepared[candidate] = self._made(candidate)
        except Exception as error:  # raised where it is asked for
            self._prepared[candidate] = error

    def is_prepared(self, candidate: Candidate) -> bool:
        """Whether `translated` has nothing left to do."""
        return candidate in self._prepared

    def translated(self, candidate: Candidate) -> Translated | None:
        """What this candidate gets, None for the caller's own bytes. Raises Refusal (InvalidBody, LossyTranslation)."""
        if candidate in self._prepared:
            found = self._prepared.pop(candidate)
            if isinstance(found, Exception):
                raise found
            return found
        return self._made(candidate)

    def _made(self, candidate: Candidate) -> Translated | None:
        self._weigh(candidate)
        found = self._across(candidate) if candidate.ways else self._passing(candidate)
        if found is not None and found.losses and self._request.strict:
            raise lossy(candidate, found.losses)
        return found

    def _weigh(self, candidate: Candidate) -> None:
        """Raises TooLarge. The account's cap is the same for all candidates; the request is weighed once."""
        most = None if candidate.caps is None else candidate.caps.max_input_tokens
        if most is None or is_small(self._request, most):
            return
        if not self._weight:
            self._weight = weight(self._conversation(candidate), self._request)
        check_input(self._request, self._weight, most)

    def _conversation(self, candidate: Candidate) -> Conversation | None:
        """What the request says, None for none that can be read: the provider may understand it all the same."""
        if self._request.operation.task != CONVERSE:
            return None
        try:
            asking = self._asked(candidate)
        except (Refusal, *UNFORESEEN):
            return None
        return asking.conversation if isinstance(asking, Asking) else None

    # -- to another format ---------------------------------------------------------------------------------------

    def _across(self, candidate: Candidate) -> Translated:
        asking = self._asked(candidate)
        key = (candidate.provider.id, candidate.model)
        written = self._written.get(key)
        if written is None:
            written = self._written[key] = self._best(asking, candidate)
        way, body, losses = written
        target = self._formats[way.format]
        ledger = Ledger()
        ledger.add(losses)
        lane = asking.back(target, way.dialect, ledger)
        operation = operations.translated(self._request.operation, way.surface, stream=self._request.stream)
        return Translated(operation, target, body, lane, ledger.entries)

    def _best(self, asking: Asking | EmbedAsking, candidate: Candidate) -> tuple[Way, bytes, list[Loss]]:
        """The way that loses least, of those that lose equally little the one the provider prefers."""
        best: tuple[Way, bytes, list[Loss]] | None = None
        refused: Refusal | None = None
        for way in candidate.ways:
            ledger = Ledger()
            try:
                body = self._written_for(candidate, way, asking, ledger)
            except Refusal as refusal:
                refused = refused or refusal
                continue
            if best is None or len(ledger) < len(best[2]):
                best = way, body, ledger.entries
            if not ledger:
                break
        if best is None:
            raise refused or InvalidBody("This request cannot be said in any format that the provider speaks.")
        return best

    def _written_for(self, candidate: Candidate, way: Way, asking: Asking | EmbedAsking, ledger: Ledger) -> bytes:
        """The request on one way. Raises InvalidBody."""
        body = asking.written(self._formats[way.format], _refusing(way.dialect, asking, candidate), ledger)
        if candidate.caps is None and not candidate.provider.accepts:
            return body
        operation = operations.translated(self._request.operation, way.surface, stream=self._request.stream)
        body, losses = bounded(candidate, operation, body, way.dialect)
        ledger.add(as_said(losses, asking) if isinstance(asking, Asking) else losses)
        return body

    def _asked(self, candidate: Candidate) -> Asking | EmbedAsking:
        if self._asking is None:
            request = self._request
            kind = _KINDS[request.operation.task]
            self._asking = kind(request.format, request.body.original(), request.model, stream=request.stream)
            self._asking.array = request.array
            caps = candidate.caps
            if caps is not None and caps.max_output_tokens is not None and isinstance(self._asking, Asking):
                self._asking.cap(caps.max_output_tokens)
        return self._asking

    # -- in the caller's own format ------------------------------------------------------------------------------

    def _passing(self, candidate: Candidate) -> Translated | None:
        """Other bytes than the caller's only where the provider would refuse those."""
        request, operation = self._request, self._request.operation
        if not request.body.complete:
            return None
        if operation.task in _CONVERSATIONS and request.body.sealed():
            return self._unsealed(candidate)
        if not (candidate.refuses_some or candidate.bounded):
            return None
        original = b"".join(request.body.pieces(candidate.model))
        body, losses = (
            strip(original, candidate.refuses(effort(original))) if candidate.refuses_some else (original, [])
        )
        if candidate.bounded:
            body, further = bounded(candidate, operation, body, self._spoken(candidate))
            losses += further
        return None if body is original else Translated(operation, request.format, body, None, losses)

    def _unsealed(self, candidate: Candidate) -> Translated:
        """The request without what another provider has sealed."""
        request = self._request
        ledger = Ledger()
        spoken = self._spoken(candidate)
        asking = self._asked(candidate)
        body = asking.written(request.format, _refusing(spoken, asking, candidate), ledger)
        if candidate.bounded:
            body, losses = bounded(candidate, request.operation, body, spoken)
            ledger.add(losses)
        return Translated(request.operation, request.format, body, None, ledger.entries)

    def _spoken(self, candidate: Candidate) -> Dialect:
        """The dialect of the caller's own format at this provider."""
        return dialect(candidate.provider, candidate.model, self._request.operation.surface, candidate.facts)


def _refusing(spoken: Dialect, asking: Asking | EmbedAsking, candidate: Candidate) -> Dialect:
    """The dialect, with what the model does not accept when asked to think as much as this."""
    refused = candidate.refuses(asking.effort)
    return spoken if refused <= spoken.refused else attrs.evolve(spoken, refused=spoken.refused | refused)


def effort(body: bytes) -> str | None:
    """The reasoning effort that a body of OpenAI's formats asks for."""
    try:
        asked = _decode_effort(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return asked.reasoning_effort or (asked.reasoning.effort if asked.reasoning else None)


def lossy(candidate: Candidate, losses: Sequence[Loss]) -> LossyTranslation:
    """The refusal of a strict request: names the place of the first loss, and the others."""
    first = losses[0]
    others = f" (and {len(losses) - 1} more: {', '.join(loss.pointer for loss in losses[1:9])})" if losses[1:] else ""
    return LossyTranslation(
        f"`{first.pointer}` would be {first.action} on the way to {candidate.provider.id}:{candidate.model}:"
        f" {first.reason}{others}. Send the request without it, or without `x-aigw-strict`.",
        param=first.pointer,
    )
