"""Connections without a network."""

from __future__ import annotations

import pytest

from .wires import Line, make_line


@pytest.fixture
async def line() -> Line:
    """A connection that leads nowhere."""
    return await make_line()
