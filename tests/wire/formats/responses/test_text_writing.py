"""What the answer's text must be, for a provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.responses import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, OutputFormat, Settings, Text, Turn

SCHEMA = {"type": "object"}
PLACES = {"output": "/output", "verbosity": "/verbosity"}
JSON_MODE = {"format": {"type": "json_object"}}


def write(
    settings: Settings, dialect: Dialect = PLAIN, *turns: Turn, own_format: str = "chat"
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, and what was lost."""
    ledger = Ledger()
    asked = Conversation(
        model="m",
        turns=list(turns) or [Turn(role="user", parts=[Text(text="hi")])],
        settings=settings,
        places=PLACES,
        own_format=own_format,
    )
    body = json.loads(FORMAT.write_request(asked, dialect, ledger))
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Settings(), None),
        (Settings(verbosity="low"), {"verbosity": "low"}),
        (Settings(output=OutputFormat(kind="text")), {"format": {"type": "text"}}),
        (Settings(output=OutputFormat(kind="schema", schema=SCHEMA)),
         {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}),
        (Settings(output=OutputFormat(kind="schema", schema=SCHEMA, name="n", description="d", strict=True)),
         {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "description": "d", "strict": True}}),
    ],
)  # fmt: skip
def test_text(settings: Settings, text: Any) -> None:
    """What is said of the text is written under this format's names."""
    body, lost = write(settings)
    assert (body.get("text"), lost) == (text, [])


@pytest.mark.parametrize(
    ("settings", "dialect", "text", "lost"),
    [
        (Settings(verbosity="chatty"), PLAIN, None, ("/verbosity", "dropped")),
        (Settings(output=OutputFormat(kind="json")), Dialect(json_object=False),
         {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}}, ("/output", "approximated")),
        (Settings(output=OutputFormat(kind="json")), Dialect(json_object=False, json_schema=False), None,
         ("/output", "dropped")),
        (Settings(output=OutputFormat(kind="schema", schema=SCHEMA)), Dialect(json_object=False, json_schema=False),
         None, ("/output", "dropped")),
        (Settings(output=OutputFormat(kind="schema", schema=SCHEMA)), Dialect(json_schema=False), JSON_MODE,
         ("/output", "approximated")),
        (Settings(output=OutputFormat(kind="schema", schema=SCHEMA, name="a b")), PLAIN,
         {"format": {"type": "json_schema", "name": "a_b", "schema": SCHEMA}}, ("/output/name", "rewritten")),
    ],
)  # fmt: skip
def test_the_nearest_thing(settings: Settings, dialect: Dialect, text: Any, lost: tuple[str, str]) -> None:
    """Where the provider lacks the one way to ask for JSON, the other stands for it; the ledger tells."""
    body, told = write(settings, dialect)
    assert (body.get("text"), told) == (text, [lost])


def test_a_schema_in_words() -> None:
    """A schema that JSON mode cannot enforce is told to the model, before anything else."""
    output = OutputFormat(kind="schema", schema={"type": "object", "required": ["a"]})
    body, _ = write(Settings(output=output), Dialect(json_schema=False))
    assert '{"type":"object","required":["a"]}' in body["input"][0]["content"]
    assert [item["role"] for item in body["input"]] == ["system", "user"]


SYSTEM = Turn(role="system", parts=[Text(text="Answer in JSON.")])
ASKING = Turn(role="user", parts=[Text(text="As json, please.")])
PLAIN_ASKING = Turn(role="user", parts=[Text(text="hi")])
LATER = Turn(role="assistant", parts=[Text(text="{} is JSON")])


@pytest.mark.parametrize(
    ("turns", "own_format", "first", "lost"),
    [
        ([ASKING], "messages", {"role": "user", "content": "As json, please."}, []),
        ([PLAIN_ASKING], "responses", {"role": "user", "content": "hi"}, []),
        ([SYSTEM, PLAIN_ASKING], "chat", {"role": "system", "content": "Answer in JSON."}, []),
        ([PLAIN_ASKING], "gemini", {"role": "system", "content": "Answer with a JSON object."},
         [("/output", "rewritten")]),
        ([PLAIN_ASKING, LATER, ASKING], "gemini", {"role": "system", "content": "Answer with a JSON object."},
         [("/output", "rewritten")]),
    ],
    ids=["it is asked for", "its own rule", "in the instructions", "nowhere", "only later"],
)  # fmt: skip
def test_json_mode_is_spoken_of(
    turns: list[Turn], own_format: str, first: dict[str, str], lost: list[tuple[str, str]]
) -> None:
    """OpenAI takes JSON mode only where the input has the word; what is added does not change as turns are added."""
    body, told = write(Settings(output=OutputFormat(kind="json")), PLAIN, *turns, own_format=own_format)
    assert "instructions" not in body
    assert (body["text"], body["input"][0], told) == (JSON_MODE, {"type": "message", **first}, lost)
