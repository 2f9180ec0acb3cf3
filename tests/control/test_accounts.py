"""Accounts, which operators look after."""

from __future__ import annotations

from .conftest import Live

PATH = "/accounts"


async def test_names_are_unique(live: Live) -> None:
    """A second account of a name is refused, and so is one without a name."""
    made = await live.made(PATH, {"name": "research"})
    again = await live.ask("POST", PATH, {"name": "research"})
    assert (again.status, again.code, again.told["details"]) == (409, "duplicate", {"ids": [made["id"]]})
    assert (await live.ask("POST", PATH, {})).status == 400
    assert (await live.ask("POST", PATH, {"name": ""})).status == 400
    assert (await live.ask("PATCH", made["uri"], {"name": None})).status == 400


async def test_the_default_account_stays(live: Live) -> None:
    """It keeps its name and is not deleted."""
    uri = f"{PATH}/{live.default}"
    for method, body in (("PATCH", {"name": "other"}), ("DELETE", None)):
        heard = await live.ask(method, uri, body)
        assert (heard.status, heard.code) == (409, "inUse")


async def test_an_account_that_holds_something(live: Live) -> None:
    """It is deleted when it is empty, not before."""
    made = await live.made(PATH, {"name": "team"})
    key = await live.made("/access-keys", {}, aigw_account="team")
    heard = await live.ask("DELETE", made["uri"])
    assert (heard.status, heard.code, heard.told["details"]) == (409, "inUse", {"ids": [key["id"]]})
    assert (await live.ask("DELETE", key["uri"], aigw_account="team")).status == 204
    assert (await live.ask("DELETE", made["uri"])).status == 204


async def test_the_operators_own_is_none(live: Live) -> None:
    """The account of the operators' keys is in no list and cannot be reached."""
    names = [each["name"] for each in (await live.ask("GET", PATH)).told["accounts"]]
    assert names == ["default"]
    assert (await live.ask("GET", f"{PATH}/acct_operator")).status == 404
    heard = await live.ask("POST", PATH, {"name": "acct_operator"})
    assert (heard.code, heard.told["details"].get("ids", [])) == ("duplicate", [])
