"""Exchanges as the front begins them: candidates that lead to a test's upstreams, and a caller that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic

import attrs

from aigw import operations
from aigw.adapter import SURFACES, Ask, Operation, Origin, Outgoing, Provider
from aigw.catalog import Catalog
from aigw.errors import AnswerBroken
from aigw.observe.record import Record
from aigw.records import ProviderKey
from aigw.relay.attempt import Attempt
from aigw.relay.call import Phase
from aigw.relay.failover import Exchange, Relay
from aigw.relay.request import Body, NoBody, Request, WholeBody
from aigw.routing.plan import Candidate
from aigw.secret import Secret
from aigw.snapshot import Limits, Policy, Snapshot
from aigw.wire import formats
from aigw.wire.format import Format
from aigw.wire.head import Head

from .raw import Peer, Upstream, until

FORMATS: Mapping[str, Format] = formats.load()
BODY = b'{"model":"m","x":1}'
# A chat stream's events: no content yet, content, the end, an error.
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
TEXT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


# What the plain answers of these tests hold.
ANSWER = b'{"id":"chatcmpl-1","object":"chat.completion","choices":[]}'
Plainly = Callable[[], Awaitable[Outgoing]]


def chunk(data: bytes) -> bytes:
    """One chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def json_answer(body: bytes) -> bytes:
    """A plain answer."""
    return JSON % len(body) + body


def status_answer(status: int, body: bytes = b'{"error":{"message":"no"}}', fields: bytes = b"") -> bytes:
    """An error answer."""
    return b"HTTP/1.1 %d No\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status,
        fields,
        len(body),
        body,
    )


Adapt = Callable[[Plainly], Awaitable[Outgoing]]


@attrs.frozen(kw_only=True, eq=False)
class Adapting(Provider):
    """A provider whose `adapt` is a test's; it is given what adapts plainly."""

    own: Adapt | None = None

    async def adapt(self, ask: Ask) -> Outgoing:
        plainly = super().adapt
        if self.own is None:
            return await plainly(ask)
        return await self.own(lambda: plainly(ask))


def candidate(
    origin: Origin, model: str = "m", key: str = "sk-0", name: str = "cloud", own: Adapt | None = None
) -> Candidate:
    """A candidate at an origin; each key of a provider is another candidate."""
    provider = Adapting(id=name, name=name, base_url=f"{origin}/v1", surfaces=SURFACES, own=own)
    secret = ProviderKey(f"aigpk_{key}", name, Secret(f"{key}-0123456789"))
    return Candidate(provider, model, secret, True)


class Side:
    """The caller's side of an exchange, which remembers what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.attempt: Attempt | None = None
        self.pieces: list[bytes] = []
        self.complete = False
        self.broken: AnswerBroken | None = None
        self.failed: list[Attempt] | None = None
        self.out_of_time = False

    @property
    def data(self) -> bytes:
        """The body so far."""
        return b"".join(self.pieces)

    @property
    def status(self) -> int:
        """The committed answer's status."""
        return self.attempt.head.code if self.attempt is not None and self.attempt.head is not None else 0

    @property
    def reasons(self) -> list[str]:
        """Why each attempt failed, when all did."""
        return [each.record.reason for each in self.failed or ()]

    @property
    def over(self) -> bool:
        """Whether nothing more may come."""
        return self.complete or self.broken is not None or self.failed is not None

    def _tell(self, what: str) -> None:
        assert not self.over, f"{what} after the end"
        self.told.append(what)

    def on_commit(self, attempt: Attempt, data: bytes, complete: bool, raw: bytes) -> None:
        assert self.attempt is None
        self._tell("commit")
        self.attempt = attempt
        self.pieces.append(data)
        self.complete = complete

    def on_bytes(self, data: bytes, complete: bool, raw: bytes) -> None:
        assert self.attempt is not None
        self._tell("bytes")
        self.pieces.append(data)
        self.complete = complete

    def on_silence(self) -> None:
        self._tell("silence")

    def on_broken(self, error: AnswerBroken) -> None:
        assert self.attempt is not None
        self._tell("broken")
        self.broken = error

    def on_failed(self, attempts: Sequence[Attempt], *, out_of_time: bool) -> None:
        assert self.attempt is None
        self._tell("failed")
        self.failed = list(attempts)
        self.out_of_time = out_of_time

    def on_estimated(self, candidate: Candidate) -> None:
        """The gateway itself is to answer; no exchange of these tests counts tokens."""
        raise AssertionError(candidate)

    def on_switched(self, attempt: Attempt) -> None:
        assert self.attempt is None
        self._tell("switched")
        self.attempt = attempt

    def on_request_full(self) -> None:
        self._tell("full")

    def on_request_drained(self) -> None:
        self._tell("drained")

    async def committed(self) -> None:
        """An answer has been committed, or all failed."""
        await until(lambda: self.attempt is not None or self.over)

    async def end(self) -> None:
        """It is over."""
        await until(lambda: self.over)


