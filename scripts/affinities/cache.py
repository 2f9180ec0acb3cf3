"""The prompt cache of one provider key, as providers describe theirs: longest known prefix, least recently used out."""

from __future__ import annotations

from collections import OrderedDict


class PromptCache:
    """Holds at most `size` prefixes, each for `lifetime` requests of the whole traffic after its last use."""

    def __init__(self, size: int, lifetime: int) -> None:
        self._size = size
        self._lifetime = lifetime
        self._used: OrderedDict[tuple[int, ...], int] = OrderedDict()

    def known(self, prefix: tuple[int, ...], now: int) -> int:
        """How much of this prefix is known, in its own parts; `now` counts requests."""
        for length in range(len(prefix), 0, -1):
            used = self._used.get(prefix[:length])
            if used is not None and now - used <= self._lifetime:
                return length
        return 0

    def keep(self, prefix: tuple[int, ...], now: int) -> None:
        """Remember it, and what it begins with."""
        for length in range(1, len(prefix) + 1):
            self._used[prefix[:length]] = now
            self._used.move_to_end(prefix[:length])
        while len(self._used) > self._size:
            self._used.popitem(last=False)
