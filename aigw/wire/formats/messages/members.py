"""The members of one JSON object of a caller's request, asked for by name and type.

What has the wrong type is refused with its place, in the dotted form that Anthropic's own errors use
(`messages.2.content.0.text`). What nobody asked for is what the format's own members are made of; `restored` puts
them back.
"""

from __future__ import annotations

from typing import Any, NoReturn

from aigw.errors import InvalidBody
from aigw.wire.losses import child
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


class Members:
    """An object at a pointer. Each method takes one member; null counts as absent."""

    __slots__ = ("_inner", "_taken", "at", "value")

    def __init__(self, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            refuse(at, "must be an object")
        self.value: dict[str, Any] = value
        self.at = at
        self._taken: set[str] = set()
        self._inner: dict[str, Members] = {}

    def place(self, name: str | int) -> str:
        """The pointer of a member."""
        return child(self.at, name)

    def take(self, name: str) -> Any:
        """A member of any type."""
        self._taken.add(name)
        return self.value.get(name)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            refuse(self.place(name), "must be a string")
        return value

    def needed(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            refuse(self.place(name), "is required")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number."""
        value = self.number(name)
        if value is None:
            return None
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            refuse(self.place(name), "must be a whole number")
        return int(value)

    def number(self, name: str) -> float | None:
        """A number; whole ones stay whole."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            refuse(self.place(name), "must be a number")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            refuse(self.place(name), "must be true or false")
        return value

    def items(self, name: str) -> list[Any] | None:
        """An array."""
        value = self.take(name)
        if value is not None and not isinstance(value, list):
            refuse(self.place(name), "must be an array")
        return value

    def texts(self, name: str) -> list[str] | None:
        """An array of strings."""
        value = self.items(name)
        for index, item in enumerate(value or ()):
            if not isinstance(item, str):
                refuse(child(self.at, name, index), "must be a string")
        return value

    def table(self, name: str) -> dict[str, Any] | None:
        """An object, as it is."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            refuse(self.place(name), "must be an object")
        return value

    def inner(self, name: str) -> Members | None:
        """An object, to be asked for its members in turn. Those that nobody takes are among the outer one's own."""
        value = self.table(name)
        if value is None:
            return None
        inner = self._inner[name] = Members(value, self.place(name))
        return inner

    def cache(self) -> CacheMark | None:
        """`cache_control`; one of another type than is known stays among the object's own members."""
        control = self.inner("cache_control")
        if control is None:
            return None
        if control.text("type") not in (None, "ephemeral"):
            self.leave("cache_control")
            return None
        return CacheMark(control.text("ttl"))

    def leave(self, name: str) -> None:
        """Put a member back among the object's own."""
        self._taken.discard(name)

    def own(self) -> dict[str, Any] | None:
        """The members that nobody took, and those of objects within that were taken apart; None for none."""
        if not self._inner and len(self._taken) >= len(self.value) and self._taken.issuperset(self.value):
            return None
        left = {name: value for name, value in self.value.items() if name not in self._taken and value is not None}
        for name, inner in self._inner.items():
            rest = inner.own() if name in self._taken else None
            if rest is not None:
                left[name] = rest
        return left or None
