"""Parts as Gemini has them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini.part_writer import PartWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Citation,
    Foreign,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Losses = list[tuple[str, str]]


def write(part: Part, dialect: Dialect | None = None) -> tuple[list[Any], list[Any], Losses]:
    ledger = Ledger()
    writer = PartWriter(dialect or Dialect(), ledger, lambda thinking: thinking.signature or "", home=False)
    told = msgspec.json.decode(msgspec.json.encode(writer.parts([part])))
    return told, writer.behind, [(entry.pointer, entry.action) for entry in ledger.entries]


def media(kind: Any, at: str = "/m", **members: Any) -> Media:
    extra = {name: members.pop(name) for name in ("name", "detail", "context", "cited") if name in members}
    return Media(kind=kind, source=Source(**members), at=at, **extra)


@pytest.mark.parametrize(
    ("part", "wanted", "losses"),
    [
        (Text(text="a"), {"text": "a"}, []),
        (Text(text="a", at="/t", cache=CacheMark()), {"text": "a"}, [("/t/cache_control", "dropped")]),
        (Text(text="a", at="/t", cache=CacheMark(at="/t/mark")), {"text": "a"}, [("/t/mark", "dropped")]),
        (Text(text="a", at="/t", own={"x": 1}), {"text": "a"}, [("/t/x", "dropped")]),
        (Text(text="a", at="/t", citations=[Citation(kind="url")]), {"text": "a"}, [("/t", "approximated")]),
        (Refusal(text="no", at="/t"), {"text": "no"}, [("/t", "approximated")]),
        (
            ToolCall(id="c", name="f", arguments='{"a": 1.0}'),
            {"functionCall": {"name": "f", "args": {"a": 1.0}, "id": "c"}},
            [],
        ),
        (
            ToolCall(id="c", name="f", arguments="free", custom=True),
            {"functionCall": {"name": "f", "args": {"input": "free"}, "id": "c"}},
            [],
        ),
        (
            media("image", data="aGk=", media_type="image/png"),
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            [],
        ),
        (
            media("document", text="hi", name="n", context="c", cited=True),
            {"inlineData": {"mimeType": "text/plain", "data": "aGk="}},
            [("/m", "approximated")],
        ),
        (
            media("image", url="https://e.x/a.webp"),
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://e.x/a.webp"}},
            [],
        ),
        (
            media("image", url="https://e.x/a?b", detail="low"),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://e.x/a?b"}},
            [("/m", "approximated")],
        ),
        (
            media("video", url="https://youtu.be/1"),
            {"fileData": {"fileUri": "https://youtu.be/1"}},
            [],
        ),
        (media("document", file_id="files/1"), {"fileData": {"fileUri": "files/1"}}, []),
        (media("document", file_id="file-abc"), None, [("/m", "dropped")]),
        (Foreign(format="gemini", value={"x": 1}), {"x": 1}, []),
        (ServerToolCall(id="s", name="web_search", arguments="{}", at="/s"), None, [("/s", "dropped")]),
        (ServerToolResult(call_id="s", name="web_search", at="/s"), None, [("/s", "dropped")]),
    ],
)
def test_each_part(part: Part, wanted: Any, losses: Losses) -> None:
    """A part is written as the nearest thing there is; what of it cannot be said is reported."""
    told, _, found = write(part)
    assert told == ([] if wanted is None else [wanted])
    assert found == losses


@pytest.mark.parametrize(
    ("part", "dialect"),
    [
        (media("audio", data="aGk=", media_type="audio/wav"), Dialect(audio=False)),
        (media("document", data="aGk=", media_type="application/pdf"), Dialect(documents=False)),
        (media("image", url="https://e.x/a.png"), Dialect(image_urls=False)),
    ],
)
def test_what_a_model_does_not_take(part: Part, dialect: Dialect) -> None:
    """It is dropped and reported, not sent to be refused."""
    told, _, losses = write(part, dialect)
    assert told == []
    assert losses == [("/m", "dropped")]


IMAGE = media("image", at="/i", data="aGk=", media_type="image/png")
SOUND = media("audio", at="/a", data="aGk=", media_type="audio/wav")
IMAGE_TOLD = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
SOUND_TOLD = {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}}


@pytest.mark.parametrize(
    ("parts", "failed", "wanted", "behind", "losses"),
    [
        ([], None, {"response": {"output": ""}}, [], []),
        ([Text(text="x")], False, {"response": {"output": "x"}}, [], []),
        ([Text(text="x")], True, {"response": {"error": "x"}}, [], []),
        ([Structured(value='{"a": 1}')], None, {"response": {"a": 1}}, [], []),
        ([Structured(value="[1]")], None, {"response": {"output": [1]}}, [], []),
        ([Structured(value='{"a": 1}')], True, {"response": {"error": {"a": 1}}}, [], []),
        ([Text(text="x"), Text(text="y")], None, {"response": {"output": "x\ny"}}, [], [("/r", "rewritten")]),
        ([Text(text="x"), IMAGE], None, {"response": {"output": "x"}, "parts": [IMAGE_TOLD]}, [], []),
        ([SOUND], None, {"response": {"output": ""}}, [SOUND_TOLD], [("/a", "approximated")]),
    ],
)
def test_results(parts: list[Part], failed: bool | None, wanted: Any, behind: list[Any], losses: Losses) -> None:
    """A text is the output, an object the response itself, a failure the error; media stand within if they may."""
    told, after, found = write(ToolResult(call_id="c", name="f", parts=parts, failed=failed, at="/r"))
    assert told == [{"functionResponse": {"id": "c", "name": "f", **wanted}}]
    assert (after, found) == (behind, losses)


def test_results_of_models_that_take_no_media_within() -> None:
    """A dialect that refuses them gets them behind the result."""
    result = ToolResult(call_id="c", name="f", parts=[IMAGE], at="/r")
    told, behind, losses = write(result, Dialect(refused=frozenset({"functionResponse.parts"})))
    assert "parts" not in told[0]["functionResponse"]
    assert (behind, losses) == ([IMAGE_TOLD], [("/i", "approximated")])


def test_a_signature_waits_for_its_part() -> None:
    """Where the part that it is bound to cannot be sent, the next one gets it."""
    ledger = Ledger()
    writer = PartWriter(Dialect(), ledger, lambda thinking: thinking.signature or "", home=False)
    bound = Thinking(signature="S", bound=True)
    gone = ServerToolCall(id="s", name="x", arguments="")
    assert writer.parts([bound, gone, Text(text="a")]) == [{"text": "a", "thoughtSignature": "S"}]


@pytest.mark.parametrize(
    ("arguments", "args", "lost"),
    [
        ('{"a": 1.0}', b'{"a": 1.0}', False),
        ('{\n  "a": "b\\n",\r\n "c":[ 1 ]\n}', b'{"a":"b\\n","c":[1]}', False),
        ("", b"{}", False),
        (" ", b"{}", False),
        ('{"city" :', b'{"INVALID_JSON":"{\\"city\\" :"}', True),
        ("5", b'{"INVALID_JSON":"5"}', True),
        ("[1]", b'{"INVALID_JSON":"[1]"}', True),
        ("null", b'{"INVALID_JSON":"null"}', True),
        ('{"a":' * 3000, None, True),
    ],
)
def test_arguments(arguments: str, args: bytes | None, lost: bool) -> None:
    """Arguments keep their bytes, without line ends; what is no object (a limit may cut it) stands in one, reported."""
    ledger = Ledger()
    writer = PartWriter(Dialect(), ledger, lambda thinking: "", home=False)
    told = msgspec.json.encode(writer.parts([ToolCall(id="c", name="f", arguments=arguments)], "answer:/parts"))
    if args is not None:
        assert told == b'[{"functionCall":{"name":"f","args":%b,"id":"c"}}]' % args
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == (
        [("answer:/parts/0/arguments", "approximated")] if lost else []
    )
    assert isinstance(msgspec.json.decode(told)[0]["functionCall"]["args"], dict)


def test_foreign_parts() -> None:
    """A part that only Gemini knows stands as it is; one of another format stays behind, reported."""
    assert write(Foreign(format="gemini", value={"new": 1}, at="/f")) == ([{"new": 1}], [], [])
    assert write(Foreign(format="responses", value={"type": "x"}, at="/f")) == ([], [], [("/f", "dropped")])


def test_thoughts_that_their_maker_knows() -> None:
    """An id alone is worth a seal to a caller; towards the provider nothing stands where there is no signature."""
    known = Thinking(text="t", id="rs_1", maker="openai")
    for sealed, wanted in (("seal", {"thoughtSignature": "seal"}), ("", {})):
        writer = PartWriter(Dialect(), Ledger(), lambda thinking, told=sealed: told, home=False)  # type: ignore[misc]
        assert writer.parts([known]) == [{"text": "t", "thought": True, **wanted}]
