"""The sandbox as a server: what it remembers, when it starts and stops."""

import asyncio

import aiohttp
import pytest

from aigw.sandbox.server import Running, start

from .raw import CHAT, HELLO, ask, request


async def test_requests_are_remembered_as_they_came(sandbox: Running) -> None:
    """Method, path with query, headers in order and the body's bytes can be looked at afterwards."""
    answer = await ask(sandbox.port, CHAT + "?a=1", HELLO)
    seen = sandbox.requests[-1]
    await seen.over.wait()
    assert (seen.method, seen.path, seen.header("Authorization")) == ("POST", CHAT + "?a=1", "Bearer sk-test")
    assert request(CHAT, HELLO).endswith(seen.body)
    assert seen.headers[0] == ("host", "sandbox")
    assert (seen.hung_up, seen.sent) == (False, len(answer.data))
    assert seen.closed is not None
    assert seen.closed >= seen.opened


async def test_a_callers_leaving_is_seen(sandbox: Running) -> None:
    """When the caller closes in the middle of a stream, the sandbox notices and says so."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(request(CHAT, {**HELLO, "stream": True}, "events=1000,delay=10"))
    await reader.readuntil(b"data: ")
    writer.close()
    seen = sandbox.requests[-1]
    await seen.over.wait()
    assert seen.hung_up


async def test_memory_is_bounded(sandbox: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old requests are forgotten, by number and by the bytes of their bodies."""
    monkeypatch.setattr("aigw.sandbox.server._SEEN_REQUESTS", 3)
    for _ in range(5):
        await ask(sandbox.port, CHAT, HELLO)
    assert len(sandbox.requests) == 3
    monkeypatch.setattr("aigw.sandbox.server._SEEN_BYTES", 10)
    await ask(sandbox.port, CHAT, HELLO)
    assert len(sandbox.requests) == 1


async def test_large_bodies_are_taken(sandbox: Running) -> None:
    """There is no limit on a request's body."""
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 3_000_000}}]
    answer = await ask(sandbox.port, CHAT, {"model": "m", "messages": [{"role": "user", "content": content}]})
    assert b"I see 1 image(s)." in answer.body


async def test_coded_request_bodies_are_read_and_kept_coded(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """A compressed request is understood, and remembered as its bytes were."""
    async with client.post(CHAT, json=HELLO, compress="gzip") as answer:
        assert answer.status == 200
    assert sandbox.requests[-1].body.startswith(b"\x1f\x8b")


async def test_stopping_breaks_what_is_open_and_frees_the_port() -> None:
    """A stop does not wait for stalled answers, may be repeated, and another sandbox can take the port."""
    running = await start()
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    arrival = running.arrival()
    writer.write(request(CHAT, HELLO, "stall-head"))
    await arrival
    await running.stop()
    await running.stop()
    assert await reader.read() == b""
    assert not running.requests[-1].hung_up
    writer.close()
    async with await start(port=running.port) as again:
        assert again.base_url == f"http://127.0.0.1:{running.port}"


async def test_a_taken_port_is_an_error(sandbox: Running) -> None:
    """Two sandboxes cannot share a port."""
    with pytest.raises(OSError, match="address already in use"):
        await start(port=sandbox.port)


async def test_ids_never_repeat(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Every answer and every request has an id of its own."""
    found = set()
    for _ in range(20):
        async with client.post(CHAT, json=HELLO) as answer:
            found |= {(await answer.json())["id"], answer.headers["x-request-id"]}
    assert len(found) == 40


async def test_scenes_are_known_by_a_word(sandbox: Running) -> None:
    """Requests whose body says a word get the faults of its scene, one list each and the last for good."""
    word = "scene0000000001a"
    scene = sandbox.play(word, "status=503", "")
    body = {"model": "m!status=500", "messages": [{"role": "user", "content": f"Say {word}"}]}
    assert [(await ask(sandbox.port, CHAT, body, "status=418")).status for _ in range(3)] == [503, 200, 200]
    assert [seen.said.script is None for seen in scene.seen] == [True, False, False]
    sandbox.forget(word)
    assert (await ask(sandbox.port, CHAT, body)).status == 500


def test_a_word_looks_like_none_by_chance() -> None:
    """What could stand in any text is no word of a scene."""
    with pytest.raises(ValueError, match="hello"):
        Running("127.0.0.1").play("hello", "cut")
