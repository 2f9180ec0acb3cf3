"""A whole request for a provider, by its dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.chat import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import SETTINGS, CacheMark, Conversation, OutputFormat, Reasoning, Settings, Text, Turn

HI = Turn(role="user", parts=[Text(text="Hi")])
SCHEMA = {"type": "object"}


def written(
    dialect: Dialect = PLAIN, turns: list[Turn] | None = None, own_format: str = "messages", **said: Any
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The body, without what is always there, and the ledger."""
    stream = said.pop("stream", False)
    own = said.pop("own", {})
    conversation = Conversation(
        model="m",
        turns=turns or [HI],
        settings=Settings(**said),
        places={name: f"/{name}" for name in SETTINGS},
        stream=stream,
        own=own,
        own_format=own_format,
    )
    ledger = Ledger()
    body = json.loads(FORMAT.write_request(conversation, dialect, ledger))
    assert body.pop("model") == "m"
    if turns is None:
        assert body.pop("messages") == [{"role": "user", "content": "Hi"}]
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


CARRIED: list[tuple[str, Any, dict[str, Any]]] = [
    *((name, value, {name: value}) for name, value in [
        ("temperature", 0.5), ("top_p", 0.5), ("top_k", 3), ("min_p", 0.1), ("frequency_penalty", 1),
        ("presence_penalty", 1), ("repetition_penalty", 1.1), ("logit_bias", {"1": 1}), ("logprobs", True),
        ("top_logprobs", 2), ("n", 2), ("seed", 1), ("stop", ["a"]), ("verbosity", "low"), ("user", "u"),
        ("safety_identifier", "s"), ("metadata", {"a": "b"}), ("store", False), ("modalities", ["text"]),
        ("max_tokens", 5),
    ]),
    ("cache_key", "k", {"prompt_cache_key": "k"}),
    ("cache_retention", "24h", {"prompt_cache_retention": "24h"}),
    ("voice", {"voice": "ash", "format": "mp3"}, {"audio": {"format": "mp3", "voice": "ash"}}),
    ("reasoning", Reasoning(effort="low"), {"reasoning_effort": "low"}),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "value", "members"), CARRIED)
def test_a_setting(setting: str, value: Any, members: dict[str, Any]) -> None:
    """It is a member, and nothing is lost."""
    assert written(**{setting: value}) == (members, [])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_tool_calls", 3),
        ("previous", "resp_1"),
        ("cache", CacheMark()),
        ("reasoning", Reasoning(enabled=True)),
        ("modalities", ["video"]),
        ("tier", "batch"),
    ],
)
def test_what_cannot_be_said(setting: str, value: Any) -> None:
    """It is in the ledger, by its place."""
    body, losses = written(**{setting: value})
    assert body == {}
    place = "/cache_control" if setting == "cache" else f"/{setting}"
    assert losses == [(place, "dropped")]


@pytest.mark.parametrize(
    ("dialect", "body", "losses"),
    [
        (Dialect(limit_member="max_completion_tokens"), {"max_completion_tokens": 9}, []),
        (Dialect(max_output=5), {"max_tokens": 5}, [("/max_tokens", "approximated")]),
        (Dialect(refused=frozenset({"max_tokens"})), {}, [("/max_tokens", "dropped")]),
    ],
)
def test_the_limit(dialect: Dialect, body: dict[str, Any], losses: list[tuple[str, str]]) -> None:
    """By the name that the model takes, and no more than it writes."""
    assert written(dialect, max_tokens=9) == (body, losses)


@pytest.mark.parametrize(
    ("own_format", "tier", "said", "losses"),
    [
        ("messages", "auto", "auto", []),
        ("messages", "standard_only", "default", [("/tier", "rewritten")]),
        ("chat", "on_demand", "on_demand", []),
    ],
)
def test_tiers(own_format: str, tier: str, said: str, losses: list[tuple[str, str]]) -> None:
    """Other formats' words are translated; a chat caller's own words are its provider's business."""
    assert written(own_format=own_format, tier=tier) == ({"service_tier": said}, losses)


