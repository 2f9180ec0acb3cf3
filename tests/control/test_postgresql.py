"""A sample of the control API with PostgreSQL below it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aigw.store.opening import Location

from ..store.conftest import new_database, postgres, template
from .conftest import SECRET_KEY, Serve

__all__ = ["new_database", "postgres", "template"]


async def test_the_way_of_a_key(serve: Serve, new_database: Callable[[], str], tmp_path: Path) -> None:
    """Made, listed, changed and deleted as with the other database."""
    live = await serve(location=Location(new_database(), tmp_path, SECRET_KEY))
    budget = {"amount": "12.50", "period": "month"}
    made = await live.made("/access-keys?wait=true", {"name": "app", "budget": budget})
    assert made["budget"] == budget
    page = (await live.ask("GET", "/access-keys?limit=1", token=live.token)).told
    assert [each["id"] for each in page["accessKeys"]] == [made["id"]]
    assert (await live.ask("PATCH", made["uri"], {"budget": None}, if_match='"1"')).told["budget"] is None
    assert (await live.ask("PATCH", made["uri"], {}, if_match='"1"')).status == 412
    _, theirs = await live.account("theirs")
    assert (await live.ask("GET", made["uri"], token=theirs)).status == 404
    assert (await live.ask("DELETE", made["uri"])).status == 204
    actions = [each["action"] for each in (await live.ask("GET", f"/audit?resourceId={made['id']}")).told["audit"]]
    assert actions == ["delete", "update", "create"]
