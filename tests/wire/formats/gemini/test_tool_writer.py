"""Tools, and the choice among them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Conversation,
    CustomTool,
    Settings,
    Text,
    Tool,
    ToolChoice,
    Turn,
    WebSearch,
)

FULL, SUBSET = Dialect(), Dialect(schema="gemini")
SCHEMA = {"type": "object", "properties": {"a": {"const": "x"}}, "additionalProperties": False}
FREE = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The input, as free text."}},
    "required": ["input"],
}
FREE_IN_SUBSET = {
    "type": "OBJECT",
    "properties": {"input": {"type": "STRING", "description": "The input, as free text."}},
    "required": ["input"],
}


def write(
    tools: list[Any], dialect: Dialect = FULL, own_format: str = "", choice: ToolChoice | None = None
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    ledger = Ledger()
    conversation = Conversation(
        model="m",
        turns=[Turn(role="user", parts=[Text(text="a")])],
        tools=tools,
        settings=Settings(tool_choice=choice),
        places={"tool_choice": "/tool_choice"},
        own_format=own_format,
    )
    body = msgspec.json.decode(FORMAT.write_request(conversation, dialect, ledger))
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


@pytest.mark.parametrize(
    ("tool", "dialect", "wanted", "losses"),
    [
        (Tool(name="f"), FULL, {"name": "f"}, []),
        (
            Tool(name="f", description="d", parameters=SCHEMA),
            FULL,
            {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA},
            [],
        ),
        (Tool(name="f", strict=True, at="/t"), FULL, {"name": "f"}, [("/t", "dropped")]),
        (Tool(name="f", strict=False, at="/t"), FULL, {"name": "f"}, []),
        (Tool(name="f", cache=CacheMark(), at="/t"), FULL, {"name": "f"}, [("/t/cache_control", "dropped")]),
        (Tool(name="f", cache=CacheMark(at="/t/mark"), at="/t"), FULL, {"name": "f"}, [("/t/mark", "dropped")]),
        (
            Tool(name="f", parameters={"type": "object", "properties": {}}, at="/t"),
            SUBSET,
            {"name": "f"},
            [("/t/parameters", "rewritten")],
        ),
        (
            CustomTool(name="f", description="d", format={"type": "grammar"}, at="/t"),
            SUBSET,
            {"name": "f", "description": "d", "parameters": FREE_IN_SUBSET},
            [("/t", "approximated"), ("/t/format", "dropped")],
        ),
        (CustomTool(name="f", at="/t"), FULL, {"name": "f", "parametersJsonSchema": FREE}, [("/t", "approximated")]),
    ],
)
def test_functions(tool: Any, dialect: Dialect, wanted: dict[str, Any], losses: list[tuple[str, str]]) -> None:
    """A function is declared with its schema; what Gemini does not promise is reported."""
    body, found = write([tool], dialect)
    assert body["tools"] == [{"functionDeclarations": [wanted]}]
    assert found == losses


@pytest.mark.parametrize(
    ("own_format", "at", "place"),
    [
        ("chat", "/tools/0", "/tools/0/function/parameters"),
        ("chat", "/functions/0", "/functions/0/parameters"),
        ("responses", "/tools/0", "/tools/0/parameters"),
        ("messages", "/tools/0", "/tools/0/input_schema"),
        ("gemini", "/tools/0/functionDeclarations/0", "/tools/0/functionDeclarations/0/parameters"),
    ],
)
def test_the_places_of_schemas(own_format: str, at: str, place: str) -> None:
    """What is rewritten in a schema is named where the caller's own format has it."""
    body, losses = write([Tool(name="f", parameters=SCHEMA, at=at)], SUBSET, own_format)
    assert body["tools"][0]["functionDeclarations"][0]["parameters"] == {
        "type": "OBJECT",
        "properties": {"a": {"type": "STRING", "enum": ["x"]}},
    }
    assert losses == [(f"{place}/additionalProperties", "dropped"), (f"{place}/properties/a/const", "rewritten")]


def test_references_by_their_own_name() -> None:
    """Gemini's own names of keywords are those that are reported to its callers."""
    schema = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    _, losses = write([Tool(name="f", parameters=schema, at="/t")], SUBSET, "gemini")
    assert ("/t/parameters/properties/a/ref", "rewritten") in losses
    assert ("/t/parameters/defs", "rewritten") in losses


def test_the_search() -> None:
    """The search stands beside the functions; what it cannot be told is reported."""
    search = WebSearch(allowed_domains=["a"], location={"city": "B"}, max_uses=1, depth="low", at="/s")
    body, losses = write([search, Tool(name="f")])
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]
    assert losses == [("/s", "approximated")]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="required", allowed=["f"]), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (ToolChoice(mode="auto", allowed=["f"]), {"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        (ToolChoice(mode="tool", name="f"), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_the_choice(choice: ToolChoice, config: dict[str, Any]) -> None:
    """Each choice in Gemini's modes."""
    body, losses = write([Tool(name="f")], choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}
    assert losses == []


def test_a_choice_without_functions() -> None:
    """It is refused there, so it is not sent."""
    body, losses = write([WebSearch()], choice=ToolChoice(mode="auto"))
    assert "toolConfig" not in body
    assert losses == [("/tool_choice", "dropped")]
