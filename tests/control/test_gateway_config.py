"""An account's settings."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.settings import Settings

from .conftest import Live

PATH = "/gateway-config"


async def test_before_anything_was_said(live: Live) -> None:
    """The gateway's own settings hold, and nobody has changed anything."""
    told = (await live.ask("GET", PATH)).told
    assert (told["revision"], told["createdAt"], told["totalTimeout"]) == (0, None, None)
    assert told["effective"]["totalTimeout"] == "2m"
    assert told["effective"]["maxInputTokens"] is Settings().limits.max_input_tokens


async def test_durations_are_written_as_in_go(live: Live) -> None:
    """Whatever way a duration is written, it is told in the usual one; null brings the gateway's own back."""
    body = {"totalTimeout": "90s", "connectTimeout": "0.25s", "maxOutputTokens": 100, "metadata": "mine"}
    heard = await live.ask("PATCH", PATH, body)
    own = {"totalTimeout": "1m30s", "connectTimeout": "250ms", "maxOutputTokens": 100}
    assert {**own, "metadata": "mine", "perRequestTimeout": None}.items() <= heard.told.items()
    assert own.items() <= heard.told["effective"].items()
    assert (await live.ask("GET", PATH)).told == heard.told
    heard = await live.ask("PATCH", PATH, dict.fromkeys(own), if_match=heard.headers["etag"])
    assert (heard.told["totalTimeout"], heard.told["effective"]["totalTimeout"]) == (None, "2m")


async def test_each_account_has_its_own(live: Live) -> None:
    """What one account says holds for no other, and is shown to no other."""
    id, other = await live.account("other")
    assert (await live.ask("PATCH", PATH, {"totalTimeout": "3s"}, aigw_account=id)).status == 200
    for token, told in ((other, "3s"), (live.token, None)):
        assert (await live.ask("GET", PATH, token=token)).told["totalTimeout"] == told


async def test_a_stale_change(live: Live) -> None:
    """Two who change the settings at once do not undo each other unnoticed."""
    tag = (await live.ask("PATCH", PATH, {"totalTimeout": "3s"})).headers["etag"]
    assert (await live.ask("PATCH", PATH, {"totalTimeout": "4s"}, if_match=tag)).status == 200
    late = await live.ask("PATCH", PATH, {"totalTimeout": "5s"}, if_match=tag)
    assert (late.status, late.code) == (412, "stale")


@pytest.mark.parametrize("name", ["perRequestTimeout", "totalTimeout", "streamIdleTimeout", "streamTotalTimeout"])
@pytest.mark.parametrize("value", ["30", "0s", "-1s", "25h", "1 m", "soon", ""])
async def test_what_is_no_duration(live: Live, name: str, value: str) -> None:
    """The refusal names the member, and says how a duration is written."""
    heard = await live.ask("PATCH", PATH, {name: value})
    assert (heard.status, heard.code, heard.told["details"]) == (400, "invalidValue", {"field": name})


@pytest.mark.parametrize("body", [{"maxInputTokens": 0}, {"maxOutputTokens": "1"}, {"timeout": "1s"}])
async def test_what_is_no_setting(live: Live, body: Any) -> None:
    """Sizes are whole numbers above zero; what is unknown is refused."""
    assert (await live.ask("PATCH", PATH, body)).status == 400
