"""A request that is tried without being made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw import compose
from aigw.control.problems import camel_keys
from aigw.explain import dry_run
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, ProviderSettings, Settings

from .conftest import Live, Serve

PATH = "/explain"
KEY = Secret("an-upstream-key-of-the-tests")
SETTINGS = Settings(
    providers=(ProviderSettings(id="openai", keys=(KEY,)),),
    access_keys=(AccessKeySettings(name="app", key=Secret("an-access-key-of-the-tests")),),
)


class Trying:
    """Tries requests against a snapshot of the settings, and keeps what was asked and told."""

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []
        self.told: Mapping[str, Any] = {}

    async def __call__(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a gateway answers to this."""
        self.asked.append(asked)
        snapshot = compose.snapshot_of(SETTINGS)
        self.told = dry_run(snapshot, {**asked, "account": snapshot.id})
        return self.told


async def test_what_is_told(serve: Serve) -> None:
    """The request is tried in the account of the call, its model first; what is found out is told, but no secret."""
    trying = Trying()
    live = await serve(SETTINGS, explain=trying)
    for body in ({"model": "gpt-4o", "models": ["openai:x", "nothing"]}, {"models": ["nothing"], "accessKeyId": "app"}):
        heard = await live.ask("POST", PATH, body, token=live.token)
        assert (heard.status, heard.told) == (200, camel_keys(trying.told))
        assert KEY.reveal().encode() not in heard.body
    assert [each["models"] for each in trying.asked] == [["gpt-4o", "openai:x", "nothing"], ["nothing"]]
    assert {each["account"] for each in trying.asked} == {live.default}
    assert (trying.asked[1]["surface"], trying.asked[1]["accessKey"]) == ("chat-completions", "app")


async def test_what_cannot_be_asked(serve: Serve) -> None:
    """A request names a model and a surface; a key that is not there is told as such."""
    live = await serve(SETTINGS, explain=Trying())
    assert (await live.ask("POST", PATH, {})).told["details"] == {"field": "model"}
    assert (await live.ask("POST", PATH, {"model": "a", "surface": "x"})).told["details"] == {"field": "surface"}
    heard = await live.ask("POST", PATH, {"model": "a", "accessKeyId": "nobody"})
    assert (heard.status, heard.code, heard.told["details"]) == (400, "invalidValue", {"field": "accessKeyId"})


async def test_where_nothing_is_served(live: Live) -> None:
    """Without a data plane there is nothing to try."""
    assert (await live.ask("POST", PATH, {"model": "a"})).code == "unavailable"
