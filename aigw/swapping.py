"""How does a process go from one snapshot to the next? It is made beside the requests, then in force all at once.

A request under way keeps the snapshot it began with, and its secrets stay out of texts until long after.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import TYPE_CHECKING

import attrs
import structlog

from aigw import compose
from aigw.declared import secrets_of
from aigw.front.gateway import Gateway
from aigw.observe.log import LogSink
from aigw.observe.metrics import Metrics
from aigw.observe.scrubbers import EVERYBODY, Owned, Scrubbers
from aigw.records import OPERATOR_ACCOUNT, AccessKey
from aigw.running import no_collections, release, small_steps
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Settings
from aigw.snapshot import Snapshot

if TYPE_CHECKING:
    from aigw.store.records import Whole

# Secrets that are no longer in force and still kept out of texts.
MOST_RETIRED = 1000
# Troubles that are logged at a time.
MOST_TOLD = 10


@attrs.frozen(eq=False)
class Setup:
    """What a snapshot is made of, beside the store: the settings, keys that the gateway made, where the sandbox is."""

    settings: Settings
    extra_keys: tuple[AccessKeySettings, ...] = ()
    sandbox_url: str | None = None


@attrs.frozen(eq=False)
class Prepared:
    """A snapshot that could be in force at once, and what goes with it.

    `targets` are the secrets of provider keys by what health calls them; those of `rotated` are others than before.
    """

    setup: Setup
    snapshot: Snapshot
    scrubbers: Scrubbers
    secrets: frozenset[Owned] = attrs.field(repr=False)
    targets: Mapping[tuple[str, str], Secret] = attrs.field(repr=False)
    rotated: tuple[tuple[str, str], ...]

    @property
    def epoch(self) -> int:
        """The store's, 0 without one."""
        return self.snapshot.store_epoch


class SnapshotMaker:
    """Makes one process's snapshots, and what depends on them. `epoch` is the store's that is in force."""

    def __init__(self) -> None:
        self.epoch = 0
        self._numbers = count(1)
        self._now: Prepared | None = None
        # In the order of their retirement, for want of an ordered set.
        self._retired: dict[Owned, None] = {}

    @property
    def now(self) -> Prepared:
        """What is in force."""
        assert self._now is not None
        return self._now

    def compose(self, setup: Setup, whole: Whole | None) -> Prepared:
        """The snapshot of a setup and a store. Takes seconds with very many keys: to be called in a thread.

        Raises ConfigError.
        """
        snapshot = compose.snapshot_of(
            setup.settings,
            extra_keys=setup.extra_keys,
            sandbox_url=setup.sandbox_url,
            whole=whole,
            epoch=next(self._numbers),
        )
        secrets = frozenset(_secrets(setup, whole))
        before, targets = {} if self._now is None else self._now.targets, snapshot.targets()
        rotated = tuple(name for name, secret in before.items() if targets.get(name, secret) != secret)
        return Prepared(setup, snapshot, self._scrubbers(secrets), secrets, targets, rotated)

    def adopt(self, prepared: Prepared) -> None:
        """This is in force now."""
        if self._now is not None:
            for secret in self._now.secrets - prepared.secrets:
                self._retired.pop(secret, None)
                self._retired[secret] = None
            for secret in list(self._retired)[: max(len(self._retired) - MOST_RETIRED, 0)]:
                del self._retired[secret]
        self._now = prepared
        self.epoch = prepared.epoch

    def _scrubbers(self, secrets: frozenset[Owned]) -> Scrubbers:
        now = self._now
        if now is None:
            return Scrubbers(secrets)
        if now.secrets == secrets:
            return now.scrubbers
        return Scrubbers({*secrets, *now.secrets, *list(self._retired)}, now.scrubbers)


def _secrets(setup: Setup, whole: Whole | None) -> Iterable[Owned]:
    """Every secret, and the account that chose it; what the operator chose is nobody's own."""
    for secret in secrets_of(setup.settings, setup.extra_keys):
        yield EVERYBODY, secret
    if whole is None:
        return
    for key in whole.provider_keys:
        if (value := whole.values.get(key.id)) is not None:
            yield EVERYBODY if key.account_id == OPERATOR_ACCOUNT else key.account_id, value


class SnapshotSwap:
    """Puts snapshots in force in one process: in its gateway, its metrics and its log, one change after another."""

    def __init__(self, maker: SnapshotMaker, gateway: Gateway, metrics: Metrics, log: LogSink) -> None:
        self._maker = maker
        self._gateway = gateway
        self._metrics = metrics
        self._log = log
        self._told: frozenset[str] = frozenset()
        self._releasing: set[asyncio.Task[None]] = set()
        self.tell_troubles()

    @property
    def epoch(self) -> int:
        """The store's epoch that requests see."""
        return self._maker.epoch

    @property
    def setup(self) -> Setup:
        """What is in force beside the store."""
        return self._maker.now.setup

    async def prepare(self, setup: Setup, whole: Whole | None) -> Prepared:
        """As `SnapshotMaker.compose`, beside the requests. Raises ConfigError."""
        with no_collections(), small_steps():
            return await asyncio.to_thread(self._composed, setup, whole)

    def _composed(self, setup: Setup, whole: Whole | None) -> Prepared:
        prepared = self._maker.compose(setup, whole)
        # Before the next collection, which would have to walk all of it.
        gc.freeze()
        return prepared

    @property
    def troubles(self) -> int:
        """How many things in the store cannot be used."""
        return len(self._maker.now.snapshot.troubles)

    def tell_troubles(self) -> None:
        """Log what of the store cannot be used and was not told before."""
        troubles = self._maker.now.snapshot.troubles
        for trouble in [each for each in troubles if each not in self._told][:MOST_TOLD]:
            structlog.get_logger().error("store_trouble", trouble=trouble, troubles=len(troubles))
        self._told = frozenset(troubles)

    def adopt(self, prepared: Prepared) -> None:
        """In force from now on, for requests that begin from now on."""
        self._retire(self._maker.now.snapshot)
        self._maker.adopt(prepared)
        self.tell_troubles()
        snapshot, settings = prepared.snapshot, prepared.setup.settings
        self._log.guard(prepared.scrubbers.every, prepared.scrubbers.of)
        self._metrics.know(known(snapshot))
        self._gateway.adopt(snapshot, prepared.scrubbers, settings.server, settings.limits.max_head_bytes)
        self._gateway.adopt_keys(prepared.targets, prepared.rotated)

    def _retire(self, snapshot: Snapshot) -> None:
        """Let the keys of a snapshot end little by little, once nobody has it any more."""
        keys = list(snapshot.access_keys.values())
        loop = asyncio.get_running_loop()

        def ended() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._release, keys)

        weakref.finalize(snapshot, ended).atexit = False

    def _release(self, keys: list[AccessKey]) -> None:
        task = asyncio.get_running_loop().create_task(release(keys))
        self._releasing.add(task)
        task.add_done_callback(self._releasing.discard)

    async def take(self, whole: Whole) -> bool:
        """What the store holds now, in force; whether it could be: if not, the last one stays, and the log says so."""
        try:
            prepared = await self.prepare(self.setup, whole)
        except Exception:  # a fault in one account's things must not end what everybody else is served by
            structlog.get_logger().exception("snapshot_failed", epoch=whole.epoch)
            return False
        self.adopt(prepared)
        return True


def known(snapshot: Snapshot) -> Callable[[str], bool]:
    """Whether a model's name may become a label: it is in the catalog or declared, not made up by a caller."""
    return lambda model: snapshot.catalog.find(model) is not None or model.casefold() in snapshot.declared
