"""What an attempt's end says of its key and its provider: who is blamed, for what, and what it pays or gets back."""

from __future__ import annotations

from time import monotonic

import attrs
import pytest

from aigw import operations
from aigw.relay.failover import Relay
from aigw.relay.standing import fault_of_status
from aigw.routing.health import Fault, Health
from aigw.snapshot import Failover, Limits

from .exchanges import ANSWER, DONE, EVENTS, LAST_CHUNK, TEXT, Launch, asked, candidate, chunk, json_answer
from .exchanges import status_answer as status
from .raw import Upstream

BURST = 10.0


@pytest.fixture
def relay(relay: Relay) -> Relay:
    """One failure opens a circuit."""
    relay.health = Health(Failover(breaker_failures=1, retry_burst=int(BURST)))
    return relay


def seen(relay: Relay) -> str:
    """What is known of the key and of its provider after one attempt, in a word."""
    target = relay.health.target("cloud", "aigpk_sk-0")
    assert target.in_flight == 0
    now = monotonic()
    if target.shared.opened:
        return "upstream"
    if target.circuit.opened:
        return "key"
    if target.wait(now, "m") > 0.0:
        return "busy"
    return "well" if target.heard else "nothing"


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        *((code, Fault.KEY) for code in (401, 402, 403)),
        (429, Fault.BUSY),
        *((code, Fault.UPSTREAM) for code in (302, 408, 409, 425, 500, 502, 503, 504, 529)),
        *((code, Fault.REQUEST) for code in (400, 404, 405, 413, 418, 422)),
    ],
)
def test_whose_fault_a_status_is(code: int, fault: Fault) -> None:
    """Of the key, of its rate limit, of the upstream, of the request."""
    assert fault_of_status(code) is fault


BAD = b'{"error":{"message":"no","type":"invalid_request_error"}}'
SLOW_DOWN = b'{"error":{"message":"no","type":"rate_limit_error"}}'


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        pytest.param(json_answer(ANSWER), "well", id="well"),
        pytest.param(status(401), "key", id="key"),
        pytest.param(status(429), "busy", id="busy"),
        pytest.param(status(503), "upstream", id="upstream"),
        pytest.param(status(400), "nothing", id="request"),
        pytest.param(b"nonsense\r\n\r\n", "upstream", id="not-http"),
        pytest.param(json_answer(b'{"error":{"message":"no"}}'), "upstream", id="error-in-answer"),
        pytest.param(json_answer(BAD), "nothing", id="bad-request-in-answer"),
        pytest.param(json_answer(SLOW_DOWN), "busy", id="limit-in-answer"),
        pytest.param(json_answer(ANSWER)[:-10], "upstream", id="cut"),
    ],
)
async def test_what_an_answer_says(launch: Launch, upstream: Upstream, relay: Relay, answer: bytes, known: str) -> None:
    """By its status, or by the error that it is after all: a bad request never speaks against the upstream."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(answer)
    peer.close()
    await side.end()
    assert seen(relay) == known


@pytest.mark.parametrize(
    ("code", "headers", "cooled"),
    [(429, b"retry-after: 50\r\n", 50.0), (503, b"retry-after: 50\r\n", 50.0), (401, b"retry-after: 50\r\n", 0.0)],
)
async def test_how_long_it_cools(
    launch: Launch, upstream: Upstream, relay: Relay, code: int, headers: bytes, cooled: float
) -> None:
    """As long as the answer said, for this model; a key's fault does not pass with time."""
    relay.health = Health(Failover(breaker_failures=0))
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(status(code, fields=headers))
    await side.end()
    target = relay.health.target("cloud", "aigpk_sk-0")
    assert target.wait(monotonic(), "m") == pytest.approx(cooled, abs=5.0)
    assert target.wait(monotonic(), "n") == 0.0


async def test_what_a_good_answer_says_of_limits_is_of_another_matter(
    launch: Launch, upstream: Upstream, relay: Relay
) -> None:
    """Some providers send `retry-after` with every answer: one that breaks before its content is not limited."""
    relay.health = Health(Failover(breaker_failures=0))
    _, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(EVENTS.replace(b"content-type", b"retry-after: 53\r\ncontent-type") + LAST_CHUNK)
    await side.end()
    assert side.reasons == ["empty_stream"]
    assert relay.health.target("cloud", "aigpk_sk-0").wait(monotonic(), "m") == 0.0


@attrs.frozen
class Late:
    """The operator's limits, the caller's own, how far the answer got, and who is blamed when time is up."""

    limits: Limits
    own: dict[str, float] | None
    sent: bytes
    blamed: str


