"""A request for a provider."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.errors import InvalidBody
from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.formats.gemini.request_writer import UNSIGNED
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Conversation,
    Media,
    Settings,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

PLAIN = Dialect(maker="google")


def user(*texts: str) -> Turn:
    return Turn(role="user", parts=[Text(text=text) for text in texts])


def write(turns: list[Turn], dialect: Dialect = PLAIN, **members: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    ledger = Ledger()
    body = FORMAT.write_request(Conversation(model="m", turns=turns, **members), dialect, ledger)
    return msgspec.json.decode(body), [(entry.pointer, entry.action) for entry in ledger.entries]


def contents(turns: list[Turn], dialect: Dialect = PLAIN) -> list[tuple[str, list[Any]]]:
    return [(content["role"], content["parts"]) for content in write(turns, dialect)[0]["contents"]]


CALL = ToolCall(id="c", name="f", arguments='{"a": 1}')
CALLED = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c"}}
RESULT = ToolResult(call_id="c", name="f", parts=[Text(text="x")])
RETURNED = {"functionResponse": {"id": "c", "name": "f", "response": {"output": "x"}}}


def test_turns() -> None:
    """Turns of a role that follow one another are one content; results of functions stay apart from what is said."""
    assert contents(
        [
            user("a"),
            user("b"),
            Turn(role="assistant", parts=[Text(text="c")]),
            Turn(role="assistant", parts=[CALL]),
            Turn(role="tool", parts=[RESULT]),
            user("d"),
        ]
    ) == [
        ("user", [{"text": "a"}, {"text": "b"}]),
        ("model", [{"text": "c"}, CALLED]),
        ("user", [RETURNED]),
        ("user", [{"text": "d"}]),
    ]


def test_the_system_instruction() -> None:
    """Leading turns of system and developer are the instruction; a later one becomes the user's, reported."""
    body, losses = write(
        [
            Turn(role="system", parts=[Text(text="s")], at="/0"),
            Turn(role="developer", parts=[Text(text="d"), Media(kind="image", source=Source(url="u"), at="/1/1")]),
            user("a"),
            Turn(role="system", parts=[Text(text="late")], at="/3", name="n"),
        ]
    )
    assert body["systemInstruction"] == {"parts": [{"text": "s"}, {"text": "d"}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "late"}]}]
    assert losses == [("/3/name", "dropped"), ("/3", "approximated"), ("/1/1", "dropped")]


def test_signatures() -> None:
    """A thought's own stands on it, a bound one on the part that follows, one of nothing on an empty text."""
    thought = Thinking(text="t", signature="A", maker="google")
    bound = Thinking(signature="B", maker="google", bound=True)
    own = Thinking(signature="C", maker="google")
    assert contents([user("a"), Turn(role="assistant", parts=[thought, bound, CALL, Text(text="x"), own, bound])])[
        1
    ] == (
        "model",
        [
            {"text": "t", "thought": True, "thoughtSignature": "A"},
            {**CALLED, "thoughtSignature": "B"},
            {"text": "x"},
            {"text": "", "thoughtSignature": "C"},
            {"text": "", "thoughtSignature": "B"},
        ],
    )


@pytest.mark.parametrize(
    ("parts", "efforts", "wanted"),
    [
        ([CALL, CALL], ("low", "high"), [UNSIGNED, None]),
        ([Thinking(signature="S", maker="google", bound=True), CALL, CALL], ("low", "high"), ["S", None]),
        ([CALL], (), [None]),
    ],
)
def test_calls_without_a_signature(parts: list[Any], efforts: tuple[str, ...], wanted: list[str | None]) -> None:
    """Models with thinking levels refuse a turn whose first call is not signed, unless it says that it is another's."""
    found = contents([user("a"), Turn(role="assistant", parts=parts)], Dialect(maker="google", efforts=efforts))
    assert [part.get("thoughtSignature") for part in found[1][1]] == wanted


def test_nothing_to_say() -> None:
    """Where nothing is left, nothing is sent."""
    with pytest.raises(InvalidBody):
        write([Turn(role="system", parts=[Text(text="s")])])


def test_what_has_no_place() -> None:
    """Every setting that Gemini does not have is reported at its place."""
    settings = Settings(logit_bias={"1": 1.0}, parallel_tools=False, user="u", include_usage=True)
    _, losses = write([user("a")], settings=settings, places={"logit_bias": "/b", "parallel_tools": "/p", "user": "/u"})
    assert losses == [("/b", "dropped"), ("/p", "dropped"), ("/u", "dropped")]


def test_the_last_look() -> None:
    """A dialect may change the body in the end."""

    def amend(body: dict[str, Any]) -> None:
        body["amended"] = True

    assert write([user("a")], Dialect(amend=amend))[0]["amended"] is True


@pytest.mark.parametrize("model", ["m", "models/m"])
def test_a_count(model: str) -> None:
    """The whole request is counted, with the system text and the tools, under the model's full name."""
    conversation = Conversation(
        model=model, turns=[Turn(role="system", parts=[Text(text="s")]), user("a")], tools=[Tool(name="f")]
    )
    body = msgspec.json.decode(FORMAT.count_request(conversation, PLAIN, Ledger()))
    assert body == {
        "generateContentRequest": {
            "model": "models/m",
            "contents": [{"role": "user", "parts": [{"text": "a"}]}],
            "systemInstruction": {"parts": [{"text": "s"}]},
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
        }
    }


