"""What do a gateway's parent and its workers say to each other? JSON, one message a line, over a socket pair.

A Piece alone is followed by as many bytes as its line says. Only these two hold the pair's ends, so a message may
carry a secret, which a command line or an environment would show to others.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, cast

import attrs
import orjson

from aigw.errors import ConfigError
from aigw.observe.totals import Snapshot


@attrs.frozen
class Begin:
    """Parent to worker, first of all: what to be.

    `data_fd` is the data plane's socket; `config` the text of the configuration file, named `source`;
    `overrides` what the command line sets; `access_key` the token of a generated access key;
    `sandbox_url` where the sandbox runs, if there is one; `stored` tells that what the store holds follows in pieces.
    """

    worker: int
    data_fd: int
    source: str
    config: str = attrs.field(repr=False)
    overrides: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    access_key: str | None = attrs.field(default=None, repr=False)
    sandbox_url: str | None = None
    stored: bool = False


@attrs.frozen
class Piece:
    """Parent to worker: a part of what the store holds (`pieces`); the last one makes it whole."""

    data: bytes = attrs.field(repr=False)


@attrs.frozen
class Serving:
    """Worker to parent: requests that begin from now on see this epoch of the store."""

    epoch: int


@attrs.frozen
class Prepare:
    """Parent to worker: make ready to serve another configuration; its parts are those of Begin.

    What the store holds follows in pieces where it is `stored`.
    """

    number: int
    config: str = attrs.field(repr=False)
    access_key: str | None = attrs.field(default=None, repr=False)
    sandbox_url: str | None = None
    stored: bool = False


@attrs.frozen
class Prepared:
    """Worker to parent: it could serve it at once, or why it cannot."""

    number: int
    error: str = ""


@attrs.frozen
class Switch:
    """Parent to worker: serve what was prepared under this number, or forget it."""

    number: int
    go: bool


@attrs.frozen
class Switched:
    """Worker to parent: requests that begin from now on see what was prepared."""

    number: int


@attrs.frozen
class Ask:
    """Parent to worker: a dry run of a request, as the control API asks for it."""

    number: int
    asked: Mapping[str, Any]


@attrs.frozen
class Told:
    """Worker to parent: its answer, or what is wrong with the question."""

    number: int
    answer: Mapping[str, Any]
    error: str = ""


@attrs.frozen
class Used:
    """Worker to parent: when keys were used since it last said so: account, id, seconds since the epoch."""

    uses: Sequence[tuple[str, str, float]]


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


Line = (
    Begin | Serving | Prepare | Prepared | Switch | Switched | Ask | Told | Used
    | Ready | Failed | Draining | Count | Counted
)  # fmt: skip
Message = Line | Piece
_KINDS: Mapping[str, type[Line]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Begin, Serving, Prepare, Prepared, Switch, Switched, Ask, Told, Used),
        *(Ready, Failed, Draining, Count, Counted),
    )
}
# A Piece's line: what kind of line it is, and how many bytes follow.
_PIECE = b"piece "


def write(message: Message) -> bytes:
    """A message as a line. Raises ConfigError for a text that is not Unicode: it came from the command line."""
    if isinstance(message, Piece):
        return b"%s%d\n%s" % (_PIECE, len(message.data), message.data)
    fields = attrs.asdict(message, recurse=False)
    try:
        line = orjson.dumps({"is": type(message).__name__.lower(), **fields}, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        raise ConfigError("the command line holds bytes that are not UTF-8") from None
    return line


def read(line: bytes) -> Line:
    """The message of a line; `read(write(x)) == x` but for a Piece. Raises ValueError for anything else."""
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
        # Bytes that the Piece under way has in all; 0 between messages.
        self._piece = 0
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

    def send_written(self, messages: Iterable[bytes]) -> None:
        """Tell the other end what `write` made: the same for several ends, without a copy for each."""
        if self._transport is not None and not self._transport.is_closing():
            for message in messages:
                self._transport.write(message)

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
        self._torn += data
        at, end = 0, len(self._torn)
        while at < end:
            past = self._next(at)
            if past < 0:
                break
            at = past
        del self._torn[:at]

    def _next(self, at: int) -> int:
        """Tell the message that begins here, if it is whole: where the next one begins, else -1."""
        if self._piece:
            past = at + self._piece
            if len(self._torn) < past:
                return -1
            self._piece = 0
            self._heard(Piece(bytes(self._torn[at:past])))
            return past
        past = self._torn.find(b"\n", at) + 1
        if not past:
            return -1
        line = bytes(self._torn[at : past - 1])
        if line.startswith(_PIECE):
            self._piece = int(line.removeprefix(_PIECE))
        else:
            self._heard(read(line))
        return past

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
