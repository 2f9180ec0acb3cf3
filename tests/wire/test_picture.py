from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.picture import size


def jpeg(frame: bytes, *segments: bytes) -> bytes:
    head = b"\xff\xd8"
    for segment in segments:
        head += b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    return head + frame


FRAME = b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 30, 40) + b"\x03"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480), (640, 480)),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 0, 480), None),
        (b"\x89PNG\r\n\x1a\n", None),
        (jpeg(FRAME), (40, 30)),
        (jpeg(FRAME, b"Exif" * 1000, b"more"), (40, 30)),
        (jpeg(b"\xff\xc4" + FRAME[2:]), None),
        (jpeg(b""), None),
        (b"GIF89a" + struct.pack("<HH", 20, 10), (20, 10)),
        (b"RIFF0000WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 20, 10), (20, 10)),
        (b"RIFF0000WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 19 | 9 << 14), (20, 10)),
        (b"RIFF0000WEBPVP8X" + bytes(8) + b"\x13\x00\x00\x09\x00\x00", (20, 10)),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_sizes(head: bytes, expected: tuple[int, int] | None) -> None:
    """Width and height stand near the beginning of every kind of picture."""
    assert size(head) == expected


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"GIF8", b"RIFF0000WEBP", b""]), st.binary(max_size=64))
def test_broken_pictures(magic: bytes, rest: bytes) -> None:
    """Whatever follows a file's first bytes, there is a size above zero or none."""
    found = size(magic + rest)
    assert found is None or min(found) > 0
