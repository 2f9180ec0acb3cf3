"""One request on a caller's connection: who asks, what for, and its body on the way up."""

from __future__ import annotations

from asyncio import Handle
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from aigw import operations
from aigw.errors import AigwError, InternalError, InvalidBody, Refusal
from aigw.front import tunnel
from aigw.front.admission import overloaded
from aigw.front.delivery import Delivery
from aigw.front.identify import check_expiry, identify
from aigw.front.inflated import Inflated
from aigw.front.intake import WHOLE_UP_TO, Form, Growing, Taken, Whole, too_large
from aigw.front.routes import Intake, Route
from aigw.front.wishes import Wishes, retries, wishes
from aigw.observe import record as recorded
from aigw.relay.failover import Exchange
from aigw.relay.request import NoBody, Request
from aigw.routing.plan import Candidate
from aigw.wire import head as fields
from aigw.wire.form import boundary_of

if TYPE_CHECKING:
    from aigw.records import AccessKey

# Query parameters that carry credentials (Gemini's `key`); they never go upstream.
_SECRET_QUERY = frozenset({"key", "api_key", "api-key", "apikey", "access_token"})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_YES = (b"true", b"1", b"yes")
_CONTENT_ENCODING = frozenset({fields.CONTENT_ENCODING})

Taking = Whole | Growing | Form | Inflated


