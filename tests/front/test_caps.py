"""Limits in tokens and guarded addresses as callers meet them: in their own format, and before anybody is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aigw.relay import walk
from aigw.settings import SURFACES
from aigw.store.records import Whole

from ..support.caller import CHAT, HELLO
from ..support.gate import Gate, OpenGate
from ..support.holding import Holding

STRICT = [("x-aigw-strict", "true")]
LONG = "word " * 400  # 500 tokens
SAID = [{"role": "user", "content": LONG}]
# Each path with a request that is too long.
LENGTHY: Mapping[str, Mapping[str, Any]] = {
    CHAT: {"model": "up:sandbox-small", "messages": SAID},
    "/v1/messages": {"model": "up:sandbox-small", "max_tokens": 5, "messages": SAID},
    "/v1/responses": {"model": "up:sandbox-small", "input": LONG},
    "/v1beta/models/up:sandbox-small:generateContent": {"contents": [{"role": "user", "parts": [{"text": LONG}]}]},
    "/v1/embeddings": {"model": "up:sandbox-embed", "input": LONG},
    "/v1beta/models/up:sandbox-embed:embedContent": {"content": {"parts": [{"text": LONG}]}},
    "/v1/completions": {"model": "up:sandbox-small", "prompt": LONG},
}
BOTH = ("up:sandbox-small", "other:sandbox-small")
TWO = {
    "up": {"keys": ["sk-up-0123456789abcdef"] * 1},
    "other": {"surfaces": ["messages"], "keys": ["sk-other-01234567"]},
}


@pytest.mark.parametrize("path", LENGTHY)
async def test_too_much_input(gateway: OpenGate, path: str) -> None:
    """413 in the caller's format, and no upstream is called; the same request passes where more is allowed."""
    gate = await gateway(limits={"max_input_tokens": 400})
    answer = await gate.ask(LENGTHY[path], path)
    assert answer.status == 413
    error = answer.json["error"]
    assert "400 are allowed here (max_input_tokens" in error["message"]
    if path == "/v1/messages":
        assert error["type"] == "invalid_request_error"
    elif "v1beta" in path:
        assert error["code"] == 413
    else:
        assert error["code"] == "input_too_large"
    assert not gate.sandbox.requests
    assert (await gate.record()).attempts == []


@pytest.mark.parametrize("path", LENGTHY)
async def test_input_that_is_allowed(gateway: OpenGate, path: str) -> None:
    """Within the limit a request passes byte for byte, with nothing said about it."""
    gate = await gateway(limits={"max_input_tokens": 600})
    answer = await gate.ask(LENGTHY[path], path)
    assert (answer.status, answer.header("x-aigw-loss")) == (200, None)


async def test_too_much_for_every_candidate(gateway: OpenGate) -> None:
    """Neither another model nor another format takes what the account may not send."""
    gate = await gateway(providers=TWO, limits={"max_input_tokens": 400})
    answer = await gate.ask({"models": BOTH, "messages": SAID})
    assert (answer.status, answer.code) == (413, "input_too_large")
    assert not gate.sandbox.requests


async def test_a_large_body(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large request is weighed in a thread, and refused all the same."""
    monkeypatch.setattr(walk, "IN_THREAD_ABOVE", 100)
    gate = await gateway(limits={"max_input_tokens": 400})
    answer = await gate.ask({"model": "up:sandbox-small", "messages": SAID})
    assert (answer.status, answer.code) == (413, "input_too_large")


async def sent(gate: Gate, body: Mapping[str, Any], path: str = CHAT) -> tuple[Any, str | None]:
    """What the upstream got of a request, and what the caller is told of losses."""
    answer = await gate.ask(body, path)
    assert answer.status == 200
    return json.loads(gate.sandbox.requests[-1].body), answer.header("x-aigw-loss")


async def test_output(gateway: OpenGate) -> None:
    """The limit is held down and told; a request within it is not touched."""
    gate = await gateway(limits={"max_output_tokens": 50})
    body, lost = await sent(gate, {**HELLO, "max_tokens": 500})
    assert (body["max_tokens"], lost) == (50, "/max_tokens;approximated")
    assert (await gate.record()).losses[0].pointer == "/max_tokens"
    body, lost = await sent(gate, HELLO)
    assert (body["max_tokens"], lost) == (50, "/max_tokens;approximated")
    body, lost = await sent(gate, {**HELLO, "max_tokens": 5})
    assert (body["max_tokens"], lost) == (5, None)


async def test_strict_output(gateway: OpenGate) -> None:
    """A strict caller is refused with the place, and served within the limit."""
    gate = await gateway(limits={"max_output_tokens": 50})
    answer = await gate.ask({**HELLO, "max_tokens": 500}, headers=STRICT)
    assert (answer.status, answer.code) == (400, "lossy_translation")
    assert answer.json["error"]["param"] == "/max_tokens"
    assert (await gate.ask({**HELLO, "max_tokens": 50}, headers=STRICT)).status == 200
    assert len(gate.sandbox.requests) == 1


TEAM = "aigw-team-token-0123456789"


def team(base_url: str, **limits: Any) -> Whole:
    """An account of its own limits with a provider at some address, of which some parameters are known."""
    holding = Holding()
    account = holding.account("team")
    holding.provider(
        account,
        "box",
        base_url,
        surfaces=SURFACES,
        models=["sandbox-small"],
        parameters={"chat-completions": ("max_tokens",)},
    )
    holding.provider_key(account, "box", "sk-box-0123456789abcdef")
    holding.access_key(account, TEAM)
    if limits:
        holding.gateway_config(account, **limits)
    return holding.whole()


ASKED = {"model": "box:sandbox-small", "messages": HELLO["messages"]}


async def test_an_account_has_its_own(gateway: OpenGate) -> None:
    """What is allowed is the account's, whatever the file says of the others."""
    gate = await gateway(
        store=lambda url: team(f"{url}/v1", max_output_tokens=7, max_input_tokens=400), limits={"max_output_tokens": 50}
    )
    answer = await gate.ask({**ASKED, "max_tokens": 30}, token=TEAM)
    assert (answer.status, json.loads(gate.sandbox.requests[-1].body)["max_tokens"]) == (200, 7)
    assert (await gate.ask({**ASKED, "messages": SAID}, token=TEAM)).status == 413
    await sent(gate, {**HELLO, "messages": SAID, "max_tokens": 30})
    assert json.loads(gate.sandbox.requests[-1].body)["max_tokens"] == 30


async def test_members_that_are_not_taken(gateway: OpenGate) -> None:
    """They do not go up; the answer tells so."""
    gate = await gateway(store=lambda url: team(f"{url}/v1"))
    answer = await gate.ask({**ASKED, "seed": 1, "max_tokens": 9}, token=TEAM)
    assert (answer.status, answer.header("x-aigw-loss")) == (200, "/seed;dropped")
    assert json.loads(gate.sandbox.requests[-1].body) == {**ASKED, "model": "sandbox-small", "max_tokens": 9}


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "https://[::ffff:169.254.169.254]/v1", "http://0/v1"])
async def test_an_address_that_may_not_be(gateway: OpenGate, url: str) -> None:
    """A provider from the API never leads to a metadata service, even one that came into the store unchecked."""
    gate = await gateway(store=lambda _: team(url))
    answer = await gate.ask(ASKED, token=TEAM)
    assert (answer.status, answer.code) == (502, "upstream_unreachable")
    assert (await gate.record()).attempts[0].reason == "address_refused"
