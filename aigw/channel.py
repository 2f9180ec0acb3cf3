"""What do a gateway's parent and its workers say to each other? JSON, one message a line, over a socket pair.

Only these two hold the pair's ends, so a message may carry a secret, which a command line or an environment
would show to others.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Self, cast

import attrs
import orjson

from aigw.errors import ConfigError
from aigw.observe.totals import Snapshot


@attrs.frozen
class Begin:
    """Parent to worker, first of all: what to be.

    `data_fd` is the data plane's socket; `config` the text of the configuration file, named `source`;
    `overrides` what the command line sets; `access_key` the token of a generated access key;
    `sandbox_url` where the sandbox runs, if there is one.
    """

    worker: int
    data_fd: int
    source: str
    config: str = attrs.field(repr=False)
    overrides: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    access_key: str | None = attrs.field(default=None, repr=False)
    sandbox_url: str | None = None


@attrs.frozen
class Ready:
    """Worker to parent: it takes requests."""


@attrs.frozen
class Failed:
    """Worker to parent: it cannot start, and why."""

    error: str


@attrs.frozen
class Draining:
    """Worker to parent: it takes no more requests and ends when those under way have ended."""


@attrs.frozen
class Count:
    """Parent to worker: tell your metrics."""


@attrs.frozen
class Counted:
    """Worker to parent: its metrics; when asked, and once more before it ends."""

    metrics: Snapshot = attrs.field(repr=False)


Message = Begin | Ready | Failed | Draining | Count | Counted
_KINDS: Mapping[str, type[Message]] = {
    kind.__name__.lower(): kind for kind in (Begin, Ready, Failed, Draining, Count, Counted)
}


def write(message: Message) -> bytes:
    """A message as a line. Raises ConfigError for a text that is not Unicode: it came from the command line."""
    fields = attrs.asdict(message, recurse=False)
    try:
        line = orjson.dumps({"is": type(message).__name__.lower(), **fields}, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        raise ConfigError("the command line holds bytes that are not UTF-8") from None
    return line


def read(line: bytes) -> Message:
    """The message of a line; `read(write(x)) == x`. Raises ValueError for anything else."""
    told = orjson.loads(line)
    try:
        return _KINDS[told.pop("is")](**told)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"not a message between a gateway's processes: {exc}") from None


class Channel(asyncio.Protocol):
    """One end of the pair. `heard` is called with every message, `ended` once when the other end is gone."""

    def __init__(self, heard: Callable[[Message], None], ended: Callable[[], None]) -> None:
        self._heard = heard
        self._ended = ended
        self._torn = bytearray()
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()

    @classmethod
    async def open(cls, sock: socket.socket, heard: Callable[[Message], None], ended: Callable[[], None]) -> Self:
        """The end that this socket is."""
        sock.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_connection(lambda: cls(heard, ended), sock=sock)
        return channel

    def send(self, message: Message) -> None:
        """Tell the other end; nothing happens when it is gone. Raises ConfigError as `write` does."""
        line = write(message)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(line)

    def close(self) -> None:
        """End the conversation, once everything that was sent has left."""
        if self._transport is not None:
            self._transport.close()

    async def wait_ended(self) -> None:
        """Wait until the other end is gone, or this one is closed; everything it said has been heard then."""
        await self._lost.wait()

    # -- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = bytes(self._torn) + line
            self._torn.clear()
            self._heard(read(whole))
        self._torn += rest

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._ended()


def pair() -> tuple[socket.socket, socket.socket]:
    """The parent's end and the worker's."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def end_of(descriptor: int) -> socket.socket:
    """The end of a pair that was inherited under this number. Raises ConfigError when it is none."""
    by_hand = ConfigError("`aigw worker` is started by `aigw serve --workers N`, never by hand.")
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        raise by_hand from None
    try:
        nameless = sock.family == socket.AF_UNIX and not sock.getpeername()
    except OSError:
        nameless = False
    if not nameless:
        # Whatever it is, it is not ours to close.
        sock.detach()
        raise by_hand
    sock.set_inheritable(False)
    return sock
