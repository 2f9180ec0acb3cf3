"""Several accounts on one gateway: each meets its own providers, keys, names and limits, on every path."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aigw.front import identify
from aigw.registry import load_builtin
from aigw.settings import SURFACES
from aigw.store.records import OPERATOR_ACCOUNT, Whole
from aigw.store.specs import Access, Rule

from ..support.caller import CHAT, HELLO, Answer
from ..support.gate import TOKEN, Gate, OpenGate
from ..support.holding import Holding, user
from ..support.upstream import OK, Upstream

ONE, TWO, LATE, NARROW = (f"aigw-{name}-token-0123456789" for name in ("one", "two", "late", "narrow"))
RESPONSES = "/v1/responses"
# Where each surface is asked, and with which method and body.
SHORT = {"model": "box:sandbox-small", "max_tokens": 9, "messages": HELLO["messages"]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
PATHS: Mapping[str, tuple[str, str, Mapping[str, Any] | None]] = {
    "chat": ("POST", CHAT, SHORT),
    "messages": ("POST", "/v1/messages", SHORT),
    "count": ("POST", "/v1/messages/count_tokens", SHORT),
    "responses": ("POST", RESPONSES, {"model": "box:sandbox-small", "input": "hello"}),
    "gemini": ("POST", "/v1beta/models/box:sandbox-small:generateContent", GEMINI),
    "embeddings": ("POST", "/v1/embeddings", {"model": "box:sandbox-embed", "input": "hello"}),
    "stored": ("GET", f"{RESPONSES}/resp_1", None),
    "models": ("GET", "/v1/models", None),
    "realtime": ("GET", "/v1/realtime?model=box:m", None),
}
UPGRADE = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", "x"),
    ("sec-websocket-version", "13"),
]


def teams(sandbox: str) -> Whole:
    """Two teams with a provider of one id, each with its own key and alias; keys that are over, and that are narrow."""
    holding = Holding()
    for name, token in (("one", ONE), ("two", TWO)):
        account = holding.account(name)
        holding.provider(account, "box", f"{sandbox}/v1", surfaces=SURFACES, models=[f"model-of-{name}"])
        holding.provider_key(account, "box", f"sk-box-of-{name}-0123456789")
        holding.alias(account, f"fast-{name}", "box:sandbox-small")
        holding.access_key(account, token)
        holding.access_key(account, LATE + name, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        only = holding.configuration(
            account,
            Rule("box", None, (user(),)),
            access=Access(models=("box/sandbox-small",)),
        )
        holding.access_key(account, NARROW + name, only)
    return holding.whole()


async def ask(gate: Gate, surface: str, token: str) -> Answer:
    """A request on a surface."""
    method, path, body = PATHS[surface]
    headers = UPGRADE if surface == "realtime" else ()
    return await gate.ask(body, path, method=method, headers=headers, token=token)


@pytest.mark.parametrize("surface", [name for name in PATHS if name not in ("models", "realtime", "stored")])
async def test_each_with_its_own_key(gateway: OpenGate, surface: str) -> None:
    """One id, two providers: whose request it is says which of them is called, with which key."""
    gate = await gateway(store=teams)
    for name, token in (("one", ONE), ("two", TWO), ("one", ONE)):
        answer = await ask(gate, surface, token)
        assert (answer.status, answer.header("x-aigw-provider")) == (200, "box")
        seen = gate.sandbox.requests[-1]
        sent = " ".join(value for _, value in seen.headers)
        assert f"sk-box-of-{name}-0123456789" in sent
    accounts = [record.account_id for record in gate.records]
    assert len(set(accounts)) == 2
    assert accounts[0] == accounts[2]
    assert {attempt.home for record in gate.records for attempt in record.attempts} == {f"{id}/box" for id in accounts}


async def test_a_models_list_is_of_its_account(gateway: OpenGate) -> None:
    """It is recorded for the account whose access key asked for it."""
    gate = await gateway(store=teams)
    for token in (ONE, TWO):
        assert (await ask(gate, "models", token)).status == 200
    key = gate.process.gateway.snapshot.access_key
    owners = [found.account for token in (ONE, TWO) if (found := key(token.encode())) is not None]
    assert [record.account_id for record in gate.records] == owners


@pytest.mark.parametrize("surface", PATHS)
async def test_a_key_whose_time_is_over(gateway: OpenGate, surface: str) -> None:
    """Refused everywhere, and told why; nobody is called."""
    gate = await gateway(store=teams)
    answer = await ask(gate, surface, LATE + "one")
    assert (answer.status, answer.code) == (401, "invalid_access_key")
    assert b"expired" in answer.body
    assert not gate.sandbox.requests


@pytest.mark.parametrize("surface", [name for name in PATHS if name != "models"])
async def test_the_files_account_has_none_of_it(gateway: OpenGate, surface: str) -> None:
    """What teams call theirs is unknown to the default account: refused before anybody is called."""
    gate = await gateway(store=teams, providers={"deaf": {"surfaces": ["audio"]}})
    answer = await ask(gate, surface, TOKEN)
    assert 400 <= answer.status < 500
    assert not gate.sandbox.requests


@pytest.mark.parametrize(
    ("token", "listed"),
    [
        (ONE, ["box:sandbox-small", "fast-one", "model-of-one"]),
        (TWO, ["box:sandbox-small", "fast-two", "model-of-two"]),
        (NARROW + "two", ["fast-two"]),
    ],
)
async def test_models_are_listed_by_account(gateway: OpenGate, token: str, listed: list[str]) -> None:
    """With the account's own names, where the key may call what they mean."""
    gate = await gateway(store=teams)
    ids = {entry["id"] for entry in (await ask(gate, "models", token)).json["data"]}
    assert ids == {name for name in listed if name != "box:sandbox-small"}
    for name in ids - {"model-of-one", "model-of-two"}:
        answer = await gate.ask({**HELLO, "model": name}, token=token)
        assert (answer.status, answer.header("x-aigw-model")) == (200, "sandbox-small")