def test_counts() -> None:
    """A count is read and written."""
    assert FORMAT.read_count(b'{"totalTokens":9,"promptTokensDetails":[]}') == 9
    assert FORMAT.write_count(9) == b'{"totalTokens":9}'
    for none in (b"{}", b"[]", b"["):
        with pytest.raises(ValueError, match=r"totalTokens|object|truncated"):
            FORMAT.read_count(none)


WHOLE: dict[str, Any] = {
    "contents": [
        {
            "role": "user",
            "parts": [
                {"text": "a"},
                {"inlineData": {"mimeType": "image/png", "data": "aGk=", "displayName": "n"}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/v"}, "videoMetadata": {"fps": 2}},
                {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
            ],
        },
        {
            "role": "model",
            "parts": [
                {"text": "t", "thought": True, "thoughtSignature": "A"},
                {"functionCall": {"name": "f", "args": {"a": 1}, "id": "1"}, "thoughtSignature": "B"},
                {"functionCall": {"name": "g", "args": {}, "id": "2"}},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                {"newThing": {"a": 1}},
                {"text": "", "thoughtSignature": "C"},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "f", "response": {"a": [1]}}},
                {
                    "functionResponse": {
                        "id": "2",
                        "name": "g",
                        "response": {"error": "x"},
                        "parts": [{"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}],
                        "scheduling": "SILENT",
                    }
                },
            ],
        },
    ],
    "systemInstruction": {"parts": [{"text": "s"}]},
    "tools": [
        {"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]},
        {"googleSearch": {"excludeDomains": ["a"], "timeRangeFilter": {}}},
        {"urlContext": {}},
    ],
    "toolConfig": {
        "functionCallingConfig": {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        "retrievalConfig": {"languageCode": "en"},
    },
    "generationConfig": {
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 4,
        "candidateCount": 2,
        "maxOutputTokens": 10,
        "stopSequences": ["x"],
        "seed": 1,
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.2,
        "responseLogprobs": True,
        "logprobs": 2,
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
        "responseModalities": ["TEXT"],
        "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
        "thinkingConfig": {"thinkingBudget": 5, "includeThoughts": True, "newMember": 1},
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
    },
    "serviceTier": "flex",
    "store": False,
    "safetySettings": [{"category": "c", "threshold": "t"}],
    "cachedContent": "c",
    "labels": {"a": "b"},
}


def test_a_whole_request_stays() -> None:
    """What a caller of Gemini says comes out as it went in, without a loss."""
    ledger = Ledger()
    conversation = FORMAT.read_request(WHOLE, "m", ledger, stream=False)
    body = FORMAT.write_request(conversation, PLAIN, ledger)
    assert msgspec.json.decode(body) == WHOLE
    assert ledger.entries == []
    again = FORMAT.read_request(msgspec.json.decode(body), "m", ledger, stream=False)
    assert again == conversation
    assert FORMAT.write_request(again, PLAIN, ledger) == body


def test_the_argument_stays() -> None:
    """Writing changes nothing of the conversation, and always gives the same bytes."""
    conversation = Conversation(
        model="m",
        turns=[user("a"), Turn(role="assistant", parts=[CALL]), Turn(role="tool", parts=[RESULT])],
        tools=[Tool(name="f", parameters={"type": "object", "properties": {"b": {"const": 1}, "a": {}}})],
        settings=Settings(tool_choice=ToolChoice(mode="required")),
    )
    before = repr(conversation)
    dialect = Dialect(schema="gemini")
    written = {FORMAT.write_request(conversation, dialect, Ledger()) for _ in range(5)}
    assert len(written) == 1
    assert repr(conversation) == before


@pytest.mark.parametrize(
    ("first", "own_format", "opened"),
    [
        (CALL, "chat", True),
        (CALL, "gemini", False),  # what Google says of it is for its caller to hear
        (Text(text="a"), "chat", False),
    ],
)
def test_a_conversation_that_begins_with_a_call(first: Any, own_format: str, opened: bool) -> None:
    """Calls come behind a turn of the user's, so one is put before the first, reported."""
    turns = [
        Turn(role="system", parts=[Text(text="s")]),
        Turn(role="assistant", parts=[first], at="/1"),
        Turn(role="tool", parts=[RESULT]),
    ]
    body, losses = write(turns, own_format=own_format)
    assert [content["role"] for content in body["contents"]] == [*["user"] * opened, "model", "user"]
    assert losses == ([("/1", "approximated")] if opened else [])


def test_a_conversation_that_ends_with_the_model() -> None:
    """A model that does not go on with a turn of its own is asked to, reported; others get what was said."""
    turns = [user("a"), Turn(role="assistant", parts=[Text(text="b")], at="/1")]
    assert [content["role"] for content in write(turns)[0]["contents"]] == ["user", "model"]
    body, losses = write(turns, Dialect(prefill=False))
    assert body["contents"][-1] == {"role": "user", "parts": [{"text": "Continue."}]}
    assert losses == [("/1", "approximated")]
