"""The sandbox on a socket: takes requests, has them answered, and remembers what it saw."""

import asyncio
import re
import time
from collections import deque
from types import TracebackType

from aiohttp import web
from attrs import define, field

from .delivery import Sent, Wire, deliver
from .desk import Arrived, decide
from .faults import HEADER
from .reply import House
from .said import Said
from .talk import talk

# What the sandbox remembers of the requests it saw, at most: so many, and so many bytes of their bodies.
_SEEN_REQUESTS = 1000
_SEEN_BYTES = 64 * 1024 * 1024
# Gateways are tested with long credentials, traces and model names: far above aiohttp's default, 8 KB a line.
_LINE_BYTES = 64 * 1024
_BACKLOG = 1024
# Every handler is cancelled first, so this is only the patience with one that does not listen.
_STOP_SECONDS = 1.0
_SCENE = re.compile(rb"scene[0-9a-z]{11}")


@define(eq=False)
class Seen:
    """One request as it arrived: path with its query, headers as (name, value) in order, body undecoded.

    `opened` and `closed` are time.monotonic() seconds; `hung_up` says that the caller left before the answer
    was out; `over` is set when the sandbox is done with the request; `said` is how much of its answer went out.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    peer: tuple[str, int]
    wire: Wire = field(repr=False)
    opened: float = field(factory=time.monotonic)
    body: bytes = b""
    closed: float | None = None
    hung_up: bool = False
    said: Said = field(factory=Said, repr=False)
    over: asyncio.Event = field(factory=asyncio.Event)

    @property
    def sent(self) -> int:
        """The bytes written in answer so far, framing included; those of a WebSocket do not count."""
        return self.wire.sent

    def header(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@define(eq=False)
class Scene:
    """What is played to the requests of one word: lists of faults still to come, and the requests that came."""

    lists: deque[str]
    seen: list[Seen] = field(factory=list)

    def next(self, seen: Seen) -> str:
        """The faults of one more request."""
        self.seen.append(seen)
        return self.lists.popleft() if len(self.lists) > 1 else self.lists[0]


class Running:
    """A sandbox that listens. Stop it, or use it in `async with`.

    `requests` holds what it saw, oldest first, the latest thousand or 64 MB of bodies.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.port = 0
        self.requests: deque[Seen] = deque()
        self._kept_bytes = 0
        self._awaited: list[asyncio.Future[Seen]] = []
        self._stopping = False
        self._busy: set[asyncio.Task[object]] = set()
        self._house = House(0)
        self._scenes: dict[bytes, Scene] = {}
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """The address without a path: `http://127.0.0.1:PORT`."""
        return f"http://{self.host}:{self.port}"

    def arrival(self) -> "asyncio.Future[Seen]":
        """The next request to arrive, its body read; for whoever has to act while it is being answered."""
        future: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._awaited.append(future)
        return future

    def play(self, word: str, *lists: str) -> Scene:
        """Faults for the requests whose body says a word, whatever their model or headers say.

        The first such request gets the first list, the next one the next; the last list stays. A word is `scene` and
        eleven small letters or digits. Raises ValueError for another one.
        """
        if _SCENE.fullmatch(word.encode()) is None:
            raise ValueError(word)
        scene = self._scenes[word.encode()] = Scene(deque(lists or [""]))
        return scene

    def forget(self, word: str) -> None:
        """Let a word be a word again."""
        self._scenes.pop(word.encode(), None)

    async def listen(self, port: int) -> None:
        """Open the socket. Raises OSError when the port is taken."""
        self._server = web.Server(
            self._handle,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
        )
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, self.host, port, backlog=_BACKLOG)
        self.port = self._listener.sockets[0].getsockname()[1]
        self._house = House(self.port)

    async def stop(self) -> None:
        """Close the socket and break every open connection. May be called twice."""
        self._stopping = True
        listener, self._listener = self._listener, None
        if listener is not None and self._server is not None:
            listener.close()
            for task in self._busy:
                task.cancel()
            self._server.pre_shutdown()
            await self._server.shutdown(timeout=_STOP_SECONDS)
            await listener.wait_closed()

    async def __aenter__(self) -> "Running":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        wire = Wire(request)
        seen = Seen(
            wire=wire,
            method=request.method,
            path=request.raw_path,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers),
            peer=(request.get_extra_info("peername") or ("", 0))[:2],
        )
        self.requests.append(seen)
        task = asyncio.current_task()
        assert task is not None
        self._busy.add(task)
        try:
            return await self._serve(request, wire, seen)
        except asyncio.CancelledError:
            seen.hung_up = not self._stopping
            raise
        except ConnectionError:
            seen.hung_up = True
            return Sent(False)
        finally:
            self._busy.discard(task)
            seen.closed = time.monotonic()
            seen.over.set()

    async def _serve(self, request: web.BaseRequest, wire: Wire, seen: Seen) -> web.StreamResponse:
        if request.headers.get("expect", "").lower() == "100-continue":
            wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        seen.body = await request.content.read()
        self._keep(seen)
        headers = {name.lower(): value for name, value in seen.headers}
        found = _SCENE.search(seen.body) if self._scenes else None
        scene = self._scenes.get(found[0]) if found else None
        if scene is not None:
            headers[HEADER] = scene.next(seen)
        verdict = decide(Arrived(seen.method, seen.path, headers, seen.body), self._house)
        if verdict.reply.dialogue is not None:
            return await talk(request, wire, verdict.reply.dialogue, verdict.faults)
        seen.said = verdict.said
        await deliver(wire, verdict.reply, verdict.faults, verdict.around, verdict.said)
        return Sent(wire.reusable)

    def _keep(self, seen: Seen) -> None:
        awaited, self._awaited = self._awaited, []
        for future in awaited:
            if not future.done():
                future.set_result(seen)
        self._kept_bytes += len(seen.body)
        while len(self.requests) > _SEEN_REQUESTS or (self._kept_bytes > _SEEN_BYTES and len(self.requests) > 1):
            self._kept_bytes -= len(self.requests.popleft().body)


async def start(host: str = "127.0.0.1", port: int = 0) -> Running:
    """Start a sandbox; port 0 takes a free one. Raises OSError when the port is taken."""
    running = Running(host)
    await running.listen(port)
    return running
