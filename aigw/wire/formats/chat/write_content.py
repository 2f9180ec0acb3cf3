"""Content parts of a chat request: what Chat Completions and the provider's dialect of it can say.

Source: https://platform.openai.com/docs/api-reference/chat/create, `messages[].content`. Text may stand anywhere;
images, sounds and files only in messages of a user.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aigw.wire.dialect import Dialect
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import CacheMark, Foreign, Media, Part, Refusal, Source, Structured, Text

_SOUNDS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/vnd.wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}
_NOT_HERE = "Chat Completions has no place for it here"


def merge(into: dict[str, Any], own: dict[str, Any] | None) -> None:
    """Put the caller's own members back where they stood."""
    for name, value in (own or {}).items():
        inner = into.get(name)
        if isinstance(inner, dict) and isinstance(value, dict):
            merge(inner, value)
        else:
            into[name] = value


class Contents:
    """Writes parts for one provider; what cannot be said goes into the ledger."""

    __slots__ = ("dialect", "ledger")

    def __init__(self, dialect: Dialect, ledger: Ledger) -> None:
        self.dialect = dialect
        self.ledger = ledger

    def content(self, parts: list[Part], *, media: bool) -> str | list[dict[str, Any]]:
        """The `content` of a message: a string where there is one plain text, else parts. `media`: it is a user's."""
        if len(parts) == 1:
            only = parts[0]
            if isinstance(only, Text) and not only.own and not self._marks(only):
                self.mark(None, only.cache, only.at)
                return only.text
        objects = [said for part in parts if (said := self._part(part, media=media)) is not None]
        return objects if objects else ""

    def mark(self, into: dict[str, Any] | None, cache: CacheMark | None, at: str) -> None:
        """A cache mark, where the provider knows them and there is an object to put it on."""
        if cache is None:
            return
        if into is None or not self.dialect.cache_marks:
            self.ledger.drop(cache.at or child(at, "cache_control"), "prompts are cached without marks here")
            return
        into["cache_control"] = {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}

    def _marks(self, part: Part) -> bool:
        return part.cache is not None and self.dialect.cache_marks

    def _part(self, part: Part, *, media: bool) -> dict[str, Any] | None:
        said = self._said(part, media=media)
        if said is not None:
            self.mark(said, part.cache, part.at)
            merge(said, part.own)
        return said

    def _said(self, part: Part, *, media: bool) -> dict[str, Any] | None:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text}
        if isinstance(part, Structured):
            return {"type": "text", "text": part.value}
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        if isinstance(part, Foreign):
            return dict(part.value)
        if isinstance(part, Media) and media:
            return self.media(part)
        self.ledger.drop(part.at, _NOT_HERE)
        return None

    # -- media -----------------------------------------------------------------------------------------------------

    def media(self, part: Media) -> dict[str, Any] | None:
        """A part of a user's message; None (and reported) for what cannot be said."""
        self._beside(part)
        if part.kind == "image":
            said = self._image(part)
        elif part.kind == "audio":
            said = self._sound(part)
        elif part.kind == "document":
            said = self._document(part)
        else:
            said = "Chat Completions takes no videos"
        if isinstance(said, str):
            self.ledger.drop(part.at, said)
            return None
        return said

    def _beside(self, part: Media) -> None:
        """Report what is said of media that has no member."""
        if part.context is not None:
            self.ledger.drop(child(part.at, "context"), "files have no context here")
        if part.cited is not None:
            self.ledger.drop(child(part.at, "citations"), "files are not cited here")
        if part.name is not None and part.kind != "document":
            self.ledger.approximate(part.at, "only files have a name here")
        if part.detail is not None and part.kind != "image":
            self.ledger.drop(child(part.at, "detail"), "only images have a detail here")

    def _image(self, part: Media) -> dict[str, Any] | str:
        source = part.source
        if source.data is not None:
            url = data_url(source)
        elif source.url is None:
            return "an image can be a URL or data here, no stored file"
        elif not self.dialect.image_urls:
            return "the provider takes no URLs of images"
        else:
            url = source.url
        image: dict[str, Any] = {"url": url}
        if part.detail is not None:
            image["detail"] = part.detail
        return {"type": "image_url", "image_url": image}

    def _sound(self, part: Media) -> dict[str, Any] | str:
        source = part.source
        form = _SOUNDS.get((source.media_type or "").partition(";")[0].lower())
        if not self.dialect.audio:
            return "the provider takes no sounds"
        if source.data is None:
            return "a sound can only be data here"
        if form is None:
            return f"a sound can be wav or mp3 here, not {source.media_type}"
        return {"type": "input_audio", "input_audio": {"data": source.data, "format": form}}

    def _document(self, part: Media) -> dict[str, Any] | str:
        source = part.source
        text = source.text if source.text is not None else _plain_text(source)
        if text is not None:
            self.ledger.rewrite(part.at, "a document of plain text became a text")
            return {"type": "text", "text": f"{part.name}\n\n{text}" if part.name else text}
        if not self.dialect.documents:
            return "the provider takes no documents"
        if source.data is not None:
            name = part.name or _default_name(source.media_type)
            return {"type": "file", "file": {"filename": name, "file_data": data_url(source)}}
        if source.file_id is not None:
            file = (
                {"file_id": source.file_id}
                if part.name is None
                else {
                    "filename": part.name,
                    "file_id": source.file_id,
                }
            )
            return {"type": "file", "file": file}
        return "a document cannot be a URL here: send its data"


def data_url(source: Source) -> str:
    """A source's data as a data URL (RFC 2397)."""
    return f"data:{source.media_type or 'application/octet-stream'};base64,{source.data}"


def _plain_text(source: Source) -> str | None:
    """The text of a document that is data, if it is one."""
    if source.data is None or not (source.media_type or "").startswith("text/"):
        return None
    try:
        return base64.b64decode(source.data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _default_name(media_type: str | None) -> str:
    """A file needs a name; it tells servers the type."""
    return "document.pdf" if media_type == "application/pdf" else "document"
