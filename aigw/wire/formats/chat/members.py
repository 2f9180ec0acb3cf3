"""The members of one JSON object of a caller's request, asked for by name and type.

What has the wrong type is refused with its place, in the form that OpenAI's own errors use
(`messages[2].content[0].text`). What nobody asked for is what the format's own members are made of.
"""

from __future__ import annotations

from typing import Any, NoReturn

from aigw.errors import InvalidBody
from aigw.wire.losses import child
from aigw.wire.neutral import CacheMark


def dotted(at: str) -> str:
    """A JSON pointer as a path in OpenAI's notation."""
    path = ""
    for name in at.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        path += f"[{name}]" if name.isdigit() and path else f".{name}" if path else name
    return path


def refuse(at: str, complaint: str) -> NoReturn:
    """Refuse a request because of the thing at a pointer."""
    place = dotted(at)
    raise InvalidBody(f"{place or 'The request body'} {complaint}.", param=place or None)


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

    def leave(self, name: str) -> None:
        """Put a member back among the object's own."""
        self._taken.discard(name)
        self._inner.pop(name, None)

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

    def number(self, name: str) -> float | None:
        """A number; whole ones stay whole."""
        value = self.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            refuse(self.place(name), "must be a number")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number, also one that is written with a fraction of zero."""
        value = self.number(name)
        if value is None:
            return None
        if isinstance(value, float) and not value.is_integer():
            refuse(self.place(name), "must be a whole number")
        return int(value)

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
        """An object, to be asked for its members in turn; what is left of it stays among this object's own."""
        value = self.table(name)
        if value is None:
            return None
        inner = self._inner[name] = Members(value, self.place(name))
        return inner

    def needed_inner(self, name: str) -> Members:
        """The same of an object that must be there."""
        inner = self.inner(name)
        if inner is None:
            refuse(self.place(name), "is required")
        return inner

    def cache(self) -> CacheMark | None:
        """`cache_control` (Anthropic's, which OpenRouter and LiteLLM take too) or OpenAI's `prompt_cache_breakpoint`.

        See https://openrouter.ai/docs/features/prompt-caching.
        """
        control = self.inner("cache_control")
        if control is not None:
            control.take("type")
            return CacheMark(control.text("ttl"), control.at)
        breakpoint = self.inner("prompt_cache_breakpoint")
        if breakpoint is not None:
            breakpoint.take("mode")
            return CacheMark(breakpoint.text("ttl"), breakpoint.at)
        return None

    def own(self) -> dict[str, Any] | None:
        """The members that nobody took, those of objects within included; None for none."""
        own = {name: value for name, value in self.value.items() if name not in self._taken and value is not None}
        for name, inner in self._inner.items():
            left = inner.own()
            if left:
                own[name] = left
        return own or None
