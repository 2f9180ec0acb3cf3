"""The answer's way back to a caller: its head in front of the first bytes, the others in the loop turn they arrive
in, and at the end the record. What an exchange calls its caller's side with is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, time
from typing import TYPE_CHECKING

import attrs

from aigw.errors import AnswerBroken, Refusal
from aigw.front import answers, tunnel, verdict
from aigw.front.routes import Route
from aigw.observe import record as recorded
from aigw.observe.record import Record
from aigw.relay.attempt import Attempt, helps
from aigw.relay.failover import Exchange
from aigw.routing.plan import Candidate
from aigw.snapshot import Account
from aigw.wire.counting import estimated
from aigw.wire.format import Format, Trouble
from aigw.wire.head import Head
from aigw.wire.message import RequestHead
from aigw.wire.usage import Tap

if TYPE_CHECKING:
    from aigw.front.connection import CallerConnection
    from aigw.front.gateway import Gateway

# Above this a joined copy costs more than a vectored write of frame and data.
COPY_UP_TO = 65_536


class Delivery:
    """One answer on a caller's connection; `closes` says that the connection cannot be used again after it."""

    def __init__(
        self, gateway: Gateway, connection: CallerConnection, message: RequestHead, head: Head, route: Route
    ) -> None:
        self.done = False
        self._exchange: Exchange | None = None
        self._attempt: Attempt | None = None
        self._tap: Tap | None = None
        self._head_sent = False
        self._chunked = False
        self._unframed = False
        self._events = False
        self._last = b""
        self._auth_ms = 0.0
        self._route_ms = 0.0
        self.gateway = gateway
        self.connection = connection
        self.message = message
        self.head = head
        self.route = route
        self.format: Format = gateway.formats[route.operation.format]
        # The whole of it, until it is known whose request this is.
        self.account: Account = gateway.snapshot
        self.closes = message.should_close or gateway.draining
        self.record = Record(gateway.request_id(head), route.operation.surface, monotonic(), time())

    # -- the answer: what an exchange calls ------------------------------------------------------------------

    def on_commit(self, attempt: Attempt, data: bytes, complete: bool, raw: bytes) -> None:
        """An upstream has something to send: the head, and its first bytes in the same write."""
        head = attempt.head
        assert head is not None
        now = monotonic()
        record = self.record
        record.status = head.code
        record.first_byte = now
        record.provider = attempt.record.provider
        record.home = attempt.record.home
        record.model = attempt.record.model
        kind = attempt.kind
        self._attempt = attempt
        self._tap = attempt.tap
        self._events = events = kind.startswith("text/event-stream")
        rewriting = attempt.rewriting
        framing = self._framing(attempt, len(data), complete)
        answer = [answers.status_line(head.code)]
        if attempt.relabelled and rewriting is None:
            answer += answers.relabelled_fields(head.raw_headers, kind)
        elif rewriting is None:
            answer += answers.passed_fields(head.raw_headers)
        else:
            answer += answers.replaced_fields(head.raw_headers, kind)
        if attempt.translated is not None:
            answer += self._lost(attempt)
        answer.append(answers.told(record, attempt.record, attempt.candidate.shown, self._auth_ms, self._route_ms, now))
        if events:
            answer.append(b"x-accel-buffering: no\r\n")
        answer += (framing, b"connection: close\r\n\r\n" if self.closes else b"\r\n")
        if not self._chunked:
            answer.append(data)
        elif data:
            answer += (b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if complete else b"\r\n")
        elif complete:
            answer.append(b"0\r\n\r\n")
        self._head_sent = True
        self.connection.transport.write(b"".join(answer))
        self._sent(data, complete)

    def _lost(self, attempt: Attempt) -> tuple[bytes]:
        """The header that tells what the translation could not carry, as far as that is known by now."""
        assert attempt.translated is not None
        # The ledger itself: what the answer loses comes later.
        self.record.losses = losses = attempt.translated.losses
        return (answers.loss_field(losses),)

    def _framing(self, attempt: Attempt, size: int, complete: bool) -> bytes:
        """The framing field for the caller.

        A length the upstream announced is kept, one that is known because everything is there is told, otherwise
        there are chunks; a caller of HTTP/1.0 gets the end of the connection instead.
        """
        if attempt.record.status in (204, 304):
            return b""
        if attempt.length >= 0:
            return b"content-length: %d\r\n" % attempt.length
        if complete and (not self._events or not size):
            return b"content-length: %d\r\n" % size
        if self.message.version.minor == 0:
            self.closes = self._unframed = True
            return b""
        self._chunked = True
        return b"transfer-encoding: chunked\r\n"

    def on_bytes(self, data: bytes, complete: bool, raw: bytes) -> None:
        """More of the answer."""
        size = len(data)
        transport = self.connection.transport
        if not self._chunked:
            if data:
                transport.write(data)
        elif size > COPY_UP_TO:
            transport.writelines((b"%x\r\n" % size, data, b"\r\n0\r\n\r\n" if complete else b"\r\n"))
        elif size:
            transport.write(b"%x\r\n%b\r\n%b" % (size, data, b"0\r\n\r\n" if complete else b""))
        elif complete:
            transport.write(b"0\r\n\r\n")
        self._sent(data, complete)

    def _sent(self, data: bytes, complete: bool) -> None:
        """After the write: note it, and finish with the last bytes."""
        if data:
            self.record.bytes_out += len(data)
            # An event's blank line may come in two arrivals.
            self._last = data if len(data) > 3 else self._last[-3:] + data
        if complete:
            self._finish(_outcome(self.record.status), "")

    def on_silence(self) -> None:
        """Say nothing, audibly: between two events of a stream, where the format has something for it."""
        if self._can_tell():
            quiet = self.format.keep_alive if self._events else b"\n"
            self.connection.write(b"%x\r\n%b\r\n" % (len(quiet), quiet) if self._chunked else quiet)

    def on_broken(self, error: AnswerBroken) -> None:
        """The answer stopped midway: say so where the format has words for it, else cut, never end cleanly."""
        outcome: recorded.Outcome = recorded.TIMEOUT if error.reason.endswith("timeout") else recorded.BROKEN
        proper = error.proper
        event = b""
        if not error.told and self._can_tell():
            event = self.gateway.scrubber(self.account.id).scrub(self._error_event(self._trouble(error)))
            proper = not self.format.cuts_after_error
        end = b"0\r\n\r\n" if proper and self._chunked else b""
        if event and self._chunked:
            event = b"%x\r\n%b\r\n" % (len(event), event)
        if event or end:
            self.connection.write(event + end)
        if end and not self.connection.body_open:
            # The body has its proper end. To close now, unannounced, would hit the caller's next request.
            self._finish(outcome, error.reason)
            return
        if self._unframed and not (event or proper):
            # Where the end of the connection is the end of the body, only a reset tells that it is not.
            self.connection.transport.abort()
        self._cut(outcome, error.reason)

    def _trouble(self, error: AnswerBroken) -> Trouble:
        """What the caller is told: the upstream's own account where a translation has read one."""
        said = error.trouble
        if isinstance(said, Trouble):
            return attrs.evolve(said, request_id=self.record.request_id)
        message = f"The answer stopped midway: {error.detail or error.reason}."
        return Trouble(502, "upstream_error", message, None, self.record.request_id)

    def _error_event(self, trouble: Trouble) -> bytes:
        """An event of an error; in a stream that is one JSON array, an element."""
        if self._events:
            return self.format.stream_error(trouble, self._last)
        return (b",\r\n" if self.record.bytes_out else b"[") + self.format.error(trouble)

    def _can_tell(self) -> bool:
        """Whether an event of ours can follow: in a plain stream of events, of which the caller has only whole ones."""
        attempt = self._attempt
        if not (self._chunked or self._unframed) or attempt is None:
            return False
        if attempt.rewriting is not None:
            return True  # it writes whole events, or whole elements of an array
        if not self._events or (attempt.coding or "identity").lower() != "identity":
            return False
        return self._last.endswith((b"\n\n", b"\r\n\r\n"))

    def on_failed(self, attempts: Sequence[Attempt], *, out_of_time: bool) -> None:
        """Nothing to send: an upstream's own error, or one that lists the attempts."""
        unasked = self._exchange.unasked if self._exchange is not None else []
        resting = self._exchange.prospects.resting if self._exchange is not None else []
        if attempts:
            last = attempts[-1].record
            self.record.provider, self.record.model = last.provider, last.model
            self.record.home = last.home
        elif not out_of_time and unasked and not resting:
            # No candidate could even be asked.
            self.refuse(unasked[0][1])
            return
        passed = verdict.upstream_error(attempts) if attempts else None
        if passed is not None:
            self._pass_error(passed)
            return
        total = self._exchange.total if self._exchange is not None else self.account.limits.total_timeout
        refusal = verdict.refusal(attempts, unasked, resting, out_of_time=out_of_time, total=total)
        self.refuse(refusal, recorded.TIMEOUT if refusal.http_status == 504 else recorded.UPSTREAM_ERROR)

    def _pass_error(self, attempt: Attempt) -> None:
        """An upstream's error with its status, scrubbed of every configured secret."""
        assert attempt.head is not None
        head = attempt.head
        scrubber = self.gateway.scrubber(self.account.id)
        body = self.gateway.error_body(attempt, self.format, self.record.request_id, scrubber)
        # Piece by piece: a shape that goes on over a line's end would take the line's end with it.
        lines = list(map(scrubber.scrub, answers.error_fields(head.raw_headers, replaced=body.replaced)))
        if attempt.translated is not None:
            lines += self._lost(attempt)
        lines += (verdict.delay_field(attempt), answers.ids(self.record.request_id), attempt.candidate.shown)
        lines.append(b"x-aigw-attempts: %d\r\n" % len(self.record.attempts))
        outcome = _outcome(head.code)
        self._answer(head.code, lines, body.data, outcome, "upstream_error")

    def on_estimated(self, candidate: Candidate) -> None:
        """Tokens that no provider counts: the gateway estimates, and says so. Raises Refusal."""
        assert self._exchange is not None
        record, request = self.record, self._exchange.request
        body, losses = estimated(self.format, request.body.original(), request.model, strict=request.strict)
        record.provider, record.model, record.losses = candidate.provider.id, candidate.model, losses
        record.home = candidate.provider.home
        lines = [answers.JSON_TYPE, answers.ids(record.request_id), candidate.shown, answers.loss_field(losses)]
        lines.append(b"x-aigw-attempts: %d\r\n" % len(record.attempts))
        self._answer(200, lines, body, recorded.OK, "")

    def on_switched(self, attempt: Attempt) -> None:
        """The upstream switched protocols: from here on bytes go both ways as they are."""
        assert attempt.head is not None
        assert attempt.connection is not None
        self.record.status = 101
        self.record.provider, self.record.model = attempt.record.provider, attempt.record.model
        self.record.home = attempt.record.home
        self.record.first_byte = monotonic()
        fields = tunnel.answer_fields(attempt.head.raw_headers)
        answer = (
            answers.status_line(101),
            *fields,
            answers.ids(self.record.request_id),
            attempt.candidate.shown,
            b"\r\n",
        )
        self._head_sent = True
        self.connection.write(b"".join(answer))
        upstream, attempt.connection = attempt.connection.detach(), None
        self.connection.tunnel(upstream)

    # -- the end -------------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal, outcome: recorded.Outcome = recorded.REFUSED) -> None:
        """Answer with an error of the gateway's own; after attempts it may hold what upstreams said."""
        lines, body = answers.refusal_parts(refusal, self.format, self.record.request_id)
        if self.record.attempts:
            lines.append(b"x-aigw-attempts: %d\r\n" % len(self.record.attempts))
            body = self.gateway.scrubber(self.account.id).scrub(body)
        self._answer(refusal.http_status, lines, body, outcome, refusal.error_code)

    def _answer(self, status: int, lines: list[bytes], body: bytes, outcome: recorded.Outcome, error: str) -> None:
        if self.connection.body_open:
            self.closes = True
        self._head_sent = True
        self.record.status = status
        self.record.first_byte = monotonic()
        self.record.bytes_out += len(body)
        self.connection.write(answers.body_answer(status, lines, body, close=self.closes))
        self._finish(outcome, error)

    def _cut(self, outcome: recorded.Outcome, error: str) -> None:
        """End without the end: what was written is sent, then the connection closes before the body is complete."""
        self.closes = True
        self._finish(outcome, error)

    def _finish(self, outcome: recorded.Outcome, error: str) -> None:
        if self.done:
            return
        self.done = True
        self.record.outcome = outcome
        self.record.error = error
        self.gateway.finish(self)
        self.connection.turn_done(self)

    def settle(self) -> None:
        """Complete the record and let go of the exchange; called after the bytes are out.

        Without that the two would hold each other until the garbage collector comes by, and each request would
        be served in memory that no cache has seen.
        """
        if self._exchange is not None:
            self._exchange.release()
            self._exchange = None
        if self._tap is not None:
            self.record.seen = seen = self._tap.finish()
            if seen.response_id and self.route.operation.name == "responses":
                self.gateway.planner.remember(self.account.id, seen.response_id, self.record.provider)
        self.record.finish(monotonic())


def _outcome(status: int) -> recorded.Outcome:
    if status < 400:
        return recorded.OK
    return recorded.UPSTREAM_ERROR if status >= 500 or helps(status).value == "next key" else recorded.CLIENT_ERROR
