"""Broken requests by the thousand: nothing breaks in here, and nothing malformed goes up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest

from ..support.caller import HELLO, chunked, request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from .fuzzing.mutate import cut

KEY = "Bearer sk-up-0123456789abcdef"
BODY = b'{"model":"up:sandbox-small","messages":[{"role":"user","content":"hi"}]}'
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:sandbox-audio\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\nRIFF\r\n--b--\r\n'
)
REQUESTS = {
    "length": request(BODY, token=TOKEN),
    "chunks": request(chunked(BODY[:20], BODY[20:]), token=TOKEN, headers=[("transfer-encoding", "chunked")]),
    "form": request(
        FORM, "/v1/audio/transcriptions", token=TOKEN, headers=[("content-type", "multipart/form-data; boundary=b")]
    ),
    "none": request(path="/v1/models", token=TOKEN),
    "gemini": request(b'{"contents":[]}', "/v1beta/models/up:m:generateContent", token=TOKEN),
    "stored": request(path="/v1/responses/resp_1", token=TOKEN),
    "two": request(BODY, token=TOKEN) * 2,
}
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"\xff",
    b"chunked",
    b"content-length: 5\r\n",
    b"\r\n\r\n",
    b"0",
    b"\x0b",
]


def mutations(chance: random.Random) -> Callable[[bytes], bytes]:
    """One way to break bytes."""

    def at(data: bytes) -> int:
        return chance.randrange(len(data) + 1)

    ways: list[Callable[[bytes], bytes]] = [
        lambda data: data[: (here := at(data))] + chance.choice(PIECES) + data[here:],
        lambda data: data[: (here := at(data))] + data[here + chance.randrange(1, 8) :],
        lambda data: data[: (here := at(data))] + bytes([chance.randrange(256)]) + data[here + 1 :],
        lambda data: data[: (here := at(data))] + data[max(0, here - 20) :],
        lambda data: data[: at(data)],
    ]
    return chance.choice(ways)


@pytest.mark.parametrize("name", REQUESTS)
async def test_broken_requests(gateway: OpenGate, name: str) -> None:
    """Cut, doubled, altered anywhere and sent in any slices: what goes up is well-formed, under the provider's key."""
    gate = await gateway()
    chance = random.Random(name)
    for _ in range(250):
        data = REQUESTS[name]
        for _ in range(chance.randrange(1, 4)):
            data = mutations(chance)(data)
        caller = await gate.caller()
        await eventually(lambda: gate.process.gateway.connections)
        (connection,) = gate.process.gateway.connections
        size = chance.choice([1, 3, 50, 10_000])
        for at in range(0, len(data), size):
            connection.data_received(data[at : at + size])
        await asyncio.sleep(0)
        caller.leave()
        await eventually(lambda: not gate.process.gateway.connections)
    for seen in gate.sandbox.requests:
        names = [name for name, _ in seen.headers]
        assert names.count("host") == 1
        assert names.count("content-length") + names.count("transfer-encoding") <= 1
        assert TOKEN not in str(seen.headers)
        credential = seen.header("authorization") or f"Bearer {seen.header('x-goog-api-key')}"
        assert credential == KEY
    assert (await gate.ask(HELLO)).status == 200


async def outcomes(gate: Gate, pieces: list[bytes]) -> Counter[tuple[int, str]]:
    """Status and error of each request that was read on a connection of its own, which then ends."""
    before = len(gate.records)
    caller = await gate.caller()
    await eventually(lambda: gate.process.gateway.connections)
    (connection,) = gate.process.gateway.connections
    for piece in pieces:
        connection.data_received(piece)
    for _ in range(5):
        await asyncio.sleep(0)
    caller.leave()
    await eventually(lambda: not gate.process.gateway.connections)
    return Counter((record.status, record.error) for record in gate.records[before:])


# (A form is refused as soon as its model is known, or for what is wrong behind it.)
@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "form"])
async def test_broken_requests_in_any_slicing(gateway: OpenGate, name: str) -> None:
    """Where one request ends and the next begins does not depend on how the bytes come.

    Only how many are read does: a refusal before the body has come ends the connection, one after it need not.
    """
    gate = await gateway(access_keys=[{"name": "app", "key": TOKEN, "providers": ()}])
    chance = random.Random(f"slices of {name}")
    for _ in range(100):
        data = REQUESTS[name]
        for _ in range(chance.randrange(3)):
            data = mutations(chance)(data)
        if data:
            whole, sliced = await outcomes(gate, [data]), await outcomes(gate, cut(data, chance))
            assert whole >= sliced or sliced >= whole, data
    assert not gate.sandbox.requests


@pytest.mark.parametrize("seed", range(4))
async def test_noise(gateway: OpenGate, seed: int) -> None:
    """Bytes that were never a request."""
    gate = await gateway()
    chance = random.Random(seed)
    for _ in range(150):
        caller = await gate.caller()
        caller.send(chance.randbytes(chance.randrange(1, 2000)) + chance.choice([b"", b"\r\n\r\n", b"\n\n"]))
        await asyncio.sleep(0)
        caller.leave(reset=chance.random() < 0.5)
    await eventually(lambda: not gate.process.gateway.connections)
    assert not gate.sandbox.requests
    assert (await gate.ask(HELLO)).status == 200
