from __future__ import annotations

import re
from typing import Any, cast

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


@pytest.mark.parametrize(
    ("at", "own", "lost"),
    [
        ("/input/1", {"id": "msg_1", "status": "completed", "phase": "final"}, ["/input/1/phase"]),
        ("/tools/0", {"id": "x"}, ["/tools/0/id"]),
        ("", {"id": "x"}, ["/id"]),
        ("", {"include": ["reasoning.encrypted_content"]}, []),
        ("", {"include": ["reasoning.encrypted_content", "file_search_call.results"]}, ["/include"]),
        ("", {"include": "all", "x": {"y": 1, "z": None}}, ["/include", "/x/y"]),
    ],
)
def test_what_nobody_misses(at: str, own: dict[str, Any], lost: list[str]) -> None:
    """Members of the format's own are reported, but not what items are counted by and what goes without saying."""
    ledger = Ledger()
    asked = Conversation(model="m", turns=[], own_format="responses")
    border = Border(asked, cast("Format", Target()), Dialect(maker="m"), ledger)
    assert border.members(at, own) is None
    assert [entry.pointer for entry in ledger.entries] == lost


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


def test_members_are_told_where_they_stand() -> None:
    """What the reader says the place of is reported there, as the caller wrote it; everything else by its name."""
    ledger = Ledger()
    asked = Conversation(
        model="m",
        turns=[],
        own_format="another",
        own={"generationConfig": {"mediaResolution": "LOW", "topK": 1.5}, "seed": 7, "labels": {"a": "b"}},
        places={"generationConfig": "/generation_config/media_resolution /generation_config/top_k", "seed": "/x/seed"},
    )
    assert Border(asked, cast("Format", Target()), Dialect(maker="m"), ledger).members("", asked.own) is None
    assert [entry.pointer for entry in ledger.entries] == [
        "/generation_config/media_resolution",
        "/generation_config/top_k",
        "/seed",
        "/labels/a",
    ]
