"""What a request says beside its items and tools."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.responses.members import Members
from aigw.wire.formats.responses.settings_reading import SettingsReader
from aigw.wire.neutral import OutputFormat, Reasoning, ToolChoice

SCHEMA = {"type": "object"}

CASES: list[tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = [
    ({"max_output_tokens": 9}, {"max_tokens": 9}, {"max_tokens": "/max_output_tokens"}),
    ({"temperature": 0.5, "top_p": 1}, {"temperature": 0.5, "top_p": 1},
     {"temperature": "/temperature", "top_p": "/top_p"}),
    ({"temperature": None}, {}, {}),
    ({"top_logprobs": 3}, {"top_logprobs": 3}, {"top_logprobs": "/top_logprobs"}),
    ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}, {"logprobs": "/include"}),
    ({"max_tool_calls": 2, "parallel_tool_calls": False}, {"max_tool_calls": 2, "parallel_tools": False},
     {"max_tool_calls": "/max_tool_calls", "parallel_tools": "/parallel_tool_calls"}),
    ({"previous_response_id": "resp_1"}, {"previous": "resp_1"}, {"previous": "/previous_response_id"}),
    ({"store": False}, {"store": False}, {"store": "/store"}),
    ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}, {"metadata": "/metadata"}),
    ({"user": "u", "safety_identifier": "s"}, {"user": "u", "safety_identifier": "s"},
     {"user": "/user", "safety_identifier": "/safety_identifier"}),
    ({"prompt_cache_key": "k", "prompt_cache_retention": "24h"}, {"cache_key": "k", "cache_retention": "24h"},
     {"cache_key": "/prompt_cache_key", "cache_retention": "/prompt_cache_retention"}),
    ({"service_tier": "flex"}, {"tier": "flex"}, {"tier": "/service_tier"}),
    ({"tool_choice": "required"}, {"tool_choice": ToolChoice(mode="required")}, {"tool_choice": "/tool_choice"}),
    ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning": Reasoning(effort="low", shown="auto")},
     {"reasoning": "/reasoning"}),
    ({"reasoning": {"max_tokens": 99, "enabled": True}}, {"reasoning": Reasoning(budget=99, enabled=True)},
     {"reasoning": "/reasoning"}),
    ({"reasoning": {"effort": None, "summary": None}}, {}, {}),
    ({"text": {"verbosity": "low", "format": {"type": "text"}}},
     {"verbosity": "low", "output": OutputFormat(kind="text")},
     {"verbosity": "/text/verbosity", "output": "/text/format"}),
    ({"text": {"format": {"type": "json_object"}}}, {"output": OutputFormat(kind="json")},
     {"output": "/text/format"}),
    ({"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}}},
     {"output": OutputFormat(kind="schema", schema=SCHEMA, name="n", strict=True)}, {"output": "/text/format"}),
    ({"text": {"format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}}},
     {"output": OutputFormat(kind="schema", schema=SCHEMA, name="n")}, {"output": "/text/format"}),
    ({"stop": "x", "seed": 1, "top_k": 2, "frequency_penalty": 0.1},
     {"stop": ["x"], "seed": 1, "top_k": 2, "frequency_penalty": 0.1},
     {"stop": "/stop", "seed": "/seed", "top_k": "/top_k", "frequency_penalty": "/frequency_penalty"}),
    ({"stop": ["x", "y"]}, {"stop": ["x", "y"]}, {"stop": "/stop"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "settings", "places"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_settings(body: dict[str, Any], settings: dict[str, Any], places: dict[str, str]) -> None:
    """Each member is the setting that it means, with its place; nothing is left of it."""
    members = Members(body, "")
    reader = SettingsReader(members)
    read = reader.read()
    said = {name: value for name in read.__struct_fields__ if (value := getattr(read, name)) is not None}
    assert (said, reader.places, members.own()) == (settings, places, None)


@pytest.mark.parametrize(
    ("body", "own"),
    [
        ({"include": ["reasoning.encrypted_content", "web_search_call.action.sources"]},
         {"include": ["reasoning.encrypted_content", "web_search_call.action.sources"]}),
        ({"include": ["message.output_text.logprobs", "reasoning.encrypted_content"]},
         {"include": ["reasoning.encrypted_content"]}),
        ({"tool_choice": {"type": "file_search"}}, {"tool_choice": {"type": "file_search"}}),
        ({"reasoning": {"effort": "low", "context": "auto"}}, {"reasoning": {"context": "auto"}}),
        ({"text": {"verbosity": "low", "tone": "dry"}}, {"text": {"tone": "dry"}}),
        ({"text": {"format": {"type": "text", "x": 1}}}, {"text": {"format": {"x": 1}}}),
    ],
)  # fmt: skip
def test_what_stays_with_the_format(body: dict[str, Any], own: dict[str, Any]) -> None:
    """Of an object that is known in part, the rest stays under the object's name."""
    members = Members(body, "")
    SettingsReader(members).read()
    assert members.own() == own


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_output_tokens": "9"}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"store": "no"}, "store"),
        ({"metadata": []}, "metadata"),
        ({"include": "all"}, "include"),
        ({"include": [7]}, "include[0]"),
        ({"reasoning": "low"}, "reasoning"),
        ({"reasoning": {"effort": 3}}, "reasoning.effort"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"text": {"format": {"type": "yaml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"tool_choice": "maybe"}, "tool_choice"),
        ({"stop": 7}, "stop"),
    ],
)
def test_what_is_no_setting(body: dict[str, Any], param: str) -> None:
    """A setting of the wrong type is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        SettingsReader(Members(body, "")).read()
    assert caught.value.param == param
