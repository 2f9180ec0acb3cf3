"""What a parent and its workers say to each other: nothing is lost, whatever the slicing, and nothing is shown."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from aigw.channel import (
    Ask,
    Begin,
    Channel,
    Count,
    Counted,
    Draining,
    Failed,
    Message,
    Piece,
    Prepare,
    Prepared,
    Ready,
    Serving,
    Switch,
    Switched,
    Told,
    Used,
    end_of,
    pair,
    read,
    write,
)
from aigw.errors import ConfigError

BEGIN = Begin(2, 7, "aigw.toml", 'a = "é\n"', {"server.listen": ":1"}, "aigw-token-0123456789", "http://127.0.0.1:1")
MESSAGES: list[Message] = [
    BEGIN,
    Ready(),
    Failed("line one\nline two"),
    Draining(),
    Count(),
    Counted({"aigw_workers": [{"labels": ["a\nb"], "values": [1.5]}]}),
    Serving(7),
    Prepare(1, 'a = "é"', "aigw-token-0123456789", None, stored=True),
    Prepared(1, "no"),
    Switch(1, go=True),
    Switched(1),
    Ask(2, {"models": ["m"]}),
    Told(2, {"candidates": []}),
    Used([["acct_1", "aigk_1", 1.5]]),  # type: ignore[list-item] # a pair in JSON
]
# What follows a line of its own, whatever is in it.
PIECES: list[Message] = [Piece(b"\n\npiece 3\n"), Piece(bytes(range(256)))]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_a_line(message: Message) -> None:
    """Every message survives the way, on one line."""
    line = write(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert read(line) == message


NONSENSE = [b"{}", b"[]", b"1", b'{"is":"nothing"}', b'{"is":"failed"}', b'{"is":"ready","x":1}', b"x"]


@pytest.mark.parametrize("line", NONSENSE)
def test_anything_else_is_refused(line: bytes) -> None:
    """What is no message of this version of the gateway is an error, never half understood."""
    with pytest.raises(ValueError, match=r"message|unexpected|expected"):
        read(line)


def test_secrets_are_not_shown() -> None:
    """A message in a traceback or a log tells neither token nor configuration."""
    assert "token" not in repr(BEGIN).replace("access_key", "")
    assert "é" not in repr(BEGIN)
    assert ":1" not in repr(BEGIN).replace("127.0.0.1:1", "")


def test_a_command_line_that_is_no_text() -> None:
    """Bytes that are not UTF-8 stop the start with a message instead of a traceback."""
    with pytest.raises(ConfigError, match="not UTF-8"):
        write(Begin(1, 3, "x", "", {"log.level": "\udcff"}))


class End:
    """One end of a channel, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.ended = asyncio.Event()
        self.channel: Channel

    async def open(self, sock: socket.socket) -> End:
        """Open it."""
        self.channel = await Channel.open(sock, self.heard.append, self.ended.set)
        return self


async def test_both_ways() -> None:
    """Messages arrive in order, also large ones, and the end is told to both, after everything that was said."""
    one, two = pair()
    parent, worker = await End().open(one), await End().open(two)
    large = Counted({"x" * 10: [{"labels": [str(number)], "values": [0.5]} for number in range(20_000)]})
    parent.channel.send(BEGIN)
    parent.channel.send(Count())
    worker.channel.send(large)
    worker.channel.send(Draining())
    worker.channel.close()
    await parent.channel.wait_ended()
    assert parent.heard == [large, Draining()]
    assert parent.ended.is_set()
    assert worker.heard in ([], [BEGIN, Count()])
    await worker.channel.wait_ended()
    # Nobody hears it, and nobody minds.
    parent.channel.send(Ready())
    worker.channel.send(Ready())


@pytest.mark.parametrize("size", [1, 7])
async def test_any_slicing(size: int) -> None:
    """Lines are put together from whatever pieces arrive."""
    end = End()
    channel = Channel(end.heard.append, end.ended.set)
    sent = [*MESSAGES, *PIECES, *MESSAGES[:2]]
    data = b"".join(map(write, sent))
    for start in range(0, len(data), size):
        channel.data_received(data[start : start + size])
    assert end.heard == sent


def test_an_end_is_taken_over() -> None:
    """A worker finds its end under the number it was told."""
    mine, theirs = pair()
    taken = end_of(theirs.detach())
    mine.sendall(b"x")
    assert taken.recv(1) == b"x"
    assert not taken.get_inheritable()
    taken.close()
    mine.close()


def test_what_is_no_end() -> None:
    """`aigw worker` by hand, on a number that is closed, a file or a network socket, says who starts workers."""
    read_end, write_end = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as alone:
        for number in (read_end, tcp.fileno(), alone.fileno(), 9999):
            with pytest.raises(ConfigError, match="never by hand"):
                end_of(number)
        # What it refuses it leaves open: it is not its own.
        assert alone.fileno() >= 0
        os.fstat(alone.fileno())
    os.close(read_end)
    os.close(write_end)
