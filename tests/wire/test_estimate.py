from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire import estimate
from aigw.wire.neutral import (
    Conversation,
    CustomTool,
    Foreign,
    ForeignTool,
    Media,
    OutputFormat,
    Part,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Settings,
    Source,
    Structured,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    WebSearch,
)

EMPTY = 7  # one turn, and the answer's beginning


def of(*parts: Part, **members: Any) -> int:
    return estimate.tokens(Conversation(model="m", turns=[Turn(role="user", parts=list(parts))], **members)) - EMPTY


def png(width: int, height: int) -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height)).decode()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("abcd", 1),
        ("abcde", 2),
        ("привет", 3),
        ("你好", 2),
        ("😀", 2),
        ("naïve", 2),
        ("abc你", 2),
        ("\ud800", 1),
    ],
)
def test_texts(text: str, tokens: int) -> None:
    """Text counts by its scripts: four letters, two, one, or half a character to a token."""
    assert estimate.text(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("def add(a, b):\n    return a + b\n", 12),
        ("Быстрая коричневая лиса перепрыгивает через ленивую собаку.", 19),
        ("敏捷的棕色狐狸跳过了懒狗。", 14),
    ],
)
def test_estimates_are_near(text: str, tokens: int) -> None:
    """What a tokenizer of today says (o200k_base) is within a half of the estimate."""
    assert tokens / 2 <= estimate.text(text) <= tokens * 2


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text(text="abcd"), 1),
        (Thinking(text="abcd", signature="s" * 1000), 1),
        (ToolCall(id="c", name="f", arguments="{}"), 10),
        (ServerToolCall(id="c", name="f", arguments="{}"), 10),
        (ToolResult(call_id="c", parts=[Text(text="abcd"), Structured(value="{}")]), 10),
        (ToolResult(call_id="c", parts=[ToolResult(call_id="c", parts=[Text(text="abcd")])]), 8),
        (ServerToolResult(call_id="c", name="f", hits=[SearchHit(url="abcd", title="abcd")]), 10),
        (Foreign(format="chat", value={"a": 1}), 2),
        (Foreign(format="chat", value=object()), 8),
        (Media(kind="image", source=Source(data=png(750, 100))), 100),
        (Media(kind="image", source=Source(data=png(9000, 9000))), 1600),
        (Media(kind="image", source=Source(data=png(1, 1))), 1),
        (Media(kind="image", source=Source(data="AAAA")), 1000),
        (Media(kind="image", source=Source(url="https://a")), 1000),
        (Media(kind="image", source=Source(url="https://a"), detail="low"), 85),
        (Media(kind="audio", source=Source(data="A" * 40_000, media_type="audio/mpeg")), 60),
        (Media(kind="audio", source=Source(data="A" * 40_000, media_type="audio/wav")), 30),
        (Media(kind="audio", source=Source(url="https://a")), 1000),
        (Media(kind="document", source=Source(data="A" * 40_000, media_type="application/pdf")), 1200),
        (Media(kind="document", source=Source(data="A" * 160, media_type="text/plain")), 31),
        (Media(kind="document", source=Source(text="abcd"), name="abcd", context="abcd"), 3),
        (Part(), 0),
    ],
)
def test_parts(part: Part, tokens: int) -> None:
    """Every kind of part counts by the method that the module tells."""
    assert of(part) == tokens


@pytest.mark.parametrize(
    ("members", "tokens"),
    [
        ({"tools": [Tool(name="abcd", description="abcd", parameters={"a": 1})]}, 12),
        ({"tools": [CustomTool(name="abcd", format={"a": 1})]}, 11),
        ({"tools": [ForeignTool(format="chat", value={"a": 1})]}, 10),
        ({"tools": [WebSearch()]}, 8),
        ({"settings": Settings(output=OutputFormat(kind="schema", schema={"a": 1}))}, 2),
    ],
)
def test_tools_and_schemas(members: dict[str, Any], tokens: int) -> None:
    """Tools and schemas are part of a prompt, as their JSON."""
    assert of(**members) == tokens


def test_nothing_counts_something() -> None:
    """A prompt has at least one token."""
    assert estimate.tokens(Conversation(model="m", turns=[])) >= 1


@given(st.text(), st.text())
def test_longer_is_more(left: str, right: str) -> None:
    """A text counts no less than its beginning, and no more than two tokens to a character."""
    assert estimate.text(left) <= estimate.text(left + right) <= 2 * len(left + right)


def test_weight_counts_what_only_the_format_knows() -> None:
    """Beside what `tokens` counts, members that nobody translates: of the request, of turns, of parts."""
    turn = Turn(role="user", parts=[Text(text="abcd", own={"x": "y"})], own={"x": "y"})
    conversation = Conversation(model="m", turns=[turn], own={"x": "y"})
    # `{"x":"y"}` has nine characters.
    assert estimate.weight(conversation) == estimate.tokens(conversation) + 3 * 3
    plain = Conversation(model="m", turns=[Turn(role="user", parts=[Text(text="abcd")])])
    assert estimate.weight(plain) == estimate.tokens(plain)


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ("abcd", 1),
        (["abcd", "abcd"], 2),
        ([[1, 2], [3]], 3),
        ({"a": {"b": "abcd"}, "c": [1.5]}, 2),
        ([None, True, False, ""], 0),
    ],
)
def test_loosely(value: Any, tokens: int) -> None:
    """Of a value of whatever shape the texts count, and each number as a token's own."""
    assert estimate.loosely(value) == tokens


def test_loosely_takes_any_depth() -> None:
    """Nesting costs no stack."""
    value: Any = "abcd"
    for _ in range(50_000):
        value = [value]
    assert estimate.loosely(value) == 1
