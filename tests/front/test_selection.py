"""Which provider key each request used, seen at the upstream, through real sockets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from aigw.snapshot import STRATEGIES
from aigw.wire.prefix import OPENING

from ..support.caller import HELLO
from ..support.gate import Gate, OpenGate, eventually

KEYS = [f"sk-number-{number}-0123456789abcdef" for number in range(3)]
# A key that the sandbox always refuses for now.
LIMITED = "sk-number-9-fail-429-0123456789"


def up(strategy: str, *, keys: Sequence[str] = KEYS, **more: Any) -> dict[str, dict[str, Any]]:
    """One provider whose keys are chosen so."""
    return {"up": {"keys": list(keys), "key_selection_strategy": strategy, **more}}


def used(gate: Gate, begin: int = 0) -> list[int]:
    """The numbers of the keys that the sandbox got, from one request on."""
    return [int(each.split("-")[2]) for each in credentials(gate)[begin:]]


def credentials(gate: Gate) -> list[str]:
    """The credential of each request that the sandbox got, in whatever field."""
    fields = ("authorization", "x-api-key", "x-goog-api-key")
    return [next(value for name, value in each.headers if name.lower() in fields) for each in gate.sandbox.requests]


def turns(conversation: int, count: int) -> dict[str, Any]:
    """A conversation that has come so far."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"This is conversation {conversation}."}]
    for turn in range(1, count):
        messages += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": f"And {turn}?"}]
    return {"model": "up:sandbox-small", "messages": messages}


@pytest.mark.parametrize(
    ("strategy", "more", "expected"),
    [
        ("ordered", {}, [0] * 6),
        ("round_robin", {}, [0, 1, 2, 0, 1, 2]),
        ("weighted", {"key_weights": [2, 1]}, [0, 1, 2, 0, 0, 1, 2, 0]),
        ("weighted", {"key_weights": [2, 1, 0]}, [0, 1, 0, 0, 1, 0]),
        ("least_busy", {}, [0, 1, 2, 0, 1, 2]),
    ],
)
async def test_requests_one_after_the_other(
    gateway: OpenGate, strategy: str, more: dict[str, Any], expected: list[int]
) -> None:
    """Each strategy's own sequence of keys, when nothing is under way and nothing fails."""
    gate = await gateway(providers=up(strategy, **more))
    for _ in expected:
        assert (await gate.ask(HELLO)).status == 200
    assert used(gate) == expected


async def test_the_least_busy_gets_the_next(gateway: OpenGate) -> None:
    """Requests under way count: a key that is free again is asked until others are."""
    gate = await gateway(providers=up("least_busy"))
    held = []
    for number in range(3):
        caller = await gate.caller()
        caller.ask({**HELLO, "model": "up:sandbox-small!stall-head"})
        held.append(caller)
        await eventually(partial(_arrived, gate, number + 1))
    assert used(gate) == [0, 1, 2]
    held[1].leave()
    await gate.record()
    for _ in range(3):
        assert (await gate.ask(HELLO)).status == 200
    assert used(gate, 3) == [1, 1, 1]


def _arrived(gate: Gate, count: int) -> bool:
    return len(gate.sandbox.requests) >= count


async def test_the_quickest_gets_the_next(gateway: OpenGate) -> None:
    """Both are tried once; then the one that began to answer sooner is asked."""
    providers = {name: {"keys": [f"sk-number-{number}-0123456789"]} for number, name in enumerate(("slow", "quick"))}
    gate = await gateway(providers=providers)
    body = {**HELLO, "model": "slow:sandbox-small!first-byte-delay=250", "models": ["quick:sandbox-small"]}
    for _ in range(8):
        assert (await gate.ask(body, headers=[("x-aigw-strategy", "lowest_latency")])).status == 200
    assert Counter(used(gate)) == {0: 1, 1: 7}


async def test_a_conversation_keeps_its_key(gateway: OpenGate) -> None:
    """With cache affinity all turns of a conversation go to one key, and conversations to all keys."""
    gate = await gateway(providers=up("cache_affinity"))
    homes: dict[int, set[int]] = {}
    for turn in range(1, 4):
        for conversation in range(20):
            assert (await gate.ask(turns(conversation, turn))).status == 200
            homes.setdefault(conversation, set()).update(used(gate)[-1:])
    assert all(len(keys) == 1 for keys in homes.values())
    assert set().union(*homes.values()) == {0, 1, 2}


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1beta/models/up:sandbox-small:generateContent"])
async def test_affinity_in_every_format(gateway: OpenGate, path: str) -> None:
    """Whatever format a conversation is in, its second turn goes where its first went."""
    gate = await gateway(providers=up("cache_affinity"))
    for conversation in range(6):
        said = [f"This is conversation {conversation}.", "And then?"]
        for history in (said[:1], said):
            assert (await gate.ask(_body(path, history), path)).status == 200
    sent = credentials(gate)
    assert sent[::2] == sent[1::2]
    assert len(set(sent)) > 1


