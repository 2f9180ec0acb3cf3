"""The members of one JSON object of a caller's Messages request; `restored` puts what nobody took back."""

from __future__ import annotations

from typing import Any, NoReturn

from aigw.errors import InvalidBody
from aigw.wire import members
from aigw.wire.neutral import CacheMark


def refuse(at: str, complaint: str) -> NoReturn:
    """Refuse a request because of the thing at a pointer."""
    place = at.removeprefix("/").replace("/", ".").replace("~1", "/").replace("~0", "~")
    raise InvalidBody(f"{place or 'The request'}: {complaint}.", param=place or None)


def restored(written: dict[str, Any], own: dict[str, Any] | None) -> dict[str, Any]:
    """A written object with the format's own members back at their places.

    What is left of an object of which something was taken goes into the one that was written. One that has its `type`
    was not taken apart: it stands for itself.
    """
    if not own:
        return written
    whole = dict(written)
    for name, value in own.items():
        there = whole.get(name)
        if isinstance(there, dict) and isinstance(value, dict) and "type" not in value:
            value = restored(there, value)
        whole[name] = value
    return whole


class Members(members.Members):
    """An object at a pointer, refused in the notation of Anthropic's own errors (`messages.2.content.0.text`)."""

    __slots__ = ()
    refuse = staticmethod(refuse)

    def cache(self) -> CacheMark | None:
        """`cache_control`; one of another type than is known stays among the object's own members."""
        control = self.inner("cache_control")
        if control is None:
            return None
        if control.text("type") not in (None, "ephemeral"):
            self.leave("cache_control")
            return None
        return CacheMark(control.text("ttl"))
