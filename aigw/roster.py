"""What does a gateway tell its store? Which worker serves which epoch, and when keys were used.

Nothing of it is lost while the store is down: what could not be told is told the next time.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aigw.store.contract import Store
    from aigw.store.records import Use

# Keys of which it is remembered that they were used while the store is down.
MOST_USES = 100_000

# Account, id, seconds since the epoch.
Used = tuple[str, str, float]


class Roster:
    """The workers of one gateway, and their uses of keys. `uses` is asked for those of this process.

    A worker that is expected counts among those that a change waits for, and until it says otherwise it serves
    nothing. `news` is set when there is something to be told at once.
    """

    def __init__(self, uses: Callable[[], Iterable[Used]] = list) -> None:
        self.news = asyncio.Event()
        self._node = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(3)}"
        self._serving: dict[str, int] = {}
        self._left: set[str] = set()
        # One at a time tells: a worker that has left is not told to be there by who began earlier.
        self._telling = asyncio.Lock()
        self._take_uses = uses
        self._uses: dict[tuple[str, str], float] = {}

    def expect(self, worker: str) -> None:
        """A worker is about to begin. Names are given once: a worker that has left does not come back."""
        self._serving.setdefault(self._named(worker), 0)
        self.news.set()

    def serving(self, worker: str, epoch: int) -> None:
        """A worker that is expected serves this epoch."""
        name = self._named(worker)
        if name in self._serving:
            self._serving[name] = epoch
            self.news.set()

    def gone(self, worker: str) -> None:
        """A worker takes no more requests, or has ended."""
        name = self._named(worker)
        if self._serving.pop(name, None) is not None:
            self._left.add(name)
            self.news.set()

    def used(self, uses: Iterable[Used]) -> None:
        """Keys were used: account, id, seconds since the epoch."""
        for account, id, at in uses:
            if len(self._uses) < MOST_USES or (account, id) in self._uses:
                self._uses[account, id] = max(at, self._uses.get((account, id), 0.0))

    async def confirm(self, store: Store) -> None:
        """Tell which worker serves which epoch. Raises StoreUnavailable."""
        async with self._telling:
            for name in list(self._left):
                await store.epochs.leave(name)
                self._left.discard(name)
            for name in list(self._serving):
                epoch = self._serving.get(name)
                if epoch is not None:
                    await store.epochs.confirm(name, epoch)

    async def touch(self, store: Store) -> None:
        """Tell when keys were used. Raises StoreUnavailable."""
        from aigw.store.records import Use

        self.used(self._take_uses())
        taken, self._uses = self._uses, {}
        uses: list[Use] = [Use(account, id, datetime.fromtimestamp(at, UTC)) for (account, id), at in taken.items()]
        try:
            await store.touch(uses)
        except BaseException:
            self.used((account, id, at) for (account, id), at in taken.items())
            raise

    async def leave(self, store: Store) -> None:
        """Tell the uses that are left to tell, and that no worker is there any more. Raises StoreUnavailable."""
        await self.touch(store)
        self._left.update(self._serving)
        self._serving.clear()
        await self.confirm(store)

    def _named(self, worker: str) -> str:
        return f"{self._node}/{worker}"
