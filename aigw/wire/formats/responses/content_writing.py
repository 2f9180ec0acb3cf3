"""Parts of a turn, as the content of a message or the output of a tool.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.draft import Draft
from aigw.wire.formats.responses.content import SOUND_FORMATS
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Media, Part, Refusal, Structured, Text

Json = dict[str, Any]

# A file that comes as data needs a name, by whose ending its kind is told.
_NAMES: Final = {
    "application/pdf": "document.pdf", "text/plain": "document.txt", "text/markdown": "document.md",
    "text/html": "document.html", "text/csv": "document.csv", "application/json": "document.json",
}  # fmt: skip


class ContentWriter:
    """Writes content for one request, and notes what it cannot say."""

    def __init__(self, draft: Draft) -> None:
        self._dialect = draft.dialect
        self._ledger = draft.ledger
        self._home = draft.conversation.own_format == "responses"

    def of(self, parts: list[Part]) -> str | list[Json]:
        """One text alone as a string, anything else as a list; empty where nothing could be said."""
        if len(parts) == 1:
            part = parts[0]
            if isinstance(part, Structured):
                return part.value
            if isinstance(part, Text) and not part.own and (part.cache is None or not self._home):
                self.unmarked(part)
                self._uncited(part)
                return part.text
        return [written for part in parts if (written := self._part(part)) is not None]

    def unmarked(self, part: Part) -> None:
        """Note that a part's cache mark is not sent."""
        if part.cache is not None:
            place = part.cache.at or child(part.at, "cache_control")
            self._ledger.drop(place, "prompts are cached by the provider's own rules")

    def _part(self, part: Part) -> Json | None:
        if isinstance(part, Foreign):
            return dict(part.value)
        written = self._written(part)
        if written is None:
            return None
        if part.cache is not None and self._home:
            mark = {"mode": "explicit", "ttl": part.cache.ttl}
            written["prompt_cache_breakpoint"] = {name: value for name, value in mark.items() if value is not None}
        else:
            self.unmarked(part)
        return {**written, **(part.own or {})}

    def _written(self, part: Part) -> Json | None:
        if isinstance(part, Text):
            self._uncited(part)
            return {"type": "input_text", "text": part.text}
        if isinstance(part, Refusal):
            return {"type": "input_text", "text": part.text}
        if isinstance(part, Structured):
            return {"type": "input_text", "text": part.value}
        if isinstance(part, Media):
            return self._media(part)
        self._ledger.drop(part.at, "it has no place in a message here")
        return None

    def _uncited(self, text: Text) -> None:
        if text.citations:
            self._ledger.drop(child(text.at, "citations"), "only texts of the assistant have citations")

    def _media(self, media: Media) -> Json | None:
        if media.kind == "image":
            return self._image(media)
        if media.kind == "document":
            return self._document(media)
        if media.kind == "audio" and self._home:
            format = SOUND_FORMATS.get(media.source.media_type or "", (media.source.media_type or "").partition("/")[2])
            return {"type": "input_audio", "input_audio": {"data": media.source.data, "format": format}}
        self._ledger.drop(media.at, f"the Responses API takes no {media.kind}")
        return None

    def _image(self, media: Media) -> Json | None:
        source = media.source
        if media.name is not None:
            self._ledger.approximate(media.at, "an image is sent without its name")
        written: Json = {"type": "input_image", "detail": media.detail or "auto"}
        if source.file_id is not None:
            return {**written, "file_id": source.file_id}
        if source.data is not None:
            return {**written, "image_url": f"data:{source.media_type};base64,{source.data}"}
        if not self._dialect.image_urls:
            self._ledger.drop(media.at, "the provider does not fetch images by URL: send the image itself")
            return None
        return {**written, "image_url": source.url}

    def _document(self, media: Media) -> Json | None:
        if media.context is not None:
            self._ledger.drop(child(media.at, "context"), "files have no context")
        if media.cited:
            self._ledger.drop(child(media.at, "citations"), "files are not cited on demand")
        if media.source.text is not None:
            if media.name is not None:
                self._ledger.approximate(media.at, "a document of plain text is sent as a text, without its title")
            return {"type": "input_text", "text": media.source.text}
        if self._dialect.documents:
            return _file(media)
        self._ledger.drop(media.at, "the provider takes no files in messages")
        return None


def _file(media: Media) -> Json:
    source = media.source
    written: Json = {"type": "input_file"}
    if source.file_id is not None:
        written["file_id"] = source.file_id
    elif source.data is not None:
        written["filename"] = media.name or _NAMES.get(source.media_type or "", "document")
        written["file_data"] = f"data:{source.media_type};base64,{source.data}"
    else:
        written["file_url"] = source.url
    if media.name is not None:
        written["filename"] = media.name
    if media.detail is not None:
        written["detail"] = media.detail
    return written
