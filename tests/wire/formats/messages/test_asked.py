"""A caller's settings: each has its value and its place, and nothing that is said gets lost in reading."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.messages import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import CacheMark, Conversation, OutputFormat, Reasoning, ToolChoice

SCHEMA = {"type": "object", "properties": {}}
JSON = {"type": "json_schema", "schema": SCHEMA}


def asked(**members: Any) -> Conversation:
    """What is read of a body with these members."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **members}
    return FORMAT.read_request(body, "m", Ledger(), stream=False)


@pytest.mark.parametrize(
    ("members", "setting", "value", "place"),
    [
        ({"max_tokens": 5}, "max_tokens", 5, "/max_tokens"),
        ({"temperature": 0}, "temperature", 0, "/temperature"),
        ({"top_p": 0.5}, "top_p", 0.5, "/top_p"),
        ({"top_k": 4}, "top_k", 4, "/top_k"),
        ({"stop_sequences": ["a"]}, "stop", ["a"], "/stop_sequences"),
        ({"service_tier": "auto"}, "tier", "auto", "/service_tier"),
        ({"cache_control": {"type": "ephemeral"}}, "cache", CacheMark(), "/cache_control"),
        ({"metadata": {"user_id": "u"}}, "user", "u", "/metadata/user_id"),
        ({"tool_choice": {"type": "any"}}, "tool_choice", ToolChoice(mode="required"), "/tool_choice"),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            "parallel_tools",
            False,
            "/tool_choice/disable_parallel_tool_use",
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            "reasoning",
            Reasoning(enabled=True, budget=2048),
            "/thinking",
        ),
        ({"thinking": {"type": "disabled"}}, "reasoning", Reasoning(enabled=False), "/thinking"),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
            "reasoning",
            Reasoning(enabled=True, adaptive=True, effort="low", shown="auto"),
            "/thinking /output_config/effort",
        ),
        ({"output_config": {"effort": "max"}}, "reasoning", Reasoning(effort="max"), "/output_config/effort"),
        (
            {"output_config": {"format": JSON}},
            "output",
            OutputFormat(kind="schema", schema=SCHEMA),
            "/output_config/format",
        ),
        ({"output_format": JSON}, "output", OutputFormat(kind="schema", schema=SCHEMA), "/output_format"),
    ],
)
def test_settings(members: dict[str, Any], setting: str, value: Any, place: str) -> None:
    """Read, with the place where it stood; nothing is left over."""
    conversation = asked(**members)
    assert getattr(conversation.settings, setting) == value
    assert conversation.places[setting] == place
    assert conversation.own == {}


@pytest.mark.parametrize(
    ("members", "own"),
    [
        ({"models": ["a"], "stream": True, "max_tokens": None}, {}),
        ({"container": "c", "mcp_servers": []}, {"container": "c", "mcp_servers": []}),
        ({"metadata": {"user_id": "u", "x": 1}}, {"metadata": {"x": 1}}),
        ({"thinking": {"type": "between_tools"}}, {"thinking": {"type": "between_tools"}}),
        ({"thinking": {"type": "disabled", "display": "new"}}, {"thinking": {"display": "new"}}),
        ({"output_config": {"effort": "low", "budget": 5}}, {"output_config": {"budget": 5}}),
        ({"output_config": {"format": {**JSON, "x": 1}}}, {"output_config": {"format": {"x": 1}}}),
        ({"output_config": {"format": JSON}, "output_format": JSON}, {"output_format": JSON}),
        ({"tool_choice": {"type": "any", "x": 1}}, {"tool_choice": {"x": 1}}),
        ({"cache_control": {"type": "ephemeral", "x": 1}}, {"cache_control": {"x": 1}}),
        ({"output_config": {"format": {"type": "new"}}}, {"output_config": {"format": {"type": "new"}}}),
        ({"output_format": {"type": "new"}}, {"output_format": {"type": "new"}}),
    ],
)
def test_own_members(members: dict[str, Any], own: dict[str, Any]) -> None:
    """What only this format has is kept verbatim, also within objects of which a part is known."""
    conversation = asked(**members)
    assert conversation.own == own
    assert conversation.own_format == "messages"


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "a"}, "stop_sequences"),
        ({"stop_sequences": [1]}, "stop_sequences.0"),
        ({"metadata": "u"}, "metadata"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"thinking": True}, "thinking"),
        ({"thinking": {}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ({"output_config": {"effort": 1}}, "output_config.effort"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools.0"),
        ({"tools": [{"name": "f", "input_schema": "x"}]}, "tools.0.input_schema"),
    ],
)
def test_refused(members: dict[str, Any], place: str) -> None:
    """A wrong type is refused by its place."""
    with pytest.raises(InvalidBody) as refused:
        asked(**members)
    assert refused.value.param == place
