"""Whose key is it? One rule for every route: the places in their order, what is stored is no key, and none goes up."""

from __future__ import annotations

import pytest

from aigw.front.routes import DOCUMENTED
from aigw.snapshot import digest

from ..support.caller import HELLO, request
from ..support.gate import TOKEN, OpenGate
from .test_targets import named

PLACES = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
STALE = "sk-stale-0123456789abcdefghij"


def shown(place: str, token: str) -> tuple[str, str]:
    """A field that holds a token."""
    return place, f"Bearer {token}" if place == "authorization" else token


@pytest.mark.parametrize("place", PLACES)
async def test_each_place_on_every_route(gateway: OpenGate, place: str) -> None:
    """A key is taken in each of its places, a wrong one refused in each, and no route forgets it (CVE-2026-45339)."""
    gate = await gateway()
    for method, path in DOCUMENTED:
        if "realtime" in path:
            continue
        for token, refused in ((TOKEN, False), (STALE, True)):
            caller = await gate.caller()
            body = {**HELLO, "contents": [], "input": "x", "max_tokens": 5} if method == "POST" else None
            caller.send(request(body, named(path), method=method, headers=[shown(place, token)]))
            answer = await caller.answer()
            assert (answer.status == 401) is refused, (method, path, answer)
            caller.leave()


@pytest.mark.parametrize("first", range(len(PLACES)))
async def test_the_order_of_places(gateway: OpenGate, first: int) -> None:
    """The first place that is filled decides alone; the others are dropped: not asked, not forwarded."""
    gate = await gateway()
    later = PLACES[first + 1 :]
    for good, status in ((True, 200), (False, 401)):
        tokens = [shown(PLACES[first], TOKEN if good else STALE)]
        tokens += [shown(place, STALE if good else TOKEN) for place in later]
        for fields in (tokens, tokens[::-1]):
            caller = await gate.caller()
            caller.send(request(HELLO, headers=fields))
            assert (await caller.answer()).status == status
            caller.leave()
    for seen in gate.sandbox.requests:
        assert STALE not in str(seen.headers)
        assert TOKEN not in str(seen.headers)


async def test_a_key_in_the_address_is_none(gateway: OpenGate) -> None:
    """Addresses end up in logs: a key there is not taken, and next to a good one it does not go up."""
    gate = await gateway()
    for name in ("key", "api_key", "api-key", "access_token", "KEY", "%6bey"):
        caller = await gate.caller()
        caller.send(request(HELLO, f"/v1/chat/completions?{name}={TOKEN}&a=b"))
        assert (await caller.answer()).code == "missing_access_key"
        answer = await gate.ask(HELLO, f"/v1/chat/completions?{name}={STALE}&a=b")
        assert answer.status == 200
        assert STALE not in gate.sandbox.requests[-1].path


async def test_what_is_stored_is_no_key(gateway: OpenGate) -> None:
    """Neither the digest nor the pepper, in any spelling, opens anything (GHSA-69x8-hrgq-fjj8 in another gateway)."""
    gate = await gateway()
    snapshot = gate.process.gateway.snapshot
    (stored,) = snapshot.access_keys
    assert stored == digest(TOKEN.encode(), snapshot.pepper)
    (key,) = snapshot.access_keys.values()
    for secret in (stored, snapshot.pepper):
        for token in (secret.hex(), secret.hex().upper(), secret.decode("latin-1").translate({0: 1, 10: 1, 13: 1})):
            for place in PLACES:
                caller = await gate.caller()
                caller.send(request(HELLO, headers=[shown(place, token)]))
                assert (await caller.answer()).status in (400, 401)
                caller.leave()
    for token in (key.id, key.name, TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "*", "null"):
        assert (await gate.ask(HELLO, token=token)).status == 401
    assert not gate.sandbox.requests
