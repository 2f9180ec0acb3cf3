"""Content blocks as parts, those of callers and those of providers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.messages.blocks import BlockReader
from aigw.wire.neutral import (
    CacheMark,
    Citation,
    Foreign,
    Media,
    Part,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from aigw.wire.signatures import seal

AT = "/messages/0/content/0"
SEALED = Thinking(text="", signature="sig", maker="google", bound=True)
HIT = {"type": "web_search_result", "url": "u", "title": "t", "page_age": "1 day", "encrypted_content": "e", "x": 1}

CASES: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "a"}, Text(text="a")),
    (
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}, "odd": 1},
        Text(text="a", cache=CacheMark("1h"), own={"odd": 1}),
    ),
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        Media(kind="image", source=Source(data="AAAA", media_type="image/png")),
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "https://e.org"}},
        Media(kind="image", source=Source(url="https://e.org")),
    ),
    (
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        Media(kind="image", source=Source(file_id="file_1")),
    ),
    (
        {"type": "image", "source": {"type": "url", "url": "https://e.org", "region": "eu"}},
        Media(kind="image", source=Source(url="https://e.org"), own={"source": {"region": "eu"}}),
    ),
    (
        {"type": "image", "source": {"type": "s3", "uri": "x"}},
        Foreign(format="messages", value={"type": "image", "source": {"type": "s3", "uri": "x"}}),
    ),
    (
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "d"},
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
        },
        Media(
            kind="document",
            source=Source(text="d", media_type="text/plain"),
            name="T",
            context="C",
            cited=True,
        ),
    ),
    (
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "p"}]}},
        Media(
            kind="document",
            source=Source(text="p", media_type="text/plain"),
            own={"source": {"type": "content", "content": [{"type": "text", "text": "p"}]}},
        ),
    ),
    (
        {"type": "document", "source": {"type": "tape"}},
        Foreign(format="messages", value={"type": "document", "source": {"type": "tape"}}),
    ),
    (
        {"type": "search_result", "source": "s", "title": "T", "content": [{"type": "text", "text": "p"}]},
        Media(
            kind="document",
            source=Source(text="p", media_type="text/plain"),
            name="T",
            own={"type": "search_result", "source": "s"},
        ),
    ),
    (
        {"type": "tool_use", "id": "i", "name": "n", "input": {"b": 1, "a": [None]}, "caller": {"type": "direct"}},
        ToolCall(id="i", name="n", arguments='{"b":1,"a":[null]}', own={"caller": {"type": "direct"}}),
    ),
    (
        {"type": "tool_result", "tool_use_id": "i", "content": "x", "is_error": True},
        ToolResult(call_id="i", parts=[Text(text="x", at=f"{AT}/content")], failed=True),
    ),
    ({"type": "tool_result", "tool_use_id": "i"}, ToolResult(call_id="i", parts=[])),
    (
        {"type": "tool_result", "tool_use_id": "i", "content": [{"type": "text", "text": "x"}]},
        ToolResult(call_id="i", parts=[Text(text="x", at=f"{AT}/content/0")]),
    ),
    (
        {"type": "thinking", "thinking": "t", "signature": "s"},
        Thinking(text="t", signature="s", maker="messages"),
    ),
    (
        {"type": "thinking", "thinking": "t", "signature": seal(SEALED)},
        Thinking(text="t", signature="sig", maker="google", bound=True),
    ),
    ({"type": "redacted_thinking", "data": "d"}, Thinking(signature="d", maker="messages", redacted=True)),
    ({"type": "redacted_thinking", "data": seal(SEALED)}, SEALED),
    (
        {"type": "server_tool_use", "id": "i", "name": "web_search", "input": {"query": "q"}},
        ServerToolCall(id="i", name="web_search", arguments='{"query":"q"}', maker="messages"),
    ),
    (
        {"type": "mcp_tool_use", "id": "i", "name": "ask", "server_name": "s", "input": {}},
        ServerToolCall(
            id="i", name="ask", arguments="{}", maker="messages", own={"type": "mcp_tool_use", "server_name": "s"}
        ),
    ),
    (
        {"type": "web_search_tool_result", "tool_use_id": "i", "content": [HIT]},
        ServerToolResult(
            call_id="i",
            name="web_search",
            maker="messages",
            hits=[SearchHit(url="u", title="t", age="1 day", sealed="e", own={"x": 1})],
        ),
    ),
    (
        {"type": "web_search_tool_result", "tool_use_id": "i", "content": {"error_code": "unavailable"}},
        ServerToolResult(call_id="i", name="web_search", maker="messages", error="unavailable"),
    ),
    (
        {"type": "web_search_tool_result", "tool_use_id": "i", "content": {"type": "e", "error_code": "x", "y": 1}},
        ServerToolResult(call_id="i", name="web_search", maker="messages", error="x", own={"content": {"y": 1}}),
    ),
    (
        {"type": "code_execution_tool_result", "tool_use_id": "i", "content": {"stdout": "1"}},
        ServerToolResult(
            call_id="i",
            name="code_execution",
            maker="messages",
            own={"type": "code_execution_tool_result", "content": {"stdout": "1"}},
        ),
    ),
    (
        {"type": "container_upload", "file_id": "f"},
        Foreign(format="messages", value={"type": "container_upload", "file_id": "f"}),
    ),
]


@pytest.mark.parametrize(("block", "part"), CASES, ids=[str(index) for index in range(len(CASES))])
def test_of_a_caller(block: dict[str, Any], part: Part) -> None:
    """Every kind of block has its part, at its place; what the format alone knows stays verbatim."""
    assert BlockReader().part(block, AT) == msgspec.structs.replace(part, at=AT)


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ("text", ""),
        ({"text": "a"}, ".type"),
        ({"type": "text"}, ".text"),
        ({"type": "text", "text": "a", "citations": ["x"]}, ".citations.0"),
        ({"type": "text", "text": "a", "citations": [{"type": ["x"]}]}, ".citations.0.type"),
        ({"type": "text", "text": "a", "citations": [{"cited_text": "c"}]}, ".citations.0.type"),
        ({"type": "text", "text": "a", "citations": [{"type": "x", "url": 5}]}, ".citations.0.url"),
        (
            {"type": "text", "text": "a", "citations": [{"type": "x", "document_index": "1"}]},
            ".citations.0.document_index",
        ),
        ({"type": "web_search_tool_result", "tool_use_id": "i", "content": ["x"]}, ".content.0"),
        ({"type": "image"}, ".source"),
        ({"type": "image", "source": {"type": "base64"}}, ".source.data"),
        ({"type": "tool_use", "name": "n", "input": {}}, ".id"),
        ({"type": "tool_result", "content": "x"}, ".tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "i", "content": [{"type": "text"}]}, ".content.0.text"),
        ({"type": "tool_result", "tool_use_id": "i", "content": 5}, ".content"),
        ({"type": "thinking", "signature": "s"}, ".thinking"),
        ({"type": "redacted_thinking"}, ".data"),
    ],
)
def test_refused(block: Any, place: str) -> None:
    """A caller's wrong block is refused by its place."""
    with pytest.raises(InvalidBody) as refused:
        BlockReader().part(block, AT)
    assert refused.value.param == f"messages.0.content.0{place}"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": None, "citations": None}, Text(text="")),
        (
            {"type": "text", "text": "a", "citations": [{"type": "x", "cited_text": "c"}]},
            Text(text="a", citations=[Citation(kind="document", cited="c", own={"type": "x"})]),
        ),
        (
            {"type": "text", "text": "a", "citations": [{"type": ["x"], "cited_text": 5}]},
            Text(text="a", citations=[Citation(kind="document", own={})]),
        ),
        ({"type": "thinking", "thinking": "t", "signature": ""}, Thinking(text="t", maker="p")),
        ({"type": "thinking", "thinking": "t", "signature": seal(SEALED)}, None),
        ({"type": "tool_use", "id": "i", "name": "n"}, ToolCall(id="i", name="n", arguments="")),
        (
            {"type": "tool_use", "id": "i", "name": "n", "input": '{"a":1}'},
            ToolCall(id="i", name="n", arguments='{"a":1}'),
        ),
        ({"type": "tool_use", "id": "i", "name": "n", "input": None}, ToolCall(id="i", name="n", arguments="null")),
    ],
)
def test_of_a_provider(block: dict[str, Any], part: Part | None) -> None:
    """What a provider leaves out is empty; signatures are its own and are not opened."""
    read = BlockReader("p").part(block)
    if part is None:
        assert isinstance(read, Thinking)
        assert (read.signature, read.maker) == (block["signature"], "p")
    else:
        assert read == part
