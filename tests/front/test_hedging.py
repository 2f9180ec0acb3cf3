"""Streams of which a second key is asked where the first is slower than its model usually is, through real sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aigw.observe.fields import Names, request_fields
from aigw.observe.scrub import Scrubber
from aigw.routing.pace import FEWEST

from ..support.caller import CHAT, HELLO, Answer, connect, request
from ..support.gate import Gate, OpenGate, eventually

ONE, TWO = "sk-number-1-0123456789abcde1", "sk-number-2-0123456789abcde2"
WORD = "scenehedging0000"
MODEL = "sandbox-small"
# No circuits, and a share that lets every request be hedged.
EVERY = {"breaker_failures": 0, "hedge_share": 1.0}
WANTED = [("x-aigw-hedge", "true")]
# Longer than a test waits for anything.
NEVER = "first-event-delay=60000"
SLOW = "first-event-delay=150"


def up(**more: Any) -> dict[str, dict[str, Any]]:
    """One provider with two keys."""
    return {"up": {"keys": [ONE, TWO], **more}}


def streamed(path: str = CHAT) -> dict[str, Any]:
    """A streamed request in the path's format, for which scenes are set."""
    said = {"role": "user", "content": f"hello {WORD}"}
    if "Content" in path:
        return {"contents": [{"role": "user", "parts": [{"text": said["content"]}]}]}
    if path.endswith("responses"):
        return {"model": f"up:{MODEL}", "input": [said], "store": False, "stream": True}
    return {"model": f"up:{MODEL}", "messages": [said], "max_tokens": 99, "stream": True}


async def opened(gateway: OpenGate, *scenes: str, usually: float = 0.005, **more: Any) -> Gate:
    """A gateway that knows the model's pace, in seconds; its sandbox plays a scene for each upstream request."""
    gate = await gateway(providers=up(**more), failover=EVERY)
    for _ in range(FEWEST):
        gate.process.gateway.relay.health.pace("up", MODEL).add(usually)
    gate.sandbox.play(WORD, *scenes)
    return gate


def tried(gate: Gate) -> list[Mapping[str, Any]]:
    """What the latest request's log line says of its attempts."""
    fields = request_fields(gate.records[-1], "info", "", Names(Scrubber()))
    return list(fields["tried"])


async def metrics(gate: Gate) -> str:
    """The metrics."""
    caller = await connect(gate.control_port, "")
    caller.send(request(path="/metrics"))
    try:
        return (await caller.answer()).body.decode()
    finally:
        caller.leave()


async def hedged(gate: Gate, path: str = CHAT) -> Answer:
    """The answer to a request that wants to be hedged, once its record is complete."""
    answer = await gate.ask(streamed(path), path, headers=WANTED)
    await gate.record()
    return answer


@pytest.mark.parametrize(
    ("path", "end"),
    [
        (CHAT, b"data: [DONE]\n\n"),
        ("/v1/responses", b"response.completed"),
        ("/v1/messages", b"message_stop"),
        (f"/v1beta/models/up:{MODEL}:streamGenerateContent?alt=sse", b"STOP"),
    ],
)
async def test_the_second_key_answers(gateway: OpenGate, path: str, end: bytes) -> None:
    """In every format: one whole answer, the second key's; the first one's connection is gone."""
    gate = await opened(gateway, NEVER, "")
    answer = await hedged(gate, path)
    assert (answer.status, answer.complete) == (200, True)
    assert answer.header("x-aigw-attempts") == "2"
    assert end in answer.body
    assert answer.body.count(WORD.encode()) <= 2 + answer.body.count(b"response.completed") * 8
    assert len(gate.sandbox.requests) == 2
    await eventually(lambda: gate.idle)
    assert gate.process.gateway.relay.pool.open == 1


async def test_what_is_told_of_it(gateway: OpenGate) -> None:
    """The log names both attempts, says which was the second one and that the first lost; metrics count it."""
    gate = await opened(gateway, NEVER, "")
    await hedged(gate)
    first, second = tried(gate)
    assert (first["reason"], first.get("hedge"), first["status"]) == ("hedge_lost", None, 200)
    assert (second["reason"], second.get("hedge"), second["status"]) == ("", True, 200)
    assert first["key"] != second["key"]
    text = await metrics(gate)
    assert 'aigw_hedges_total{provider="up",result="won"} 1' in text
    assert ONE not in text


