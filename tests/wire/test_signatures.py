"""Seals: a maker's signature comes back byte for byte, whatever a caller's format does to base64."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.neutral import Thinking
from aigw.wire.signatures import MARK, opened, seal, unseal

thoughts = st.builds(
    Thinking,
    signature=st.none() | st.text(min_size=1),
    maker=st.text(),
    redacted=st.booleans(),
    bound=st.booleans(),
    id=st.none() | st.text(),
    summary=st.booleans(),
)


def reencoded(text: str) -> str:
    """What google-genai makes of base64: decoded and encoded again, in the alphabet for URLs."""
    return base64.urlsafe_b64encode(base64.b64decode(text, validate=True)).decode()


@given(thoughts, st.text())
def test_round_trip(thinking: Thinking, text: str) -> None:
    """Whatever a maker signed comes back the same, without its text, also through another alphabet of base64."""
    sealed = seal(msgspec.structs.replace(thinking, text=text))
    assert sealed.encode().startswith(MARK)
    assert unseal(sealed) == thinking
    assert unseal(reencoded(sealed)) == thinking
    assert unseal(reencoded(sealed).rstrip("=")) == thinking
    assert opened(sealed, maker="chat") == thinking


@given(thoughts)
def test_same_bytes(thinking: Thinking) -> None:
    """A seal is the same every time, so that prompt caches hit."""
    assert seal(thinking) == seal(msgspec.structs.replace(thinking))


@pytest.mark.parametrize("end", ["", "A", "AA", "!!!!", "é", "\0", "AAAA====", "kw==", "//8=", "\ud800"])
def test_garbage(end: str) -> None:
    """What only begins like a seal is none, and raises nothing."""
    assert unseal(MARK.decode() + end) is None
    assert unseal(end) is None


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode()))
def test_any_garbage(text: str) -> None:
    """No text that a caller may send raises."""
    unseal(text)
    unseal(MARK.decode() + text)


def test_truncated() -> None:
    """A seal that was cut is none: half a signature would be refused by its maker."""
    sealed = seal(Thinking(signature="s" * 60, maker="m"))
    assert all(unseal(sealed[:at]) is None for at in range(len(sealed) - 2))


@pytest.mark.parametrize(
    ("signature", "thinking"),
    [
        (None, Thinking(maker="chat")),
        ("", Thinking(maker="chat")),
        ("EqQBCg==", Thinking(signature="EqQBCg==", maker="chat")),
    ],
)
def test_opened(signature: str | None, thinking: Thinking) -> None:
    """A signature that is no seal is one of a maker that the caller's format stands for."""
    assert opened(signature, maker="chat") == thinking
