"""Pages of lists."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as some

from aigw.control.paging import merged

from .conftest import Live

PATH = "/access-keys"


@attrs.frozen
class Thing:
    """Something with an id."""

    id: str


async def test_pages_follow_one_another(live: Live) -> None:
    """Every thing is on one page, newest first; the last page names no next one, also when it is full."""
    made = [(await live.made(PATH, {}))["id"] for _ in range(4)]
    first = (await live.ask("GET", f"{PATH}?limit=2")).told
    assert [each["id"] for each in first["accessKeys"]] == made[:1:-1]
    assert (first["uri"], first["nextPageUri"]) == (PATH, f"{PATH}?limit=2&beforeId={made[2]}")
    await live.ask("DELETE", f"{PATH}/{made[2]}")
    second = (await live.ask("GET", first["nextPageUri"])).told
    assert ([each["id"] for each in second["accessKeys"]], second["nextPageUri"]) == (made[1::-1], None)


async def test_an_empty_page(live: Live) -> None:
    """A list of nothing is a list."""
    heard = await live.ask("GET", f"{PATH}?beforeId=a")
    assert heard.told == {"accessKeys": [], "uri": PATH, "nextPageUri": None}


ids = some.sets(some.text("abc", min_size=1, max_size=3))


@given(ids, ids, some.integers(1, 4))
def test_things_of_two_origins(own: set[str], kept: set[str], limit: int) -> None:
    """Declared and kept things come in one order, each once, whatever the size of a page."""
    kept -= own
    found: list[Any] = []
    before = None
    while True:
        page = sorted((each for each in kept if before is None or each < before), reverse=True)[:limit]
        some_ = [each.id for each in merged([*map(Thing, own)], limit, before, [*map(Thing, page)])]
        if not some_:
            break
        found += some_
        before = some_[-1]
    assert found == sorted(own | kept, reverse=True)
