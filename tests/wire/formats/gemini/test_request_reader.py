"""A caller's request in no dialect."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Conversation,
    Foreign,
    Media,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from aigw.wire.signatures import seal


def read(body: dict[str, Any]) -> Conversation:
    return FORMAT.read_request(body, "m", Ledger(), stream=False)


def turns(*contents: dict[str, Any], **members: Any) -> list[Turn]:
    return read({"contents": list(contents), **members}).turns


def part(value: dict[str, Any], role: str = "user") -> Any:
    return turns({"role": role, "parts": [value]})[0].parts[0]


AT = "/contents/0/parts/0"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"text": "a"}, Text(text="a", at=AT)),
        (
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            Media(kind="image", source=Source(data="aGk=", media_type="image/png"), at=AT),
        ),
        (
            {"inline_data": {"mime_type": "audio/wav", "data": "aGk=", "display_name": "n"}},
            Media(kind="audio", source=Source(data="aGk=", media_type="audio/wav"), name="n", at=AT),
        ),
        (
            {"fileData": {"fileUri": "https://e.x/a.pdf"}},
            Media(kind="document", source=Source(url="https://e.x/a.pdf"), at=AT),
        ),
        (
            {"fileData": {"fileUri": "gs://b/a.wav", "mimeType": "audio/wav"}},
            Media(kind="audio", source=Source(url="gs://b/a.wav", media_type="audio/wav"), at=AT),
        ),
        (
            {"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}},
            Media(kind="video", source=Source(url="https://www.youtube.com/watch?v=1"), at=AT),
        ),
        (
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1"}},
            Media(
                kind="document",
                source=Source(file_id="https://generativelanguage.googleapis.com/v1beta/files/1"),
                at=AT,
            ),
        ),
        (
            {"fileData": {"fileUri": "https://e.x/a.mp4"}, "videoMetadata": {"fps": 1}},
            Media(kind="video", source=Source(url="https://e.x/a.mp4"), at=AT, own={"videoMetadata": {"fps": 1}}),
        ),
        ({"newThing": 1}, Foreign(format="gemini", value={"newThing": 1}, at=AT)),
        (
            {"thought": True, "inlineData": {"data": "x"}},
            Foreign(format="gemini", value={"thought": True, "inlineData": {"data": "x"}}, at=AT),
        ),
    ],
)
def test_each_part(value: dict[str, Any], wanted: Any) -> None:
    """A part becomes what it is, under either spelling of its members; what nobody else knows stays verbatim."""
    assert part(value) == wanted


@pytest.mark.parametrize(
    ("contents", "roles"),
    [
        ([{"parts": [{"text": "a"}]}], ["user"]),
        ([{"role": "user", "parts": {"text": "a"}}], ["user"]),
        ([{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": []}], ["user", "assistant"]),
        (
            [
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
                {"role": "function", "parts": [{"functionResponse": {"name": "f"}}]},
            ],
            ["assistant", "tool"],
        ),
        (
            [
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
                {"parts": [{"text": "a"}, {"functionResponse": {"name": "f"}}, {"text": "b"}]},
            ],
            ["assistant", "user", "tool", "user"],
        ),
        ([{"role": "model", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}], ["assistant"]),
    ],
)
def test_roles(contents: list[dict[str, Any]], roles: list[str]) -> None:
    """Results of functions stand in turns of their own; what the model says in pieces is one turn."""
    assert [turn.role for turn in turns(*contents)] == roles


def test_a_lone_content() -> None:
    """One object stands for a list of one, and so the place is its own."""
    turn = read({"contents": {"parts": {"text": "a"}}}).turns[0]
    assert (turn.at, turn.parts[0].at) == ("/contents", "/contents/parts")


@pytest.mark.parametrize(
    "system",
    [{"parts": [{"text": "s"}]}, {"role": "user", "parts": {"text": "s"}}, "s"],
    ids=["list", "object", "text"],
)
def test_the_system_instruction(system: Any) -> None:
    """In each of its forms it is the first turn."""
    first = turns({"parts": [{"text": "a"}]}, system_instruction=system)[0]
    assert (first.role, [part.text for part in first.parts]) == ("system", ["s"])  # type: ignore[attr-defined]
    assert first.at == "/system_instruction"


def test_calls_without_ids() -> None:
    """They get stable ones of their place, and results find them by name and order."""
    found = turns(
        {
            "role": "model",
            "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}, {"functionCall": {"name": "g"}}],
        },
        {"role": "user", "parts": [{"functionResponse": {"name": "g"}}, {"functionResponse": {"name": "f"}}]},
    )
    calls: list[Any] = found[0].parts
    assert [(call.id, call.arguments) for call in calls] == [("call_0_0", '{"a":1}'), ("call_0_1", "{}")]
    results: list[Any] = found[1].parts
    assert [(result.call_id, result.name) for result in results] == [("call_0_1", "g"), ("call_0_0", "f")]


def test_calls_with_ids() -> None:
    """An id wins over the order; the same function may be called many times."""
    found = turns(
        {"role": "model", "parts": [{"functionCall": {"name": "f", "id": name}} for name in "ab"]},
        {"parts": [{"functionResponse": {"name": "f", "id": name}} for name in "ba"]},
    )
    results: list[Any] = found[1].parts
    assert [result.call_id for result in results] == ["b", "a"]


@pytest.mark.parametrize(
    ("response", "parts", "failed"),
    [
        ({"result": "x"}, [Text(text="x", at="/r/result")], None),
        ({"output": "x"}, [Text(text="x", at="/r/output")], None),
        ({"output": ""}, [], None),
        ({}, [], None),
        ({"output": 5}, [Structured(value='{"output":5}', at="/r")], None),
        ({"output": "x", "more": 1}, [Structured(value='{"output":"x","more":1}', at="/r")], None),
        ({"error": "x"}, [Text(text="x", at="/r/error")], True),
        ({"error": {"code": 1}}, [Structured(value='{"code":1}', at="/r/error")], True),
        ({"error": "x", "more": 1}, [Structured(value='{"error":"x","more":1}', at="/r")], None),
    ],
)
def test_responses(response: dict[str, Any], parts: list[Any], failed: bool | None) -> None:
    """A lone text under the usual names is a text, a lone error a failure, everything else a JSON value."""
    found = turns(
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"parts": [{"functionResponse": {"name": "f", "response": response}}]},
    )
    result = found[1].parts[0]
    assert isinstance(result, ToolResult)
    for inner in result.parts:
        inner.at = inner.at.replace("/contents/1/parts/0/functionResponse/response", "/r")
    assert (result.parts, result.failed) == (parts, failed)


def test_media_of_a_result() -> None:
    """They are parts of the result; what else is there stays Gemini's own."""
    image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    found = turns(
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"parts": [{"functionResponse": {"name": "f", "parts": [image, {"other": 1}], "scheduling": "SILENT"}}]},
    )
    result: Any = found[1].parts[0]
    assert [type(inner) for inner in result.parts] == [Media, Foreign]
    assert result.own == {"functionResponse": {"scheduling": "SILENT"}}


