"""How an answer begins: looked at until it is worth sending, or known not to be; until then the caller is untouched.

The phases, in order: waiting (for the head and the first bytes), then holding (a stream's preamble), gathering (a whole
answer that is translated) or collecting (an error's body).
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from aigw.adapter import CHAT_COMPLETIONS, COMPLETIONS, GEMINI, MESSAGES, RESPONSES
from aigw.errors import AnswerBroken, AttemptFailed, BadAnswer
from aigw.observe import record as recorded
from aigw.relay.call import Call, Phase
from aigw.relay.rewriting import EVENTS, JSON, MAX_ANSWER_BYTES, Rewriting
from aigw.relay.worth import (
    BYTE_ORDER_MARK,
    TELLING,
    Shape,
    Wanted,
    beginning,
    disguised,
    is_usual,
    mistaken,
    reported,
    said,
    shape,
    wanted,
)
from aigw.wire.format import Format, Verdict
from aigw.wire.guard import Guard
from aigw.wire.lane import BackLane
from aigw.wire.message import ResponseHead
from aigw.wire.opening import Opening
from aigw.wire.usage import Tap

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.relay.translation import Translated
    from aigw.routing.plan import Candidate
    from aigw.snapshot import Limits

# An error's body is a few hundred bytes of JSON; some providers send a web page.
MAX_ERROR_BYTES = 65_536
# How long a stream's preamble is kept back for the sake of failover before the caller gets it, in seconds.
# Shorter than any proxy's patience (20 s is the shortest watchdog known), longer than an overload takes to show.
MAX_HOLD = 5.0

# The surfaces whose streams have an end of their own.
_GUARDED = frozenset({CHAT_COMPLETIONS, COMPLETIONS, RESPONSES, MESSAGES, GEMINI})


class Beginning(Call):
    """The inward half of an attempt, up to its commit. `kind` is the content type for the caller."""

    _held: list[bytes]
    tap: Tap

    def __init__(
        self,
        exchange: Exchange,
        candidate: Candidate,
        limits: Limits,
        record: recorded.Attempt,
        translated: Translated | None,
    ) -> None:
        super().__init__(exchange, candidate, limits, record, translated)
        self.due = 0.0
        self.head: ResponseHead | None = None
        self.kind = ""
        self.relabelled = False
        self.coding: str | None = None
        self.length = -1
        self.body = b""
        self.error: AttemptFailed | None = None
        self.rewriting: Rewriting | None = None
        self.guard: Guard | None = None
        self.format: Format = exchange.request.format if translated is None else translated.format
        self._wanted = Wanted.ANYTHING
        self._opening: Opening | None = None
        self._begun = b""
        self._looked = False
        self._telling: Opening | None = None
        self._told = b""
        self._collected = 0
        self._arrived = False

    # -- the head --------------------------------------------------------------------------------------------------

    def _open(self, head: ResponseHead) -> None:
        self.head = head
        self.record.status = head.code
        self.kind = head.headers.get("Content-Type", "")
        self.coding = head.headers.get("Content-Encoding")
        if not head.chunked:
            self.length = int(head.headers.get("Content-Length", -1))
        if not 200 <= head.code < 300:
            self.phase = Phase.COLLECTING
            self._held = []
            return
        if self.translated is not None and self.translated.lane is not None:
            self._rewrite_from(self.translated.lane)
        elif head.code != 204:
            self._wanted = wanted(self.exchange.request)
        if EVENTS in self.kind:
            self._open_stream()
        elif self.rewriting is not None:
            self._open_whole()

    def _open_stream(self) -> None:
        """A stream of events: held until it has content, unless one answer was asked for."""
        if self.rewriting is not None and not self.rewriting.wants_stream:
            self._open_whole()
        elif self._wanted is Wanted.WHOLE:
            self.fail(BadAnswer("unasked_stream", "the upstream answered with a stream that nobody asked for"))
        else:
            self.phase = Phase.HOLDING
            self._held = []
            self._opening = Opening(self.format, self.coding)

    def _open_whole(self) -> None:
        self.phase = Phase.GATHERING
        self._held = []

    def _rewrite_from(self, lane: BackLane) -> None:
        """The answer is in another format than the caller's; its own length says nothing."""
        stream = self.exchange.request.stream and lane.streams
        self.rewriting = Rewriting(lane, self.coding, wants_stream=stream)
        self.length = -1

    # -- the first bytes -------------------------------------------------------------------------------------------

    def _judge(self, data: bytes, complete: bool) -> None:
        if self.phase is Phase.COLLECTING:
            self._collect(data, complete)
        elif self.phase is Phase.HOLDING:
            self._hold(data, complete)
        elif self.phase is Phase.GATHERING:
            self._gather(data, complete)
        elif self.phase is Phase.WAITING and (data or complete):
            if complete and self._is_usual(data):
                self._commit(data, data, True)
            else:
                self._first_bytes(data, complete)

    def _is_usual(self, data: bytes) -> bool:
        """Whether these bytes are a whole answer of the kind that nearly all are."""
        whole = self._wanted is Wanted.WHOLE and not self.coding and not self._begun
        return whole and is_usual(self.kind, data)

    def _first_bytes(self, data: bytes, complete: bool) -> None:
        """An answer that is no stream: it goes on with its first bytes, unless they say that it is none."""
        if self._begun:
            data = self._begun + data
        asked = self._wanted is not Wanted.ANYTHING
        if len(data) < TELLING and not complete and (asked or "json" in self.kind):
            self._begun = data
            return
        plain: bytes | None = data
        if asked:
            plain = beginning(data, self.coding)
            if plain is not None and not complete and len(data) < MAX_ERROR_BYTES and self._says_nothing(plain, data):
                return
        if plain is not None:
            error = mistaken(self._wanted, self.kind, plain) if asked else disguised(self.kind, plain)
            if error is not None:
                self._refuse(error, plain)
                return
            if asked and self._relabelled(plain, data, complete):
                return
        self._commit(data, data, complete)

    def _says_nothing(self, plain: bytes, data: bytes) -> bool:
        """Wait for more, where what came does not tell; some servers send blanks while they think, to be heard."""
        size = len(plain.lstrip())
        if size >= TELLING:
            return False
        self._begun = data
        if not size and self.record.first_byte_ms is None:
            self._note_first_byte()
            self.due = monotonic() + MAX_HOLD
        return True

    def _blank_enough(self) -> bool:
        """Whether blanks have come for so long that they go on: the upstream is alive."""
        alive = self.phase is Phase.WAITING and self.record.first_byte_ms is not None
        if alive:
            self._commit(self._begun, self._begun, False)
        return alive

    def _relabelled(self, plain: bytes, data: bytes, complete: bool) -> bool:
        """Call what is of good shape what it is, whatever the upstream called it; true for a stream, which is held."""
        if self._wanted is Wanted.STREAM:
            self.kind, self.relabelled = EVENTS, True
            self._open_stream()
            self._hold(data, complete)
            return True
        if "json" not in self.kind:
            self.kind, self.relabelled = JSON, True
        return False

    def _refuse(self, error: AttemptFailed, data: bytes) -> None:
        """It is an error after all, as `data` says."""
        self.body = data
        reported(error, self.format, data)
        self.fail(error)

    # -- a stream --------------------------------------------------------------------------------------------------

    def _hold(self, data: bytes, complete: bool) -> None:
        assert self._opening is not None
        if data:
            self._held.append(data)
            if self.record.first_byte_ms is None:
                self._note_first_byte()
                self.due = monotonic() + MAX_HOLD
        if self._telling is not None:
            self._prime(data, complete)
            return
        verdict = self._opening.feed(data)
        if verdict is Verdict.ERROR:
            said_so = self._opening.error
            self._refuse(BadAnswer("error_in_stream", said("the stream began with an error", said_so)), said_so)
        elif verdict is Verdict.CONTENT:
            held = b"".join(self._held)
            if self.rewriting is None:
                self._commit(held, held, complete)
            else:
                self._prime(held, complete)
        elif complete:
            self.fail(BadAnswer("empty_stream", "the stream ended before it had any content"))

    def _prime(self, data: bytes, complete: bool) -> None:
        """A stream in another format than the caller's is worth sending once it has content in the caller's."""
        rewriting = self.rewriting
        assert rewriting is not None
        if self._telling is None:
            self._telling = Opening(self.exchange.request.format, None)
        try:
            told = rewriting.streamed(data, complete)
        except AnswerBroken as broken:
            self._fail_as(broken)
            return
        self._told += told
        ended = complete and rewriting.lane.finished
        over = complete or rewriting.trouble is not None
        if ended or self._telling.feed(told) is Verdict.CONTENT or (told and rewriting.lane.array):
            self._commit(self._told, b"".join(self._held), ended)
            if over and self.phase is Phase.PASSING:
                self._break(rewriting.unended())
        elif over:
            self._fail_as(rewriting.unended())

    def _fail_as(self, broken: AnswerBroken) -> None:
        """What would have broken the answer off, had anything of it reached the caller."""
        error = BadAnswer(broken.reason, broken.detail, broken.trouble)
        reported(error, self.format, b"")
        self.fail(error)

    def _held_enough(self) -> None:
        """A proxy on the way, or the caller, may not have much more patience than this."""
        held = b"".join(self._held)
        if self.rewriting is not None and self._telling is None:
            self._prime(held, False)
        if self.phase is Phase.HOLDING:
            self._commit(held if self.rewriting is None else self._told, held, False)

    # -- a whole answer that is translated ---------------------------------------------------------------------------

    def _gather(self, data: bytes, complete: bool) -> None:
        """A whole answer in another format than the caller's."""
        if data:
            self._arrived = True
            self._held.append(data)
            self._collected += len(data)
            if self.record.first_byte_ms is None:
                self._note_first_byte()
                self._watch_stream()
        if self._collected > MAX_ANSWER_BYTES:
            self.fail(BadAnswer("too_large", f"the answer is larger than {MAX_ANSWER_BYTES} bytes"))
        elif not self._looked and (complete or self._collected >= TELLING) and self._are_events():
            self._open_stream_after_all(complete)
        elif complete:
            self._rewrite_whole(b"".join(self._held))

    def _are_events(self) -> bool:
        """Whether what came is a stream by another name."""
        self._looked = True
        plain = beginning(b"".join(self._held), self.coding)
        return EVENTS not in self.kind and plain is not None and shape(plain) is Shape.EVENTS

    def _open_stream_after_all(self, complete: bool) -> None:
        data, self.kind = b"".join(self._held), EVENTS
        self._open_stream()
        if self.phase is Phase.HOLDING:
            self._hold(data, complete)
        else:
            self._held = [data]
            if complete:
                self._rewrite_whole(data)

    def _rewrite_whole(self, data: bytes) -> None:
        assert self.rewriting is not None
        events = EVENTS in self.kind
        error = None if events else disguised(self.kind, data)
        if error is not None:
            self._refuse(error, data)
            return
        try:
            told = self.rewriting.whole(data, events=events)
        except BadAnswer as bad:
            self.fail(bad)
            return
        self.tap = self._new_tap()
        self.phase = Phase.PASSING
        self._end()
        self._held = []
        self.kind = self.rewriting.kind
        self._commit_to(told, True, data)
        self.tap.feed(data)

    # -- an error --------------------------------------------------------------------------------------------------

    def _collect(self, data: bytes, complete: bool) -> None:
        self._held.append(data)
        self._collected += len(data)
        if complete or self._collected > MAX_ERROR_BYTES:
            self._fail_by_status()

    def _fail_by_status(self) -> None:
        self.body = b"".join(self._held)
        self.fail(AttemptFailed(f"status_{self.record.status}"))

    # -- the commit ------------------------------------------------------------------------------------------------

    def _commit(self, told: bytes, raw: bytes, complete: bool) -> None:
        """From here on bytes go to the caller: first `told`, which is what the upstream's `raw` says in its format."""
        if self.record.first_byte_ms is None:
            self._note_first_byte()
        tap = self.tap = self._new_tap()
        if self.rewriting is not None:
            self.kind = self.rewriting.kind
        elif self._opening is not None and self.operation.surface in _GUARDED:
            broken = self._guarded(tap, raw, complete)
            if broken is not None:
                self._fail_as(broken)
                return
            told = told.removeprefix(BYTE_ORDER_MARK)  # SDKs take it for a part of the first line, and pass over that
        self.phase = Phase.PASSING
        if complete:
            self._end()
        else:
            self._watch_stream()
        self._held = []
        self._commit_to(told, complete, raw)
        if not complete or self.guard is None:
            tap.feed(raw)

    def _guarded(self, tap: Tap, raw: bytes, complete: bool) -> AnswerBroken | None:
        """Begin to watch over a stream that passes as it is; what is wrong with what came first."""
        guard = self.guard = Guard(self.format, tap, coded=bool(self.coding))
        self.length = -1  # what breaks off must be able to say so
        if guard.halts(raw):
            return AnswerBroken("bad_stream", guard.why)
        if not complete:
            return None
        tap.feed(raw)
        return guard.ending()

    def _new_tap(self) -> Tap:
        assert self.head is not None
        kind = self.kind if self.relabelled else self.head.headers.get("Content-Type", "")
        return Tap(kind, self.coding)

    def _note_first_byte(self) -> None:
        self.record.first_byte_ms = (monotonic() - self.record.started) * 1e3

    # -- what the other half is ------------------------------------------------------------------------------------

    def _commit_to(self, told: bytes, complete: bool, raw: bytes) -> None:
        raise NotImplementedError

    def _watch_stream(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError

    def _break(self, error: AnswerBroken) -> None:
        raise NotImplementedError
