"""Large requests are translated in a thread, so that no other request waits for them."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from aigw.relay import walk
from aigw.relay.translation import Translator
from aigw.routing.plan import Candidate

from ..support.gate import Gate, OpenGate, eventually
from .test_translated import PROVIDERS, SAID, asked, streamed_text, text_of


class Slow:
    """A translation that waits, in its thread, until it may go on; remembers which threads it ran in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads: list[threading.Thread] = []
        self.go_on = threading.Event()
        self._prepare = Translator.prepare
        monkeypatch.setattr(Translator, "prepare", lambda translator, candidate: self(translator, candidate))
        monkeypatch.setattr(walk, "IN_THREAD_ABOVE", 10)

    def __call__(self, translator: Translator, candidate: Candidate) -> None:
        self.threads.append(threading.current_thread())
        self.go_on.wait(10)
        self._prepare(translator, candidate)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    """Every translation is slow."""
    return Slow(monkeypatch)


@pytest.fixture
async def gate(gateway: OpenGate) -> Gate:
    """A gateway with a provider for each surface."""
    return await gateway(providers=PROVIDERS)


async def test_others_are_served_meanwhile(gate: Gate, slow: Slow) -> None:
    """While one request is translated another one passes; then the first is served as ever."""
    path, body = asked("chat", "messy")
    waiting = asyncio.create_task(gate.ask(body, path))
    await eventually(lambda: len(slow.threads) == 1)
    answer = await gate.ask(asked("chat", "chatty")[1], path)
    assert text_of("chat", json.loads(answer.body)) == SAID
    assert not waiting.done()
    slow.go_on.set()
    answer = await waiting
    assert text_of("chat", json.loads(answer.body)) == SAID
    assert threading.main_thread() not in slow.threads


async def test_each_candidate_is_translated(gate: Gate, slow: Slow) -> None:
    """Failover goes on from a thread's work to the next one's, streamed too."""
    slow.go_on.set()
    path, body = asked("chat", "messy", stream=True)
    body.update(model="messy:m!status=429", models=["respondy:m!status=500", "gemmy:sandbox-1"])
    answer = await gate.ask(body, path)
    assert streamed_text("chat", answer.body) == SAID
    assert len(slow.threads) == 3


async def test_a_refusal_from_the_thread(gate: Gate, slow: Slow) -> None:
    """It is told as one from the loop would be."""
    slow.go_on.set()
    path, body = asked("chat", "messy")
    body["messages"].append({"role": "tool", "tool_call_id": "nobody", "content": "x"})
    answer = await gate.ask(body, path)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "invalid_body")


async def test_a_caller_that_leaves_meanwhile(gate: Gate, slow: Slow) -> None:
    """Nothing is asked for it when the translation is done."""
    path, body = asked("chat", "messy")
    caller = await gate.caller()
    caller.ask(body, path)
    await eventually(lambda: len(slow.threads) == 1)
    caller.leave()
    record = await gate.record()
    assert record.outcome == "client_closed"
    slow.go_on.set()
    other: Any = await gate.ask(asked("chat", "chatty")[1], path)
    assert other.status == 200
    assert [seen.path for seen in gate.sandbox.requests] == ["/v1/chat/completions"]
