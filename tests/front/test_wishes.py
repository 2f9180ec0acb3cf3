"""What a caller may say of one request in header fields of the gateway's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import BadRequest
from aigw.front.wishes import MAX_LENGTH, retries, wishes
from aigw.snapshot import STRATEGIES, Limits
from aigw.wire.head import Head

from ..support.caller import HELLO, Answer
from ..support.gate import OpenGate


@pytest.mark.parametrize(
    ("value", "timeouts"),
    [
        ("30s", {"total_timeout": 30.0}),
        (" 1m30s ", {"total_timeout": 90.0}),
        ("250ms", {"total_timeout": 0.25}),
        (
            "connect=2s, first-byte=20s, idle=10s, stream=5m, total=60s",
            {
                "connect_timeout": 2.0,
                "per_request_timeout": 20.0,
                "stream_idle_timeout": 10.0,
                "stream_total_timeout": 300.0,
                "total_timeout": 60.0,
            },
        ),
        ("Idle = 1s", {"stream_idle_timeout": 1.0}),
        ("idle=1s,stream=2s", {"stream_idle_timeout": 1.0, "stream_total_timeout": 2.0}),
        ("5s, idle=1s", {"total_timeout": 5.0, "stream_idle_timeout": 1.0}),
        # Longer than anybody allows: what is too long is cut where attempts are timed.
        ("9999h", {"total_timeout": 9999 * 3600.0}),
    ],
)
def test_time_limits(value: str, timeouts: dict[str, float]) -> None:
    """A duration alone is the whole time; a list names each."""
    assert wishes({b"x-aigw-timeout": value.encode()}).timeouts == timeouts
    assert set(timeouts) <= set(Limits.__annotations__)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("x-aigw-timeout", "", "must be a duration"),
        ("x-aigw-timeout", "30", 'needs a unit: "30s"'),
        ("x-aigw-timeout", "-1s", "must be a duration"),
        ("x-aigw-timeout", "0s", "longer than 0s"),
        ("x-aigw-timeout", "total=0ms", "longer than 0s"),
        ("x-aigw-timeout", "soon", "must be a duration"),
        ("x-aigw-timeout", "read=5s", "names 'read', which is none of connect, first-byte, idle, stream, total"),
        ("x-aigw-timeout", "idle=1s, idle=2s", "names 'idle' twice"),
        ("x-aigw-timeout", "5s, total=2s", "names 'total' twice"),
        ("x-aigw-timeout", "idle=", "must be a duration"),
        ("x-aigw-timeout", "=5s", "names ''"),
        ("x-aigw-timeout", "idle==5s", "names 'idle='"),
        ("x-aigw-timeout", ",", "must be a duration"),
        ("x-aigw-timeout", "1s," * 1000, "is too long"),
        ("x-aigw-timeout", "\xff\x00", "must be a duration"),
        ("x-aigw-hedge", "", "must be true or false"),
        ("x-aigw-hedge", "maybe", "must be true or false"),
        ("x-aigw-strategy", "", "must be one of ordered, round_robin"),
        ("x-aigw-strategy", "random", "must be one of ordered, round_robin"),
        ("x-aigw-strategy", "Ordered", "must be one of ordered, round_robin"),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, value: str, told: str) -> None:
    """A wish that is not understood is not passed over: the field is named, and what it takes."""
    with pytest.raises(BadRequest) as refused:
        wishes({name.encode(): value.encode("latin-1")})
    assert (refused.value.http_status, refused.value.error_code) == (400, "invalid_header")
    assert refused.value.param == name
    assert told in refused.value.message
    assert len(refused.value.message) < 300


@given(st.binary(max_size=2 * MAX_LENGTH))
def test_any_value_is_a_wish_or_a_refusal(value: bytes) -> None:
    """Whatever is sent: limits above 0, or a refusal that can be written into JSON."""
    for name in (b"x-aigw-timeout", b"x-aigw-hedge", b"x-aigw-strategy"):
        try:
            found = wishes({name: value})
        except BadRequest as refusal:
            refusal.message.encode()
        else:
            assert all(seconds > 0 for seconds in (found.timeouts or {}).values())


@pytest.mark.parametrize(
    ("value", "hedge"), [("true", True), ("TRUE", True), ("1", True), ("yes", True), ("false", False), ("no", False)]
)
def test_hedging(value: str, hedge: bool) -> None:
    """A caller may ask for a second candidate, or do without one."""
    assert wishes({b"x-aigw-hedge": value.encode()}).hedge is hedge


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategies(strategy: str) -> None:
    """Every strategy of the configuration can be asked for."""
    assert wishes({b"x-aigw-strategy": strategy.encode()}).strategy == strategy


def test_nothing_said() -> None:
    """Of what is not wished for nothing is noted."""
    found = wishes({})
    assert (found.timeouts, found.hedge, found.strategy) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "number"),
    [(b"0", 0), (b"1", 1), (b"12", 12), (b"", 0), (b"-1", 0), (b"two", 0), (b"1.5", 0), (b"9" * 20, 0), (b"\xb2", 0)],
)
def test_retries(value: bytes, number: int) -> None:
    """How often an SDK has tried before; nonsense is as good as nothing."""
    assert retries(value) == number


# -- on their way ---------------------------------------------------------------------------------------------------

FIELDS = (("x-aigw-hedge", "false"), ("x-aigw-strategy", "ordered"), ("X-AIGW-Timeout", "total=20s, idle=9s"))


async def test_they_stay_here(gateway: OpenGate) -> None:
    """Fields of the gateway's own never reach an upstream; those of the SDK do."""
    gate = await gateway()
    answer = await gate.ask(HELLO, headers=[*FIELDS, ("x-stainless-retry-count", "2")])
    assert answer.status == 200
    seen = gate.sandbox.requests[0]
    assert [seen.header(name.lower()) for name, _ in FIELDS] == [None] * 3
    assert seen.header("x-stainless-retry-count") == "2"


