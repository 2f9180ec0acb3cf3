"""A gateway in this process, on real sockets, with a sandbox behind it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs
import structlog

from aigw import app
from aigw.control.health import Health
from aigw.control.listener import Listener
from aigw.front.connection import CallerConnection
from aigw.observe.record import Record
from aigw.sandbox import server as sandboxes
from aigw.secret import Secret
from aigw.settings import (
    SURFACES,
    AccessKeySettings,
    Failover,
    Limits,
    Log,
    ProviderSettings,
    Server,
    Settings,
    Upstream,
)
from aigw.store.records import Whole

from .caller import CHAT, PATIENCE, Answer, Caller, connect

TOKEN = "aigw-tests-access-key-0123456789"
# The provider that every gateway has unless a test declares others.
UP: Mapping[str, Mapping[str, Any]] = {"up": {"keys": ["sk-up-0123456789abcdef"]}}

_LOGGERS = ("aiohttp.server", "asyncio")


@attrs.define(eq=False)
class Gate:
    """A running gateway: where it is, what stands behind it, and the records of what it served, oldest first."""

    process: app.Process
    control: Listener
    sandbox: sandboxes.Running
    token: str
    port: int
    control_port: int
    records: list[Record] = attrs.field(factory=list)
    _callers: list[Caller] = attrs.field(factory=list)
    _watch: Watch = attrs.field(factory=lambda: Watch())

    @property
    def base_url(self) -> str:
        """The data plane's address without a path: `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def control_url(self) -> str:
        """The control listener's address."""
        return f"http://127.0.0.1:{self.control_port}"

    async def caller(self, token: str | None = None, *, receive_buffer: int | None = None) -> Caller:
        """A raw connection to the data plane; closed with the gateway."""
        caller = await connect(self.port, self.token if token is None else token, receive_buffer=receive_buffer)
        self._callers.append(caller)
        return caller

    async def ask(
        self,
        body: Mapping[str, Any] | bytes | None = None,
        path: str = CHAT,
        *,
        method: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        token: str | None = None,
    ) -> Answer:
        """One request on a connection of its own, and its answer."""
        caller = await self.caller(token)
        caller.ask(body, path, method=method, headers=headers)
        answer = await caller.answer(to_head=method == "HEAD")
        caller.leave()
        return answer

    async def record(self, number: int = 1) -> Record:
        """The latest record, once there are so many."""
        await eventually(lambda: len(self.records) >= number)
        return self.records[-1]

    @property
    def idle(self) -> bool:
        """Whether no request is under way, no time limit watched, no upstream connection in use."""
        gateway = self.process.gateway
        pool = gateway.relay.pool
        return not (gateway.in_flight or len(gateway.relay.deadlines) or pool.open - pool.idle)

    async def stop(self) -> None:
        """Stop everything. Raises AssertionError when something was left over or went wrong unseen."""
        for caller in self._callers:
            caller.leave()
        try:
            await eventually(lambda: self.idle)
            await self.process.stop()
            await self.control.close()
            await eventually(lambda: not self.process.gateway.relay.pool.open)
        finally:
            await self.sandbox.stop()
            structlog.reset_defaults()
            self._watch.end()
        assert self._watch.seen == []


class OpenGate(Protocol):
    """What the fixture `gateway` is: called with what differs from the defaults, gives a running gateway.

    `providers` maps ids to fields of ProviderSettings in plain types (`keys` are strings), each at the sandbox and
    with every surface unless it says otherwise; `server`, `limits`, `upstream`, `failover`, `log` are those sections;
    `access_keys` are fields of AccessKeySettings, by default one with TOKEN that may call everything. `store` gives
    what a store holds, from the sandbox's address.
    """

    async def __call__(
        self,
        *,
        providers: Mapping[str, Mapping[str, Any]] = UP,
        access_keys: Sequence[Mapping[str, Any]] = (),
        server: Mapping[str, Any] = ...,
        limits: Mapping[str, Any] = ...,
        upstream: Mapping[str, Any] = ...,
        failover: Mapping[str, Any] = ...,
        log: Mapping[str, Any] = ...,
        store: Callable[[str], Whole] = ...,
    ) -> Gate: ...