async def test_a_narrow_key(gateway: OpenGate) -> None:
    """Of the account's provider it may call one model alone."""
    gate = await gateway(store=teams)
    answer = await gate.ask({**HELLO, "model": "box:other", "models": ["model-of-one"]}, token=NARROW + "one")
    assert (answer.status, answer.code) == (403, "not_allowed")
    assert not gate.sandbox.requests


BUILT_IN = sorted(load_builtin())[0]


def operated(sandbox: str) -> Whole:
    """Two teams without keys of their own, and the operator's for everybody."""
    holding = Holding()
    holding.provider_key(OPERATOR_ACCOUNT, BUILT_IN, "sk-operator-0123456789")
    for name, token in (("one", ONE), ("two", TWO)):
        holding.access_key(holding.account(name), token)
    return holding.whole()


async def test_stored_responses_are_an_accounts_own(gateway: OpenGate) -> None:
    """Also where the operator's key made them, which could read everybody's."""
    gate = await gateway(store=operated, providers={BUILT_IN: {}})
    body = {"model": f"{BUILT_IN}:sandbox-small", "input": "hello"}
    made = await gate.ask(body, RESPONSES, token=ONE)
    assert made.status == 200
    assert gate.records[-1].attempts[-1].key_source == "managed"
    path, asked = f"{RESPONSES}/{made.json['id']}", len(gate.sandbox.requests)
    for token in (TWO, TOKEN):
        for method, more in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
            refused = await gate.ask(path=path + more, method=method, token=token)
            assert (refused.status, refused.code) == (400, "no_credentials")
    assert len(gate.sandbox.requests) == asked
    assert (await gate.ask(path=path, method="GET", token=ONE)).status == 200


def limited(sandbox: str) -> Whole:
    """A team that is in a hurry, and one that is not."""
    holding = Holding()
    for name, token in (("one", ONE), ("two", TWO)):
        account = holding.account(name)
        holding.provider(account, "box", f"{sandbox}/v1")
        holding.access_key(account, token)
        if name == "one":
            holding.gateway_config(account, total_timeout=0.05)
    return holding.whole()


async def test_limits_are_an_accounts_own(gateway: OpenGate, upstream: Upstream) -> None:
    """Its settings are in force for its requests, and for no other's."""
    gate = await gateway(store=lambda _: limited(upstream.base_url.removesuffix("/v1")))
    other = await gate.caller(TWO)
    other.ask({**HELLO, "model": "box:m"})
    visit = await upstream.accept()
    answer = await gate.ask({**HELLO, "model": "box:m"}, token=ONE)
    assert (answer.status, answer.code) == (504, "timeout")
    await visit.request()
    visit.send(OK)
    assert (await other.answer()).status == 200


