"""Settings as `generationConfig`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.formats.gemini.settings_writer import JSON_WITH_FUNCTIONS
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, OutputFormat, Reasoning, Settings, Text, Tool, Turn, WebSearch

PLAIN = Dialect()
LEVELS = Dialect(efforts=("minimal", "low", "high"))
ADAPTIVE = Dialect(efforts=("low", "high"), adaptive=True)
BUDGETS = Dialect(budgets=(128, 1000))
NONE_TOO = Dialect(efforts=("none", "low"))


def write(settings: Settings, dialect: Dialect = PLAIN, own_format: str = "chat") -> tuple[dict[str, Any], list[Any]]:
    ledger = Ledger()
    conversation = Conversation(
        model="m",
        turns=[Turn(role="user", parts=[Text(text="a")])],
        settings=settings,
        places={name: f"/{name}" for name in Settings.__struct_fields__},
        own_format=own_format,
    )
    body = msgspec.json.decode(FORMAT.write_request(conversation, dialect, ledger))
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


@pytest.mark.parametrize(
    ("settings", "config", "losses"),
    [
        (Settings(temperature=0.5, top_p=0.9, top_k=4), {"temperature": 0.5, "topP": 0.9, "topK": 4}, []),
        (Settings(n=2, max_tokens=5, seed=-1), {"candidateCount": 2, "maxOutputTokens": 5, "seed": -1}, []),
        (Settings(seed=2**40 + 7), {"seed": 7}, [("/seed", "approximated")]),
        (Settings(stop=["a"]), {"stopSequences": ["a"]}, []),
        (
            Settings(stop=list("abcdefg")),
            {"stopSequences": list("abcde")},
            [("/stop/5", "dropped"), ("/stop/6", "dropped")],
        ),
        (
            Settings(presence_penalty=1, frequency_penalty=2, logprobs=True, top_logprobs=0),
            {"presencePenalty": 1.0, "frequencyPenalty": 2.0, "responseLogprobs": True, "logprobs": 0},
            [],
        ),
        (Settings(modalities=["text", "audio"]), {"responseModalities": ["TEXT", "AUDIO"]}, []),
        (Settings(voice={"voice": "alloy"}), None, [("/voice", "dropped")]),
        (Settings(output=OutputFormat(kind="text")), {"responseMimeType": "text/plain"}, []),
        (Settings(output=OutputFormat(kind="json")), {"responseMimeType": "application/json"}, []),
        (
            Settings(output=OutputFormat(kind="schema", schema={"$id": "i"}, name="n", description="d", strict=True)),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"$id": "i", "title": "n", "description": "d"},
            },
            [],
        ),
    ],
)
def test_each_setting(settings: Settings, config: dict[str, Any] | None, losses: list[Any]) -> None:
    """What Gemini has is written, what it has otherwise is reported."""
    body, found = write(settings)
    assert body.get("generationConfig") == config
    assert found == losses


@pytest.mark.parametrize(
    ("dialect", "config", "losses"),
    [
        (Dialect(json_object=False), None, [("/output", "dropped")]),
        (Dialect(json_schema=False), {"responseMimeType": "application/json"}, [("/output", "dropped")]),
        (
            Dialect(schema="gemini"),
            {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
            },
            [("/output/json_schema/schema/properties/a/format", "dropped")],
        ),
    ],
)
def test_output_by_dialect(dialect: Dialect, config: dict[str, Any] | None, losses: list[Any]) -> None:
    """A schema is sent as far as the model takes it, and its rewritings are named where the caller has it."""
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}}
    body, found = write(Settings(output=OutputFormat(kind="schema", schema=schema)), dialect)
    assert body.get("generationConfig") == config
    assert found == losses


@pytest.mark.parametrize(
    ("reasoning", "dialect", "config", "lost"),
    [
        (Reasoning(effort="medium"), PLAIN, {"thinkingBudget": 8192}, True),
        (Reasoning(effort="none"), PLAIN, {"thinkingBudget": 0}, False),
        (Reasoning(effort="none"), BUDGETS, {"thinkingBudget": 128}, True),
        (Reasoning(effort="low"), BUDGETS, {"thinkingBudget": 1000}, True),
        (Reasoning(budget=500), BUDGETS, {"thinkingBudget": 500, "includeThoughts": True}, False),
        (Reasoning(budget=5000), BUDGETS, {"thinkingBudget": 1000, "includeThoughts": True}, True),
        (Reasoning(enabled=True), BUDGETS, {"thinkingBudget": -1, "includeThoughts": True}, False),
        (Reasoning(budget=500), PLAIN, {"thinkingBudget": 500, "includeThoughts": True}, False),
        (Reasoning(budget=0), PLAIN, {"thinkingBudget": 0}, False),
        (Reasoning(budget=500, shown="none"), PLAIN, {"thinkingBudget": 500, "includeThoughts": False}, False),
        (Reasoning(adaptive=True, enabled=True), PLAIN, {"thinkingBudget": -1, "includeThoughts": True}, False),
        (Reasoning(enabled=False), PLAIN, {"thinkingBudget": 0}, False),
        (Reasoning(shown="auto"), PLAIN, {"includeThoughts": True}, False),
        (Reasoning(shown="detailed"), PLAIN, {"includeThoughts": True}, True),
        (Reasoning(effort="low"), LEVELS, {"thinkingLevel": "LOW"}, False),
        (Reasoning(effort="medium"), LEVELS, {"thinkingLevel": "HIGH"}, True),
        (Reasoning(effort="max"), LEVELS, {"thinkingLevel": "HIGH"}, True),
        (Reasoning(effort="none"), LEVELS, {"thinkingLevel": "MINIMAL"}, True),
        (Reasoning(enabled=False), LEVELS, {"thinkingLevel": "MINIMAL"}, True),
        (Reasoning(effort="none"), NONE_TOO, {"thinkingBudget": 0}, False),
        (Reasoning(budget=500), LEVELS, {"thinkingBudget": 500, "includeThoughts": True}, False),
        (Reasoning(budget=500, effort="low"), LEVELS, {"thinkingBudget": 500}, True),
        (Reasoning(budget=500), ADAPTIVE, {"thinkingLevel": "LOW"}, True),
        (Reasoning(budget=0), ADAPTIVE, {"thinkingLevel": "LOW"}, True),
    ],
)
def test_thinking(reasoning: Reasoning, dialect: Dialect, config: dict[str, Any], lost: bool) -> None:
    """A budget if one is said, else a level where the model has levels, else the budget that comes nearest."""
    body, losses = write(Settings(reasoning=reasoning), dialect)
    assert body["generationConfig"] == {"thinkingConfig": config}
    assert bool(losses) == lost


@pytest.mark.parametrize(
    ("tier", "own_format", "wanted"),
    [("flex", "chat", "flex"), ("default", "chat", "standard"), ("auto", "chat", None), ("new", "gemini", "new")],
)
def test_tiers(tier: str, own_format: str, wanted: str | None) -> None:
    """Service tiers in Gemini's words; another one is reported."""
    body, losses = write(Settings(tier=tier), own_format=own_format)
    assert body.get("serviceTier") == wanted
    assert losses == ([] if wanted else [("/tier", "dropped")])


