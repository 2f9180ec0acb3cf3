"""The content of a caller's messages: text, or parts, as neutral parts.

Source: https://platform.openai.com/docs/api-reference/chat/create, `messages[].content`; `video_url` is OpenRouter's
and vLLM's, `thinking` Mistral's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from aigw.wire.formats.chat.members import Members, refuse
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Media, MediaKind, Part, Refusal, Source, Text, Thinking

_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mpeg"}


def read_content(value: Any, at: str) -> list[Part]:
    """The parts of a message's `content`, none for null."""
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(text=value, at=at)]
    if not isinstance(value, list):
        refuse(at, "must be a string or an array of content parts")
    return [_part(item, child(at, index)) for index, item in enumerate(value)]


def _part(item: Any, at: str) -> Part:
    members = Members(item, at)
    kind = members.needed("type")
    read = _READERS.get(kind)
    if read is None:
        return Foreign(format="chat", value=item, at=at)
    part = read(members)
    part.at = at
    part.cache = members.cache()
    part.own = members.own()
    return part


def _text(members: Members) -> Part:
    return Text(text=members.needed("text"))


def _refusal(members: Members) -> Part:
    return Refusal(text=members.needed("refusal"))


def _image(members: Members) -> Part:
    if isinstance(members.value.get("image_url"), str):
        return Media(kind="image", source=source_of(members.needed("image_url")))
    image = members.needed_inner("image_url")
    detail = image.text("detail")
    return Media(kind="image", source=source_of(image.needed("url")), detail=detail)


def _video(members: Members) -> Part:
    if isinstance(members.value.get("video_url"), str):
        return Media(kind="video", source=source_of(members.needed("video_url")))
    return Media(kind="video", source=source_of(members.needed_inner("video_url").needed("url")))


def _audio(members: Members) -> Part:
    sound = members.needed_inner("input_audio")
    form = sound.needed("format")
    media_type = _SOUNDS.get(form, f"audio/{form}")
    return Media(kind="audio", source=Source(data=sound.needed("data"), media_type=media_type))


def _file(members: Members) -> Part:
    file = members.needed_inner("file")
    name = file.text("filename")
    data = file.text("file_data")
    if data is None:
        return Media(kind="document", source=Source(file_id=file.needed("file_id")), name=name)
    if data.startswith(("data:", "https://", "http://", "gs://")):
        return Media(kind=_kind(data), source=source_of(data), name=name)
    return Media(kind="document", source=Source(data=data), name=name)


def _kind(url: str) -> MediaKind:
    kinds: tuple[Literal["image", "audio", "video"], ...] = ("image", "audio", "video")
    return next((kind for kind in kinds if url.startswith(f"data:{kind}/")), "document")


def source_of(url: str) -> Source:
    """A URL, or what is in a data URL."""
    if url.startswith("data:"):
        media_type, found, data = url[5:].partition(";base64,")
        if found:
            return Source(data=data, media_type=media_type or None)
    return Source(url=url)


def _thinking(members: Members) -> Part:
    """Mistral's: `thinking` is a list of text parts, or a string."""
    text = thinking_text(members.take("thinking"))
    members.take("closed")
    return Thinking(text=text)


def thinking_text(value: Any) -> str:
    """The text of a `thinking` part."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    texts = (item.get("text") for item in value if isinstance(item, dict))
    return "".join(text for text in texts if isinstance(text, str))


_READERS: dict[str, Callable[[Members], Part]] = {
    "text": _text,
    "refusal": _refusal,
    "image_url": _image,
    "video_url": _video,
    "input_audio": _audio,
    "file": _file,
    "thinking": _thinking,
}
