"""No caller ever sees a byte of another one's answer, however they come, leave and share connections."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from ..support.caller import request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from ..support.upstream import OK, Upstream

CALLERS, ROUNDS = 32, 6


def asked(canary: str, number: int) -> dict[str, Any]:
    """A request whose answer repeats its canary."""
    fault = ("", "!chunk=7", "!delay=1", "!gzip", "!cut-events=2c", "!status=500", "!nolen", "!reset")[number % 8]
    return {
        "model": f"up:sandbox-small{fault}",
        "models": ["up:sandbox-large"] if number % 3 else [],
        "messages": [{"role": "user", "content": f"{canary} " * 20}],
        "stream": number % 2 == 0,
    }


async def one(gate: Gate, name: int, chance: random.Random) -> list[str]:
    """A caller's life; what it saw of others."""
    foreign: list[str] = []
    caller = await gate.caller()
    for turn in range(ROUNDS):
        canary = f"canary-{name:02}-{turn}-"
        caller.ask(asked(canary, name + turn))
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() / 100)
            caller.leave()
            caller = await gate.caller()
            continue
        answer = await caller.answer()
        text = answer.body.decode("latin-1")
        foreign += [word for word in text.split() if "canary-" in word and canary not in word]
        if answer.header("connection") == "close" or not answer.complete or b"stopped" in answer.body:
            caller.leave()
            caller = await gate.caller()
    return foreign


async def test_many_callers_at_once(gateway: OpenGate) -> None:
    """Streams and plain answers, faults and retries, random leaving: each sees its own words alone."""
    gate = await gateway()
    seen = await asyncio.gather(*(one(gate, name, random.Random(name)) for name in range(CALLERS)))
    assert [foreign for foreign in seen if foreign] == []
    await eventually(lambda: gate.idle)
    pool = gate.process.gateway.relay.pool
    assert pool.open <= CALLERS


async def test_a_late_answer_is_nobody_elses(gateway: OpenGate, upstream: Upstream) -> None:
    """What an upstream still says to a caller who left dies with that connection."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    first = await gate.caller()
    first.ask({"model": "up:first"})
    visit = await upstream.accept()
    await visit.request()
    first.leave()
    await gate.record()
    visit.send(OK.replace(b"2\r\n\r\n{}", b'8\r\n\r\n{"n":11}'))
    second = await gate.caller()
    second.ask({"model": "up:second"})
    again = await upstream.accept()
    assert b"second" in (await again.request())[1]
    again.send(OK.replace(b"2\r\n\r\n{}", b'8\r\n\r\n{"n":22}'))
    assert (await second.answer()).body == b'{"n":22}'


async def test_unasked_bytes_end_a_connection(gateway: OpenGate, upstream: Upstream) -> None:
    """An upstream that says more than it was asked is not asked on that connection again (response smuggling)."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    for _ in range(2):
        caller.ask({"model": "up:m"})
        visit = await upstream.accept()
        await visit.request()
        visit.send(OK + OK.replace(b"{}", b"!!"))
        assert (await caller.answer()).body == b"{}"
        await visit.gone()
    assert upstream.visits == 2


async def test_answers_to_pipelined_requests_keep_their_order(gateway: OpenGate) -> None:
    """A quick answer does not overtake a slow one on the same connection."""
    gate = await gateway()
    caller = await gate.caller()
    words = [("slow", "!first-byte-delay=30"), ("quick", ""), ("slower", "!delay=5")]
    data = b"".join(
        request(
            {"model": f"up:sandbox-small{fault}", "messages": [{"role": "user", "content": word}], "stream": True},
            token=TOKEN,
        )
        for word, fault in words
    )
    caller.send(data)
    for word, _ in words:
        assert word.encode() in (await caller.answer()).body