def test_limits() -> None:
    """More tokens than the model writes are cut to what it does; refused members are not sent."""
    dialect = Dialect(max_output=10, refused=frozenset({"temperature"}))
    body, losses = write(Settings(max_tokens=20, temperature=0.5), dialect)
    assert body["generationConfig"] == {"maxOutputTokens": 10}
    assert losses == [("/temperature", "dropped"), ("/max_tokens", "approximated")]


@pytest.mark.parametrize(
    ("output", "schema", "losses"),
    [
        (OutputFormat(kind="schema", name="n", description="d"), None, ["name", "description"]),
        (OutputFormat(kind="schema", name="n", schema={"type": "object"}), {"type": "object", "title": "n"}, []),
        (OutputFormat(kind="schema", name="n", schema={"title": "t"}), {"title": "t"}, ["name"]),
        (OutputFormat(kind="schema", name="n", schema={"title": "n"}), {"title": "n"}, []),
    ],
)
def test_what_is_said_of_a_schema(output: OutputFormat, schema: dict[str, Any] | None, losses: list[str]) -> None:
    """Name and description stand within the schema; where there is none, or it has its own, they are reported."""
    body, found = write(Settings(output=output))
    assert body["generationConfig"].get("responseJsonSchema") == schema
    assert found == [(f"/output/json_schema/{name}", "dropped") for name in losses]


def test_json_beside_functions() -> None:
    """A model that takes no JSON output where there are functions gets the functions."""
    older = Dialect(refused=frozenset({JSON_WITH_FUNCTIONS}))
    for tool, losses in ((Tool(name="f"), [("/output", "dropped")]), (WebSearch(), [])):
        ledger = Ledger()
        asked = Conversation(
            model="m",
            turns=[Turn(role="user", parts=[Text(text="a")])],
            tools=[tool],
            settings=Settings(output=OutputFormat(kind="json")),
            places={"output": "/output"},
        )
        body = msgspec.json.decode(FORMAT.write_request(asked, older, ledger))
        assert ("generationConfig" in body) == (not losses)
        assert [(entry.pointer, entry.action) for entry in ledger.entries] == losses
