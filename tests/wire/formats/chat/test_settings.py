"""Settings of a request: their names, their places, and the many ways to ask for thought."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.chat.members import Members
from aigw.wire.formats.chat.settings import read_settings
from aigw.wire.losses import Ledger
from aigw.wire.neutral import SETTINGS, CacheMark, OutputFormat, Reasoning

SAID: list[tuple[dict[str, Any], str, Any]] = [
    ({"temperature": 0.5}, "temperature", 0.5),
    ({"top_p": 1}, "top_p", 1),
    ({"top_k": 5}, "top_k", 5),
    ({"min_p": 0.1}, "min_p", 0.1),
    ({"frequency_penalty": -1}, "frequency_penalty", -1),
    ({"presence_penalty": 1.5}, "presence_penalty", 1.5),
    ({"repetition_penalty": 1.1}, "repetition_penalty", 1.1),
    ({"logit_bias": {"7": -100}}, "logit_bias", {"7": -100}),
    ({"logprobs": True}, "logprobs", True),
    ({"top_logprobs": 2}, "top_logprobs", 2),
    ({"n": 2}, "n", 2),
    ({"seed": 7}, "seed", 7),
    ({"stop": "a"}, "stop", ["a"]),
    ({"stop": ["a", "b"]}, "stop", ["a", "b"]),
    ({"verbosity": "low"}, "verbosity", "low"),
    ({"parallel_tool_calls": False}, "parallel_tools", False),
    ({"user": "u"}, "user", "u"),
    ({"safety_identifier": "s"}, "safety_identifier", "s"),
    ({"metadata": {"a": "b"}}, "metadata", {"a": "b"}),
    ({"service_tier": "flex"}, "tier", "flex"),
    ({"store": True}, "store", True),
    ({"modalities": ["text", "audio"]}, "modalities", ["text", "audio"]),
    ({"audio": {"voice": "ash", "format": "wav"}}, "voice", {"voice": "ash", "format": "wav"}),
    ({"prompt_cache_key": "k"}, "cache_key", "k"),
    ({"prompt_cache_retention": "24h"}, "cache_retention", "24h"),
    ({"max_tokens": 5}, "max_tokens", 5),
    ({"max_completion_tokens": 5}, "max_tokens", 5),
    ({"cache_control": {"type": "ephemeral"}}, "cache", CacheMark(None, "/cache_control")),
    ({"response_format": {"type": "text"}}, "output", OutputFormat(kind="text")),
    ({"response_format": {"type": "json_object"}}, "output", OutputFormat(kind="json")),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}},
        "output",
        OutputFormat(kind="schema", schema={}, name="n", strict=True),
    ),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": True}}}, "output",
     OutputFormat(kind="schema", schema={})),
]  # fmt: skip

THOUGHT: list[tuple[dict[str, Any], Reasoning, str]] = [
    ({"reasoning_effort": "high"}, Reasoning(effort="high"), "/reasoning_effort"),
    (
        {"reasoning_effort": {"effort": "low", "summary": "auto"}},
        Reasoning(effort="low", shown="auto"),
        "/reasoning_effort",
    ),
    ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning(effort="low", shown="none"), "/reasoning"),
    ({"reasoning": {"max_tokens": 9, "exclude": False}}, Reasoning(budget=9, shown="auto"), "/reasoning"),
    ({"reasoning": {"enabled": True}}, Reasoning(enabled=True), "/reasoning"),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(enabled=True, budget=9), "/thinking"),
    ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False), "/thinking"),
    (
        {"thinking": {"type": "adaptive", "display": "omitted"}},
        Reasoning(enabled=True, adaptive=True, shown="none"),
        "/thinking",
    ),
    ({"include_reasoning": True}, Reasoning(shown="auto"), "/include_reasoning"),
    (
        {"reasoning_effort": "low", "thinking": {"type": "enabled"}},
        Reasoning(effort="low", enabled=True),
        "/reasoning_effort /thinking",
    ),
]


@pytest.mark.parametrize(("body", "setting", "value"), SAID)
def test_a_setting(body: dict[str, Any], setting: str, value: Any) -> None:
    """It is said, with its place, and nothing else is; nothing of it is left over."""
    members = Members(body, "")
    settings, places = read_settings(members, Ledger())
    assert {name for name in SETTINGS if getattr(settings, name) is not None} == {setting}
    assert getattr(settings, setting) == value
    assert places == {setting: f"/{next(iter(body))}"}
    assert members.own() is None


@pytest.mark.parametrize(("body", "reasoning", "place"), THOUGHT)
def test_thought(body: dict[str, Any], reasoning: Reasoning, place: str) -> None:
    """OpenAI's, OpenRouter's and Anthropic's ways are one setting, with the places of all that say it."""
    members = Members(body, "")
    settings, places = read_settings(members, Ledger())
    assert settings.reasoning == reasoning
    assert places == {"reasoning": place}
    assert members.own() is None