def model(*parts: dict[str, Any]) -> list[Any]:
    return list(turns({"role": "model", "parts": list(parts)})[0].parts)


def test_signatures_of_gemini() -> None:
    """One on a part stands before it and is bound to it; one on a thought or on nothing is its own."""
    found = model(
        {"text": "t", "thought": True, "thoughtSignature": "A"},
        {"functionCall": {"name": "f"}, "thoughtSignature": "B"},
        {"text": "", "thoughtSignature": "C"},
    )
    assert [(type(one).__name__, getattr(one, "signature", None), getattr(one, "bound", None)) for one in found] == [
        ("Thinking", "A", False),
        ("Thinking", "B", True),
        ("ToolCall", None, None),
        ("Thinking", "C", False),
    ]
    assert found[0].maker == "gemini"


def test_a_streamed_thought_is_one() -> None:
    """SDKs keep each chunk as a content: thoughts are put together again, and get the signature that came last."""
    sealed = seal(Thinking(signature="S", maker="anthropic"))
    found = turns(
        {"role": "model", "parts": [{"text": "a", "thought": True}]},
        {"role": "model", "parts": [{"text": "b", "thought": True}]},
        {"role": "model", "parts": [{"text": "", "thought": True, "thoughtSignature": sealed}]},
        {"role": "model", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [{"text": "y"}]},
        {"role": "model", "parts": [{"text": ""}]},
    )
    assert len(found) == 1
    parts: list[Any] = found[0].parts
    assert [part.text for part in parts] == ["ab", "xy"]
    assert (parts[0].signature, parts[0].maker) == ("S", "anthropic")


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("redacted", [False, True])
def test_wrapped_signatures(bound: bool, redacted: bool) -> None:
    """What was wrapped for the caller comes back as it was, whatever part it stands on."""
    sealed = seal(Thinking(signature="S", maker="openai", bound=bound, redacted=redacted, id="rs_1"))
    found = model({"functionCall": {"name": "f"}, "thoughtSignature": sealed})
    thinking, call = found
    assert (thinking.signature, thinking.maker, thinking.id) == ("S", "openai", "rs_1")
    assert (thinking.bound, thinking.redacted) == (bound, redacted)
    assert isinstance(call, ToolCall)


