"""Reads the members of a request's objects, under either of their names, and says where a wrong one stands.

The API takes every name in lowerCamelCase and in snake_case, null for "not said", and integers as text (the JSON form
of protocol buffers: https://protobuf.dev/programming-guides/json/).
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

from aigw.errors import InvalidBody
from aigw.wire.losses import child
from aigw.wire.places import refusal

_UPPER = re.compile(r"[A-Z]")


@functools.lru_cache(512)
def snake(name: str) -> str:
    """The name as it is written in protocol buffers: `topP` is `top_p`."""
    return _UPPER.sub(lambda upper: f"_{upper[0].lower()}", name)


def wrong(at: str, must: str) -> InvalidBody:
    """The complaint about a value; `must` goes on from its name."""
    return refusal(at, must)


def number(value: Any, at: str) -> float:
    """A finite number, as it is or as text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise wrong(at, "must be a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise wrong(at, "must be a number")
    return value


def integer(value: Any, at: str) -> int:
    """A whole number, as it is, as text, or as 5.0."""
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            return int(value)
    except ValueError:
        raise wrong(at, "must be an integer") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(at, "must be an integer")
    return value


class Members:
    """One object of a request: what is taken is gone, and what is left nobody knows."""

    __slots__ = ("_left", "_named", "at")

    def __init__(self, value: Any, at: str) -> None:
        """Raises InvalidBody if it is no object."""
        if not isinstance(value, dict):
            raise wrong(at, "must be an object")
        self.at = at
        self._left: dict[str, Any] = dict(value)
        self._named: dict[str, str] = {}

    def take(self, name: str) -> Any:
        """A member's value, by either name; None if it is not there or null."""
        value = None
        for written in (name, snake(name)):
            if written in self._left:
                found = self._left.pop(written)
                if found is not None:
                    value = found
                    self._named[name] = written
        return value

    def place(self, name: str) -> str:
        """The pointer of a member, under the name that the caller used."""
        return child(self.at, self._named.get(name, name))

    def text(self, name: str) -> str | None:
        """A member that must be text."""
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise wrong(self.place(name), "must be a string")
        return value

    def integer(self, name: str) -> int | None:
        """A member that must be a whole number."""
        value = self.take(name)
        return None if value is None else integer(value, self.place(name))

    def number(self, name: str) -> float | None:
        """A member that must be a number."""
        value = self.take(name)
        return None if value is None else number(value, self.place(name))

    def flag(self, name: str) -> bool | None:
        """A member that must be true or false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise wrong(self.place(name), "must be true or false")
        return value

    def items(self, name: str) -> list[tuple[Any, str]] | None:
        """The elements of a list with their pointers; a lone object stands for a list of one."""
        value, place = self.take(name), self.place(name)
        if isinstance(value, dict):
            return [(value, place)]
        if value is not None and not isinstance(value, list):
            raise wrong(place, "must be a list")
        return None if value is None else [(item, child(place, index)) for index, item in enumerate(value)]

    def texts(self, name: str) -> list[str] | None:
        """A member that must be a list of texts; a lone text stands for a list of one."""
        value = self.take(name)
        if isinstance(value, str):
            return [value]
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise wrong(self.place(name), "must be a list of strings")
        return value

    def object(self, name: str) -> dict[str, Any] | None:
        """A member that must be an object."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise wrong(self.place(name), "must be an object")
        return value

    def inner(self, name: str) -> Members | None:
        """A member that must be an object, to be read in turn."""
        value = self.take(name)
        return None if value is None else Members(value, self.place(name))

    def rest(self) -> dict[str, Any] | None:
        """What was not taken, verbatim; None for nothing (nulls say nothing)."""
        return {name: value for name, value in self._left.items() if value is not None} or None
