"""A conversation, as a provider's request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.responses import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Conversation,
    OutputFormat,
    Reasoning,
    Settings,
    Text,
    Tool,
    ToolChoice,
    Turn,
)

BASE = {"model": "m", "input": [{"type": "message", "role": "user", "content": "hi"}], "store": False}
SCHEMA = {"type": "object"}
PLACES = {name: f"/{name}" for name in Settings.__struct_fields__}


def write(
    settings: Settings, dialect: Dialect = PLAIN, own_format: str = "chat", **more: Any
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, and what was lost."""
    ledger = Ledger()
    conversation = Conversation(
        model="m",
        turns=[Turn(role="user", parts=[Text(text="hi")])],
        settings=settings,
        places=PLACES,
        own_format=own_format,
        **more,
    )
    body = FORMAT.write_request(conversation, dialect, ledger)
    assert body == FORMAT.write_request(conversation, dialect, Ledger()), "the same bytes every time"
    return json.loads(body), [(entry.pointer, entry.action) for entry in ledger.entries]


@pytest.mark.parametrize(
    ("settings", "members"),
    [
        (Settings(), {}),
        (Settings(max_tokens=9), {"max_output_tokens": 9}),
        (Settings(temperature=0.5, top_p=0.1, top_logprobs=2),
         {"temperature": 0.5, "top_p": 0.1, "top_logprobs": 2}),
        (Settings(store=True), {"store": True}),
        (Settings(logprobs=True), {"include": ["message.output_text.logprobs"]}),
        (Settings(logprobs=False, include_usage=True, modalities=["text"]), {}),
        (Settings(reasoning=Reasoning(effort="high", shown="auto")),
         {"reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}),
        (Settings(reasoning=Reasoning(enabled=False)), {"reasoning": {"effort": "none"}}),
        (Settings(reasoning=Reasoning(effort="none", shown="none")), {"reasoning": {"effort": "none"}}),
        (Settings(metadata={"a": "b"}, user="u", safety_identifier="s", cache_key="k", cache_retention="24h"),
         {"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
          "prompt_cache_retention": "24h"}),
        (Settings(tier="flex"), {"service_tier": "flex"}),
        (Settings(parallel_tools=False, max_tool_calls=3), {"parallel_tool_calls": False, "max_tool_calls": 3}),
        (Settings(previous="resp_1"), {"previous_response_id": "resp_1"}),
    ],
)  # fmt: skip
def test_settings(settings: Settings, members: dict[str, Any]) -> None:
    """What is said is written under this format's names, and nothing is stored unless the caller wants it."""
    assert write(settings) == ({**BASE, **members}, [])


@pytest.mark.parametrize(
    ("settings", "dialect", "members", "lost"),
    [
        (Settings(stop=["x"], seed=1, n=2, top_k=3, logit_bias={"1": 2}, frequency_penalty=1.0), PLAIN, {},
         [("/top_k", "dropped"), ("/frequency_penalty", "dropped"), ("/logit_bias", "dropped"), ("/n", "dropped"),
          ("/seed", "dropped"), ("/stop", "dropped")]),
        (Settings(modalities=["text", "audio"], voice={"voice": "v"}), PLAIN, {},
         [("/modalities", "dropped"), ("/voice", "dropped")]),
        (Settings(max_tokens=99), Dialect(max_output=50), {"max_output_tokens": 50},
         [("/max_tokens", "approximated")]),
        (Settings(temperature=0.5), Dialect(refused=frozenset({"temperature"})), {}, [("/temperature", "dropped")]),
        (Settings(logprobs=True), Dialect(refused=frozenset({"include"})), {}, [("/logprobs", "dropped")]),
        (Settings(logprobs=True), Dialect(refused=frozenset({"logprobs"})), {}, [("/logprobs", "dropped")]),
        (Settings(), Dialect(refused=frozenset({"store"})), {"store": None}, []),
        (Settings(reasoning=Reasoning(budget=9000)), PLAIN,
         {"reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content"]},
         [("/reasoning", "approximated")]),
        (Settings(reasoning=Reasoning(effort="max")), Dialect(efforts=("low", "high")),
         {"reasoning": {"effort": "high"}, "include": ["reasoning.encrypted_content"]},
         [("/reasoning", "approximated")]),
        (Settings(reasoning=Reasoning(enabled=True, adaptive=True)), PLAIN,
         {"include": ["reasoning.encrypted_content"]}, [("/reasoning", "approximated")]),
        (Settings(reasoning=Reasoning(effort="low", shown="auto")),
         Dialect(refused=frozenset({"reasoning.summary"})),
         {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"]}, [("/reasoning", "dropped")]),
        (Settings(), Dialect(efforts=("low",)), {"include": ["reasoning.encrypted_content"]}, []),
        (Settings(tier="standard_only"), PLAIN, {"service_tier": "default"}, [("/tier", "approximated")]),
        (Settings(tier="express"), PLAIN, {}, [("/tier", "dropped")]),
        (Settings(metadata={"a": 1, "b": "c"}), PLAIN, {"metadata": {"b": "c"}}, [("/metadata/a", "dropped")]),
    ],
)  # fmt: skip
def test_what_is_lost(
    settings: Settings, dialect: Dialect, members: dict[str, Any], lost: list[tuple[str, str]]
) -> None:
    """What the API or the model does not take is reported by the caller's own place for it."""
    expected = {name: value for name, value in {**BASE, **members}.items() if value is not None}
    assert write(settings, dialect) == (expected, lost)


def test_tools_and_streams() -> None:
    """Tools, the choice among them and the wish for a stream stand in the body."""
    body, lost = write(
        Settings(tool_choice=ToolChoice(mode="tool", name="f")), tools=[Tool(name="f", parameters=SCHEMA)], stream=True
    )
    assert lost == []
    assert body["tools"] == [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["stream"] is True


def test_in_its_own_format() -> None:
    """What a caller of this format says beside comes back at its place; what it leaves out stays out."""
    own = {
        "truncation": "auto",
        "include": ["file_search_call.results"],
        "text": {"tone": "dry", "format": {"x": 1}},
        "reasoning": {"context": "auto"},
    }
    body, lost = write(
        Settings(
            logprobs=True,
            seed=3,
            output=OutputFormat(kind="text"),
            reasoning=Reasoning(effort="low"),
        ),
        own_format="responses",
        own=own,
    )
    assert lost == []
    assert body == {
        "model": "m",
        "input": BASE["input"],
        "seed": 3,
        "text": {"tone": "dry", "format": {"x": 1, "type": "text"}},
        "reasoning": {"context": "auto", "effort": "low"},
        "include": ["message.output_text.logprobs", "file_search_call.results"],
        "truncation": "auto",
    }


def test_the_last_look() -> None:
    """A provider may change the body before it goes."""
    body, _ = write(Settings(), Dialect(amend=lambda body: body.update(extra=True)))
    assert body["extra"] is True


def test_a_growing_conversation_keeps_its_bytes() -> None:
    """A longer conversation begins with the bytes of the shorter one: providers cache prompts by prefix."""
    turns = [Turn(role="system", parts=[Text(text="s")])]
    before = b""
    for number in range(6):
        turns += [
            Turn(role="user", parts=[Text(text=f"q{number}")]),
            Turn(role="assistant", parts=[Text(text=f"a{number}")]),
        ]
        body = FORMAT.write_request(Conversation(model="m", turns=turns), PLAIN, Ledger())
        prefix = body[: body.rindex(b"]")]
        assert prefix.startswith(before)
        before = prefix