async def open_gate(
    *,
    providers: Mapping[str, Mapping[str, Any]] = UP,
    access_keys: Sequence[Mapping[str, Any]] = (),
    server: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    upstream: Mapping[str, Any] | None = None,
    failover: Mapping[str, Any] | None = None,
    log: Mapping[str, Any] | None = None,
    store: Callable[[str], Whole] | None = None,
) -> Gate:
    """Start a gateway as OpenGate says."""
    sections: dict[str, Any] = {
        "server": Server(**{"drain_timeout": 0.2, **(server or {})}),
        "limits": Limits(**(limits or {})),
        "upstream": Upstream(**(upstream or {})),
        "failover": Failover(**(failover or {})),
        "log": Log(**(log or {"level": "off"})),
    }
    sandbox = await sandboxes.start()
    try:
        settings = _settings(sandbox.base_url, providers, access_keys, sections)
        return await _open(sandbox, settings, None if store is None else store(sandbox.base_url))
    except BaseException:
        await sandbox.stop()
        raise


def _settings(
    sandbox: str,
    providers: Mapping[str, Mapping[str, Any]],
    access_keys: Sequence[Mapping[str, Any]],
    sections: Mapping[str, Any],
) -> Settings:
    return Settings(
        **sections,
        providers=tuple(_provider(id, fields, sandbox) for id, fields in providers.items()),
        access_keys=tuple(_access_key(fields) for fields in access_keys or ({"name": "app", "key": TOKEN},)),
    )


async def _open(sandbox: sandboxes.Running, settings: Settings, whole: Whole | None) -> Gate:
    process = await app.start(settings, whole=whole)
    data, control = _socket(), _socket()
    gate = Gate(
        process,
        Listener(Health(lambda: process.ready, process.render_metrics).asked),
        sandbox,
        settings.access_keys[0].key.reveal(),
        data.getsockname()[1],
        control.getsockname()[1],
    )
    process.gateway._sinks += (gate.records.append,)
    gate._watch.begin()
    await gate.control.listen(control)
    await process.listen(data)
    return gate


def _provider(id: str, fields: Mapping[str, Any], sandbox: str) -> ProviderSettings:
    known = dict(fields)
    if "base_url" not in known:
        known["base_url"] = f"{sandbox}/v1"
        if "gemini" in known.get("surfaces", SURFACES):
            known.setdefault("surface_urls", (("gemini", f"{sandbox}/v1beta"),))
    known["surfaces"] = tuple(known.get("surfaces", SURFACES))
    known["models"] = tuple(known.get("models", ()))
    known["key_weights"] = tuple(known.get("key_weights", ()))
    for name in ("keys", "managed_keys"):
        known[name] = tuple(map(Secret, known.get(name, ())))
    known["headers"] = tuple((name, Secret(value)) for name, value in known.get("headers", {}).items())
    return ProviderSettings(id, **known)


def _access_key(fields: Mapping[str, Any]) -> AccessKeySettings:
    return AccessKeySettings(**{**fields, "key": Secret(fields["key"])})


def _socket() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


class Watch(logging.Handler):
    """Sees what nobody caught: in a callback, in a task, in aiohttp's server."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def begin(self) -> None:
        """Look from now on, instead of the gateway's own log."""
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.seen.append(repr(context)))
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(self)

    def end(self) -> None:
        """Look no longer."""
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Note one line, with its traceback."""
        self.seen.append(self.format(record))


async def eventually(condition: Callable[[], object]) -> None:
    """Wait, loop turn by loop turn, until something is so. Raises AssertionError when it never is."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not condition():
        assert loop.time() < end, "what was waited for did not happen"
        await asyncio.sleep(0.001)


async def connected(gate: Gate, *, receive_buffer: int | None = None) -> tuple[Caller, CallerConnection]:
    """A caller and the gateway's end of its connection, which has to be the only one."""
    caller = await gate.caller(receive_buffer=receive_buffer)
    await eventually(lambda: gate.process.gateway.connections)
    (connection,) = gate.process.gateway.connections
    return caller, connection
