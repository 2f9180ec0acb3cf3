"""Who is let in, and into which account."""

from __future__ import annotations

import pytest

from aigw.control import authentication as module
from aigw.control.authentication import Authentication
from aigw.control.backoff import FREE, SPARED_A_SECOND
from aigw.control.message import Request
from aigw.control.problems import ApiError
from aigw.store import tokens

from .conftest import Live

PEER = "192.0.2.1"


class Clock:
    """Time as a test says."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def request(token: str, peer: str = PEER) -> Request:
    """With this token, from this address."""
    return Request("GET", "/", "", {"authorization": f"bearer  {token}"}, b"", peer)


async def refused(authentication: Authentication, live: Live, token: str) -> ApiError:
    """The refusal of a token."""
    with pytest.raises(ApiError) as caught:
        await authentication.caller(live.store, authentication.token(request(token)), PEER)
    return caught.value


async def test_wrong_keys_wait(live: Live) -> None:
    """After some wrong keys an address waits; a right key that was seen before is let in all the same.

    So are a few a second that may be right: nobody keeps others out who come from the same address.
    """
    clock = Clock()
    authentication = Authentication(clock)
    await authentication.caller(live.store, authentication.token(request(live.token)), PEER)
    for number in range(FREE):
        wrong = tokens.make(tokens.API).reveal() if number % 2 else "typo"
        assert (await refused(authentication, live, wrong)).code == "unauthorized"
    waiting = await refused(authentication, live, "typo")
    assert (waiting.code, waiting.headers) == ("tooManyFailures", (("retry-after", "1"),))
    for _ in range(SPARED_A_SECOND):
        assert authentication.token(request(live.operator)) == live.operator
    assert (await refused(authentication, live, live.operator)).code == "tooManyFailures"
    assert authentication.token(request(live.token)) == live.token
    assert authentication.token(request(live.operator, "192.0.2.2")) == live.operator
    clock.now += 1.0
    assert (
        await authentication.caller(live.store, authentication.token(request(live.operator)), PEER)
    ).role == "operator"


async def test_a_key_seen_before_is_still_looked_up(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of a right key opens nothing by itself."""
    monkeypatch.setattr("aigw.control.backoff.SPARED_A_SECOND", 0)
    authentication = Authentication(Clock())
    record = await authentication.caller(live.store, authentication.token(request(live.token)), PEER)
    for _ in range(FREE):
        await refused(authentication, live, "typo")
    await live.ask("DELETE", f"/api-keys/{record.id}")
    assert (await refused(authentication, live, live.token)).code == "unauthorized"
    assert (await refused(authentication, live, live.token)).code == "tooManyFailures"


async def test_a_right_key_ends_the_count_of_wrong_ones(live: Live) -> None:
    """Whoever mistypes a key now and then among right ones never waits."""
    authentication = Authentication(Clock())
    for _ in range(FREE):
        await refused(authentication, live, "typo")
        await authentication.caller(live.store, live.token, PEER)
    assert (await refused(authentication, live, "typo")).code == "unauthorized"


async def test_use_is_noted_now_and_then(live: Live) -> None:
    """When an API key was used is written once in a while, not with each request, and raises no epoch."""
    clock = Clock()
    authentication = Authentication(clock)
    epoch = await live.store.epochs.current()
    used = set()
    for seconds in (0.0, 1.0, module.TOUCH_SECONDS):
        clock.now += seconds
        record = await authentication.caller(live.store, live.token, PEER)
        used.add((await live.store.api_keys.get(record.account_id, record.id)).last_used)
    assert len(used) == 2
    assert None not in used
    assert await live.store.epochs.current() == epoch


async def test_what_is_remembered_is_bounded(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many keys do not fill the memory; it is the newest that are remembered."""
    monkeypatch.setattr(module, "MOST_KNOWN", 1)
    authentication = Authentication(Clock())
    for token in (live.token, live.operator):
        await authentication.caller(live.store, token, PEER)
    assert len(authentication._right) == len(authentication._noted) == 1
    assert (await live.store.api_keys.authenticate(live.operator)).id in authentication._noted


@pytest.mark.parametrize("named", ["another", "acct_operator", "nobody", "x" * 300])
async def test_an_account_key_names_no_other_account(live: Live, named: str) -> None:
    """Another account is not there for it; its own it may name."""
    id, _ = await live.account("another")
    for name in (named, id):
        heard = await live.ask("GET", "/access-keys", token=live.token, aigw_account=name)
        assert (heard.status, heard.code) == (404, "notFound")
    mine = await live.made("/access-keys", {"name": "mine"})
    for own in (live.default, "default"):
        heard = await live.ask("GET", "/access-keys", token=live.token, aigw_account=own)
        assert [each["id"] for each in heard.told["accessKeys"]] == [mine["id"]]


async def test_accounts_that_operators_name(live: Live) -> None:
    """One that is not there is refused; operators' own things are their API keys and provider keys alone."""
    for named in ("nobody", "x" * 300):
        assert (await live.ask("GET", "/access-keys", aigw_account=named)).status == 404
    for path, status in (("/access-keys", 404), ("/gateway-config", 404), ("/api-keys", 200), ("/audit", 200)):
        assert (await live.ask("GET", path, aigw_account="acct_operator")).status == status
    mine = await live.made("/api-keys", {"name": "second"}, aigw_account="acct_operator")
    assert mine["role"] == "operator"
    assert (await live.ask("GET", "/accounts", token=mine["token"])).status == 200


async def test_an_id_wins_over_a_name(live: Live) -> None:
    """An account that is called like the id of another one does not take over its calls."""
    id, _ = await live.account("another")
    await live.account(id)
    key = await live.made("/access-keys", {"name": "theirs"}, aigw_account=id)
    assert (await live.store.access_keys.get(id, key["id"])).id == key["id"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/accounts"), ("POST", "/reload"), ("GET", "/audit?everywhere=true")]
)
async def test_what_is_for_operators(live: Live, method: str, path: str) -> None:
    """An account's key is told that it takes an operator's."""
    heard = await live.ask(method, path, token=live.token)
    assert (heard.status, heard.code) == (403, "forbidden")
