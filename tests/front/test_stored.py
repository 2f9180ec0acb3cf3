"""Stored responses reach the provider that made them, whoever that was."""

from __future__ import annotations

from typing import Any

import pytest

from ..support.caller import Answer
from ..support.gate import TOKEN, Gate, OpenGate
from ..support.upstream import Upstream

RESPONSES = "/v1/responses"
NOT_HERE = (
    b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 24\r\n\r\n"
    + b'{"error":{"message":""}}'
)


async def made(gate: Gate, name: str = "up:sandbox-small", **more: Any) -> str:
    """The id of a new response."""
    answer = await gate.ask({"model": name, "input": "hello canary", **more}, RESPONSES)
    assert answer.status == 200
    if not more.get("stream"):
        return str(answer.json["id"])
    return answer.body.partition(b'"id":"')[2].partition(b'"')[0].decode()


async def ask(gate: Gate, method: str, path: str) -> Answer:
    """A request without a body."""
    return await gate.ask(path=f"{RESPONSES}/{path}", method=method)


@pytest.mark.parametrize("stream", [False, True])
async def test_its_life(gateway: OpenGate, stream: bool) -> None:
    """Made, read, its input listed, deleted, gone."""
    gate = await gateway()
    id = await made(gate, stream=stream)
    read = await ask(gate, "GET", id)
    assert (read.status, read.json["id"], read.json["status"]) == (200, id, "completed")
    items = await ask(gate, "GET", f"{id}/input_items?limit=5&order=asc")
    assert items.json["object"] == "list"
    assert gate.sandbox.requests[-1].path == f"/v1/responses/{id}/input_items?limit=5&order=asc"
    gone = await ask(gate, "DELETE", id)
    assert gone.json["deleted"] is True
    assert (await ask(gate, "GET", id)).status == 404


async def test_cancelling_one_in_the_background(gateway: OpenGate) -> None:
    """A POST without a body, and framed as one."""
    gate = await gateway()
    id = await made(gate, background=True)
    answer = await ask(gate, "POST", f"{id}/cancel")
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    seen = gate.sandbox.requests[-1]
    assert (seen.header("content-length"), seen.body) == ("0", b"")


async def test_its_record(gateway: OpenGate) -> None:
    """Who was asked, and no model, for none is named."""
    gate = await gateway()
    await ask(gate, "GET", "resp_unknown")
    record = await gate.record()
    assert (record.surface, record.provider, record.model, record.status) == ("responses", "up", "", 404)
    assert [attempt.status for attempt in record.attempts] == [404]


async def test_the_maker_is_asked_first(gateway: OpenGate) -> None:
    """Of several providers the one whose response it is, with its own key, and nobody else."""
    gate = await gateway(providers={name: {"keys": [f"sk-{name}-0123456789abcdef"]} for name in ("a", "b", "c")})
    id = await made(gate, "b:sandbox-small")
    answer = await ask(gate, "GET", id)
    assert (answer.status, answer.header("x-aigw-provider"), answer.header("x-aigw-attempts")) == (200, "b", "1")
    assert gate.sandbox.requests[-1].header("authorization") == "Bearer sk-b-0123456789abcdef"


async def test_who_does_not_have_it_gives_way(gateway: OpenGate, upstream: Upstream) -> None:
    """An id of unknown origin: each provider in turn, until one has it."""
    other = {"base_url": upstream.base_url}
    gate = await gateway(providers={"a": other, "b": {}, "deaf": {"surfaces": ["chat-completions"]}})
    maker = await gateway(providers={"up": {"base_url": f"{gate.sandbox.base_url}/v1"}})
    id = await made(maker)
    caller = await gate.caller()
    caller.ask(path=f"{RESPONSES}/{id}")
    visit = await upstream.accept()
    assert (await visit.head()).startswith(b"GET /v1/responses/" + id.encode())
    visit.send(NOT_HERE)
    answer = await caller.answer()
    assert (answer.status, answer.json["id"], answer.header("x-aigw-attempts")) == (200, id, "2")
    assert [attempt.provider for attempt in (await gate.record()).attempts] == ["a", "b"]


async def test_nobody_has_it(gateway: OpenGate) -> None:
    """Then the last one's own words are passed on."""
    gate = await gateway(providers={"a": {}, "b": {}})
    answer = await ask(gate, "GET", "resp_unknown")
    assert (answer.status, answer.code, answer.header("x-aigw-attempts")) == (404, None, "2")


@pytest.mark.parametrize(
    ("scope", "providers"),
    [({"providers": ("b",)}, ["b"]), ({"models": ("a:m",)}, ["a"]), ({}, ["a", "b"])],
)
async def test_a_scope_bounds_who_is_asked(gateway: OpenGate, scope: dict[str, Any], providers: list[str]) -> None:
    """A key learns nothing of providers that it may not call."""
    gate = await gateway(providers={"a": {}, "b": {}}, access_keys=[{"name": "app", "key": TOKEN, **scope}])
    await ask(gate, "GET", "resp_unknown")
    assert [attempt.provider for attempt in (await gate.record()).attempts] == providers


async def test_nobody_to_ask(gateway: OpenGate) -> None:
    """Without a provider with the surface it is refused."""
    gate = await gateway(providers={"a": {"surfaces": ["chat-completions"]}})
    answer = await ask(gate, "GET", "resp_unknown")
    assert (answer.status, answer.code) == (400, "no_credentials")


@pytest.mark.parametrize("id", ["..", "%2e%2e", "..%2fmodels", ".hidden", "a%2fb", "a%00b", "a%0d%0ab"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_id_cannot_climb(gateway: OpenGate, id: str, method: str) -> None:
    """Nothing but an id comes below the provider's path: no other path of it can be reached with its key."""
    gate = await gateway()
    answer = await ask(gate, method, id)
    assert (answer.status, answer.code) == (404, "unknown_route")
    assert not gate.sandbox.requests