def test_null_says_nothing() -> None:
    """A member that is null is not said."""
    names = [next(iter(body)) for body, _, _ in SAID] + [next(iter(body)) for body, _, _ in THOUGHT]
    settings, places = read_settings(Members(dict.fromkeys([*names, "stream_options", "tool_choice"]), ""), Ledger())
    assert [name for name in SETTINGS if getattr(settings, name) is not None] == []
    assert places == {}


@pytest.mark.parametrize("body", [{"reasoning": {}}, {"reasoning": {"effort": None}}, {"reasoning_effort": {}}])
def test_reasoning_that_says_nothing(body: dict[str, Any]) -> None:
    """An empty object asks for no thinking."""
    assert read_settings(Members(body, ""), Ledger())[0].reasoning is None


def test_usage_in_a_stream() -> None:
    """Only that is a setting; other options are the caller's own."""
    members = Members({"stream_options": {"include_usage": True, "include_obfuscation": False}}, "")
    settings, places = read_settings(members, Ledger())
    assert (settings.include_usage, places) == (True, {"include_usage": "/stream_options/include_usage"})
    assert members.own() == {"stream_options": {"include_obfuscation": False}}


@pytest.mark.parametrize(
    ("older", "newer", "limit", "place", "lost"),
    [
        (5, 5, 5, "/max_completion_tokens /max_tokens", []),
        (9, 5, 5, "/max_completion_tokens", ["/max_tokens"]),
    ],
)
def test_two_limits(older: int, newer: int, limit: int, place: str, lost: list[str]) -> None:
    """The newer name wins, and says so if it has to."""
    ledger = Ledger()
    settings, places = read_settings(Members({"max_tokens": older, "max_completion_tokens": newer}, ""), ledger)
    assert (settings.max_tokens, places["max_tokens"]) == (limit, place)
    assert [entry.pointer for entry in ledger.entries] == lost


def test_formats_that_nobody_knows_stay_the_callers_own() -> None:
    """Grammars and regular expressions are some servers' alone."""
    members = Members({"response_format": {"type": "regex", "pattern": "a"}}, "")
    assert read_settings(members, Ledger())[0].output is None
    assert members.own() == {"response_format": {"type": "regex", "pattern": "a"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"n": 1.5}, "n"),
        ({"logprobs": 1}, "logprobs"),
        ({"stop": [1]}, "stop[0]"),
        ({"stop": 1}, "stop"),
        ({"logit_bias": {"a": "b"}}, "logit_bias.a"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": []}}},
         "response_format.json_schema.schema"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"reasoning": "high"}, "reasoning"),
        ({"thinking": {"type": "maybe"}}, "thinking.type"),
        ({"stream_options": True}, "stream_options"),
    ],
)  # fmt: skip
def test_what_is_none(body: dict[str, Any], param: str) -> None:
    """What no provider could take is refused by its place."""
    with pytest.raises(InvalidBody) as refusal:
        read_settings(Members(body, ""), Ledger())
    assert refusal.value.param == param
