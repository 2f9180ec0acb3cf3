"""Media on their way into a provider's request: base64 that decodes, data URLs taken apart, kinds told by first bytes.

Callers send base64 in all its spellings: with line breaks (MIME), without padding, in the URL-safe alphabet (what
google-genai sends). Providers agree only on the standard one (RFC 4648, section 4), so that is what leaves here. The
bytes that it stands for never change.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from aigw.wire.neutral import Media, Source
from aigw.wire.places import refusal

_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}").fullmatch
_SPELLINGS: Final = str.maketrans("-_", "+/", " \t\r\n")
# RFC 2397: data:[<media type>][;attribute=value]*[;base64],<data>
_DATA_URL: Final = re.compile(r"data:(?P<type>[^;,\s]*)(?P<rest>(?:;[^,]*)?),", re.IGNORECASE).match

# What files begin with. A RIFF file says at its ninth byte which one it is, an ISO base media file from the fifth.
_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"%PDF-", "application/pdf"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
)
_HEAD_CHARS: Final = 64
_SUFFIXES: Final = {
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html",
    "json": "application/json", "xml": "text/xml",
}  # fmt: skip


def arranged(media: Media) -> Media:
    """The same media, valid and with its type named; the very same object where nothing had to be done.

    Raises InvalidBody for data that is not base64, or that nobody can tell the type of.
    """
    source = media.source
    if source.url is not None and source.url[:5].lower() == "data:":
        source = _of_data_url(source.url, media)
    if source.data is not None:
        data = _standard(source.data, media)
        media_type = source.media_type or _type_of(data, media)
        if data is not source.data or media_type is not source.media_type:
            source = msgspec.structs.replace(source, data=data, media_type=media_type)
    elif not (source.url or source.file_id or source.text is not None):
        raise refusal(media.at, f"is an empty {media.kind}: give a URL, data or a file")
    return media if source is media.source else msgspec.structs.replace(media, source=source)


def guessed(head: bytes) -> str | None:
    """The media type of a file by its first bytes (16 do), None if they are of no kind known here."""
    for start, magic, media_type in _MAGIC:
        if head.startswith(magic, start) and (start != 8 or head.startswith(b"RIFF")):
            return media_type
    return None


def first_bytes(data: str, chars: int = _HEAD_CHARS) -> bytes:
    """The first bytes of valid base64, without decoding all of it; `chars` is a multiple of four."""
    head = data[:chars].translate(_SPELLINGS)
    try:
        return base64.b64decode(head[: len(head) // 4 * 4])
    except binascii.Error:
        return b""


def _of_data_url(url: str, media: Media) -> Source:
    found = _DATA_URL(url)
    if found is None:
        raise refusal(media.at, "is a data URL without a comma: write data:<media type>;base64,<data>")
    data = url[found.end() :]
    if not found["rest"].lower().endswith(";base64"):
        data = base64.b64encode(unquote_to_bytes(data)).decode("ascii")
    elif "%" in data:
        data = unquote(data)
    return Source(data=data, media_type=found["type"].lower() or media.source.media_type)


def _standard(data: str, media: Media) -> str:
    if data and len(data) % 4 == 0 and _STANDARD(data):
        return data
    spelt = data.translate(_SPELLINGS)
    bare = spelt.rstrip("=")
    if bare and len(bare) % 4 != 1:
        spelt = spelt if len(spelt) % 4 == 0 else bare + "=" * (-len(bare) % 4)
        if _STANDARD(spelt):
            return spelt
    raise refusal(media.at, f"has {'data that are not valid base64' if data else 'no data'}")


def _type_of(data: str, media: Media) -> str:
    suffix = (media.name or "").rpartition(".")[2].lower()
    media_type = guessed(first_bytes(data)) or _SUFFIXES.get(suffix)
    if media_type is None:
        raise refusal(media.at, "does not say its media type, and its first bytes do not tell it: name it")
    return media_type
