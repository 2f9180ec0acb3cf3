"""The control listener's answers: probes at once, the API when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from aigw.control.health import Health
from aigw.control.message import Answer, Request
from aigw.control_plane import ControlPlane
from aigw.settings import Settings

API = "aigw.control.api"


class StandIn:
    """An API that tells which settings it was made with."""

    made: list[Any] = []

    def __init__(self, *parts: Any) -> None:
        self.made.append(parts)

    async def answer(self, request: Request) -> Answer:
        """The path that was asked for."""
        return Answer(200, request.path.encode())


async def nothing(*_: object) -> Any:
    """Never called."""
    raise AssertionError


async def metrics() -> bytes:
    """No metrics."""
    return b""


async def test_the_api_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe needs none; settings that are new make a new one."""
    module = ModuleType(API)
    vars(module)["Api"] = StandIn
    monkeypatch.setitem(sys.modules, API, module)
    monkeypatch.setattr(StandIn, "made", [])
    now: dict[str, Settings] = {"settings": Settings()}
    plane = ControlPlane(Health(lambda: True, metrics), lambda: now["settings"], nothing, _explain, _reload)
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await plane.answer(Request("GET", path))).status == 200
    assert StandIn.made == []
    for _ in range(2):
        assert (await plane.answer(Request("GET", "/access-keys"))).body == b"/access-keys"
    assert [each[1] for each in StandIn.made] == [now["settings"]]
    now["settings"] = Settings()
    await plane.answer(Request("GET", "/access-keys"))
    assert len(StandIn.made) == 2
    assert StandIn.made[1][1] is now["settings"]


async def _explain(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return asked


async def _reload() -> Mapping[str, Any]:
    return {}
