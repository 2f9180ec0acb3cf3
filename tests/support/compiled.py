"""Whether the hot path is machine code in this run: nothing of that can be patched, nor built of stand-ins."""

from __future__ import annotations

import pytest

from aigw.relay import attempt

COMPILED = not (attempt.__file__ or "").endswith(".py")

plain_only = pytest.mark.skipif(COMPILED, reason="patches what is compiled")
