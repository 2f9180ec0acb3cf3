"""How large is a picture? Told by the first kilobytes of PNG, JPEG, GIF and WebP files, nothing decoded."""

from __future__ import annotations

from typing import Final

HEAD_BYTES: Final = 98_304
"""As much of a file as is worth looking at: a JPEG tells its size behind its EXIF data, which is at most 64 KiB."""

# Markers of JPEG frames, which hold the size (ITU-T T.81, table B.1): all from C0 to CF but DHT, JPG and DAC.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels by the beginning of a file; None if it is of no kind known here, or broken."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        found = _int(head[16:20]), _int(head[20:24])
    elif head.startswith(b"\xff\xd8"):
        found = _jpeg(head)
    elif head.startswith(b"GIF8"):
        found = _little(head[6:8]), _little(head[8:10])
    elif head.startswith(b"RIFF") and head.startswith(b"WEBP", 8):
        found = _webp(head)
    else:
        return None
    return found if found[0] and found[1] else None


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _jpeg(head: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _FRAMES:
            return _int(head[at + 7 : at + 9]), _int(head[at + 5 : at + 7])
        at += 2 + max(2, _int(head[at + 2 : at + 4]))
    return 0, 0


def _webp(head: bytes) -> tuple[int, int]:
    """RFC 9649, sections 2.5 to 2.7: the lossy, the lossless and the extended form."""
    form = head[12:16]
    if form == b"VP8X":
        return _little(head[24:27]) + 1, _little(head[27:30]) + 1
    if form == b"VP8L":
        bits = _little(head[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