@attrs.frozen(eq=False)
class Launch:
    """Begins exchanges."""

    relay: Relay
    begun: list[Exchange] = attrs.field(factory=list)

    def __call__(
        self,
        candidates: Sequence[Candidate],
        body: Body | None = None,
        *,
        operation: Operation = operations.CHAT,
        limits: Limits | None = None,
        extra: bytes = b"",
        stream: bool = False,
        provider_limits: Mapping[str, Limits] | None = None,
        timeouts: Mapping[str, float] | None = None,
        hedge: bool | None = None,
        retries: int = 0,
        policies: Mapping[str, Policy] | None = None,
        queued: bool = False,
    ) -> tuple[Exchange, Side]:
        """An exchange that has begun, or is `queued`, and its caller's side."""
        fields = ((b"Content-Type", b"application/json"), (b"Authorization", b"Bearer caller"))
        if body is None:
            body = WholeBody(BODY, "m", listed=False) if operation.method == "POST" else NoBody()
        request = Request(operation, FORMATS[operation.format], Head(fields), {}, body)
        request.id = "resp_1"
        request.extra = extra
        request.stream = stream
        request.timeouts = timeouts
        request.hedge = hedge
        request.retries = retries
        snapshot = Snapshot(
            epoch=1,
            catalog=Catalog("2026-11-01", (), ()),
            providers={},
            provider_keys={},
            access_keys={},
            pepper=b"pepper",
            limits=limits or Limits(),
            provider_limits=provider_limits or {},
            policies=policies or {},
        )
        side = Side()
        record = Record("req_1", operation.surface, asyncio.get_running_loop().time(), 0.0)
        exchange = Exchange(self.relay, side, request, candidates, snapshot, record)
        self.begun.append(exchange)
        if not queued:
            exchange.start()
        return exchange, side


async def asked(upstream: Upstream) -> Peer:
    """The upstream's end of a new connection, after the whole request has come."""
    peer = await upstream.accept()
    await peer.up_to(BODY)
    return peer


def phase_of(exchange: Exchange) -> Phase:
    """How far the attempt under way is."""
    assert exchange.attempt is not None
    return exchange.attempt.phase


def wait(exchange: Exchange, seconds: float) -> None:
    """What happens when the clock says so many seconds from now."""
    assert exchange.attempt is not None
    exchange.attempt.expired(monotonic() + seconds)


async def kept(launch: Launch, upstream: Upstream) -> Peer:
    """The upstream's end of a connection that has served once and is idle."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.complete
    return peer


def keys(upstream: Upstream, number: int, model: str = "m", name: str = "cloud") -> list[Candidate]:
    """One model with several keys."""
    return [candidate(upstream.origin, model, f"{name}-{key}", name) for key in range(number)]


async def served(upstream: Upstream, answer: bytes) -> bytes:
    """Answer the next request, whatever connection it comes on; returns its head."""

    def asking() -> list[Peer]:
        return [peer for peer in upstream.peers if b"\r\n\r\n" in peer.came and not peer.over]

    await until(asking)
    peer = asking()[0]
    head = await peer.head()
    await peer.body(len(BODY))
    peer.write(answer)
    return head


def tried(head: bytes) -> str:
    """The key in a request's head."""
    return head.partition(b"Bearer ")[2].partition(b"-0123456789")[0].decode()


async def paused(exchange: Exchange) -> None:
    """The walk has met a refused connection, and waits for a moment."""
    await until(lambda: exchange._later is not None)
