"""One request on a caller's connection: read, planned, relayed, answered, recorded.

A turn is the caller's side of an exchange: it writes the answer's head in front of the first bytes, passes the
others on in the loop turn they arrive in, and shows them to the usage tap afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, time
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp.http_parser import RawRequestMessage

from aigw.errors import AigwError, AnswerBroken, InvalidBody, Refusal
from aigw.front import answers, tunnel, verdict
from aigw.front.identify import identify
from aigw.front.intake import WHOLE_UP_TO, Growing, Taken, Whole, too_large
from aigw.front.routes import Intake, Route
from aigw.observe import record as recorded
from aigw.observe.record import Record
from aigw.relay.attempt import Attempt, helps
from aigw.relay.failover import Exchange
from aigw.relay.request import NoBody, Request
from aigw.wire.form import FormScanner, boundary_of
from aigw.wire.format import Format, Trouble
from aigw.wire.scan import Scanner
from aigw.wire.usage import Tap

if TYPE_CHECKING:
    from aigw.front.connection import CallerConnection
    from aigw.front.gateway import Gateway
    from aigw.records import AccessKey

# Above this a joined copy costs more than a vectored write of frame and data.
COPY_UP_TO = 65_536
# Query parameters that carry credentials (Gemini's `key`); they never go upstream.
_SECRET_QUERY = frozenset({"key", "api_key", "api-key", "apikey", "access_token"})
_EXPECT = b"HTTP/1.1 100 Continue\r\n\r\n"


class Turn:
    """One request from its head on; `closes` says that the connection cannot be used again after it."""

    __slots__ = (
        "_auth_ms",
        "_chunked",
        "_events",
        "_exchange",
        "_head_sent",
        "_intake",
        "_key",
        "_last",
        "_route_ms",
        "_tap",
        "closes",
        "connection",
        "done",
        "format",
        "gateway",
        "message",
        "record",
        "route",
        "snapshot",
    )

    def __init__(
        self, gateway: Gateway, connection: CallerConnection, message: RawRequestMessage, route: Route
    ) -> None:
        self.gateway = gateway
        self.connection = connection
        self.message = message
        self.route = route
        self.format: Format = gateway.formats[route.operation.format]
        self.snapshot = gateway.snapshot
        self.closes = message.should_close or gateway.draining
        self.done = False
        self.record = Record(gateway.request_id(message.headers), route.operation.surface, monotonic(), time())
        self._exchange: Exchange | None = None
        self._intake: Whole | Growing | None = None
        self._key: AccessKey | None = None
        self._tap: Tap | None = None
        self._head_sent = False
        self._chunked = False
        self._events = False
        self._last = b""
        self._auth_ms = 0.0
        self._route_ms = 0.0

    # -- the request ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Decide from the head alone what can be decided: who calls, and how the body is to be read."""
        try:
            self._key = key = identify(self.message.headers, self.snapshot)
            self._auth_ms = (monotonic() - self.record.started) * 1e3
            self.record.access_key_id = key.id
            self.record.access_key_name = key.name
            self._intake = self._choose_intake()
        except Refusal as refusal:
            self.refuse(refusal)
            return
        if self.message.headers.get("Expect", "").lower() == "100-continue":
            self.connection.write(_EXPECT)

    def _choose_intake(self) -> Whole | Growing | None:
        """How the body is taken in. Raises TooLarge, InvalidBody."""
        headers, most = self.message.headers, self.snapshot.limits.max_body_bytes
        announced = None if self.message.chunked else int(headers.get("Content-Length", 0))
        if announced is not None and announced > most:
            raise too_large(most)
        intake, in_path = self.route.intake, self.route.model is not None
        if intake is Intake.JSON:
            kind = headers.get("Content-Type", "")
            if kind.startswith("multipart/"):
                raise InvalidBody("This path takes JSON: send content-type application/json.")
            encoding = headers.get("Content-Encoding")
            if encoding is None and (announced is None or announced > WHOLE_UP_TO):
                return Growing(Scanner(), announced, in_path=in_path)
            return Whole(in_path, encoding, most)
        if intake is Intake.FORM:
            return Growing(FormScanner(boundary_of(headers.get("Content-Type", ""))), announced)
        return None

    def on_body(self, data: bytes, complete: bool) -> None:
        """Bytes of the body as they come; `complete` with the last ones."""
        if self.done:
            return
        record = self.record
        record.bytes_in += len(data)
        try:
            if record.bytes_in > self.snapshot.limits.max_body_bytes:
                raise too_large(self.snapshot.limits.max_body_bytes)
            if complete:
                record.received = monotonic()
            if self._intake is None:
                if complete:
                    self._launch_bodyless()
                return
            taken = self._intake.feed(data, complete)
            if taken is not None:
                self._launch(taken)
            elif self._exchange is not None:
                self._grown(complete)
        except Refusal as refusal:
            self._give_up(refusal)

    def _launch(self, taken: Taken) -> None:
        """The model is known: plan and ask. Raises Refusal."""
        assert self._key is not None
        peeked, route, record = taken.peeked, self.route, self.record
        model = route.model if route.model is not None else peeked.model
        record.requested_model = model or (peeked.models[0] if peeked.models else "")
        record.stream = peeked.stream or route.operation.name == "gemini.stream"
        plan = self.gateway.planner.plan(route.operation, model, peeked.models, self._key, self.snapshot)
        request = Request(route.operation, self.format, self.message.raw_headers, self.message.headers, taken.body)
        if "Content-Encoding" in self.message.headers:
            request.dropped |= {b"content-encoding"}
        self._ask(request, plan.candidates)

    def _launch_bodyless(self) -> None:
        """A stored response, or a tunnel. Raises Refusal."""
        assert self._key is not None
        route, gateway = self.route, self.gateway
        request = Request(route.operation, self.format, self.message.raw_headers, self.message.headers, NoBody())
        request.id = route.id
        if route.intake is Intake.TUNNEL:
            model = tunnel.model(self.message)
            self.record.requested_model = model
            request.extra = tunnel.handshake(self.message)
            plan = gateway.planner.plan(route.operation, model, (), self._key, self.snapshot)
        else:
            if route.operation.method == "POST":
                request.extra = b"content-length: 0\r\n"
            plan = gateway.planner.stored(route.id, self._key, self.snapshot)
        self._ask(request, plan.candidates)

    def _ask(self, request: Request, candidates: Sequence[object]) -> None:
        path, _, query = self.message.path.partition("?")
        if query:
            request.query = clean_query(query, self.route)
        self._route_ms = (monotonic() - self.record.started) * 1e3 - self._auth_ms
        self._exchange = Exchange(self.gateway.relay, self, request, candidates, self.snapshot, self.record)  # type: ignore[arg-type]
        self._exchange.start()

    def _grown(self, complete: bool) -> None:
        """More of a body that is on its way up; its `models` may have come by now."""
        exchange, intake = self._exchange, self._intake
        assert exchange is not None
        if isinstance(intake, Growing) and intake.models and self._key is not None:
            plan = self.gateway.planner.plan(
                self.route.operation, self.record.requested_model, intake.models, self._key, self.snapshot
            )
            exchange.candidates = plan.candidates
        exchange.body_arrived()

    def _give_up(self, refusal: Refusal) -> None:
        """The body turned out bad, perhaps after the upstream got part of it: that request is never completed."""
        if self._exchange is not None:
            self._exchange.cancel(refusal.error_code)
        if self._head_sent:
            self._cut(recorded.FAILED, refusal.error_code)
        else:
            self.refuse(refusal)

    # -- the answer: what an exchange calls ------------------------------------------------------------------

    def on_commit(self, attempt: Attempt, data: bytes, complete: bool) -> None:
        """An upstream has something to send: the head, and its first bytes in the same write."""
        head = attempt.head
        assert head is not None
        now = monotonic()
        record = self.record
        record.status = head.code
        record.first_byte = now
        record.provider = attempt.record.provider
        record.model = attempt.record.model
        kind = head.headers.get("Content-Type", "")
        self._events = kind.startswith("text/event-stream")
        framing, self._chunked = self._framing(attempt, len(data), complete)
        answer = [answers.status_line(head.code), *answers.passed_fields(head.raw_headers)]
        answer += (
            answers.ids(record.request_id),
            attempt.candidate.shown,
            b"x-aigw-attempts: %d\r\n" % len(record.attempts),
            answers.timing(record, self._auth_ms, self._route_ms, now),
            b"x-accel-buffering: no\r\n" if self._events else b"",
            framing,
            b"connection: close\r\n\r\n" if self.closes else b"\r\n",
        )
        self._head_sent = True
        self._tap = Tap(kind, head.headers.get("Content-Encoding"))
        if self._chunked and data:
            answer += (b"%x\r\n" % len(data), data, b"\r\n0\r\n\r\n" if complete else b"\r\n")
        else:
            answer.append(data)
        self.connection.write(b"".join(answer))
        self._look(data, complete)

    def _framing(self, attempt: Attempt, size: int, complete: bool) -> tuple[bytes, bool]:
        """The framing fields for the caller, and whether the body goes in chunks.

        A length the upstream announced is kept, one that is known because everything is there is told, otherwise
        chunks; a caller of HTTP/1.0 gets the end of the connection instead.
        """
        head = attempt.head
        assert head is not None
        if head.code in (204, 304):
            return b"", False
        announced = None if head.chunked else head.headers.get("Content-Length")
        if announced is not None:
            return b"content-length: %d\r\n" % int(announced), False
        if complete and not self._events:
            return b"content-length: %d\r\n" % size, False
        if self.message.version.minor == 0:
            self.closes = True
            return b"", False
        return b"transfer-encoding: chunked\r\n", True

    def on_bytes(self, data: bytes, complete: bool) -> None:
        """More of the answer."""
        size = len(data)
        if not self._chunked:
            if data:
                self.connection.write(data)
        elif size > COPY_UP_TO:
            self.connection.write_all((b"%x\r\n" % size, data, b"\r\n0\r\n\r\n" if complete else b"\r\n"))
        elif size:
            self.connection.write(b"%x\r\n%b\r\n%b" % (size, data, b"0\r\n\r\n" if complete else b""))
        elif complete:
            self.connection.write(b"0\r\n\r\n")
        self._look(data, complete)

    def _look(self, data: bytes, complete: bool) -> None:
        """After the write: meter, and finish with the last bytes."""
        if data:
            self.record.bytes_out += len(data)
            self._last = data
            if self._tap is not None:
                self._tap.feed(data)
        if complete:
            self._finish(_outcome(self.record.status), "")

    def on_broken(self, error: AnswerBroken) -> None:
        """The answer stopped midway: say so where the format has words for it, else cut, never end cleanly."""
        outcome: recorded.Outcome = recorded.TIMEOUT if error.reason.endswith("timeout") else recorded.BROKEN
        if self._events and self._chunked and self._between_events():
            message = f"The answer stopped midway: {error.detail or error.reason}."
            trouble = Trouble(502, "upstream_error", message, None, self.record.request_id)
            event = self.format.stream_error(trouble)
            end = b"" if self.format.cuts_after_error else b"0\r\n\r\n"
            self.connection.write(b"%x\r\n%b\r\n%b" % (len(event), event, end))
        self._cut(outcome, error.reason)

    def _between_events(self) -> bool:
        """Whether the caller has only whole events; half a one can be neither finished nor taken back."""
        return self._last.endswith((b"\n\n", b"\r\n\r\n"))

    def on_failed(self, attempts: Sequence[Attempt], *, out_of_time: bool) -> None:
        """Nothing to send: an upstream's own error, or one that lists the attempts."""
        if attempts:
            last = attempts[-1].record
            self.record.provider, self.record.model = last.provider, last.model
        passed = verdict.upstream_error(attempts)
        if passed is not None:
            self._pass_error(passed)
            return
        total = self.snapshot.limits.total_timeout
        self.refuse(verdict.refusal(attempts, out_of_time=out_of_time, total=total), relayed=True)

    def _pass_error(self, attempt: Attempt) -> None:
        """An upstream's error with its status, scrubbed of every configured secret."""
        assert attempt.head is not None
        head = attempt.head
        body = self.gateway.error_body(attempt, self.format, self.record.request_id)
        lines = answers.error_fields(head.raw_headers, replaced=body.replaced)
        lines += (answers.ids(self.record.request_id), attempt.candidate.shown)
        lines.append(b"x-aigw-attempts: %d\r\n" % len(self.record.attempts))
        outcome = _outcome(head.code)
        self._answer(head.code, lines, body.data, outcome, "upstream_error")

    def on_switched(self, attempt: Attempt) -> None:
        """The upstream switched protocols: from here on bytes go both ways as they are."""
        assert attempt.head is not None and attempt.connection is not None
        self.record.status = 101
        self.record.provider, self.record.model = attempt.record.provider, attempt.record.model
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
        self.connection.tunnel(attempt.connection.detach())

    def on_request_full(self) -> None:
        """The upstream takes the body more slowly than it comes."""
        self.connection.pause_body()

    def on_request_drained(self) -> None:
        """It takes more again."""
        self.connection.resume_body()

    # -- what the connection tells -----------------------------------------------------------------------------

    def pause(self) -> None:
        """The caller reads more slowly than the answer comes."""
        if self._exchange is not None:
            self._exchange.pause()

    def resume(self) -> None:
        """The caller has caught up."""
        if self._exchange is not None:
            self._exchange.resume()

    def caller_gone(self) -> None:
        """The caller closed the connection: nobody is to pay for an answer that nobody reads."""
        if self.done:
            return
        if self._exchange is not None:
            self._exchange.cancel(recorded.CLIENT_CLOSED)
        if self.record.status == 101:
            self._finish(recorded.OK, "")
        else:
            self._finish(recorded.CLIENT_CLOSED, recorded.CLIENT_CLOSED)

    def body_failed(self, error: AigwError) -> None:
        """The rest of the body cannot be read, or does not come."""
        if not self.done and isinstance(error, Refusal):
            self.closes = True
            self._give_up(error)

    def cut(self) -> None:
        """Stop now: the gateway is going down."""
        if self._exchange is not None:
            self._exchange.cancel("draining")
        self._cut(recorded.BROKEN, "draining")

    # -- the end -------------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refusal, *, relayed: bool = False) -> None:
        """Answer with an error of the gateway's own."""
        lines, body = answers.refusal_parts(refusal, self.format, self.record.request_id)
        if relayed:
            lines.append(b"x-aigw-attempts: %d\r\n" % len(self.record.attempts))
        outcome: recorded.Outcome = recorded.REFUSED
        if relayed:
            outcome = recorded.TIMEOUT if refusal.http_status == 504 else recorded.UPSTREAM_ERROR
        body = self.gateway.scrub(body) if relayed else body
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
        """Complete the record; called after the bytes are out."""
        if self._tap is not None:
            self.record.seen = seen = self._tap.finish()
            if seen.response_id and self.route.operation.name == "responses":
                self.gateway.planner.remember(seen.response_id, self.record.provider)
        self.record.finish(monotonic())


def _outcome(status: int) -> recorded.Outcome:
    if status < 400:
        return recorded.OK
    return recorded.UPSTREAM_ERROR if status >= 500 or helps(status).value == "next key" else recorded.CLIENT_ERROR


def clean_query(query: str, route: Route) -> str:
    """The caller's query string without credentials (Gemini's `key`) and without what the provider's path says."""
    dropped = _SECRET_QUERY | {"model"} if route.intake is Intake.TUNNEL else _SECRET_QUERY
    return "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]).lower() not in dropped)