class Turn(Delivery):
    """One request from its head on."""

    _intake: Taking | None = None
    _key: AccessKey
    _wishes: Wishes | None = None
    _later: Handle | None = None
    # A body whose model cannot be called, while the rest of it may still list others.
    _kept: Taken | None = None

    def begin(self, length: int, key: AccessKey | None) -> AccessKey | None:
        """Decide from the head alone what can be decided: who calls, and how the body is to be read.

        `length` is the body's, negative for a chunked one. Returns the access key, None if that was refused.
        """
        record = self.record
        try:
            if key is None:
                key = identify(self.head, self.gateway.snapshot)
            elif key.expires_at:
                check_expiry(key)
            self._key = key
            self.account = self.gateway.snapshot.account(key.account)
            record.account_id = key.account
            record.access_key_id = key.id
            record.access_key_name = key.name
            self._auth_ms = (monotonic() - record.started) * 1e3
            self._enter()
            self._intake = self._choose_intake(None if length < 0 else length)
        except Refusal as refusal:
            self.refuse(refusal)
            return key
        if self.head.noted.get(fields.EXPECT, b"").lower() == b"100-continue" and self.connection.body_open:
            self.connection.write(_CONTINUE)
        return key

    def _enter(self) -> None:
        """Whether the gateway takes this request on at all, and what it is to look out for. Raises Refusal."""
        gateway, noted = self.gateway, self.head.noted
        if fields.X_AIGW_TIMEOUT in noted or fields.X_AIGW_HEDGE in noted or fields.X_AIGW_STRATEGY in noted:
            self._wishes = wishes(noted)
        if gateway.shedding:
            raise overloaded("The gateway has more to do than it can, and takes on nothing new (server.max_lag).")
        if gateway.admission is not None:
            gateway.admission.enter(self)

    def _choose_intake(self, announced: int | None) -> Taking | None:
        """How the body is taken in. Raises TooLarge, InvalidBody."""
        noted, most = self.head.noted, self.account.limits.max_body_bytes
        if announced is not None and announced > most:
            raise too_large(most)
        intake, in_path = self.route.intake, self.route.model is not None
        if intake is Intake.JSON:
            if noted.get(fields.CONTENT_TYPE, b"").startswith(b"multipart/"):
                raise InvalidBody("This path takes JSON: send content-type application/json.")
            strict = self._key.scope.models is not None
            if fields.CONTENT_ENCODING in noted:
                return self._inflated(Growing(None, in_path=in_path, strict=strict))
            if announced is None or announced > WHOLE_UP_TO:
                return Growing(announced, in_path=in_path, strict=strict)
            return Whole(in_path, strict=strict)
        if intake is Intake.FORM:
            boundary = boundary_of(self.head.text(fields.CONTENT_TYPE))
            if fields.CONTENT_ENCODING in noted:
                return self._inflated(Form(boundary, None))
            return Form(boundary, announced)
        return None

    def _inflated(self, inner: Growing | Form) -> Inflated:
        encoding = self.head.text(fields.CONTENT_ENCODING)
        return Inflated(inner, encoding, self.account.limits.max_body_bytes)

    def on_body(self, data: bytes, complete: bool) -> None:
        """Bytes of the body as they come; `complete` with the last ones."""
        if self.done:
            return
        record = self.record
        record.bytes_in += len(data)
        if complete:
            record.received = monotonic()
        try:
            if record.bytes_in > self.account.limits.max_body_bytes:
                raise too_large(self.account.limits.max_body_bytes)
            if self._intake is not None:
                self._take(self._intake, data, complete)
            elif complete:
                self._launch_bodyless()
        except Refusal as refusal:
            self._give_up(refusal)

    def _take(self, intake: Taking, data: bytes, complete: bool) -> None:
        taken = intake.feed(data, complete)
        if taken is not None:
            self._launch(taken)
        elif isinstance(intake, Whole):
            return
        elif self._exchange is not None:
            self._grown(self._exchange, intake)
        elif self._kept is not None:
            self._launch(self._kept._replace(peeked=intake.seen))
        if isinstance(intake, Inflated) and intake.behind and self._later is None:
            self._later = self.gateway.relay.loop.call_soon(self._go_on, intake)

    def _go_on(self, intake: Inflated) -> None:
        """The others have had their turn: more of what a compressed body has become."""
        self._later = None
        if self.done:
            return
        try:
            self._take(intake, b"", False)
        except Refusal as refusal:
            self._give_up(refusal)
        except Exception as exc:
            self.connection.failed(exc)

    def _launch(self, taken: Taken) -> None:
        """The model is known: plan and ask. Raises Refusal."""
        peeked, route, record = taken.peeked, self.route, self.record
        model = route.model if route.model is not None else peeked.model
        record.requested_model = model or (peeked.models[0] if peeked.models else "")
        record.stream = peeked.stream or route.operation.name == "gemini.stream"
        try:
            plan = self.gateway.planner.plan(route.operation, model, peeked.models, self._key, self.account)
        except Refusal:
            if taken.body.decided:
                raise
            self._kept = taken
            return
        request = Request(route.operation, self.format, self.head, self.message.headers, taken.body)
        if fields.CONTENT_ENCODING in self.head.noted:
            request.dropped |= _CONTENT_ENCODING
        request.model = record.requested_model
        request.stream = record.stream
        request.strict = self.head.noted.get(fields.X_AIGW_STRICT, b"").lower() in _YES
        self._ask(request, plan.candidates)

    def _launch_bodyless(self) -> None:
        """A stored response, or a tunnel. Raises Refusal."""
        route, gateway = self.route, self.gateway
        request = Request(route.operation, self.format, self.head, self.message.headers, NoBody())
        request.id = route.id
        if route.intake is Intake.TUNNEL:
            model = tunnel.model(self.message)
            # What is said early is no request: should the switch be refused, the connection ends with that answer.
            self.closes = True
            self.record.requested_model = model
            request.extra = tunnel.handshake(self.message)
            plan = gateway.planner.plan(route.operation, model, (), self._key, self.account)
        else:
            if route.operation.method == "POST":
                request.extra = b"content-length: 0\r\n"
            plan = gateway.planner.stored(route.id, self._key, self.account)
        self._ask(request, plan.candidates)

    def _ask(self, request: Request, candidates: Sequence[Candidate]) -> None:
        query = self.message.path.partition("?")[2]
        if query:
            request.query = clean_query(query, self.route)
        if self._wishes is not None:
            self._wishes.grant(request)
        tried = self.head.noted.get(fields.X_STAINLESS_RETRY_COUNT)
        if tried is not None and tried != b"0":
            request.retries = retries(tried)
        request.array = request.operation is operations.GEMINI_STREAM and not wants_events(request.query)
        self._route_ms = (monotonic() - self.record.started) * 1e3 - self._auth_ms
        self._exchange = Exchange(self.gateway.relay, self, request, candidates, self.account, self.record)
        admission = self.gateway.admission
        if admission is None or admission.holds(self):
            self._exchange.start()
        elif self.connection.body_open:
            self.connection.pause_body()

    def admitted(self) -> None:
        """A place has come free: what is known of the request by now begins, what is not finds its place taken."""
        if self.done or self._exchange is None:
            return
        if self.connection.body_open:
            self.connection.resume_body()
        try:
            self._exchange.start()
        except Refusal as refusal:
            self._give_up(refusal)
        except Exception as exc:
            self.connection.failed(exc)

    def turned_away(self, refusal: Refusal) -> None:
        """No place has come free in time."""
        if not self.done:
            self._give_up(refusal)

    def _grown(self, exchange: Exchange, intake: Growing | Form | Inflated) -> None:
        """More of a body that is on its way up; its `models` may have come by now."""
        seen = intake.seen
        if seen.stream:
            self.record.stream = exchange.request.stream = True
        if seen.models:
            model = seen.model if self.route.model is None else self.route.model
            planned = self.gateway.planner.plan(self.route.operation, model, seen.models, self._key, self.account)
            exchange.extend(planned.candidates)
        exchange.body_arrived()

    def _give_up(self, refusal: Refusal) -> None:
        """The body turned out bad, perhaps after the upstream got part of it: that request is never completed."""
        if self._exchange is not None:
            self._exchange.cancel(refusal.error_code)
        if self._head_sent:
            self._cut(recorded.FAILED, refusal.error_code)
        else:
            self.refuse(refusal)

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

    def failed(self) -> None:
        """The gateway itself made a mistake with this request."""
        if self.done:
            return
        if self._exchange is not None:
            self._exchange.cancel("internal_error")
        self.closes = True
        if self._head_sent:
            self._cut(recorded.FAILED, "internal_error")
        else:
            self.refuse(InternalError("The gateway failed; its log says why."), recorded.FAILED)

    def cut(self) -> None:
        """Stop now: the gateway is going down."""
        if self._exchange is not None:
            self._exchange.cancel("draining")
        if self._head_sent:
            self._cut(recorded.BROKEN, "draining")
        else:
            self.closes = True
            self.refuse(overloaded("The gateway is stopping; ask again."), recorded.BROKEN)


def wants_events(query: str) -> bool:
    """Whether a Gemini stream is to be one of events, and not a JSON array (`$alt` is the parameter's long name)."""
    if "alt=sse" in query.split("&"):
        return True
    return any(name.lstrip("$") == "alt" and value == "sse" for name, value in parse_qsl(query))


def clean_query(query: str, route: Route) -> str:
    """The caller's query string without credentials (Gemini's `key`) and without what the provider's path says."""
    dropped = _SECRET_QUERY | {"model"} if route.intake is Intake.TUNNEL else _SECRET_QUERY
    return "&".join(part for part in query.split("&") if unquote(part.partition("=")[0]).lower() not in dropped)
