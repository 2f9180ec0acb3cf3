"""The configuration, read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aigw.errors import ConfigError

from .conftest import Live, Serve

PATH = "/reload"
TOLD = {"changed": True, "difference": [{"key": "limits.total_timeout", "before": "2m", "after": "3m"}]}


async def reloaded() -> Mapping[str, Any]:
    """A key differs."""
    return TOLD


async def refused() -> Mapping[str, Any]:
    """A key needs a restart."""
    raise ConfigError("server.workers = 2 (was 1) needs a restart")


async def test_what_differs(serve: Serve) -> None:
    """The answer has every key that differs."""
    live = await serve(reload=reloaded)
    heard = await live.ask("POST", PATH)
    assert (heard.status, heard.told) == (200, TOLD)


async def test_what_cannot_be_put_in_force(serve: Serve) -> None:
    """What is wrong is told in words."""
    heard = await (await serve(reload=refused)).ask("POST", PATH)
    assert (heard.status, heard.code) == (422, "invalidConfiguration")
    assert "needs a restart" in heard.told["msg"]


async def test_where_nothing_is_served(live: Live) -> None:
    """Without a gateway around it the API cannot reload."""
    assert (await live.ask("POST", PATH)).code == "unavailable"
