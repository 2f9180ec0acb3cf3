"""What the tests of the control API start, for those that attack it."""

from ..control.conftest import fresh, serve

__all__ = ["fresh", "serve"]
