"""The parts of a message's content, and of a tool's output, as callers send them.

Sources: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input and, for annotations,
https://platform.openai.com/docs/api-reference/responses/object#responses-object-output
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from aigw.wire.formats.responses.annotations import citations_of
from aigw.wire.formats.responses.members import Members, refuse
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Media, Part, Refusal, Source, Text

_DATA_URL: Final = re.compile(r"data:(?P<type>[^;,\s]+);base64,", re.IGNORECASE).match
_SOUNDS: Final = {"mp3": "audio/mpeg", "wav": "audio/wav"}
SOUND_FORMATS: Final = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}
"""Media types as the words that `input_audio.format` knows."""


def read_content(value: Any, at: str) -> list[Part]:
    """`content` or `output`: a string, or a list of parts. Raises InvalidBody."""
    if isinstance(value, str):
        return [Text(text=value, at=at)]
    if not isinstance(value, list):
        refuse(at, "must be a string or an array of content parts")
    return [_part(item, child(at, index)) for index, item in enumerate(value)]


def _part(value: Any, at: str) -> Part:
    members = Members(value, at)
    kind = members.needed("type")
    read = _READERS.get(kind)
    return Foreign(format="responses", value=value, at=at) if read is None else read(members)


def _text(members: Members) -> Part:
    text = members.needed("text")
    cache = members.cache()
    citations = citations_of(members.items("annotations"), members.place("annotations"))
    # Those of an earlier answer tell no model anything: they stay with the format, none are nothing at all.
    if members.items("logprobs"):
        members.leave("logprobs")
    return Text(text=text, citations=citations, cache=cache, at=members.at, own=members.own())


def _refusal(members: Members) -> Part:
    return Refusal(text=members.needed("refusal"), at=members.at, own=members.own())


def _image(members: Members) -> Part:
    url = members.take("image_url")
    if isinstance(url, dict):
        # As Chat Completions nests it; several compatible servers take this too.
        nested = Members(url, members.place("image_url"))
        url = nested.needed("url")
        members.value = {"detail": nested.text("detail"), **members.value}
    elif url is not None and not isinstance(url, str):
        refuse(members.place("image_url"), "must be a string")
    source = _source(members, url, None, members.text("file_id"))
    detail = members.text("detail")
    return Media(kind="image", source=source, detail=detail, cache=members.cache(), at=members.at, own=members.own())


def _file(members: Members) -> Part:
    name = members.text("filename")
    source = _source(members, members.text("file_url"), members.text("file_data"), members.text("file_id"))
    detail = members.text("detail")
    return Media(
        kind="document",
        source=source,
        name=name,
        detail=detail,
        cache=members.cache(),
        at=members.at,
        own=members.own(),
    )


def _sound(members: Members) -> Part:
    sound = members.inner("input_audio")
    if sound is None:
        refuse(members.place("input_audio"), "is required")
    format = sound.text("format") or ""
    source = Source(data=sound.needed("data"), media_type=_SOUNDS.get(format, f"audio/{format}" if format else None))
    return Media(kind="audio", source=source, at=members.at, own=members.own())


def _source(members: Members, url: str | None, data: str | None, file_id: str | None) -> Source:
    """Where it comes from; of several the first that is said, the others are the format's own."""
    given = [value for value in (url, data, file_id) if value is not None]
    if not given:
        refuse(members.at, "needs a URL, data or a file id")
    if url is None and data is None:
        return Source(file_id=file_id)
    if file_id is not None:
        members.leave("file_id")
    if url is not None and data is not None:
        members.leave("file_data")
    text = url if url is not None else data or ""
    found = _DATA_URL(text)
    if found is not None:
        return Source(data=text[found.end() :], media_type=found["type"].lower())
    return Source(url=text) if url is not None or text.startswith("data:") else Source(data=text)


_READERS: Final[dict[str, Callable[[Members], Part]]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _sound,
}
