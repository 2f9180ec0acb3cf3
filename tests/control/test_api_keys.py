"""API keys, which automation calls with."""

from __future__ import annotations

from aigw.store import tokens

from .conftest import Live

PATH = "/api-keys"


async def test_a_new_key_works_and_a_deleted_one_does_not(live: Live) -> None:
    """A key administers its account from the answer that made it until the one that deleted it."""
    made = await live.made(PATH, {"name": "ci"}, token=live.token)
    assert tokens.is_ours(made["token"], tokens.API)
    assert made["role"] == "account"
    own = await live.ask("GET", made["uri"], token=made["token"])
    assert own.told["lastUsed"] is not None
    assert (await live.ask("DELETE", made["uri"], token=made["token"])).status == 204
    assert (await live.ask("GET", PATH, token=made["token"])).status == 401


async def test_nobody_raises_themselves(live: Live) -> None:
    """A key made with an account's key is an account's key: the role is no member that can be sent."""
    for body in ({"role": "operator"}, {"accountId": "acct_operator"}):
        assert (await live.ask("POST", PATH, body, token=live.token)).status == 400
    assert (await live.ask("POST", PATH, {}, token=live.token, aigw_account="acct_operator")).status == 404
