"""What may come out of the upstream's side of the relay: HTTP answers, whole or cut, in any slicing."""

from __future__ import annotations

import asyncio
import re
from random import Random
from typing import cast

from aigw.adapter import Origin
from aigw.relay.cork import Outbox
from aigw.relay.upstream.connection import Connection

from ...relay.raw import Heard
from ...relay.upstream.wires import Wire
from .mutate import cut

_OK = b"HTTP/1.1 200 OK\r\n"
SEEDS = [
    _OK + b"content-type: application/json\r\ncontent-length: 11\r\n\r\nhello world",
    _OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nx-t: y\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + _OK + b"content-length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nx-request-id: a\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nserver: x\r\n\r\nuntil the end",
    _OK + b"connection: close\r\ntransfer-encoding: gzip\r\n\r\nuntil the end",
    b"HTTP/1.1 429 Too Many\r\nretry-after: 5\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nno",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n\x81\x02hi",
    _OK.replace(b"\r\n", b"\n") + b"content-length: 2\n\nok",
    _OK + b"content-length: 2\r\n\r\nok" + _OK + b"content-length: 3\r\n\r\nbad",
]
_HEAD = re.compile(rb"HTTP/[0-2]\.[0-9] (\d{3})[^\n]*\n((?:[^\n]*\n)*?)\r?\n")
# Folded lines are read as one, also one that folds the status line (RFC 9112, section 5.2).
_FOLD = re.compile(rb"(?<=.)\n[ \t]+|(?<=^\n)[ \t]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]+)[^\r\n]*\r\n")


class _Home:
    """Where a connection goes afterwards."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.outbox = Outbox(loop)
        self.usable: bool | None = None

    def give_back(self, connection: Connection, usable: bool) -> None:
        assert self.usable is None
        self.usable = usable

    def forget(self, connection: Connection) -> None:
        """Nothing is remembered."""


class _Loop:
    """Nothing turns: what would be written is of no interest here."""

    def call_soon(self, *_: object) -> None:
        """Never."""

    def get_debug(self) -> bool:
        return False


_LOOP = cast("asyncio.AbstractEventLoop", _Loop())


def answer(data: bytes, chance: Random) -> None:
    """No exception; the same in any slicing; complete only where its framing says so, with the bytes it says."""
    asked = chance.choice((b"GET", b"GET", b"HEAD"))
    whole, sliced = _heard([data], asked), _heard(cut(data, chance), asked)
    assert whole == sliced
    status, body, outcome, usable = whole
    expected = _expected(data, asked)
    if outcome == "complete":
        assert expected is not None
        assert (status, body) == expected[:2]
    if usable:
        assert expected is not None
        assert expected[2]
    if outcome == "cut":
        assert expected is None, expected


def _heard(pieces: list[bytes], asked: bytes) -> tuple[int, bytes, str, bool]:
    home, heard, wire = _Home(_LOOP), Heard(), Wire()
    connection = Connection(home, Origin("http", "up", 80), _LOOP)
    connection.connection_made(wire)
    connection.ask(heard, asked + b" / HTTP/1.1\r\nhost: up\r\n\r\n")
    connection.transport._pieces.clear()  # it went out
    behind = False
    for piece in pieces:
        if wire.is_closing():
            break
        behind = behind or heard.complete
        connection.data_received(piece)
    if not heard.complete and heard.error is None:
        connection.eof_received()
        connection.connection_lost(None)
    assert not heard.late
    if heard.error is None:
        return heard.status, heard.data, "complete", bool(home.usable) and not behind
    assert not heard.complete
    cut_off = heard.error.reason == "connection_closed"
    # Where an error is noticed is a matter of slicing: how much came before it is, too.
    return 0, b"", "cut" if cut_off else "bad", False


def _expected(data: bytes, asked: bytes) -> tuple[int, bytes, bool] | None:
    """Status, body and whether the connection may go on, by a second reader of RFC 9112; None: it is not complete."""
    while True:
        data = data.lstrip(b"\r\n")
        found = _HEAD.match(data)
        if found is None:
            return None
        data = data[found.end() :]
        status = int(found[1])
        if status >= 200 or status == 101:
            break
    fields = _fields(found[2])
    if status == 101:
        return status, data, False
    if asked == b"HEAD" or status in (204, 304):
        return status, b"", not data
    body = _body(fields, data)
    return body and (status, *body)


def _fields(lines: bytes) -> dict[bytes, list[bytes]]:
    fields: dict[bytes, list[bytes]] = {}
    for line in _FOLD.sub(b" ", b"\n" + lines.replace(b"\r\n", b"\n")).split(b"\n"):
        name, _, value = line.partition(b":")
        fields.setdefault(name.strip().lower(), []).append(value.strip(b" \t\r").lower())
    return fields


def _body(fields: dict[bytes, list[bytes]], data: bytes) -> tuple[bytes, bool] | None:
    codings = b",".join(fields.get(b"transfer-encoding", []))
    lengths = fields.get(b"content-length", [])
    if codings.split(b",")[-1].strip(b" \t") == b"chunked":
        told = _dechunked(data)
        return None if told is None else (told[0], not told[1])
    if codings or not lengths:
        return data, False
    if len(lengths) > 1 or not lengths[0].isdigit() or len(data) < int(lengths[0]):
        return None
    size = int(lengths[0])
    return data[:size], len(data) == size


def _dechunked(data: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while found := _SIZE.match(data):
        size, data = int(found[1], 16), data[found.end() :]
        if not size:
            while data[:2] != b"\r\n":
                _, ended, data = data.partition(b"\r\n")
                if not ended:
                    return None
            return body, data[2:]
        if len(data) < size + 2:
            return None
        body, data = body + data[:size], data[size + 2 :]
    return None
