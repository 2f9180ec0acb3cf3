"""The members of one JSON object of a caller's request, asked for by name and type.

What has the wrong type is refused with its place, in the notation of the format's own errors. What nobody asked for is
what the format's own members are made of. Null counts as absent.
"""

from __future__ import annotations

from typing import Any, NoReturn, Self

from aigw.wire.losses import child
from aigw.wire.places import refusal


class Members:
    """An object at a pointer. Each method takes one member. Raises InvalidBody for one of another type."""

    __slots__ = ("_inner", "_taken", "at", "value")

    def __init__(self, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            self.refuse(at, f"must be an object, not {kind_of(value)}")
        self.value: dict[str, Any] = value
        self.at = at
        self._taken: set[str] = set()
        self._inner: dict[str, Self] = {}

    @staticmethod
    def refuse(at: str, complaint: str) -> NoReturn:
        """Refuse the request because of the thing at a pointer; a format with another notation says it in that."""
        raise refusal(at, complaint)

    def place(self, *names: str | int) -> str:
        """The pointer of a member, or of something below it."""
        return child(self.at, *names)

    def take(self, name: str) -> Any:
        """A member of any type."""
        self._taken.add(name)
        return self.value.get(name)

    def leave(self, name: str) -> None:
        """Put a member back among the object's own."""
        self._taken.discard(name)
        self._inner.pop(name, None)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            self.refuse(self.place(name), f"must be a string, not {kind_of(value)}")
        return value

    def needed(self, name: str) -> str:
        """A string that must be there."""
        value = self.text(name)
        if value is None:
            self.refuse(self.place(name), "is required")
        return value

    def number(self, name: str) -> float | None:
        """A number; whole ones stay whole."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.refuse(self.place(name), f"must be a number, not {kind_of(value)}")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, also one that is written with a fraction of zero."""
        value = self.number(name)
        if value is None or isinstance(value, int):
            return value
        if not value.is_integer():
            self.refuse(self.place(name), "must be a whole number")
        return int(value)

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            self.refuse(self.place(name), f"must be true or false, not {kind_of(value)}")
        return value

    def items(self, name: str) -> list[Any] | None:
        """An array."""
        value = self.take(name)
        if value is not None and not isinstance(value, list):
            self.refuse(self.place(name), f"must be an array, not {kind_of(value)}")
        return value

    def texts(self, name: str) -> list[str] | None:
        """An array of strings."""
        value = self.items(name)
        for index, item in enumerate(value or ()):
            if not isinstance(item, str):
                self.refuse(self.place(name, index), f"must be a string, not {kind_of(item)}")
        return value

    def table(self, name: str) -> dict[str, Any] | None:
        """An object, as it is."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            self.refuse(self.place(name), f"must be an object, not {kind_of(value)}")
        return value

    def inner(self, name: str) -> Self | None:
        """An object, to be asked for its members in turn; what is left of it stays among this object's own."""
        value = self.table(name)
        if value is None:
            return None
        inner = self._inner[name] = type(self)(value, self.place(name))
        return inner

    def needed_inner(self, name: str) -> Self:
        """The same of an object that must be there."""
        inner = self.inner(name)
        if inner is None:
            self.refuse(self.place(name), "is required")
        return inner

    def own(self) -> dict[str, Any] | None:
        """The members that nobody took, those of objects within included; None for none."""
        if not self._inner and len(self._taken) >= len(self.value) and self._taken.issuperset(self.value):
            return None
        own = {name: value for name, value in self.value.items() if name not in self._taken and value is not None}
        for name, inner in self._inner.items():
            left = inner.own()
            if left:
                own[name] = left
        return own or None


def kind_of(value: Any) -> str:
    """What JSON calls a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"