async def test_the_first_wins_after_all(gateway: OpenGate) -> None:
    """The second one is the one to go."""
    gate = await opened(gateway, SLOW, NEVER)
    assert (await hedged(gate)).complete
    assert [(each["reason"], each.get("hedge")) for each in tried(gate)] == [("", None), ("hedge_lost", True)]
    assert 'aigw_hedges_total{provider="up",result="lost"} 1' in await metrics(gate)
    await eventually(lambda: gate.idle)


async def test_the_second_fails(gateway: OpenGate) -> None:
    """Nobody but the log and the metrics hears of it."""
    gate = await opened(gateway, SLOW, "status=503")
    answer = await hedged(gate)
    assert (answer.status, answer.complete) == (200, True)
    assert [each["reason"] for each in tried(gate)] == ["", "status_503"]
    assert 'aigw_hedges_total{provider="up",result="failed"} 1' in await metrics(gate)


async def test_both_fail(gateway: OpenGate) -> None:
    """The caller hears of both, in the gateway's own words, without their keys."""
    gate = await opened(gateway, "status=503,first-byte-delay=150", "status=500,first-byte-delay=150")
    answer = await hedged(gate)
    assert (answer.status, answer.code) == (503, "all_candidates_failed")
    assert answer.header("x-aigw-attempts") == "2"
    assert b"status 503" in answer.body
    assert b"status 500" in answer.body
    assert ONE.encode() not in answer.body


async def test_the_caller_leaves(gateway: OpenGate) -> None:
    """Both upstreams are let go of."""
    gate = await opened(gateway, NEVER)
    caller = await gate.caller()
    caller.ask(streamed(), headers=WANTED)
    await eventually(lambda: len(gate.sandbox.requests) == 2)
    caller.leave()
    await gate.record()
    assert {each["reason"] for each in tried(gate)} == {"client_closed"}
    await eventually(lambda: not gate.process.gateway.relay.pool.open)


@pytest.mark.parametrize(
    ("policy", "headers", "attempts"),
    [
        (False, [], 1),
        (True, [], 2),
        (False, WANTED, 2),
        (True, [("x-aigw-hedge", "false")], 1),
    ],
)
async def test_who_wants_it(gateway: OpenGate, policy: bool, headers: list[tuple[str, str]], attempts: int) -> None:
    """The provider's policy, unless the request says otherwise."""
    gate = await opened(gateway, SLOW, "", hedge=policy)
    answer = await gate.ask(streamed(), headers=headers)
    assert answer.complete
    assert answer.header("x-aigw-attempts") == str(attempts)
    assert len(gate.sandbox.requests) == attempts


async def test_whole_answers_are_not_hedged(gateway: OpenGate) -> None:
    """Of an answer that comes as a whole nobody knows before its end whether it is late."""
    gate = await opened(gateway, SLOW, "", hedge=True)
    answer = await gate.ask({**streamed(), "stream": False}, headers=WANTED)
    assert (answer.status, len(gate.sandbox.requests)) == (200, 1)


async def test_the_pace_is_learnt(gateway: OpenGate) -> None:
    """From requests that may be hedged, and from no others; then a slow one is."""
    gate = await gateway(providers=up(hedge=True), failover=EVERY)
    pace = gate.process.gateway.relay.health.pace("up", MODEL)
    for _ in range(FEWEST):
        assert pace.p95() is None
        await gate.ask(HELLO)
        assert (await gate.ask({**HELLO, "stream": True})).complete
    assert pace.samples == FEWEST
    assert len(gate.sandbox.requests) == 2 * FEWEST
    gate.sandbox.play(WORD, NEVER, "")
    assert (await gate.ask(streamed())).header("x-aigw-attempts") == "2"


async def test_never_without_a_retry_budget(gateway: OpenGate) -> None:
    """An outage is no time to ask twice."""
    gate = await gateway(providers=up(hedge=True), failover=EVERY | {"retry_burst": 0})
    for _ in range(FEWEST):
        gate.process.gateway.relay.health.pace("up", MODEL).add(0.005)
    gate.sandbox.play(WORD, SLOW)
    assert (await gate.ask(streamed())).header("x-aigw-attempts") == "1"
