from __future__ import annotations

import re
from typing import cast

import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.foreign import Border
from aigw.wire.format import Format
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Citation, Conversation, Part, SearchHit, ServerToolResult, Text, Turn


class Target:
    name = "gemini"
    tool_ids = re.compile(".*")
    objects_only = True
    system_in_place = False
    ids_once = True


def crossed(part: Part, own_format: str) -> tuple[Part, list[tuple[str, str]]]:
    ledger = Ledger()
    asked = Conversation(model="m", turns=[], own_format=own_format)
    turn = Border(asked, cast("Format", Target()), Dialect(maker="m"), ledger).turn(
        Turn(role="assistant", parts=[part])
    )
    assert turn is not None
    return turn.parts[0], [(entry.pointer, entry.action) for entry in ledger.entries]


CITED = Text(text="a", at="/t", citations=[Citation(kind="url", url="u", own={"x": 1}), Citation(kind="file")])
FOUND = ServerToolResult(call_id="c", name="web_search", at="/r", hits=[SearchHit(url="u", own={"x": 1})])


@pytest.mark.parametrize("part", [CITED, FOUND])
def test_sources_lose_their_own_members(part: Part) -> None:
    """Citations and search results cross the border without what only their format has, told at their part."""
    got, losses = crossed(part, "messages")
    sources = got.citations if isinstance(got, Text) else cast("ServerToolResult", got).hits
    assert sources
    assert all(source.own is None for source in sources)
    assert losses == [(part.at, "dropped")]
    assert crossed(part, "gemini") == (part, [])