def impatient(sandbox: str) -> Whole:
    """A team that gives the operator's provider no time at all, and one like everybody."""
    holding = Holding()
    holding.provider_key(OPERATOR_ACCOUNT, BUILT_IN, "sk-operator-0123456789")
    one, two = holding.account("one"), holding.account("two")
    holding.gateway_config(one, total_timeout=0.01)
    holding.access_key(one, ONE)
    holding.access_key(two, TWO)
    return holding.whole()


async def test_one_teams_haste_opens_no_circuit(gateway: OpenGate, upstream: Upstream) -> None:
    """A provider that one account gives up on at once is asked for the others as before."""
    up = {BUILT_IN: {"base_url": upstream.base_url}}
    gate = await gateway(store=impatient, providers=up, failover={"breaker_failures": 2})
    asked = {**HELLO, "model": f"{BUILT_IN}:m"}
    for _ in range(4):
        assert (await gate.ask(asked, token=ONE)).status == 504
        await (await upstream.accept()).gone()
    other = await gate.caller(TWO)
    other.ask(asked)
    visit = await upstream.accept()
    await visit.request()
    visit.send(OK)
    assert (await other.answer()).status == 200


def faulty(sandbox: str) -> Whole:
    """A team with a provider that cannot be used, a key that cannot be opened and a key without its configuration."""
    holding = Holding()
    one, two = holding.account("one"), holding.account("two")
    holding.provider(one, "broken", "no address")
    holding.provider_key(one, BUILT_IN, None)
    holding.access_key(one, ONE, "aigac_gone")
    holding.provider(two, "box", f"{sandbox}/v1")
    holding.access_key(two, TWO)
    return holding.whole()


async def test_one_teams_faults_are_not_the_others(gateway: OpenGate) -> None:
    """The gateway starts, and serves everybody what can be served."""
    gate = await gateway(store=faulty)
    assert len(gate.process.gateway.snapshot.troubles) == 3
    assert (await gate.ask({**HELLO, "model": "box:sandbox-small"}, token=TWO)).status == 200
    assert (await gate.ask(HELLO)).status == 200
    for model in ("broken:m", f"{BUILT_IN}:m"):
        assert (await gate.ask({**HELLO, "model": model}, token=ONE)).status in (403, 404)


def changing(sandbox: str, secret: str, *tokens: str) -> Whole:
    """A team whose provider key and access keys change: their ids stay."""
    holding = Holding()
    one = holding.account("one")
    holding.provider(one, "box", f"{sandbox}/v1")
    holding.provider_key(one, "box", secret)
    for token in tokens:
        holding.access_key(one, token)
    return holding.whole()


async def test_a_change_is_for_the_next_request(gateway: OpenGate) -> None:
    """On a connection that is open already: another secret of the same key, a new access key, and one that is gone."""
    gate = await gateway(store=lambda sandbox: changing(sandbox, "sk-before-0123456789", ONE))
    caller, asked = await gate.caller(ONE), {**HELLO, "model": "box:sandbox-small"}
    for secret, tokens, status in (
        ("sk-before-0123456789", [ONE], 200),
        ("sk-after-0123456789", [ONE, TWO], 200),
        ("sk-after-0123456789", [TWO], 401),
    ):
        assert await gate.process.swap.take(changing(gate.sandbox.base_url, secret, *tokens))
        caller.ask(asked)
        assert (await caller.answer()).status == status
        assert gate.sandbox.requests[-1].header("authorization") == f"Bearer {secret}"
    assert (await gate.ask(asked, token=TWO)).status == 200


def ending(sandbox: str) -> Whole:
    """A key that lives for another hour."""
    holding = Holding()
    one = holding.account("one")
    holding.provider(one, "box", f"{sandbox}/v1")
    holding.access_key(one, ONE, expires_at=datetime.now(UTC) + timedelta(hours=1))
    return holding.whole()


async def test_a_key_expires_between_two_requests(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which it was known lets it in no longer than any other."""
    gate = await gateway(store=ending)
    caller = await gate.caller(ONE)
    for later, status in ((0, 200), (3599, 200), (3601, 401)):
        now = time.time() + later
        monkeypatch.setattr(identify, "time", lambda now=now: now)
        caller.ask({**HELLO, "model": "box:sandbox-small"})
        assert (await caller.answer()).status == status
