"""Model aliases: other names for models, an account's own."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Live

PATH = "/model-aliases"


async def test_an_alias_is_unique_whatever_its_case(live: Live) -> None:
    """The same name again is refused; another account may have it."""
    made = await live.made(PATH, {"alias": "fast", "target": "openai:gpt-4o-mini"})
    again = await live.ask("POST", PATH, {"alias": "FAST", "target": "openai:gpt-4o"})
    assert (again.status, again.code, again.told["details"]) == (409, "duplicate", {"ids": [made["id"]]})
    await live.account("another")
    await live.made(PATH, {"alias": "fast", "target": "openai:gpt-4o"}, aigw_account="another")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"alias": "a"}, "target"),
        ({"alias": "a b", "target": "x"}, "alias"),
        ({"alias": "", "target": "x"}, "alias"),
        ({"alias": "a", "target": "A"}, "target"),
        ({"alias": "a", "target": None}, "target"),
        ({"alias": "a", "target": "x" * 513}, "target"),
    ],
)
async def test_what_is_no_alias(live: Live, body: Any, field: str) -> None:
    """Both sides are models, and not the same one."""
    heard = await live.ask("POST", PATH, body)
    assert (heard.status, heard.told["details"]) == (400, {"field": field})