def _body(path: str, history: Sequence[str]) -> dict[str, Any]:
    if "generateContent" in path:
        contents = [{"role": "user", "parts": [{"text": text}]} for text in history]
        return {"contents": contents, "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    messages = [{"role": "user", "content": text} for text in history]
    if path.endswith("responses"):
        return {"model": "up:sandbox-small", "input": messages, "instructions": "Be brief.", "store": False}
    return {"model": "up:sandbox-small", "messages": messages, "system": "Be brief.", "max_tokens": 99}


async def test_a_large_body_waits_for_its_beginning(gateway: OpenGate) -> None:
    """A body that goes up while it comes is sent to its conversation's key, however it arrives."""
    gate = await gateway(providers=up("cache_affinity"))
    for conversation in range(4):
        body = turns(conversation, 2)
        body["messages"][1]["content"] = "z" * 2 * OPENING
        data = json.dumps(body).encode()
        for pieces in (1, 3, 40):
            caller = await gate.caller()
            caller.ask(data[:200], length=len(data), headers=[("content-type", "application/json")])
            await caller.writer.drain()
            await eventually(lambda: gate.process.gateway.in_flight)
            size = len(data) // pieces + 1
            for begin in range(200, len(data), size):
                caller.send(data[begin : begin + size])
                await caller.writer.drain()
            assert (await caller.answer()).status == 200
            caller.leave()
        assert len(set(used(gate)[-3:])) == 1
    assert len(set(used(gate))) > 1


async def test_a_conversation_moves_once_when_its_key_is_limited(gateway: OpenGate) -> None:
    """Where its key cools down, all turns go to the same other key."""
    gate = await gateway(providers=up("cache_affinity", keys=[LIMITED, *KEYS]))
    homes: dict[int, list[int]] = {}
    for turn in range(1, 4):
        for conversation in range(12):
            before = len(gate.sandbox.requests)
            assert (await gate.ask(turns(conversation, turn))).status == 200
            homes.setdefault(conversation, []).append(used(gate, before)[-1])
    assert all(len(set(keys)) == 1 for keys in homes.values())
    assert {keys[0] for keys in homes.values()} == {0, 1, 2}


async def test_fallbacks_go_on_in_the_round(gateway: OpenGate) -> None:
    """A key that fails is followed by the next of the round; the next request begins one further."""
    failing = "sk-number-1-fail-500-0123456789"
    gate = await gateway(
        providers=up("round_robin", keys=[KEYS[0], failing, KEYS[2]]),
        failover={"breaker_failures": 0, "retry_burst": 100},
    )
    for _ in range(6):
        assert (await gate.ask(HELLO)).status == 200
    assert used(gate) == [0, 1, 2, 2, 0, 1, 2, 2]


async def test_a_request_names_its_own_strategy(gateway: OpenGate) -> None:
    """`x-aigw-strategy` goes before the provider's policy, and orders the models of the request too."""
    gate = await gateway(providers={**up("ordered"), "other": {"keys": ["sk-number-7-0123456789"]}})
    turned = [("x-aigw-strategy", "round_robin")]
    for _ in range(4):
        await gate.ask({**HELLO, "models": ["other:sandbox-small"]}, headers=turned)
    assert used(gate) == [0, 7, 1, 7]
    await gate.ask(HELLO)
    assert used(gate)[-1] == 0
    gate = await gateway(providers=up("round_robin"))
    for _ in range(3):
        await gate.ask(HELLO, headers=[("x-aigw-strategy", "ordered")])
    assert used(gate) == [0, 0, 0]


async def test_an_unknown_strategy_is_refused(gateway: OpenGate) -> None:
    """A strategy that is none is the caller's mistake; the answer names those that are."""
    gate = await gateway(providers=up("ordered"))
    answer = await gate.ask(HELLO, headers=[("x-aigw-strategy", "fastest")])
    assert (answer.status, answer.code) == (400, "invalid_header")
    assert all(name in answer.json["error"]["message"] for name in STRATEGIES)
    assert not gate.sandbox.requests


async def test_the_strategy_is_for_the_gateway_alone(gateway: OpenGate) -> None:
    """The field does not go up."""
    gate = await gateway(providers=up("ordered"))
    await gate.ask(HELLO, headers=[("x-aigw-strategy", "cache_affinity")])
    assert "x-aigw-strategy" not in {name.lower() for name, _ in gate.sandbox.requests[-1].headers}
