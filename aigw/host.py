"""Who answers for a gateway as a whole, of one process or of many? Store, settings and control API are in its hands.

Changes follow one another: what the store holds and what the configuration says are never taken over half each.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import structlog

from aigw import declared, reloading
from aigw.control.health import Health
from aigw.control.listener import Listener
from aigw.control_plane import ControlPlane
from aigw.errors import AigwError, ConfigError
from aigw.feed import Feed
from aigw.first_start import Start, early_operator_key, kept_key, own_key
from aigw.observe.exposition import render
from aigw.observe.families import STORE_UP
from aigw.observe.scrub import Scrubber
from aigw.observe.totals import Row, Snapshot, merge
from aigw.roster import Used
from aigw.settings import Settings, Tcp
from aigw.settings.nouns import ACCESS_KEY_FILE

if TYPE_CHECKING:
    from aigw.sandbox.server import Running
    from aigw.store.records import Whole

ANY_PORT = Tcp("127.0.0.1", 0)


class Served(Protocol):
    """What serves the data plane: this process, or workers."""

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""

    async def count(self) -> Snapshot:
        """All metrics now."""

    async def take(self, whole: Whole) -> None:
        """Serve what the store holds. Does not raise."""

    async def switch(self, settings: Settings, begun: Start, whole: Whole | None) -> None:
        """Serve this configuration, everywhere or nowhere. Raises AigwError when nowhere."""

    async def explain(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """A dry run of a request. Raises AigwError."""

    def uses(self) -> list[Used]:
        """When keys were used since the last time."""


class Host:
    """The store, the settings in force and the control listener of one gateway."""

    def __init__(self, settings: Settings, overrides: Mapping[str, str]) -> None:
        self.settings = settings
        self.begun = Start()
        self.feed = Feed(settings, self._take, lambda: [] if self._served is None else self._served.uses())
        self._overrides = overrides
        self._served: Served | None = None
        self._sandbox: Running | None = None
        self._reloads: set[asyncio.Task[None]] = set()
        health = Health(lambda: self._served is not None and self._served.ready, self.metrics, self.feed.note)
        plane = ControlPlane(
            health, lambda: self.settings, self.feed.asked, self._explain, self.reload, lambda: self.begun.made_key
        )
        self._listener = Listener(plane.answer)

    async def begin(self) -> Whole | None:
        """Everything that has to be there before requests are taken: what the store holds, if there is one.

        Raises ConfigError, StoreError.
        """
        early = early_operator_key(self.settings)
        whole = await self._stored() if self.feed.expected() else None
        self.begun = await self._begun(self.settings, whole)
        self.begun = attrs.evolve(self.begun, operator_key=early or self.feed.operator_key)
        return whole

    async def _stored(self) -> Whole:
        # The log of what is served comes later: it takes what is read here.
        scrubber = Scrubber(declared.secrets_of(self.settings))
        log = declared.open_log(self.settings, scrubber, asyncio.get_running_loop())
        try:
            whole = await self.feed.begin()
            if whole.access_keys and kept_key(self.settings) is not None:
                path = self.settings.server.data_dir / ACCESS_KEY_FILE
                structlog.get_logger().warning("generated_key_in_force", path=str(path))
            return whole
        finally:
            log.close()

    async def listen(self, sock: socket.socket | None) -> None:
        """Answer the control listener's requests, where it is not off."""
        if sock is not None:
            await self._listener.listen(sock)

    def serve(self, served: Served) -> None:
        """This serves the data plane: give it every change from now on."""
        self._served = served
        if self.feed.opened:
            self.feed.follow()

    async def close(self) -> None:
        """Give everything back: at the very end, as probes are answered until then."""
        for task in self._reloads:
            task.cancel()
        await self._listener.close()
        await self.feed.close()
        if self._sandbox is not None:
            await self._sandbox.stop()

    async def metrics(self) -> bytes:
        """All metrics in Prometheus' text format; written in a thread, as many series take many milliseconds."""
        told = [] if self._served is None else [await self._served.count()]
        if self.feed.opened:
            told.append({STORE_UP.name: [Row(labels=[], values=[float(self.feed.up)])]})
        return await asyncio.to_thread(render, merge(told))

    # -- changes -------------------------------------------------------------------------------------------------------

    async def _take(self, whole: Whole) -> None:
        assert self._served is not None
        await self._served.take(whole)

    async def reload(self) -> Mapping[str, Any]:
        """Read the configuration again and serve it, everywhere or nowhere; what differs.

        Raises ConfigError for what is wrong with it or cannot change while the gateway runs, AigwError when somebody
        cannot serve it; then everything is as before.
        """
        async with self.feed.changing:
            after = await asyncio.to_thread(reloading.read_again, self.settings, self._overrides)
            found = reloading.differences(self.settings, after)
            changed = found or kept_key(after) != self.begun.made_key
            if changed and self._served is not None:
                whole = await self.feed.whole()
                begun = await self._begun(after, whole, keep_sandbox=self.begun.sandbox_url is not None)
                found += reloading.key_differences(self.begun.made_key, begun.made_key)
                await self._served.switch(after, begun, whole)
                self.settings, self.begun = after, begun
        told = reloading.told(found)
        structlog.get_logger().info("reloaded", difference=told["difference"])
        return told

    def hang_up(self) -> None:
        """Reload, and let the log tell what became of it."""
        task = asyncio.get_running_loop().create_task(self._reload_logged())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reload_logged(self) -> None:
        try:
            await self.reload()
        except AigwError as error:
            structlog.get_logger().error("reload_refused", error=str(error))
        except Exception:
            structlog.get_logger().exception("reload_failed")

    async def _explain(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._served is not None
        return await self._served.explain(asked)

    async def _begun(self, settings: Settings, whole: Whole | None, keep_sandbox: bool = False) -> Start:
        """What the gateway adds to these settings; the sandbox is started where nothing else could be called."""
        made = own_key(settings, others=whole is not None and bool(whole.access_keys))
        upstreams = holds_upstreams(whole) and not keep_sandbox
        if upstreams or not declared.needs_sandbox(settings):
            return Start(made)
        if self._sandbox is None:
            self._sandbox = await start_sandbox()
        return Start(made, self._sandbox.base_url)


def holds_upstreams(whole: Whole | None) -> bool:
    """Whether there is something to be called beside what the file declares."""
    return whole is not None and bool(whole.provider_keys or whole.providers)


async def start_sandbox(address: Tcp = ANY_PORT) -> Running:
    """The provider simulator, in this process. Raises ConfigError when it cannot listen there."""
    from aigw.sandbox import server

    try:
        return await server.start(address.host, address.port)
    except OSError as exc:
        raise ConfigError(f"the sandbox cannot listen on {address}: {exc.strerror or exc}") from None
