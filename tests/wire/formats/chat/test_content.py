"""The content of messages: every kind of part as a neutral one."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.chat.content import read_content, source_of, thinking_text
from aigw.wire.neutral import CacheMark, Foreign, Media, Part, Refusal, Source, Text, Thinking

AT = "/messages/0/content"
PLACE = f"{AT}/0"

CASES: list[tuple[dict[str, Any], Part]] = [
    ({"type": "text", "text": "a"}, Text(text="a", at=PLACE)),
    ({"type": "text", "text": "a", "x": 1}, Text(text="a", at=PLACE, own={"x": 1})),
    (
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        Text(text="a", at=PLACE, cache=CacheMark(None, f"{PLACE}/cache_control")),
    ),
    ({"type": "refusal", "refusal": "no"}, Refusal(text="no", at=PLACE)),
    (
        {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low", "y": 2}},
        Media(
            kind="image",
            source=Source(url="https://a/b.png"),
            detail="low",
            at=PLACE,
            own={"image_url": {"y": 2}},
        ),
    ),
    (
        {"type": "image_url", "image_url": "data:image/png;base64,QUJD"},
        Media(kind="image", source=Source(data="QUJD", media_type="image/png"), at=PLACE),
    ),
    (
        {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}},
        Media(kind="video", source=Source(url="https://a/b.mp4"), at=PLACE),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
        Media(kind="audio", source=Source(data="QUJD", media_type="audio/mpeg"), at=PLACE),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "flac"}},
        Media(kind="audio", source=Source(data="QUJD", media_type="audio/flac"), at=PLACE),
    ),
    (
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
        Media(kind="document", source=Source(data="QUJD", media_type="application/pdf"), name="a.pdf", at=PLACE),
    ),
    (
        {"type": "file", "file": {"file_data": "data:image/png;base64,QUJD"}},
        Media(kind="image", source=Source(data="QUJD", media_type="image/png"), at=PLACE),
    ),
    (
        {"type": "file", "file": {"file_data": "QUJD", "filename": "a.pdf", "file_id": "f"}},
        Media(
            kind="document",
            source=Source(data="QUJD"),
            name="a.pdf",
            at=PLACE,
            own={"file": {"file_id": "f"}},
        ),
    ),
    (
        {"type": "file", "file": {"file_data": "https://a/b.pdf"}},
        Media(kind="document", source=Source(url="https://a/b.pdf"), at=PLACE),
    ),
    (
        {"type": "file", "file": {"file_id": "file-1"}},
        Media(kind="document", source=Source(file_id="file-1"), at=PLACE),
    ),
    ({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}, Thinking(text="hm", at=PLACE)),
    ({"type": "riddle", "a": 1}, Foreign(format="chat", value={"type": "riddle", "a": 1}, at=PLACE)),
]


@pytest.mark.parametrize(("said", "part"), CASES)
def test_parts(said: dict[str, Any], part: Part) -> None:
    """Each kind has its neutral part; what nobody knows stays the part's own, an unknown kind stays verbatim."""
    assert read_content([said], AT) == [part]


@pytest.mark.parametrize(
    ("content", "parts"), [(None, []), ("", [Text(text="", at=AT)]), ("a", [Text(text="a", at=AT)])]
)
def test_strings(content: Any, parts: list[Part]) -> None:
    """A string is one text at the content's own place; null is nothing."""
    assert read_content(content, AT) == parts


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (1, "messages[0].content"),
        ({"type": "text"}, "messages[0].content"),
        (["a"], "messages[0].content[0]"),
        ([{"text": "a"}], "messages[0].content[0].type"),
        ([{"type": "text"}], "messages[0].content[0].text"),
        ([{"type": "image_url"}], "messages[0].content[0].image_url"),
        ([{"type": "image_url", "image_url": {}}], "messages[0].content[0].image_url.url"),
        ([{"type": "input_audio", "input_audio": {"data": "a"}}], "messages[0].content[0].input_audio.format"),
        ([{"type": "file", "file": {}}], "messages[0].content[0].file.file_id"),
        ([{"type": "text", "text": "a", "cache_control": 1}], "messages[0].content[0].cache_control"),
    ],
)
def test_what_is_none(content: Any, param: str) -> None:
    """What no provider could take is refused by its place."""
    with pytest.raises(InvalidBody) as refusal:
        read_content(content, AT)
    assert refusal.value.param == param


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("data:image/png;base64,QUJD", Source(data="QUJD", media_type="image/png")),
        ("data:;base64,QUJD", Source(data="QUJD")),
        ("data:text/plain,a", Source(url="data:text/plain,a")),
        ("https://a", Source(url="https://a")),
    ],
)
def test_data_urls(url: str, source: Source) -> None:
    """Base64 comes out of its URL; other data URLs are taken apart where requests are arranged."""
    assert source_of(url) == source


@pytest.mark.parametrize(("value", "text"), [("a", "a"), ([{"text": "a"}, {"text": 1}, "b"], "a"), (None, "")])
def test_thinking(value: Any, text: str) -> None:
    """The text of a thinking part is a string or stands in parts; anything else is none."""
    assert thinking_text(value) == text
