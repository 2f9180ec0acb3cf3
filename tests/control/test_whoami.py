"""Whose API key a call carries, and which account it is about."""

from __future__ import annotations

from .conftest import Live


async def test_an_account_key(live: Live) -> None:
    """An account's key is for its account."""
    heard = await live.ask("GET", "/whoami", token=live.token)
    assert heard.told["role"] == "account"
    assert heard.told["account"] == {"id": live.default, "uri": f"/accounts/{live.default}", "name": "default"}


async def test_an_operator(live: Live) -> None:
    """An operator's key is for the default account unless another is named, by its id or its name."""
    id, _ = await live.account("tëam")
    assert (await live.ask("GET", "/whoami")).told["account"]["id"] == live.default
    for named in (id, "tëam"):
        told = (await live.ask("GET", "/whoami", aigw_account=named)).told
        assert (told["role"], told["account"]["id"], told["account"]["name"]) == ("operator", id, "tëam")


async def test_the_operators_own_account(live: Live) -> None:
    """The account of the operators' keys is no resource."""
    told = (await live.ask("GET", "/whoami", aigw_account="acct_operator")).told
    assert told["account"] == {"id": "acct_operator", "uri": None, "name": "operator"}
