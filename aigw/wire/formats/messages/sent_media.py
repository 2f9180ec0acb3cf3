"""Images and documents for a provider: which kinds it takes, and from where.

Sources: https://platform.claude.com/docs/en/build-with-claude/vision,
https://platform.claude.com/docs/en/build-with-claude/pdf-support, .../citations (plain text documents)
"""

from __future__ import annotations

import base64
from typing import Any

from aigw.wire.dialect import Dialect
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Media, Source

_IMAGES = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
_PDF = "application/pdf"
_PLAIN = "text/plain"
# Not named text/…, and text all the same.
_TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})
# Anthropic's files have ids of this look; another provider's would be refused.
_FILE = "file_"


class MediaWriter:
    """Writes media as blocks; what cannot be sent is dropped and reported, with None in its place."""

    __slots__ = ("_dialect", "_home", "_ledger")

    def __init__(self, dialect: Dialect, ledger: Ledger, *, home: bool) -> None:
        self._dialect = dialect
        self._ledger = ledger
        self._home = home

    def block(self, media: Media) -> dict[str, Any] | None:
        """An image or a document; a sound of which the words are told becomes text."""
        if media.kind in ("image", "document"):
            if media.detail not in (None, "auto"):
                self._ledger.approximate(media.at, "the format does not say how closely it is looked at")
            return self._image(media) if media.kind == "image" else self._document(media)
        if media.transcript:
            self._ledger.approximate(media.at, "the format has no sound: its words are sent")
            return {"type": "text", "text": media.transcript}
        self._ledger.drop(media.at, f"the format has no {media.kind}")
        return None

    def _image(self, media: Media) -> dict[str, Any] | None:
        source, reason = self._image_source(media.source)
        if source is None:
            self._ledger.drop(media.at, reason)
            return None
        if media.name is not None:
            self._ledger.approximate(media.at, "an image has no name in the format")
        return {"type": "image", "source": source}

    def _image_source(self, source: Source) -> tuple[dict[str, Any] | None, str]:
        if source.data is not None:
            media_type = _IMAGES.get(source.media_type or "")
            if media_type is None:
                return None, f"the format takes no images of the type {source.media_type}"
            return {"type": "base64", "media_type": media_type, "data": source.data}, ""
        return self._elsewhere(source, "images")

    def _elsewhere(self, source: Source, what: str) -> tuple[dict[str, Any] | None, str]:
        """A source that is not in the request itself."""
        if source.url is not None:
            if not self._dialect.image_urls:
                return None, f"the provider takes no URLs of {what}"
            if not source.url.startswith(("https://", "http://")):
                return None, f"the provider fetches {what} from the web alone"
            return {"type": "url", "url": source.url}, ""
        if source.file_id is not None and (self._home or source.file_id.startswith(_FILE)):
            return {"type": "file", "file_id": source.file_id}, ""
        return None, "the file is stored at another provider"

    def _document(self, media: Media) -> dict[str, Any] | None:
        if not self._dialect.documents:
            self._ledger.drop(media.at, "the provider takes no documents")
            return None
        source, reason = self._document_source(media)
        if source is None:
            self._ledger.drop(media.at, reason)
            return None
        block: dict[str, Any] = {"type": "document", "source": source}
        if media.name is not None:
            block["title"] = media.name
        if media.context is not None:
            block["context"] = media.context
        if media.cited is not None:
            block["citations"] = {"enabled": media.cited}
        return block

    def _document_source(self, media: Media) -> tuple[dict[str, Any] | None, str]:
        source = media.source
        if source.text is not None:
            return self._text(source.text, source.media_type, media.at), ""
        if source.data is None:
            if source.url is not None and source.media_type not in (None, _PDF):
                return None, f"documents of the type {source.media_type} have no URL in the format"
            return self._elsewhere(source, "documents")
        kind = (source.media_type or "").partition(";")[0].strip()
        if kind == _PDF:
            return {"type": "base64", "media_type": _PDF, "data": source.data}, ""
        if kind.startswith("text/") or kind in _TEXTS:
            try:
                return self._text(base64.b64decode(source.data).decode("utf-8"), kind, media.at), ""
            except ValueError:
                return None, "the document is not text in UTF-8"
        return None, f"the format takes no documents of the type {source.media_type}"

    def _text(self, text: str, media_type: str | None, at: str) -> dict[str, Any]:
        if media_type not in (None, _PLAIN):
            self._ledger.rewrite(at, f"a document of the type {media_type} is sent as plain text")
        return {"type": "text", "media_type": _PLAIN, "data": text}