@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/up:sandbox-small:countTokens"]
)
async def test_nonsense_is_refused_at_the_head(gateway: OpenGate, path: str) -> None:
    """Before the body is read, in the caller's own format, with what to write instead."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask(b"{", path, headers=[("x-aigw-timeout", "30")], length=10**6)
    answer: Answer = await caller.answer()
    assert (answer.status, answer.code) == (400, "invalid_header")
    assert "x-aigw-timeout" in answer.body.decode()
    assert (await gate.record()).outcome == "refused"
    assert not gate.sandbox.requests


async def test_who_calls_is_asked_first(gateway: OpenGate) -> None:
    """Without an access key nothing else is looked at."""
    gate = await gateway()
    answer = await gate.ask(HELLO, headers=[("x-aigw-timeout", "30")], token="wrong")
    assert answer.code == "invalid_access_key"


def test_a_second_field_of_the_same_name_says_nothing() -> None:
    """The first one counts, as with every field the gateway acts on."""
    head = Head([(b"x-aigw-hedge", b"true"), (b"X-Aigw-Hedge", b"nonsense")])
    assert wishes(head.noted).hedge is True


async def test_a_shorter_time_is_kept(gateway: OpenGate) -> None:
    """An upstream that has not begun within the caller's time is left for the next; at the end of it all is 504."""
    gate = await gateway()
    slow = {**HELLO, "model": "up:sandbox-small!stall-head"}
    both = {**slow, "models": ["up:sandbox-large"]}
    answer = await gate.ask(both, headers=[("x-aigw-timeout", "first-byte=50ms")])
    assert (answer.status, answer.header("x-aigw-model")) == (200, "sandbox-large")
    answer = await gate.ask(slow, headers=[("x-aigw-timeout", "50ms")])
    assert (answer.status, answer.code) == (504, "timeout")


async def test_a_longer_time_is_cut(gateway: OpenGate) -> None:
    """The operator's limits hold, however long a caller would wait."""
    gate = await gateway(limits={"total_timeout": 0.05})
    slow = {**HELLO, "model": "up:sandbox-small!stall-head"}
    answer = await gate.ask(slow, headers=[("x-aigw-timeout", "first-byte=1h, total=1h")])
    assert (answer.status, answer.code) == (504, "timeout")
