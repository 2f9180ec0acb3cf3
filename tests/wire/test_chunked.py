"""Chunked bodies undone: any slicing, and nothing that two parsers could read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.chunked import MAX_TRAILERS, BadChunkError, Chunks

from ..support.bodies import slices


def unchunked(pieces: list[bytes]) -> tuple[bytes, Chunks]:
    """The body in these, and who undid them."""
    chunks = Chunks()
    return b"".join([chunks.feed(piece) for piece in pieces]), chunks


CODED = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.sampled_from([b"%x", b"%X", b"0%x", b"%x;ext", b'%x ; a="b"'])),
    max_size=5,
)


@given(CODED, st.sampled_from([b"\r\n", b"x-trailer: 1\r\nother: 2\r\n\r\n"]), st.binary(max_size=20), st.data())
def test_any_slicing(coded: list[tuple[bytes, bytes]], trailers: bytes, behind: bytes, data: st.DataObject) -> None:
    """Cut anywhere, sizes in any spelling, extensions and trailers dropped, what comes behind is left over."""
    body = b"".join(size % len(piece) + b"\r\n" + piece + b"\r\n" for piece, size in coded)
    read, chunks = unchunked(data.draw(slices(body + b"0\r\n" + trailers)))
    assert read == b"".join(piece for piece, _ in coded)
    assert chunks.complete
    assert chunks.rest == b""
    read, chunks = unchunked([body + b"0\r\n" + trailers + behind])
    assert chunks.rest == behind


@given(st.binary(max_size=60) | st.text("0123456789abcdef\r\n;= ", max_size=60).map(str.encode), st.data())
def test_anything_is_read_or_refused(body: bytes, data: st.DataObject) -> None:
    """Whatever bytes come in whatever slices, the result is the same body or BadChunkError."""
    outcomes: set[tuple[bytes, bool] | None] = set()
    for pieces in ([body], data.draw(slices(body))):
        try:
            read, chunks = unchunked(pieces)
        except BadChunkError:
            outcomes.add(None)
        else:
            outcomes.add((read, chunks.complete))
    assert len(outcomes) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"g\r\n",
        b"-5\r\n",
        b"+5\r\n",
        b"0x5\r\nhello\r\n",
        b"5 5\r\n",
        b" 5\r\nhello\r\n",
        b"\r\n",
        b"5\nhello\n0\n\n\r\n",
        b"5;a\nb\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"5;\x00\r\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"5;" + b"a" * 300 + b"\r\n",
        b"5" * 300,
        b"0\r\n" + b"x: y\r\n" * MAX_TRAILERS,
        b"0\r\n" + b"x" * (MAX_TRAILERS + 1),
    ],
)
def test_doubtful_framing_is_refused(body: bytes) -> None:
    """Sizes that are not plain hexadecimal, bare line feeds, control characters, lines and trailers without end."""
    with pytest.raises(BadChunkError):
        unchunked([body[at : at + 100] for at in range(0, len(body), 100)])
