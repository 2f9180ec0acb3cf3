"""Provider keys over the API: made for a provider that is there, shown redacted, rotated under the same id."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.secret import Secret
from aigw.settings import ProviderSettings, Settings

from .conftest import Live, Serve

KEYS = "/provider-keys"
VALUE = "sk-a-value-of-the-tests-0123456789"
CUSTOM = {
    "providerId": "mine",
    "baseUrl": "http://127.0.0.1:8000/v1",
    "supportedApiSurfaces": [{"surface": "messages"}],
}


async def test_a_key_from_end_to_end(live: Live) -> None:
    """A key is made, read, changed, rotated and deleted; its value is in no answer."""
    made = await live.made(KEYS, {"providerId": "openai", "value": VALUE, "name": "one"})
    assert made["keyRedacted"] == "sk-a-value***6789"
    assert (made["providerId"], made["lastUsed"], made["source"]) == ("openai", None, "store")
    rotated = await live.ask("POST", f"{made['uri']}/rotate", {"value": "another-key-of-the-tests-abcdef"})
    assert rotated.status == 200
    assert rotated.told["id"] == made["id"]
    assert rotated.told["keyRedacted"] == "another-ke***cdef"
    assert rotated.told["revision"] == 2
    opened = await live.store.provider_keys.open(live.default, made["id"])
    assert opened.reveal() == "another-key-of-the-tests-abcdef"
    changed = await live.ask("PATCH", made["uri"], {"name": None, "description": "d"})
    assert (changed.told["name"], changed.told["description"]) == ("", "d")
    shown = [made, rotated.told, changed.told, (await live.ask("GET", KEYS)).told]
    assert VALUE not in str(shown)
    assert (await live.ask("DELETE", made["uri"])).status == 204
    assert (await live.ask("GET", made["uri"])).status == 404


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("sk-abc***wxyz", "redacted form"),
        (VALUE + "\n", "white space"),
        (" " + VALUE, "white space"),
        ("sk-with a space", "visible ASCII"),
        ("sk-\u00fc", "visible ASCII"),
        ("sk-\x00null", "visible ASCII"),
        ("", ">= 1"),
        ("k" * 8193, "<= 8192"),
    ],
)
async def test_what_is_no_key(live: Live, value: str, why: str) -> None:
    """A value that cannot be a key is refused when it is made and when it is rotated, and not quoted."""
    made = await live.made(KEYS, {"providerId": "openai", "value": VALUE})
    for path, more in ((KEYS, {"providerId": "openai"}), (f"{made['uri']}/rotate", {})):
        heard = await live.ask("POST", path, {"value": value, **more})
        assert heard.status == 400
        assert why in heard.told["msg"]
        assert heard.told["details"]["field"] == "value"
        assert not value.strip() or value not in heard.body.decode()


async def test_the_longest_key(live: Live) -> None:
    """A key has 8192 characters at most."""
    assert (await live.ask("POST", KEYS, {"providerId": "openai", "value": "k" * 8192})).status == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"providerId": "opnai", "value": VALUE}, "providerId"),
        ({"providerId": "Open AI", "value": VALUE}, "providerId"),
        ({"value": VALUE}, "providerId"),
        ({"providerId": "openai"}, "value"),
        ({"providerId": "openai", "value": VALUE, "keyRedacted": "x"}, "keyRedacted"),
        ({"providerId": "openai", "value": VALUE, "name": "n" * 256}, "name"),
    ],
)
async def test_what_makes_no_key(live: Live, body: Any, field: str) -> None:
    """A key is for a provider that exists, and nothing is said that is not known."""
    heard = await live.ask("POST", KEYS, body)
    assert (heard.status, heard.told["details"]["field"]) == (400, field)


async def test_a_near_provider_is_named(live: Live) -> None:
    """Who mistypes a provider is told which one may be meant."""
    heard = await live.ask("POST", KEYS, {"providerId": "opnai", "value": VALUE})
    assert "did you mean openai?" in heard.told["msg"]


async def test_keys_of_one_provider(live: Live) -> None:
    """`?provider=` gives the keys of one provider, in pages that keep the filter."""
    await live.made("/providers", CUSTOM)
    ids = [(await live.made(KEYS, {"providerId": "mine", "value": f"key-{n}"}))["id"] for n in range(3)]
    await live.made(KEYS, {"providerId": "openai", "value": VALUE})
    first = (await live.ask("GET", f"{KEYS}?provider=mine&limit=2")).told
    assert [each["id"] for each in first["providerKeys"]] == [ids[2], ids[1]]
    second = (await live.ask("GET", first["nextPageUri"])).told
    assert [each["id"] for each in second["providerKeys"]] == [ids[0]]
    assert second["nextPageUri"] is None
    assert (await live.ask("GET", f"{KEYS}?provider=nobody")).told["providerKeys"] == []


async def test_accounts_are_apart(live: Live) -> None:
    """Another account's custom provider is none, and its keys are not there, whatever is done with them."""
    _, other = await live.account("other")
    await live.made("/providers", CUSTOM)
    made = await live.made(KEYS, {"providerId": "mine", "value": VALUE})
    assert (await live.ask("POST", KEYS, {"providerId": "mine", "value": VALUE}, token=other)).status == 400
    for method, path, body in (
        ("GET", made["uri"], None),
        ("PATCH", made["uri"], {"name": "x"}),
        ("POST", f"{made['uri']}/rotate", {"value": VALUE}),
        ("DELETE", made["uri"], None),
    ):
        assert (await live.ask(method, path, body, token=other)).status == 404


