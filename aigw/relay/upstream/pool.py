"""Keep-alive connections, per origin: the one used last is used first, so that the others can go idle and close."""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.cork import Outbox
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.connection import Connection


class _Place:
    """The connections of one origin; `open` counts those that are being opened too."""

    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.open = 0
        # First come, first served: a turn brings a connection that came free, or None and the right to open one.
        self.waiting: deque[asyncio.Future[Connection | None]] = deque()


class Pool:
    """All upstream connections of this process.

    `keepalive` is how long one may stay idle, in seconds; `most` how many an origin may have at once, beyond
    which a request waits (within its connect timeout) for one to come free.
    """

    def __init__(self, connector: Connector, *, keepalive: float = 50.0, most: int = 1024) -> None:
        self._connector = connector
        self._keepalive = keepalive
        self._most = most
        self._places: dict[Origin, _Place] = {}
        self._loop = asyncio.get_running_loop()
        self._all: set[Connection] = set()
        self.closing = False
        self.outbox = Outbox(self._loop)

    def take(self, origin: Origin) -> Connection | None:
        """An idle connection, at once, or None."""
        place = self._places.get(origin)
        if place is None:
            return None
        idle = place.idle
        while idle:
            connection = idle.pop()
            if connection.alive(monotonic()):
                return connection
            connection.drop()
        return None

    async def connect(self, origin: Origin, timeout: float) -> Connection:
        """A connection, opened now or come free meanwhile, within `timeout` seconds. Raises ConnectFailed."""
        place = self._places.setdefault(origin, _Place())
        deadline = monotonic() + timeout
        while place.open >= self._most:
            free = await self._wait(place, origin, timeout, deadline)
            if free is None:
                break
            if free.alive(monotonic()):
                return free
            free.drop()
            place = self._places.setdefault(origin, _Place())  # the last connection may have gone meanwhile
        else:
            place.open += 1
        try:
            connection = await self._connector.open(
                origin, lambda: Connection(self, origin, self._loop), max(deadline - monotonic(), 0.001)
            )
        except BaseException:
            self._one_less(place)
            raise
        self._all.add(connection)
        if connection.transport.is_closing():
            self.forget(connection)
            raise ConnectFailed("connect", f"{origin} closed the connection at once")
        return connection

    async def _wait(self, place: _Place, origin: Origin, timeout: float, deadline: float) -> Connection | None:
        turn: asyncio.Future[Connection | None] = self._loop.create_future()
        place.waiting.append(turn)
        try:
            async with asyncio.timeout(max(deadline - monotonic(), 0.001)):
                return await turn
        except BaseException as exc:
            if turn in place.waiting:
                place.waiting.remove(turn)
            elif not turn.cancelled():
                # It came too late: whoever waited has gone.
                self._pass_on(place, turn.result())
            if isinstance(exc, TimeoutError):
                raise ConnectFailed(
                    "connections_exhausted",
                    f"all {self._most} connections to {origin} were busy for {timeout:g} s"
                    " (setting upstream.max_connections_per_origin)",
                ) from None
            raise

    def give_back(self, connection: Connection, usable: bool = True) -> None:
        """The answer is complete; the connection can be used again, if it is `usable`."""
        if connection.used == 1 and connection.origin.scheme == "https":
            self._connector.keep_session(connection)
        if self.closing or not usable:
            connection.close()
            return
        connection.idle_since = monotonic()
        self._pass_on(self._places[connection.origin], connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        if connection not in self._all:
            return
        self._all.discard(connection)
        place = self._places[connection.origin]
        if connection in place.idle:
            place.idle.remove(connection)
        self._one_less(place)

    def _one_less(self, place: _Place) -> None:
        if not self._serve_next(place, None):
            place.open -= 1

    def _pass_on(self, place: _Place, connection: Connection | None) -> None:
        if connection is None:
            self._one_less(place)
        elif not self._serve_next(place, connection):
            place.idle.append(connection)

    def _serve_next(self, place: _Place, connection: Connection | None) -> bool:
        """Give it to the first who waits and has not left."""
        while place.waiting:
            turn = place.waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long, forget origins that nobody uses; called about once a second."""
        unused: list[Origin] = []
        for origin, place in self._places.items():
            while place.idle and now - place.idle[0].idle_since > self._keepalive:
                place.idle.pop(0).close()
            if not (place.open or place.waiting):
                unused.append(origin)
        for origin in unused:
            del self._places[origin]

    @property
    def open(self) -> int:
        """How many connections are open, idle ones included."""
        return len(self._all)

    @property
    def idle(self) -> int:
        """How many of them no request uses."""
        return sum(len(place.idle) for place in self._places.values())

    @property
    def idle_connections(self) -> list[Connection]:
        """Those, per origin the one used last behind."""
        return [connection for place in self._places.values() for connection in place.idle]

    def close(self) -> None:
        """Close idle connections now and the others when their answers are complete."""
        self.closing = True
        for place in self._places.values():
            for connection in place.idle:
                connection.close()
            place.idle.clear()

    def abort(self) -> None:
        """Drop everything."""
        for connection in list(self._all):
            connection.transport.abort()
