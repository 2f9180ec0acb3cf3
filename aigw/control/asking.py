"""Ask an upstream one small question: a request without a body, its whole answer, within limits, over one connection.

Addresses are checked when the connection is made, as for every request to a provider. Redirects are not followed:
they would take the credential elsewhere.
"""

from __future__ import annotations

import asyncio

import attrs

from aigw.adapter import Outgoing
from aigw.errors import AttemptFailed, BadAnswer
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool
from aigw.wire.message import ResponseHead

_HEADERS = b"accept: application/json\r\naccept-encoding: identity\r\nuser-agent: aigw\r\n\r\n"


@attrs.frozen
class Said:
    """What an upstream answered."""

    status: int
    body: bytes = attrs.field(repr=False)


async def ask(connector: Connector, outgoing: Outgoing, *, most: int, connect_timeout: float) -> Said:
    """Ask, and wait for the end of the answer, which has `most` bytes at most. Raises AttemptFailed."""
    pool = Pool(connector, keepalive=0.0, most=1)
    try:
        connection = await pool.connect(outgoing.origin, connect_timeout)
        ear = _Ear(most)
        connection.ask(ear, outgoing.prefix + _HEADERS)
        return await ear.heard
    finally:
        pool.close()
        pool.abort()


class _Ear:
    """Collects an answer."""

    def __init__(self, most: int) -> None:
        self.heard: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._most = most
        self._status = 0
        self._parts: list[bytes] = []
        self._size = 0

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        """More of it came."""
        if self.heard.done():
            return
        if head is not None:
            self._status = head.code
            if head.headers.get("content-encoding", "identity").lower() != "identity":
                self.on_lost(BadAnswer("bad_answer", "the answer is compressed, which was not asked for"))
                return
        self._size += len(data)
        if self._size > self._most:
            self.on_lost(BadAnswer("bad_answer", f"the answer is larger than {self._most} bytes"))
            return
        self._parts.append(data)
        if complete:
            self.heard.set_result(Said(self._status, b"".join(self._parts)))

    def on_lost(self, error: AttemptFailed) -> None:
        """There will be no answer."""
        if not self.heard.done():
            self.heard.set_exception(error)

    def on_full(self) -> None:
        """Nothing is written beyond the request."""

    def on_drained(self) -> None:
        """Nothing is written beyond the request."""