def test_thoughts_that_are_not_told() -> None:
    """A wish to see them is in the ledger where the surface has nothing for it; the effort is told nevertheless."""
    body, losses = written(reasoning=Reasoning(effort="low", shown="auto"))
    assert (body, losses) == ({"reasoning_effort": "low"}, [("/reasoning", "approximated")])


@pytest.mark.parametrize(
    ("dialect", "said"),
    [
        (PLAIN, {"stream": True, "stream_options": {"include_usage": True}}),
        (Dialect(stream_usage=False), {"stream": True}),
    ],
)
def test_streams(dialect: Dialect, said: dict[str, Any]) -> None:
    """Usage is asked for wherever that is understood, whatever the caller wants to be told."""
    assert written(dialect, stream=True, include_usage=False) == (said, [])


def test_sound_in_a_stream() -> None:
    """A format is required; one that the caller did not name is told. Streams have but one."""
    assert written(voice={"voice": "ash"})[0]["audio"] == {"format": "wav", "voice": "ash"}
    said, losses = written(stream=True, voice={"voice": "ash"})
    assert (said["audio"], losses) == ({"format": "pcm16", "voice": "ash"}, [("/voice", "approximated")])


@pytest.mark.parametrize(
    ("first", "content"),
    [
        ([], "Answer"),
        ([Turn(role="system", parts=[Text(text="Be kind.")])], "Be kind.\n\nAnswer"),
        (
            [Turn(role="system", parts=[Text(text="Be"), Text(text="kind.")])],
            [{"type": "text", "text": "Be"}, {"type": "text", "text": "kind."}, {"type": "text", "text": "Answer"}],
        ),
    ],
)
def test_schemas_in_the_instructions(first: list[Turn], content: Any) -> None:
    """They join the first instructions, as some servers take only one message of the system."""
    body, _ = written(Dialect(json_schema=False), [*first, HI], output=OutputFormat(kind="schema", schema=SCHEMA))
    said = 'Answer with a JSON object that satisfies this JSON Schema: {"type":"object"}'
    wanted = json.loads(json.dumps(content).replace("Answer", said.replace('"', '\\"')))
    assert body["messages"][0] == {"role": "system", "content": wanted}
    assert len(body["messages"]) == 2


def test_the_callers_own_members() -> None:
    """They come back where they stood, also within objects."""
    own = {"provider": {"order": ["x"]}, "stream_options": {"include_obfuscation": False}}
    body, _ = written(own=own, stream=True, own_format="chat")
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert body["provider"] == {"order": ["x"]}


def test_a_beginning_of_an_answer() -> None:
    """A model that does not go on from one by itself is asked to."""
    begun = [HI, Turn(role="assistant", parts=[Text(text="I")], at="/t")]
    assert len(written(turns=begun)[0]["messages"]) == 2
    body, losses = written(Dialect(prefill=False), turns=begun)
    assert body["messages"][1:] == [{"role": "assistant", "content": "I"}, {"role": "user", "content": "Continue."}]
    assert losses == [("/t", "approximated")]


def test_a_last_look() -> None:
    """A dialect may amend the body."""
    body, _ = written(Dialect(amend=lambda body: body.update(x=1)))
    assert body == {"x": 1}


def test_nothing_to_ask() -> None:
    """A request without a message is refused."""
    with pytest.raises(InvalidBody):
        FORMAT.write_request(Conversation(model="m", turns=[]), PLAIN, Ledger())


def test_the_conversation_stays_what_it_is() -> None:
    """It is written for every candidate anew."""
    conversation = Conversation(
        model="m",
        turns=[Turn(role="system", parts=[Text(text="a"), Text(text="b")]), HI],
        settings=Settings(output=OutputFormat(kind="schema", schema=SCHEMA), stop=["a"]),
        own={"x": {"y": 1}},
    )
    first = FORMAT.write_request(conversation, Dialect(json_schema=False), Ledger())
    FORMAT.write_request(conversation, PLAIN, Ledger())
    assert FORMAT.write_request(conversation, Dialect(json_schema=False), Ledger()) == first
