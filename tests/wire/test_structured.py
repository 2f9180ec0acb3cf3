"""The reserved tool."""

from __future__ import annotations

import re

from aigw.wire.structured import STRUCTURED_DESCRIPTION, STRUCTURED_TOOL


def test_every_provider_takes_the_name() -> None:
    """The strictest of them: letters, digits and underscores, up to 64 of them; a letter first."""
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,63}", STRUCTURED_TOOL)
    assert STRUCTURED_DESCRIPTION
