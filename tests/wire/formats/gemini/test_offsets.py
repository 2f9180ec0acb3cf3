"""Characters and bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.formats.gemini.offsets import Offsets


@given(st.lists(st.text(max_size=5), max_size=6), st.integers(0, 40))
def test_both_ways(pieces: list[str], at: int) -> None:
    """Every character has the byte that Python says, however the text came; behind the end is the end."""
    offsets, text = Offsets(), "".join(pieces)
    for piece in pieces:
        offsets.add(piece)
    at = min(at, len(text) + 3)
    byte = len(text[:at].encode())
    assert offsets.to_bytes(at) == byte
    assert offsets.to_chars(byte) == min(at, len(text))
    assert (offsets.chars, offsets.bytes) == (len(text), len(text.encode()))


def test_within_a_character() -> None:
    """A byte in the middle of a character belongs to it."""
    offsets = Offsets()
    offsets.add("a€b")
    assert [offsets.to_chars(byte) for byte in range(7)] == [0, 1, 1, 1, 2, 3, 3]
