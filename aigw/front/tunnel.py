"""The realtime WebSocket: the handshake is passed on as the caller began it, then bytes go both ways as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import parse_qs

from aigw.errors import InvalidBody
from aigw.relay.cork import Corked
from aigw.wire.message import RequestHead

# Browsers cannot set headers, so OpenAI lets them send a key as a subprotocol; it is the caller's and stays here.
_SECRET_PROTOCOL = "openai-insecure-api-key."


def model(message: RequestHead) -> str:
    """The model of a realtime session. Raises InvalidBody."""
    if message.headers.get("Upgrade", "").lower() != "websocket":
        raise InvalidBody("This path is a WebSocket: connect with `Upgrade: websocket`.", param="upgrade")
    named = parse_qs(message.path.partition("?")[2]).get("model", [])
    if len(named) != 1:
        raise InvalidBody("Name one model in the query: /v1/realtime?model=….", param="model")
    return named[0]


def handshake(message: RequestHead) -> bytes:
    """The header lines of the caller's handshake (RFC 6455, section 4.1) for the upstream."""
    lines = [b"connection: Upgrade\r\nupgrade: websocket\r\n"]
    for name, value in message.raw_headers:
        lower = name.lower()
        if lower == b"sec-websocket-protocol":
            protocols = [each.strip() for each in value.decode("latin-1").split(",")]
            value = ", ".join(each for each in protocols if not each.startswith(_SECRET_PROTOCOL)).encode("latin-1")
        if lower.startswith(b"sec-websocket-") and value:
            lines.append(b"%b: %b\r\n" % (lower, value))
    return b"".join(lines)


def answer_fields(fields: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """The header lines of the upstream's answer to the handshake."""
    return [
        b"%b: %b\r\n" % pair
        for pair in fields
        if pair[0].lower() in (b"upgrade", b"connection") or pair[0].lower().startswith(b"sec-websocket-")
    ]


class Side(asyncio.Protocol):
    """One end of a tunnel: what it receives goes to the other, at the other's pace."""

    transport: Corked

    def __init__(self, transport: Corked) -> None:
        self.transport = transport
        self.other: Side

    def data_received(self, data: bytes) -> None:
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.other.transport.resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.close()


def join(caller: Side, upstream: Corked) -> None:
    """Make a tunnel of the caller's side and an upstream's transport."""
    caller.other = Side(upstream)
    caller.other.other = caller
    upstream.raw.set_protocol(caller.other)
    upstream.resume_reading()
