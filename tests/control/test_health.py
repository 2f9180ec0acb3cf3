"""Liveness, readiness and metrics: what they say, and that they cost nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from aigw.control.health import JSON, METRICS, PLAIN, Answer, Health

from ..support.caller import HELLO, connect, request
from ..support.caller import Answer as Heard
from ..support.gate import Gate, OpenGate


def health(*, ready: bool = True) -> Health:
    """With metrics of one line."""

    async def metrics() -> bytes:
        return b"up 1\n"

    return Health(lambda: ready, metrics)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "ready", "answer"),
    [
        ("/livez", True, Answer(200, b"ok\n", PLAIN)),
        ("/livez", False, Answer(200, b"ok\n", PLAIN)),
        ("/readyz", True, Answer(200, b"ok\n", PLAIN)),
        ("/readyz", False, Answer(503, b"not ready\n", PLAIN)),
        ("/metrics", False, Answer(200, b"up 1\n", METRICS)),
    ],
)
async def test_probes(method: str, path: str, ready: bool, answer: Answer) -> None:
    """Alive is whoever answers; ready is who takes requests; HEAD works wherever GET does."""
    assert await health(ready=ready).answer(method, path) == answer


@pytest.mark.parametrize("path", ["/", "/livez/", "/healthz", "//livez", "/LIVEZ", "/v1/models"])
async def test_nothing_else_is_there(path: str) -> None:
    """Other paths are refused in the control API's own form."""
    answer = await health().answer("GET", path)
    assert (answer.status, answer.content_type) == (404, JSON)
    assert set(json.loads(answer.body)) == {"errorCode", "statusCode", "msg", "details"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_are_only_read(path: str) -> None:
    """Another method is refused, and the refusal says which there are."""
    answer = await health().answer("POST", path)
    assert answer.status == 405
    assert answer.headers == (("allow", "GET, HEAD"),)
    assert json.loads(answer.body)["errorCode"] == "methodNotAllowed"


async def probe(gate: Gate, path: str) -> Heard:
    """What the control listener answers, without any credential."""
    caller = await connect(gate.control_port, "")
    caller.send(request(path=path))
    try:
        return await caller.answer()
    finally:
        caller.leave()


async def test_no_upstream_is_called_and_no_key_is_asked(gateway: OpenGate) -> None:
    """Probes come often and from anywhere: they cost nothing and tell nothing."""
    gate = await gateway()
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await probe(gate, path)).status == 200
    assert not gate.sandbox.requests
    assert not gate.records


async def test_metrics_count_what_was_served(gateway: OpenGate) -> None:
    """A served request is in the counters, under names that come from the configuration alone."""
    gate = await gateway()
    await gate.ask(HELLO)
    await gate.record()
    text = (await probe(gate, "/metrics")).body.decode()
    assert 'provider="up"' in text
    assert "hello canary" not in text


async def test_readiness_turns_at_once_when_draining(gateway: OpenGate) -> None:
    """A balancer is told before the last stream has ended; liveness stays, so that nobody kills the process."""
    gate = await gateway(server={"drain_timeout": 5.0})
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    await caller.until(b"You")
    stopping = asyncio.create_task(gate.process.stop())
    await asyncio.sleep(0)
    assert (await probe(gate, "/readyz")).status == 503
    assert (await probe(gate, "/livez")).status == 200
    caller.leave()
    await stopping
