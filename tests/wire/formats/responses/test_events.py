"""Events of a provider's stream: any JSON object is one."""

from __future__ import annotations

import pytest

from aigw.wire.formats.responses.events import Event, decode


def test_members_may_be_missing_or_odd() -> None:
    """No member has to be there, none has to have its type."""
    assert decode(b"{}") == Event()
    assert decode(b'{"type": 7, "delta": [], "unknown": {}}') == Event(type=7, delta=[])


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"{", b"[DONE]", b'{"type":"\xff"}'])
def test_what_is_no_object(data: bytes) -> None:
    """Anything else is refused with a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        decode(data)
