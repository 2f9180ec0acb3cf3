"""The members of one JSON object of a caller's Responses request."""

from __future__ import annotations

from typing import Self

from aigw.wire import members
from aigw.wire.members import kind_of
from aigw.wire.neutral import CacheMark

__all__ = ["Members", "kind_of", "refuse"]

refuse = members.Members.refuse


class Members(members.Members):
    """An object at a pointer, refused in the notation of OpenAI's own errors (`input[2].content[0].text`)."""

    __slots__ = ()

    def inner(self, name: str) -> Self | None:
        """An object, to be asked for its members in turn; what is left of it is its own, not this object's."""
        value = self.table(name)
        return None if value is None else type(self)(value, self.place(name))

    def cache(self) -> CacheMark | None:
        """`prompt_cache_breakpoint`: the end of a prefix worth caching."""
        mark = self.inner("prompt_cache_breakpoint")
        if mark is None:
            return None
        mark.text("mode")
        return CacheMark(mark.text("ttl"), mark.at)
