"""`generationConfig` as settings."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import OutputFormat, Reasoning, Settings


def read(config: dict[str, Any], **members: Any) -> Any:
    body = {"contents": [{"parts": [{"text": "a"}]}], "generationConfig": config, **members}
    return FORMAT.read_request(body, "m", Ledger(), stream=False)


SCHEMA = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
PLAIN = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"temperature": 0.5, "topP": 0.9, "top_k": 40.0}, Settings(temperature=0.5, top_p=0.9, top_k=40)),
        ({"candidateCount": 2, "maxOutputTokens": "100", "seed": 7}, Settings(n=2, max_tokens=100, seed=7)),
        ({"presencePenalty": 1, "frequency_penalty": "0.5"}, Settings(presence_penalty=1, frequency_penalty=0.5)),
        ({"responseLogprobs": True, "logprobs": 3}, Settings(logprobs=True, top_logprobs=3)),
        ({"stopSequences": ["a", "b"]}, Settings(stop=["a", "b"])),
        ({"stopSequences": []}, Settings()),
        ({"responseModalities": ["TEXT", "IMAGE"]}, Settings(modalities=["text", "image"])),
        ({"responseMimeType": "text/plain"}, Settings(output=OutputFormat(kind="text"))),
        ({"response_mime_type": "application/json"}, Settings(output=OutputFormat(kind="json"))),
        ({"responseSchema": SCHEMA}, Settings(output=OutputFormat(kind="schema", schema=PLAIN))),
        ({"responseJsonSchema": SCHEMA}, Settings(output=OutputFormat(kind="schema", schema=SCHEMA))),
        ({"_responseJsonSchema": SCHEMA}, Settings(output=OutputFormat(kind="schema", schema=SCHEMA))),
        (
            {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
            Settings(voice={"voice": "Kore"}),
        ),
        ({"thinkingConfig": {"thinkingBudget": -1}}, Settings(reasoning=Reasoning(enabled=True, adaptive=True))),
        ({"thinkingConfig": {"thinkingBudget": 0}}, Settings(reasoning=Reasoning(budget=0))),
        (
            {"thinkingConfig": {"thinkingBudget": 99, "includeThoughts": True}},
            Settings(reasoning=Reasoning(budget=99, shown="auto")),
        ),
        ({"thinkingConfig": {"includeThoughts": False}}, Settings(reasoning=Reasoning(shown="none"))),
        ({"thinking_config": {"thinking_level": "HIGH"}}, Settings(reasoning=Reasoning(effort="high"))),
        ({"thinkingConfig": {}}, Settings()),
        ({"temperature": None}, Settings()),
    ],
)
def test_each_setting(config: dict[str, Any], wanted: Settings) -> None:
    """A setting is read under both its names, and its place is told."""
    found = read(config)
    assert found.settings == wanted
    said = {name for name in Settings.__struct_fields__ if getattr(wanted, name) is not None}
    assert found.places.keys() == said
    assert found.own == {}


@pytest.mark.parametrize(
    "config",
    [
        {"topK": 2.5},
        {"responseMimeType": "text/x.enum", "responseSchema": SCHEMA},
        {"responseMimeType": "text/x.enum", "responseJsonSchema": SCHEMA},
        {"speechConfig": {"multiSpeakerVoiceConfig": {}}},
        {"speechConfig": {"languageCode": "de", "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}},
        {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
        {"thinkingConfig": {"newMember": 1}},
    ],
)
def test_what_only_gemini_has(config: dict[str, Any]) -> None:
    """It is kept as it is, for Gemini alone."""
    found = read(config)
    assert found.own == {"generationConfig": config}
    assert found.settings == Settings()


def test_two_places() -> None:
    """A setting said in two places has the pointers of both."""
    found = read({"responseMimeType": "application/json", "responseSchema": SCHEMA})
    assert found.places["output"] == "/generationConfig/responseMimeType /generationConfig/responseSchema"


def test_beside_the_config() -> None:
    """Tier and storing are said at the top."""
    found = read({}, serviceTier="FLEX", store=False)
    assert (found.settings.tier, found.settings.store) == ("flex", False)