def test_executed_code() -> None:
    """Code that the provider ran is a call of its own tool, with the verbatim parts for Gemini."""
    code = {"language": "PYTHON", "code": "1"}
    call, result = model({"executableCode": code}, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED"}})
    assert isinstance(call, ServerToolCall)
    assert isinstance(result, ServerToolResult)
    assert (call.name, call.arguments, call.own) == (
        "code_execution",
        '{"code":"1","language":"PYTHON"}',
        {"executableCode": code},
    )
    assert (result.call_id, result.error) == (call.id, "OUTCOME_FAILED")


CALLING = "functionCallingConfig"


@pytest.mark.parametrize(
    ("config", "choice", "own"),
    [
        ({"mode": "AUTO"}, ToolChoice(mode="auto"), None),
        ({"mode": "any"}, ToolChoice(mode="required"), None),
        ({"mode": "NONE"}, ToolChoice(mode="none"), None),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice(mode="tool", name="f"), None),
        ({"mode": "ANY", "allowed_function_names": ["f", "g"]}, ToolChoice(mode="required", allowed=["f", "g"]), None),
        ({"mode": "VALIDATED"}, ToolChoice(mode="auto"), {"mode": "VALIDATED"}),
        ({"mode": "AUTO", "streamFunctionCallArguments": True}, ToolChoice(mode="auto"), {"stream": 1}),
        ({}, None, None),
        ({"mode": "MODE_UNSPECIFIED"}, None, None),
    ],
)
def test_the_tool_choice(config: dict[str, Any], choice: ToolChoice | None, own: dict[str, Any] | None) -> None:
    """Each mode, with the names it is restricted to; what only Gemini has of it is kept."""
    found = read({"contents": [{"parts": [{"text": "a"}]}], "toolConfig": {CALLING: config}})
    assert found.settings.tool_choice == choice
    kept = found.own.get("toolConfig", {}).get(CALLING)
    assert kept == (own if own != {"stream": 1} else {"streamFunctionCallArguments": True})


def test_own_members() -> None:
    """What only Gemini has stays verbatim, with the pointers of those inside objects."""
    found = read(
        {
            "contents": [{"parts": [{"text": "a"}], "extra": 1}],
            "safetySettings": [{"category": "c"}],
            "cachedContent": "c",
            "labels": {"a": "b"},
            "toolConfig": {"retrievalConfig": {"languageCode": "en"}},
            "generationConfig": {"mediaResolution": "LOW", "imageConfig": {"aspectRatio": "1:1"}},
            "nothing": None,
        }
    )
    assert found.own == {
        "safetySettings": [{"category": "c"}],
        "cachedContent": "c",
        "labels": {"a": "b"},
        "toolConfig": {"retrievalConfig": {"languageCode": "en"}},
        "generationConfig": {"mediaResolution": "LOW", "imageConfig": {"aspectRatio": "1:1"}},
    }
    assert found.places["generationConfig"] == "/generationConfig/mediaResolution /generationConfig/imageConfig"
    assert found.turns[0].own == {"extra": 1}


def test_a_count_of_a_whole_request() -> None:
    """A countTokens body may hold the request within; pointers lead into it."""
    request = {"model": "models/m", "contents": [{"parts": [{"text": "a"}]}], "systemInstruction": "s"}
    found = read({"generateContentRequest": request})
    assert [turn.at for turn in found.turns] == [
        "/generateContentRequest/systemInstruction",
        "/generateContentRequest/contents/0",
    ]
    assert found.own == {}


GOOD = {"parts": [{"text": "a"}]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [5]}, "contents[0]"),
        ({"contents": [{"parts": "hi"}]}, "contents[0].parts"),
        ({"contents": [{"parts": [5]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "assistant", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"data": "x"}}]}]}, "contents[0].parts[0].inlineData"),
        ({"contents": [{"parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "http://[x"}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        (
            {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": [1]}}]}]},
            "contents[0].parts[0].functionCall.args",
        ),
        ({"contents": [{"parts": [{"functionCall": {"name": "f"}}]}]}, "contents[0].parts[0]"),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]},
            "contents[0].parts[0].functionResponse",
        ),
        ({"contents": [GOOD], "tools": 5}, "tools"),
        ({"contents": [GOOD], "tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"contents": [GOOD], "generationConfig": 5}, "generationConfig"),
        ({"contents": [GOOD], "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": [GOOD], "generationConfig": {"top_k": "inf"}}, "generationConfig.top_k"),
        ({"contents": [GOOD], "generationConfig": {"seed": 1.5}}, "generationConfig.seed"),
        ({"contents": [GOOD], "generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences"),
        ({"contents": [GOOD], "toolConfig": {CALLING: {"mode": "SOME"}}}, f"toolConfig.{CALLING}.mode"),
        ({"contents": [GOOD], "systemInstruction": 5}, "systemInstruction"),
    ],
)
def test_wrong_shapes(body: dict[str, Any], param: str) -> None:
    """What no provider could take is refused by its place, as the API's own complaints name it."""
    with pytest.raises(InvalidBody) as caught:
        read(body)
    assert caught.value.param == param
    assert param in caught.value.message