async def test_managed_keys(live: Live) -> None:
    """The operators' own keys are for managed inference: built-in providers, seen by operators alone."""
    made = await live.made(KEYS, {"providerId": "openai", "value": VALUE}, aigw_account="acct_operator")
    assert (await live.ask("GET", made["uri"])).status == 404
    assert (await live.ask("GET", made["uri"], aigw_account="acct_operator")).status == 200
    assert (await live.ask("GET", KEYS, token=live.token, aigw_account="acct_operator")).status == 404


async def test_declared_keys(serve: Serve) -> None:
    """Keys of the configuration are listed redacted, for whom they are, and not changed."""
    own, managed = Secret("own-key-of-the-file-0123456789"), Secret("managed-key-of-the-file-01234")
    openai = ProviderSettings("openai", keys=(own,), managed_keys=(managed,))
    live = await serve(Settings(providers=(openai,)))
    [shown] = (await live.ask("GET", f"{KEYS}?provider=openai")).told["providerKeys"]
    assert (shown["id"], shown["keyRedacted"], shown["source"]) == ("aigpk_openai_1", own.redacted, "file")
    assert (await live.ask("GET", shown["uri"])).told == shown
    [shown] = (await live.ask("GET", KEYS, aigw_account="acct_operator")).told["providerKeys"]
    assert (shown["id"], shown["keyRedacted"]) == ("aigpk_openai_2", managed.redacted)
    for method, path, body in (
        ("PATCH", f"{KEYS}/aigpk_openai_1", {"name": "x"}),
        ("POST", f"{KEYS}/aigpk_openai_1/rotate", {"value": VALUE}),
        ("DELETE", f"{KEYS}/aigpk_openai_1", None),
    ):
        assert (await live.ask(method, path, body)).code == "declaredInFile"
    _, other = await live.account("other")
    assert (await live.ask("GET", KEYS, token=other)).told["providerKeys"] == []


async def test_a_stale_rotation(live: Live) -> None:
    """A key that has changed since is not rotated."""
    made = await live.made(KEYS, {"providerId": "openai", "value": VALUE})
    assert (await live.ask("PATCH", made["uri"], {"name": "x"})).status == 200
    heard = await live.ask("POST", f"{made['uri']}/rotate", {"value": VALUE}, if_match='"1"')
    assert heard.status == 412
