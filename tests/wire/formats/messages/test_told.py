"""Parts of an answer as blocks for a caller: signatures sealed, and what has no block reported."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.formats.messages.blocks import BlockReader
from aigw.wire.formats.messages.told import BlockTeller
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Citation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
)

URL = "https://e.org"
LINK = {
    "type": "web_search_result_location",
    "url": URL,
    "title": None,
    "cited_text": "",
    "encrypted_index": "",
}


def told(part: Part) -> tuple[Any, list[str]]:
    """The block as JSON has it, and what was done by the ledger."""
    ledger = Ledger()
    block = BlockTeller(ledger).block(part)
    assert all(entry.pointer.startswith("answer:/candidates/0") for entry in ledger.entries)
    return msgspec.json.decode(msgspec.json.encode(block)), [entry.action for entry in ledger.entries]


def tool_use(value: Any) -> dict[str, Any]:
    """A block of a call."""
    return {"type": "tool_use", "id": "i", "name": "n", "input": value}


@pytest.mark.parametrize(
    ("part", "block", "losses"),
    [
        (Text(text="a"), {"type": "text", "text": "a"}, []),
        (Text(text=""), None, []),
        (Text(text="a", logprobs=[Logprob(token="a", logprob=0)]), {"type": "text", "text": "a"}, ["dropped"]),
        (
            Text(text="a", citations=[Citation(kind="url", url=URL, start=0, end=1)]),
            {"type": "text", "text": "a", "citations": [LINK]},
            ["approximated"],
        ),
        (
            Text(text="a", citations=[Citation(kind="file", file_id="f")]),
            {"type": "text", "text": "a"},
            ["dropped"],
        ),
        (Refusal(text="no"), {"type": "text", "text": "no"}, []),
        (Refusal(text=""), None, []),
        (ToolCall(id="i", name="n", arguments='{"a":1}'), tool_use({"a": 1}), []),
        (ToolCall(id="i", name="n", arguments=""), tool_use({}), []),
        (ToolCall(id="i", name="n", arguments="say", custom=True), tool_use({"input": "say"}), []),
        (ToolCall(id="i", name="n", arguments='{"a":'), tool_use({"INVALID_JSON": '{"a":'}), ["approximated"]),
        (ToolCall(id="i", name="n", arguments="[1]"), tool_use({"INVALID_JSON": "[1]"}), ["approximated"]),
        (
            ServerToolCall(id="i", name="web_search", arguments='{"query":"q"}'),
            {"type": "server_tool_use", "id": "i", "name": "web_search", "input": {"query": "q"}},
            [],
        ),
        (
            ServerToolCall(id="i", name="web_search", arguments="{"),
            {"type": "server_tool_use", "id": "i", "name": "web_search", "input": {"INVALID_JSON": "{"}},
            [],
        ),
        (ServerToolCall(id="i", name="image_generation", arguments="{}"), None, ["dropped"]),
        (
            ServerToolResult(call_id="i", name="web_search", hits=[SearchHit(url=URL, title="T")]),
            {
                "type": "web_search_tool_result",
                "tool_use_id": "i",
                "content": [
                    {
                        "type": "web_search_result",
                        "url": URL,
                        "title": "T",
                        "encrypted_content": "",
                        "page_age": None,
                    }
                ],
            },
            [],
        ),
        (ServerToolResult(call_id="i", name="web_search"), None, ["dropped"]),
        (Text(text="a", own={"phase": "final"}), {"type": "text", "text": "a"}, ["dropped"]),
        (
            Text(text="a", citations=[Citation(kind="file", file_id="f", own={"type": "container_file_citation"})]),
            {"type": "text", "text": "a"},
            ["dropped"],
        ),
        (
            Text(text="a", citations=[Citation(kind="url", url=URL, own={"confidence": 1})]),
            {"type": "text", "text": "a", "citations": [LINK]},
            ["dropped"],
        ),
        (Media(kind="image", source=Source(data="AA==")), None, ["dropped"]),
        (
            Media(kind="audio", source=Source(data="AA=="), transcript="la"),
            {"type": "text", "text": "la"},
            ["approximated"],
        ),
        (Foreign(format="gemini", value={}), None, ["dropped"]),
    ],
)
def test_blocks(part: Part, block: Any, losses: list[str]) -> None:
    """Each part has its block, or is reported."""
    assert told(part) == (block, losses)


@pytest.mark.parametrize(
    ("thinking", "kind"),
    [
        (Thinking(text="t", signature="s", maker="p"), "thinking"),
        (Thinking(text="t", maker="p"), "thinking"),
        (Thinking(signature="s", maker="p", redacted=True), "redacted_thinking"),
        (Thinking(signature="s", maker="google", bound=True), "redacted_thinking"),
        (Thinking(signature="s", maker="openai", id="rs_1", summary=True), "redacted_thinking"),
        (Thinking(text="t", signature="s", maker="openai", id="rs_1", summary=True), "thinking"),
    ],
)
def test_thoughts_come_back(thinking: Thinking, kind: str) -> None:
    """A caller that sends the blocks back gives the maker its own again."""
    block, losses = told(thinking)
    assert (block["type"], losses) == (kind, [])
    assert BlockReader().part(block) == thinking


def test_no_thought() -> None:
    """Neither a text nor a signature is nothing to tell."""
    assert told(Thinking()) == (None, [])


def test_refusals_are_noticed() -> None:
    """Other formats may tell of a refusal by the part alone."""
    teller = BlockTeller(Ledger())
    assert teller.blocks([Text(text="a"), Text(text="")]) == [{"type": "text", "text": "a"}]
    assert not teller.refused
    teller.blocks([Refusal(text="no")])
    assert teller.refused
