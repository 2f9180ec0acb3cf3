"""How many calls of the control API are under way at once?

One that waits for a provider's list or for workers takes ten seconds. However many of them an account begins, the
listener keeps connections for other accounts and for probes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aigw.control.problems import ApiError

# The listener has 128 connections (`listener.MAX_CONNECTIONS`).
MOST_OF_AN_ACCOUNT = 32
MOST = 96
_LATER = (("retry-after", "1"),)


class Calls:
    """Calls under way, by the account of their API key."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one_more(self, account: str) -> Iterator[None]:
        """A call, from here to the end of the block. Raises ApiError when there are too many."""
        if self._under_way[account] >= MOST_OF_AN_ACCOUNT:
            raise ApiError("tooManyCalls", f"{MOST_OF_AN_ACCOUNT} calls of this account are under way.", headers=_LATER)
        if self._under_way.total() >= MOST:
            raise ApiError("unavailable", "Too many calls are under way.", headers=_LATER)
        self._under_way[account] += 1
        try:
            yield
        finally:
            self._under_way[account] -= 1
            if not self._under_way[account]:
                del self._under_way[account]
