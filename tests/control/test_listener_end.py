"""The end of the control listener while somebody is connected."""

import asyncio
import socket
from typing import Any

from aigw.control.listener import Listener
from aigw.control.message import Answer, Request


async def test_closing_under_an_open_connection_is_no_error() -> None:
    """A scraper that has its answer and lingers is let go of at the end, and nothing is reported as unhandled."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def answer(_request: Request) -> Answer:
        return Answer(200, b"ok\n", "text/plain")

    sock = socket.create_server(("127.0.0.1", 0))
    listener = Listener(answer)
    await listener.listen(sock)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    assert (await reader.read()).endswith(b"ok\n")
    await listener.close()
    # The streams' own callback runs in the loop's next turn.
    await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()
    assert reported == []
