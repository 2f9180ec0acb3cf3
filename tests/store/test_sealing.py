"""Sealed values open where they were sealed, with the key they were sealed with, unchanged; nowhere else."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store.errors import Unsealable
from aigw.store.sealing import KeyRing, Place, sealed_by

OLD, NEW, OTHER = (Secret(letter * 32) for letter in "abc")
HERE = Place("provider_keys", "aigpk_1", "sealed", "acct_1")


@given(st.binary(max_size=200))
def test_what_was_sealed_opens(text: bytes) -> None:
    """A value comes back; sealed twice it looks different, and the text is not in it."""
    ring = KeyRing([OLD])
    first, second = ring.seal(text, HERE), ring.seal(text, HERE)
    assert ring.open(first, HERE) == ring.open(second, HERE) == text
    assert first != second
    assert len(text) < 4 or text not in first


@pytest.mark.parametrize("part", [field.name for field in attrs.fields(Place)])
def test_a_copy_elsewhere_does_not_open(part: str) -> None:
    """A value copied to another table, row, column or account stays shut."""
    ring = KeyRing([OLD])
    with pytest.raises(Unsealable):
        ring.open(ring.seal(b"text", HERE), attrs.evolve(HERE, **{part: "another"}))


def test_places_do_not_run_together() -> None:
    """Where one part of a place ends and the next begins makes a difference."""
    ring = KeyRing([OLD])
    with pytest.raises(Unsealable):
        ring.open(ring.seal(b"text", Place("ab", "c", "d", "e")), Place("a", "bc", "d", "e"))


def test_every_octet_counts() -> None:
    """A value that was cut or changed anywhere does not open."""
    ring = KeyRing([OLD])
    sealed = ring.seal(b"text", HERE)
    for at in range(len(sealed)):
        with pytest.raises(Unsealable):
            ring.open(sealed[:at], HERE)
        with pytest.raises(Unsealable):
            ring.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], HERE)


def test_old_keys_open_and_the_first_seals() -> None:
    """After a rotation what the old key sealed still opens; without it, the message says what to do."""
    sealed = KeyRing([OLD]).seal(b"text", HERE)
    ring = KeyRing([NEW, OLD])
    assert ring.open(sealed, HERE) == b"text"
    assert sealed_by(ring.seal(b"text", HERE)) == ring.first == KeyRing([NEW]).first
    with pytest.raises(Unsealable, match="new,old"):
        KeyRing([NEW]).open(sealed, HERE)
    with pytest.raises(ValueError, match="needs a key"):
        KeyRing([])


def test_a_ring_is_refreshed() -> None:
    """A key that another process put in front is found where the keys are kept, and asked for when it is needed."""
    asked: list[int] = []

    def refresh() -> list[Secret]:
        asked.append(1)
        return [NEW, OLD]

    ring = KeyRing([OLD], refresh)
    ring.open(ring.seal(b"text", HERE), HERE)
    assert not asked
    assert ring.open(KeyRing([NEW]).seal(b"text", HERE), HERE) == b"text"
    assert ring.first == KeyRing([NEW]).first
    with pytest.raises(Unsealable):
        ring.open(KeyRing([OTHER]).seal(b"text", HERE), HERE)
    assert len(asked) == 2

    def gone() -> list[Secret]:
        raise ConfigError("the file is gone")

    with pytest.raises(Unsealable, match="the file is gone"):
        KeyRing([OLD], gone).open(KeyRing([NEW]).seal(b"text", HERE), HERE)


def test_messages_hold_no_key() -> None:
    """What is told of a failure names neither key nor text."""
    with pytest.raises(Unsealable) as caught:
        KeyRing([OLD]).open(KeyRing([NEW]).seal(b"text", HERE), HERE)
    assert not any(each.reveal() in str(caught.value) for each in (OLD, NEW))
