"""What the configuration declares, as the API shows it."""

from __future__ import annotations

from aigw.secret import Secret
from aigw.settings import AccessKeySettings, ProviderSettings, Settings

from .conftest import Serve

PATH = "/provider-keys"
OWN, MANAGED = "own-key-of-the-tests-0123456789", "managed-key-of-the-tests-012345"


async def test_keys_of_the_account_and_of_the_operators(serve: Serve) -> None:
    """An account's own keys are the default account's, those for managed inference the operators'; none is shown."""
    provider = ProviderSettings(id="openai", keys=(Secret(OWN),), managed_keys=(Secret(MANAGED),))
    live = await serve(Settings(providers=(provider,)))
    for token, account, id, secret in (
        (live.token, None, "aigpk_openai_1", OWN),
        (live.operator, "acct_operator", "aigpk_openai_2", MANAGED),
    ):
        named = {"aigw_account": account} if account else {}
        heard = await live.ask("GET", PATH, token=token, **named)
        [shown] = heard.told["providerKeys"]
        assert (shown["id"], shown["source"], shown["keyRedacted"]) == (id, "file", Secret(secret).redacted)
        assert secret.encode() not in heard.body
        rotated = await live.ask("POST", f"{PATH}/{id}/rotate", {"value": "x" * 20}, token=token, **named)
        assert (rotated.status, rotated.code) == (409, "declaredInFile")
    await live.account("another")
    assert (await live.ask("GET", PATH, aigw_account="another")).told["providerKeys"] == []


async def test_a_provider_that_is_off(serve: Serve) -> None:
    """Its keys are not in force, and so they are not listed."""
    off = ProviderSettings(id="openai", enabled=False, keys=(Secret(OWN),), managed_keys=(Secret(MANAGED),))
    live = await serve(Settings(providers=(off,)))
    for account in (live.default, "acct_operator"):
        assert (await live.ask("GET", PATH, aigw_account=account)).told["providerKeys"] == []


async def test_the_key_that_the_gateway_made(serve: Serve) -> None:
    """It is listed and found like any other, in the default account alone; the refusal says how to retire it."""
    key = AccessKeySettings(name="generated", key=Secret("aigw-generated-0123456789"))
    live = await serve(made_key=lambda: key)
    for path in ("/access-keys", "/access-keys?name=generated"):
        [shown] = (await live.ask("GET", path, token=live.token)).told["accessKeys"]
        assert (shown["id"], shown["source"], shown["keyRedacted"]) == ("aigk_generated", "generated", key.key.redacted)
    for method in ("PATCH", "DELETE"):
        refused = await live.ask(method, shown["uri"], {} if method == "PATCH" else None)
        assert (refused.status, refused.code) == (409, "declaredInFile")
        assert "delete aigw-data/access-key, then reload" in refused.told["msg"]
    await live.account("another")
    assert (await live.ask("GET", "/access-keys", aigw_account="another")).told["accessKeys"] == []