HALF = json_answer(ANSWER)[:-10]
BEGUN = EVENTS + chunk(TEXT)
SHORT, LONG = 0.001, 60.0
LATE = {
    "the operator's whole time": Late(Limits(per_request_timeout=SHORT), None, b"", "upstream"),
    "the caller is as patient": Late(Limits(per_request_timeout=SHORT), {"per_request_timeout": LONG}, b"", "upstream"),
    "the caller is less patient": Late(Limits(), {"per_request_timeout": SHORT}, b"", "nothing"),
    "the caller's time for all": Late(Limits(), {"total_timeout": SHORT}, b"", "nothing"),
    "the operator's time for all": Late(Limits(total_timeout=SHORT), None, b"", "upstream"),
    "silent midway": Late(Limits(stream_idle_timeout=SHORT), None, BEGUN, "upstream"),
    "silent midway, for the caller": Late(Limits(), {"stream_idle_timeout": SHORT}, BEGUN, "well"),
    "an endless stream": Late(Limits(stream_total_timeout=SHORT), None, BEGUN, "well"),
}


@pytest.mark.parametrize("case", LATE.values(), ids=LATE.keys())
async def test_who_is_blamed_when_time_is_up(
    launch: Launch, upstream: Upstream, relay: Relay, quick: None, case: Late
) -> None:
    """The upstream, if it had all the time that the operator gives; a caller's impatience says nothing of it."""
    _, side = launch([candidate(upstream.origin)], limits=case.limits, timeouts=case.own, stream=True)
    if case.sent:
        (await asked(upstream)).write(case.sent)
    await side.end()
    assert not side.complete
    assert seen(relay) == case.blamed


@pytest.mark.parametrize(("own", "known"), [(None, "upstream"), ({"stream_idle_timeout": SHORT}, "upstream")])
async def test_a_cut_is_no_matter_of_time(
    launch: Launch, upstream: Upstream, relay: Relay, own: dict[str, float] | None, known: str
) -> None:
    """An answer that breaks off midway is the upstream's doing, whatever limits the caller has set."""
    _, side = launch([candidate(upstream.origin)], timeouts=own, stream=True)
    peer = await asked(upstream)
    peer.write(BEGUN)
    await side.committed()
    peer.close()
    await side.end()
    assert side.broken is not None
    assert seen(relay) == known


@pytest.mark.parametrize(("own", "known"), [(None, "upstream"), ({"connect_timeout": SHORT}, "nothing")])
async def test_a_connection_that_is_not_there_in_time(
    launch: Launch, upstream: Upstream, relay: Relay, own: dict[str, float] | None, known: str
) -> None:
    """A caller that gives a connection a millisecond opens no circuit with it."""
    never = attrs.evolve(upstream.origin, scheme="https")  # it takes connections and knows nothing of TLS
    _, side = launch([candidate(never)], timeouts=own, limits=Limits(connect_timeout=0.05 if own is None else LONG))
    await side.end()
    assert side.reasons == ["connect_timeout"]
    assert seen(relay) == known


async def test_who_left_says_nothing(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """An attempt that the caller ended is neither good nor bad, and no longer in flight."""
    exchange, _ = launch([candidate(upstream.origin)])
    await asked(upstream)
    assert relay.health.target("cloud", "aigpk_sk-0").in_flight == 1
    exchange.cancel("client_closed")
    assert seen(relay) == "nothing"


@pytest.mark.parametrize("retries", [0, 1])
async def test_what_a_success_pays(launch: Launch, upstream: Upstream, relay: Relay, retries: int) -> None:
    """A first try that succeeds adds its share, a further one gets back what it cost."""
    budget = relay.health.target("cloud", "aigpk_sk-0").budget
    _, side = launch([candidate(upstream.origin)], retries=retries)
    peer = await asked(upstream)
    assert budget.left == BURST - retries
    peer.write(json_answer(ANSWER))
    await side.end()
    assert budget.left == pytest.approx(BURST if retries else BURST + 0.1)


async def test_a_stream_pays_once(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """When it is committed, not again at its end."""
    _, side = launch([candidate(upstream.origin)], stream=True)
    (await asked(upstream)).write(BEGUN + chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert side.complete
    assert relay.health.target("cloud", "aigpk_sk-0").budget.left == pytest.approx(BURST + 0.1)


async def test_a_switched_connection_is_well_at_once(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """A tunnel may last for hours: that its upstream is well is known when it begins."""
    fields = b"connection: upgrade\r\nupgrade: websocket\r\n"
    exchange, side = launch([candidate(upstream.origin)], operation=operations.REALTIME, extra=fields)
    await (await upstream.accept()).answer(b"HTTP/1.1 101 Switching Protocols\r\n%b\r\n" % fields)
    await side.committed()
    assert relay.health.target("cloud", "aigpk_sk-0").heard
    exchange.cancel("client_closed")
    assert seen(relay) == "well"
