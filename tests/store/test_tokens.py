"""Tokens: by chance, with a checksum."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.store import tokens


@pytest.mark.parametrize("prefix", [tokens.ACCESS, tokens.API])
def test_what_was_made_is_ours(prefix: str) -> None:
    """A token is its prefix and 40 characters, no two are alike, and it is known without a look-up."""
    made = {tokens.make(prefix).reveal() for _ in range(200)}
    assert len(made) == 200
    for each in made:
        assert re.fullmatch(prefix + "[0-9A-Za-z]{40}", each)
        assert tokens.is_ours(each, prefix)


@given(at=st.integers(0, 39), other=st.sampled_from("0aZ-_ ü"), cut=st.booleans())
def test_typos_are_told(at: int, other: str, cut: bool) -> None:
    """A token with one character changed or missing is not ours."""
    token = tokens.make(tokens.ACCESS).reveal()
    at += len(tokens.ACCESS)
    changed = token[:at] + ("" if cut else other) + token[at + 1 :]
    assert tokens.is_ours(changed, tokens.ACCESS) == (changed == token)


def test_a_checksum_alone_is_none() -> None:
    """What begins otherwise is no token, however long it is and whatever it ends with."""
    body = "x" * (len(tokens.API) + tokens.CHANCE)
    assert not tokens.is_ours(body + tokens._checksum(body), tokens.API)


@pytest.mark.parametrize("value", ["first10***last4", "sk-abc…wxyz", "•••••••wxyz"])
def test_what_stands_for_a_secret(value: str) -> None:
    """The forms in which secrets are shown are not taken for secrets."""
    assert tokens.refuse_placeholder(value)
    assert not tokens.refuse_placeholder(tokens.make(tokens.ACCESS).reveal())


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    """Nothing a caller sends raises."""
    assert not tokens.is_ours(text, tokens.API)
    assert not tokens.matches("aigw-x", b"pepper", text.encode("utf-8", "surrogatepass"))


def test_a_digest_belongs_to_its_token_and_pepper() -> None:
    """The digest matches its token under its pepper alone; it is no token itself."""
    token = tokens.make(tokens.ACCESS).reveal()
    kept = tokens.digest(token.encode(), b"pepper")
    assert tokens.matches(token, b"pepper", kept)
    assert not tokens.matches(token, b"another", kept)
    assert not tokens.matches(kept.hex(), b"pepper", kept)
