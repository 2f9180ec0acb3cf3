"""Access keys: what they are limited by."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.secret import Secret
from aigw.store import tokens

from .conftest import Live

PATH = "/access-keys"
LIMITS = {"requestsPerMinute": 600, "tokensPerMinute": 9_000_000, "maxParallel": 20}


async def test_a_token_is_told_once(live: Live) -> None:
    """The answer that makes a key has its token; all others have what tells it apart."""
    made = await live.made(PATH, {"name": "app"})
    assert tokens.is_ours(made["token"], tokens.ACCESS)
    shown = (await live.ask("GET", made["uri"])).told
    assert "token" not in shown
    assert shown["keyRedacted"] == Secret(made["token"]).redacted
    assert (shown["lastUsed"], shown["expiresAt"], shown["budget"]) == (None, None, None)


async def test_limits(live: Live) -> None:
    """What is limited is shown as it was said, amounts exactly; null clears it."""
    budget = {"amount": "0.000000000001", "period": "total"}
    body = {**LIMITS, "budget": budget, "expiresAt": "2030-01-31T13:00:00+01:00"}
    made = await live.made(PATH, body)
    assert {**body, "expiresAt": "2030-01-31T12:00:00Z"}.items() <= made.items()
    cleared: dict[str, Any] = dict.fromkeys(body)
    assert cleared.items() <= (await live.ask("PATCH", made["uri"], cleared)).told.items()


async def test_its_configuration(live: Live) -> None:
    """It is named by its id and shown with its name; it cannot be deleted as long as a key uses it."""
    configuration = await live.made("/access-key-configurations", {"name": "scoped"})
    made = await live.made(PATH, {"accessKeyConfigurationId": configuration["id"]})
    shown = {"id": configuration["id"], "uri": configuration["uri"], "name": "scoped"}
    assert made["accessKeyConfiguration"] == shown
    assert (await live.ask("GET", PATH)).told["accessKeys"][0]["accessKeyConfiguration"] == shown
    refused = await live.ask("DELETE", configuration["uri"])
    assert (refused.status, refused.code) == (409, "referenced")
    assert refused.told["details"] == {"ids": [made["id"]]}
    changed = await live.ask("PATCH", made["uri"], {"accessKeyConfigurationId": None})
    assert changed.told["accessKeyConfiguration"] is None
    assert (await live.ask("DELETE", configuration["uri"])).status == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"budget": {"amount": "0", "period": "day"}}, "budget.amount"),
        ({"budget": {"amount": "-1", "period": "day"}}, "budget.amount"),
        ({"budget": {"amount": "1e3", "period": "day"}}, "budget.amount"),
        ({"budget": {"amount": "١", "period": "day"}}, "budget.amount"),
        ({"expiresAt": "0001-01-01T00:00:00+14:00"}, "expiresAt"),
        ({"accessKeyConfigurationId": "aigac_nothing"}, "accessKeyConfigurationId"),
        ({"name": "a\0b"}, "name"),
    ],
)
async def test_values_that_cannot_be_kept(live: Live, body: Any, field: str) -> None:
    """The refusal names the member."""
    heard = await live.ask("POST", PATH, body)
    assert (heard.status, heard.code, heard.told["details"]) == (400, "invalidValue", {"field": field})
