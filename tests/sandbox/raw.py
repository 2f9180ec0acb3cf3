"""A client that shows every byte: it writes a request and keeps what comes back, framing included."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from attrs import define

HELLO: Mapping[str, Any] = {
    "model": "sandbox-small",
    "messages": [{"role": "user", "content": "hello canary"}],
}
CHAT = "/v1/chat/completions"


@define
class Exchange:
    """What came back on the socket, and whether it ended with a reset instead of an end of file."""

    data: bytes = b""
    reset: bool = False

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def rest(self) -> bytes:
        """The bytes after the head, still framed."""
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def chunks(self) -> list[bytes]:
        """The body's HTTP chunks; an empty last one when the body was properly ended."""
        found, rest = [], self.rest
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            found.append(rest[:length])
            rest = rest[length + 2 :]
        return found

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks) if b"transfer-encoding: chunked" in self.head else self.rest

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b": ")
            if key.decode() == name:
                return value.decode()
        return None


def request(path: str, body: Mapping[str, Any], fault: str = "", *, keep: bool = False) -> bytes:
    """The bytes of a POST; the server closes the connection after it unless `keep`."""
    content = orjson.dumps(body)
    lines = [
        f"POST {path} HTTP/1.1",
        "host: sandbox",
        "content-type: application/json",
        "authorization: Bearer sk-test",
    ]
    lines += [f"content-length: {len(content)}", "" if keep else "connection: close"]
    lines += [f"x-sandbox-fault: {fault}"] if fault else []
    return "\r\n".join([line for line in lines if line] + ["", ""]).encode() + content


async def ask(port: int, path: str, body: Mapping[str, Any], fault: str = "", *, keep: bool = False) -> Exchange:
    """Send a POST and read until the other side ends or resets the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(path, body, fault, keep=keep))
    exchange = Exchange()
    try:
        while data := await reader.read(65536):
            exchange.data += data
    except ConnectionResetError:
        exchange.reset = True
    writer.close()
    return exchange
