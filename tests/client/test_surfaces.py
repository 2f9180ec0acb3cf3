"""Surfaces of custom providers as a command names them."""

from __future__ import annotations

import pytest

from aigw.client.surfaces import surface


@pytest.mark.parametrize(
    ("name", "format"), [("chat-completions", "openai"), ("messages", "anthropic"), ("gemini", "gemini")]
)
def test_formats(name: str, format: str) -> None:
    """The format follows from the surface."""
    assert surface(name) == {"format": format, "surface": name}


def test_no_surface() -> None:
    """A name that is none is refused with those there are."""
    with pytest.raises(ValueError, match="chat-completions"):
        surface("chat")
