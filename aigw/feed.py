"""Who holds the store of a gateway? One of its processes: it opens it, and gives on what it holds after each change.

The others never touch it, and no request waits for it: while it is down everybody serves what was given last.
Opening brings modules of 40 MB with it, so a gateway that has no store yet opens one only when somebody asks for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from aigw import first_start
from aigw.errors import AigwError, ConfigError
from aigw.roster import Roster, Used
from aigw.running import no_collections, release, small_steps
from aigw.secret import Secret
from aigw.settings import Settings, mask_url

if TYPE_CHECKING:
    from aigw.store.contract import Store
    from aigw.store.records import Whole

# A third of the seconds that the store takes a silent worker for alive (`epochs.LIVE`).
HEARTBEAT = 3.0
# Seconds between two notes of when keys were used, and between two looks for rows of the audit that are too old.
TOUCH = 15.0
PRUNE = 3600.0
# Seconds until a store that was down is tried again.
AGAIN = 0.5
# How long a worker's beginning waits for the store; after that it begins with what was given last.
EXPECT_SECONDS = 5.0

_SQLITE = "sqlite"

Give = Callable[["Whole"], Awaitable[None]]


class Feed:
    """The store of one gateway and its workers. `give` takes what the store holds over; it does not raise.

    `uses` is asked for the uses of keys in this process. `down_since` is when it was first noticed that the store
    does not answer, or cannot be read. What is read is given on under `changing`: who holds it knows that nothing older
    comes later.
    """

    def __init__(self, settings: Settings, give: Give, uses: Callable[[], Iterable[Used]] = list) -> None:
        self.down_since: datetime | None = None
        # The last epoch that was given on; -1 before the first.
        self.epoch = -1
        # The operator's API key, where this opening made it.
        self.operator_key: Secret | None = None
        self.changing = asyncio.Lock()
        self.roster = Roster(uses)
        self._settings = settings
        self._give = give
        self._store: Store | None = None
        self._opening = asyncio.Lock()
        self._given = asyncio.Event()
        self._complaint = ""
        # Something was changed that could not be read yet: whatever else the store takes, it is not back.
        self._behind = False
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def opened(self) -> bool:
        """Whether there is a store: nothing else of this tells anything before."""
        return self._store is not None

    @property
    def up(self) -> bool:
        """Whether it answered when it was last asked."""
        return self._store is not None and self.down_since is None

    def note(self) -> str:
        """A line for readiness; nothing to say is empty."""
        if self.down_since is None:
            return ""
        return f"store: down since {self.down_since:%Y-%m-%dT%H:%M:%SZ}, serving epoch {self.epoch}"

    # -- opening -------------------------------------------------------------------------------------------------------

    def expected(self) -> bool:
        """Whether there is one to be opened at the start."""
        return self._settings.store.url != _SQLITE or (self._settings.server.data_dir / "store.sqlite").exists()

    async def begin(self) -> Whole:
        """Open the store and read it, for the first snapshot. One that is down is waited for.

        Raises StoreError, ConfigError.
        """
        from aigw.store.errors import StoreUnavailable

        loop = asyncio.get_running_loop()
        end, told = loop.time() + self._settings.store.start_timeout, False
        while True:
            try:
                return await self._begin()
            except StoreUnavailable as error:
                if loop.time() + AGAIN > end:
                    raise
                if not told:
                    seconds = self._settings.store.start_timeout
                    structlog.get_logger().warning("store_awaited", error=str(error), seconds=seconds)
                told = True
            await asyncio.sleep(AGAIN)

    async def _begin(self) -> Whole:
        store = await self.store(follow=False)
        whole = await store.whole()
        self.epoch = whole.epoch
        return whole

    async def store(self, *, follow: bool = True) -> Store:
        """The store, opened if it is not yet. Raises StoreError, ConfigError."""
        if self._store is None:
            async with self._opening:
                if self._store is None:
                    self._store = await self._open()
                    if follow:
                        structlog.get_logger().info("store_opened", url=mask_url(self._settings.store.url))
                        self.follow()
        return self._store

    async def asked(self) -> Store:
        """The store, for a call that comes with an API key. Raises StoreError, ConfigError.

        Where there can be no key there is nothing to be opened: a stranger needs no more than a key's checksum to have
        a store made, and 40 MB with it.
        """
        file = self._settings.server.data_dir / first_start.OPERATOR_FILE
        if self._store is None and not (self.expected() or file.exists()):
            raise ConfigError("There is no store yet, and so no API key: `aigw store operator-key` makes both.")
        return await self.store()

    async def _open(self) -> Store:
        # In a thread: the modules take half a second, and requests are being served.
        for module in ("aigw.store.migrating", "aigw.store.opening"):
            opening = await asyncio.to_thread(importlib.import_module, module)
        store: Store = await opening.open_store(self._settings)
        try:
            await self._operator(store)
            # Before anybody can change anything and wait for who is there.
            await self.roster.confirm(store)
        except BaseException:
            await store.close()
            raise
        return store

    async def _operator(self, store: Store) -> None:
        """See to it that somebody may administer the store. The token is kept before the store knows it."""
        kept = first_start.operator_key(self._settings)
        made = kept is None
        if await _has_operator(store):
            return
        token = first_start.make_operator_key(self._settings) if kept is None else kept
        change = await store.first_operator(token)
        if change is None and made:
            first_start.forget_operator_key(self._settings)
        elif change is not None:
            self.operator_key = token if made else None

    # -- following -----------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Give on every change from now on."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._tell())]

    async def whole(self) -> Whole | None:
        """What the store holds now; None without a store. Raises StoreError."""
        return await self._store.whole() if self._store is not None else None

    async def close(self) -> None:
        """Stop following, tell what is left to tell, and give the store back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._store is not None:
            with contextlib.suppress(AigwError):
                await self.roster.leave(self._store)
            await self._store.close()

    async def _watch(self) -> None:
        while True:
            try:
                await self._take()
            except Exception as error:  # whatever it is: who stops following never hears of a deleted key
                self._complain(error)
            await asyncio.sleep(AGAIN)

    async def _take(self) -> None:
        assert self._store is not None
        async for epoch in self._store.epochs.watch():
            if epoch != self.epoch:
                while not await self._taken(self._store):  # noqa: ASYNC110 - a store that is down tells nobody
                    await asyncio.sleep(AGAIN)

    async def _taken(self, store: Store) -> bool:
        """Read the store and give it on; whether that went well."""
        async with self.changing:
            try:
                with no_collections(), small_steps():
                    self.epoch = await self._given_on(store)
            except AigwError as error:
                self._behind = True
                self._failed(error)
                return False
            except Exception as error:
                self._behind = True
                self._complain(error)
                return False
            self._complaint = ""
            self._given.set()
            return True

    async def _given_on(self, store: Store) -> int:
        whole = await store.whole()
        self._behind = False
        self._answered()
        await self._give(whole)
        keys, epoch = list(whole.access_keys), whole.epoch
        del whole
        await release(keys)
        return epoch

    # -- what the store is told ----------------------------------------------------------------------------------------

    async def expect(self, worker: str) -> None:
        """A worker is about to begin. From now on every change waits for it, and all earlier ones have been given on.

        Returns at once where no store is open, and soon where it is down.
        """
        self.roster.expect(worker)
        if self._store is None:
            return
        try:
            async with asyncio.timeout(EXPECT_SECONDS):
                await self.roster.confirm(self._store)
                epoch = await self._store.epochs.current()
                while self.epoch < epoch:
                    self._given.clear()
                    await self._given.wait()
        except (AigwError, TimeoutError) as error:
            structlog.get_logger().warning("store_late", worker=worker, error=str(error), epoch=self.epoch)

    async def _tell(self) -> None:
        """Confirm what workers serve, at once and every few seconds; note uses now and then."""
        assert self._store is not None
        loop = asyncio.get_running_loop()
        touched = pruned = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.roster.news.wait(), HEARTBEAT if self.down_since is None else AGAIN)
            self.roster.news.clear()
            try:
                await self.roster.confirm(self._store)
                if loop.time() - touched >= TOUCH:
                    touched = loop.time()
                    await self.roster.touch(self._store)
                if loop.time() - pruned >= PRUNE:
                    pruned = loop.time()
                    await self._prune(self._store)
                self._answered()
            except AigwError as error:
                self._failed(error)
                await asyncio.sleep(AGAIN)
            except Exception as error:
                self._complain(error)
                await asyncio.sleep(AGAIN)

    async def _prune(self, store: Store) -> None:
        kept = self._settings.store.audit_retention
        if kept:
            dropped = await store.audit.prune(datetime.now(UTC) - timedelta(seconds=kept))
            if dropped:
                structlog.get_logger().info("audit_pruned", rows=dropped)

    def _complain(self, error: Exception) -> None:
        """Log what should not be: once for the same over and over."""
        self.down_since = self.down_since or datetime.now(UTC)
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            self._complaint = complaint
            structlog.get_logger().error("store_unreadable", epoch=self.epoch, exc_info=error)

    def _failed(self, error: AigwError) -> None:
        if self.down_since is None:
            self.down_since = datetime.now(UTC)
            structlog.get_logger().error("store_down", error=str(error), epoch=self.epoch)

    def _answered(self) -> None:
        if self.down_since is not None and not self._behind:
            away = (datetime.now(UTC) - self.down_since).total_seconds()
            self.down_since = None
            structlog.get_logger().info("store_back", away_seconds=round(away, 1))


async def _has_operator(store: Store) -> bool:
    from aigw.store.records import OPERATOR_ACCOUNT

    return bool(await store.api_keys.list(OPERATOR_ACCOUNT, limit=1))
