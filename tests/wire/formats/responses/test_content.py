"""Content of messages and outputs of tools, as callers send it."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.responses.content import read_content
from aigw.wire.neutral import CacheMark, Citation, Foreign, Media, Part, Refusal, Source, Text

AT = "/c/0"
URL = "https://example.org/a"

CASES: list[tuple[dict[str, Any], Part]] = [
    ({"type": "input_text", "text": "a"}, Text(text="a", at=AT)),
    ({"type": "text", "text": "a"}, Text(text="a", at=AT)),
    (
        {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        Text(text="a", at=AT, cache=CacheMark(None, f"{AT}/prompt_cache_breakpoint")),
    ),
    ({"type": "output_text", "text": "a", "annotations": [], "logprobs": []}, Text(text="a", at=AT)),
    (
        {
            "type": "output_text",
            "text": "a",
            "annotations": [{"type": "url_citation", "url": URL, "title": "t", "start_index": 0, "end_index": 1}],
        },
        Text(text="a", at=AT, citations=[Citation(kind="url", url=URL, title="t", start=0, end=1)]),
    ),
    (
        {"type": "output_text", "text": "a", "logprobs": [{"token": "a"}]},
        Text(text="a", at=AT, own={"logprobs": [{"token": "a"}]}),
    ),
    ({"type": "refusal", "refusal": "no"}, Refusal(text="no", at=AT)),
    (
        {"type": "input_image", "image_url": URL, "detail": "low"},
        Media(kind="image", source=Source(url=URL), detail="low", at=AT),
    ),
    (
        {"type": "input_image", "image_url": {"url": URL, "detail": "low"}},
        Media(kind="image", source=Source(url=URL), detail="low", at=AT),
    ),
    (
        {"type": "input_image", "image_url": "data:image/PNG;base64,AAAA"},
        Media(kind="image", source=Source(data="AAAA", media_type="image/png"), at=AT),
    ),
    ({"type": "input_image", "file_id": "f"}, Media(kind="image", source=Source(file_id="f"), at=AT)),
    (
        {"type": "input_image", "image_url": URL, "file_id": "f"},
        Media(kind="image", source=Source(url=URL), at=AT, own={"file_id": "f"}),
    ),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
        Media(kind="document", source=Source(data="AAAA", media_type="application/pdf"), name="a.pdf", at=AT),
    ),
    (
        {"type": "input_file", "file_data": "AAAA", "detail": "high"},
        Media(kind="document", source=Source(data="AAAA"), detail="high", at=AT),
    ),
    ({"type": "input_file", "file_url": URL}, Media(kind="document", source=Source(url=URL), at=AT)),
    (
        {"type": "input_file", "file_url": URL, "file_data": "AAAA"},
        Media(kind="document", source=Source(url=URL), at=AT, own={"file_data": "AAAA"}),
    ),
    (
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        Media(kind="audio", source=Source(data="AAAA", media_type="audio/mpeg"), at=AT),
    ),
    ({"type": "hologram", "x": 1}, Foreign(format="responses", value={"type": "hologram", "x": 1}, at=AT)),
]


@pytest.mark.parametrize(("value", "part"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_parts(value: dict[str, Any], part: Part) -> None:
    """Each kind of content is the part that it means; what is not known stays with the format."""
    assert read_content([value], "/c") == [part]


def test_a_string() -> None:
    """A string is one text, at the place of the content."""
    assert read_content("a", "/c") == [Text(text="a", at="/c")]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (7, "c"),
        ([7], "c[0]"),
        ([{}], "c[0].type"),
        ([{"type": "input_text"}], "c[0].text"),
        ([{"type": "input_image"}], "c[0]"),
        ([{"type": "input_image", "image_url": 7}], "c[0].image_url"),
        ([{"type": "input_audio"}], "c[0].input_audio"),
        ([{"type": "output_text", "text": "", "annotations": [7]}], "c[0].annotations[0]"),
    ],
)
def test_what_is_no_content(value: Any, param: str) -> None:
    """What has the wrong shape is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read_content(value, "/c")
    assert caught.value.param == param
