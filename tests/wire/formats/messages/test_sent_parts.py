"""Parts as blocks for a provider."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.messages.blocks import BlockReader
from aigw.wire.formats.messages.sent_parts import PartWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Citation,
    Foreign,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

from .test_blocks import CASES, HIT

DIALECT = Dialect(maker="p")
AT = "/at"


def sent(part: Part, own_format: str = "chat", dialect: Dialect = DIALECT) -> tuple[Any, list[str]]:
    """The block as JSON has it, and what was done by the ledger."""
    ledger = Ledger()
    part.at = AT
    block = PartWriter(own_format, dialect, ledger).block(part)
    assert all(entry.pointer == AT for entry in ledger.entries)
    return msgspec.json.decode(msgspec.json.encode(block)), [entry.action for entry in ledger.entries]


# What another provider has signed never comes this far.
OURS = [index for index, (_, part) in enumerate(CASES) if not isinstance(part, Thinking) or part.maker == "messages"]


@pytest.mark.parametrize("index", OURS)
def test_there_and_back(index: int) -> None:
    """A caller's block that is written for a provider of its own format says the same again, without a loss."""
    part = CASES[index][1]
    block, losses = sent(msgspec.structs.replace(part), "messages")
    read = BlockReader().part(block, AT)
    if isinstance(part, ToolResult):
        # A string and one text are the same.
        assert isinstance(read, ToolResult)
        part = msgspec.structs.replace(part, parts=read.parts)
    assert msgspec.structs.replace(read, at="") == msgspec.structs.replace(part, at="")
    assert losses == []


@pytest.mark.parametrize(
    ("part", "block", "losses"),
    [
        (Text(text=" \n"), None, ["dropped"]),
        (
            Text(text="a", cache=CacheMark("30m")),
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            ["approximated"],
        ),
        (Text(text="a", citations=[Citation(kind="url", url="u")]), {"type": "text", "text": "a"}, ["dropped"]),
        (Refusal(text="no"), {"type": "text", "text": "no"}, ["approximated"]),
        (Structured(value='{"a":1}'), {"type": "text", "text": '{"a":1}'}, []),
        (
            ToolCall(id="i", name="n", arguments='{"a": 1}'),
            {"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}},
            [],
        ),
        (
            ToolCall(id="i", name="n", arguments='say "x"', custom=True),
            {"type": "tool_use", "id": "i", "name": "n", "input": {"input": 'say "x"'}},
            [],
        ),
        (
            ToolResult(call_id="i", parts=[Media(kind="image", source=Source(url="https://e.org"))], failed=False),
            {
                "type": "tool_result",
                "tool_use_id": "i",
                "content": [{"type": "image", "source": {"type": "url", "url": "https://e.org"}}],
                "is_error": False,
            },
            [],
        ),
        (
            Thinking(text="t", signature="s", maker="p"),
            {"type": "thinking", "thinking": "t", "signature": "s"},
            [],
        ),
        (Thinking(text="t", maker="p"), {"type": "thinking", "thinking": "t", "signature": ""}, []),
        (Thinking(text="t", maker="chat"), None, ["dropped"]),
        (Thinking(signature="s", maker="p", redacted=True), {"type": "redacted_thinking", "data": "s"}, []),
        (
            Thinking(text="t", signature="s", maker="p", cache=CacheMark()),
            {"type": "thinking", "thinking": "t", "signature": "s"},
            ["dropped"],
        ),
        (
            ServerToolCall(id="i", name="web_search", arguments="", maker="p"),
            {"type": "server_tool_use", "id": "i", "name": "web_search", "input": {}},
            [],
        ),
        (ServerToolCall(id="i", name="web_search", arguments="", maker="messages"), None, ["dropped"]),
        (
            ServerToolResult(call_id="i", name="web_search", maker="p", hits=[SearchHit(url="u")]),
            {
                "type": "web_search_tool_result",
                "tool_use_id": "i",
                "content": [
                    {
                        "type": "web_search_result",
                        "url": "u",
                        "title": "",
                        "encrypted_content": "",
                        "page_age": None,
                    }
                ],
            },
            [],
        ),
        (ServerToolResult(call_id="i", name="web_search", maker="openai"), None, ["dropped"]),
        (Foreign(format="chat", value={}), None, ["dropped"]),
    ],
)
def test_from_other_formats(part: Part, block: Any, losses: list[str]) -> None:
    """Each part has its block, or its place is in the ledger."""
    assert sent(part) == (block, losses)


def test_arguments_stay_byte_for_byte() -> None:
    """The text of a call's arguments is put in as it is: prompt caches hit."""
    block = PartWriter("chat", PLAIN, Ledger()).block(ToolCall(id="i", name="n", arguments='{ "a":1.0 }'))
    assert msgspec.json.encode(block).endswith(b'"input":{ "a":1.0 }}')


def test_too_many_cache_marks() -> None:
    """The first ones go: the last cover more."""
    ledger = Ledger()
    writer = PartWriter("chat", PLAIN, ledger)
    blocks = [writer.block(Text(text="a", cache=CacheMark(), at=f"/{index}")) for index in range(6)]
    writer.bound_marks()
    assert ["cache_control" in (block or {}) for block in blocks] == [False] * 2 + [True] * 4
    assert [entry.pointer for entry in ledger.entries] == ["/0", "/1"]


def test_search_hits_keep_their_seal() -> None:
    """What only the maker can read returns to it."""
    part = BlockReader("p").part({"type": "web_search_tool_result", "tool_use_id": "i", "content": [HIT]})
    assert sent(part, "messages")[0]["content"] == [HIT]
