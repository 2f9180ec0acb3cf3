"""Asking a provider which models it has: of every kind of server, and of those that mean no good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from aigw.control import discovery
from aigw.sandbox import server as sandboxes
from aigw.secret import Secret
from aigw.settings import ProviderSettings, Settings
from aigw.store.patches import ProviderPatch
from aigw.store.records import SYSTEM

from .conftest import Live, Serve

PROVIDERS = "/providers"
KEY = "sk-a-key-of-the-discovery-0123456789"
CHAT = [{"surface": "chat-completions"}]

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def upstream(play: Play) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that plays this on every connection: its address, and the heads of the requests it got."""
    heads: list[bytes] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            await play(reader, writer)
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    async with asyncio.timeout(5):
        await asyncio.gather(*(task for task in tasks if task is not None))


def answer(body: Any, status: str = "200 OK", *headers: str) -> bytes:
    """An answer with JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(data)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def says(*answers: bytes) -> Play:
    """One answer after the other, the last one again and again."""
    left = list(answers)

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return play


async def provider(live: Live, url: str, surfaces: Any = CHAT, **more: Any) -> str:
    """The address at which a new provider is asked."""
    body = {"providerId": "mine", "baseUrl": f"{url}/v1", "supportedApiSurfaces": surfaces, **more}
    return str((await live.made(PROVIDERS, body))["uri"]) + "/discover-models"


async def test_the_sandbox_is_asked(live: Live) -> None:
    """A list is told, and added on request; what the provider has keeps its id, and nothing is added twice."""
    running = await sandboxes.start()
    try:
        path = await provider(live, running.base_url, models=[{"modelId": "Sandbox-Small"}, {"modelId": "own"}])
        told = (await live.ask("POST", path)).told
        assert (told["applied"], told["provider"]) == (False, None)
        assert {"modelId": "sandbox-large"} in told["models"]
        before = (await live.ask("GET", PROVIDERS)).told["providers"][0]
        assert len(before["models"]) == 2
        told = (await live.ask("POST", f"{path}?apply=true&wait=true")).told
        assert told["applied"] is True
        names = [each["modelId"] for each in told["provider"]["models"]]
        assert names[:2] == ["Sandbox-Small", "own"]
        assert "sandbox-large" in names
        assert "sandbox-small" not in names
        assert told["provider"]["models"][:2] == before["models"]
        again = (await live.ask("POST", f"{path}?apply=true&wait=true")).told
        assert (again["applied"], again["provider"]) == (False, told["provider"])
    finally:
        await running.stop()


async def test_the_newest_key_goes_along(live: Live) -> None:
    """The account's newest key is sent, and nothing that the caller sent; a provider without keys gets none."""
    async with upstream(says(answer({"data": [{"id": "m"}]}))) as (url, heads):
        path = await provider(live, url)
        assert (await live.ask("POST", path)).status == 200
        for value in ("sk-an-older-key-0123456789", KEY):
            await live.made("/provider-keys", {"providerId": "mine", "value": value})
        assert (await live.ask("POST", path)).told["models"] == [{"modelId": "m"}]
    assert heads[0].startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"authorization" not in heads[0].lower()
    assert f"authorization: Bearer {KEY}\r\n".encode() in heads[1]
    assert b"aigw-api-" not in heads[1]


async def test_pages_are_followed(live: Live) -> None:
    """Pages are read to their end; a list that repeats itself ends there."""
    first = answer({"data": [{"id": "a"}], "has_more": True, "last_id": "a"})
    second = answer({"data": [{"id": "b"}], "has_more": True, "last_id": "b"})
    async with upstream(says(first, second)) as (url, heads):
        path = await provider(live, url, [{"surface": "messages"}])
        assert [each["modelId"] for each in (await live.ask("POST", path)).told["models"]] == ["a", "b"]
    targets = [head.split(b" ")[1] for head in heads]
    assert targets == [
        b"/v1/models?limit=1000",
        b"/v1/models?limit=1000&after_id=a",
        b"/v1/models?limit=1000&after_id=b",
    ]
    assert all(b"anthropic-version: " in head for head in heads)


async def test_the_query_of_the_base_url_stays(live: Live) -> None:
    """What the base URL says in its query is said here, too."""
    async with upstream(says(answer({"models": [{"name": "models/g"}]}))) as (url, heads):
        body = {"providerId": "mine", "baseUrl": f"{url}/v1?v=1", "supportedApiSurfaces": [{"surface": "gemini"}]}
        made = await live.made(PROVIDERS, body)
        assert (await live.ask("POST", f"{made['uri']}/discover-models")).told["models"] == [{"modelId": "g"}]
    assert heads[0].startswith(b"GET /v1/models?v=1&pageSize=1000 ")


async def test_a_preset_says_how_to_ask(live: Live) -> None:
    """A provider is asked as its preset does; where every path names a model there is nothing to ask for."""
    async with upstream(says(answer({"data": [{"id": "m"}]}))) as (url, heads):
        for at, base in enumerate((f"{url}/openai/v1", f"{url}/openai?api-version=2024-10-21")):
            body = {"providerId": f"a{at}", "preset": "azure_openai", "baseUrl": base}
            made = await live.made(PROVIDERS, body)
            await live.made("/provider-keys", {"providerId": f"a{at}", "value": KEY})
            heard = await live.ask("POST", f"{made['uri']}/discover-models")
            assert heard.status == (200, 502)[at]
    assert "has no list of models" in heard.told["msg"]
    assert len(heads) == 1
    assert heads[0].startswith(b"GET /openai/v1/models HTTP/1.1\r\n")
    assert f"\r\napi-key: {KEY}\r\n".encode() in heads[0]
    assert b"authorization" not in heads[0].lower()


REFUSED = {
    "an error": (answer({"error": {"message": f"Wrong key {KEY}."}}, "401 Unauthorized"), "status 401: Wrong key"),
    "an error without words": (answer(b"<html>secret</html>", "500 Oops"), "status 500"),
    "a redirect": (answer({}, "302 Found", "location: http://169.254.169.254/"), "redirect"),
    "no JSON": (answer(b"<html>"), "not JSON"),
    "no list": (answer({"object": "list"}), "no list"),
    "too many": (answer([f"m{n}" for n in range(10_001)]), "10001 models"),
    "compressed": (answer(b"x", "200 OK", "content-encoding: gzip"), "compressed"),
    "too large": (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (4 * 2**20 + 1), "larger than"),
    "announced too large": (b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n" + b" " * 5_000_000, "larger than"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP"),
    "cut": (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n[]", "closed"),
    "nothing": (b"", "closed"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_upstreams_do(live: Live, what: str) -> None:
    """Whatever an upstream does instead of listing models is told in a 502 without secrets, and nothing is changed."""
    sent, why = REFUSED[what]
    async with upstream(says(sent)) as (url, _):
        path = await provider(live, url)
        await live.made("/provider-keys", {"providerId": "mine", "value": KEY})
        heard = await live.ask("POST", f"{path}?apply=true")
    assert (heard.status, heard.code) == (502, "upstreamFailed")
    assert why in heard.told["msg"]
    assert KEY not in heard.body.decode()
    assert "secret" not in heard.told["msg"]
    assert (await live.ask("GET", PROVIDERS)).told["providers"][0]["models"] == []


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n["])
async def test_an_upstream_that_waits(live: Live, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    """All pages together have ten seconds; then the connection is closed."""
    monkeypatch.setattr(discovery, "TIME_LIMIT", 0.2)

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        assert await reader.read() == b""

    async with upstream(wait) as (url, _):
        heard = await live.ask("POST", await provider(live, url))
        assert (heard.status, heard.code) == (502, "upstreamFailed")
        assert "within 0.2 s" in heard.told["msg"]


async def test_pages_without_end(live: Live) -> None:
    """A list that goes on for ever is read for so many pages."""
    number = 0

    async def more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        number += 1
        writer.write(answer({"data": [{"id": f"m{number}"}], "has_more": True, "last_id": f"m{number}"}))

    async with upstream(more) as (url, heads):
        path = await provider(live, url, [{"surface": "messages"}])
        assert len((await live.ask("POST", path)).told["models"]) == discovery.MOST_PAGES
    assert len(heads) == discovery.MOST_PAGES


async def test_nobody_there(live: Live) -> None:
    """A provider that cannot be reached is a 502, too."""
    async with upstream(says(b"")) as (url, _):
        path = await provider(live, url)
    assert (await live.ask("POST", path)).code == "upstreamFailed"


@pytest.mark.parametrize(
    ("url", "address", "why"),
    [
        ("https://name.test", "169.254.169.254", "link-local"),
        ("https://name.test", "::ffff:169.254.169.254", "link-local"),
        ("http://name.test", "8.8.8.8", "in the clear"),
    ],
)
async def test_where_a_name_leads(
    live: Live, monkeypatch: pytest.MonkeyPatch, url: str, address: str, why: str
) -> None:
    """The address of a name is checked when the connection is made, however harmless the name looked before."""
    path = await provider(live, "https://name.test")
    patch = ProviderPatch(base_url=url)
    await live.store.providers.patch(live.default, path.split("/")[2], patch, SYSTEM)
    loop = asyncio.get_running_loop()
    usual = loop.getaddrinfo

    async def look_up(name: Any, port: Any, **more: Any) -> Any:
        return await usual(address if name == "name.test" else name, port, **more)

    monkeypatch.setattr(loop, "getaddrinfo", look_up, raising=False)
    heard = await live.ask("POST", path)
    assert heard.code == "upstreamFailed"
    assert why in heard.told["msg"]


async def test_others_providers(live: Live) -> None:
    """Another account's provider is not asked, and one that is not there neither."""
    async with upstream(says(answer([]))) as (url, heads):
        path = await provider(live, url)
        _, other = await live.account("other")
        assert (await live.ask("POST", path, token=other)).status == 404
        assert (await live.ask("POST", f"{PROVIDERS}/aigp_x/discover-models")).status == 404
    assert heads == []


async def test_a_declared_provider(serve: Serve) -> None:
    """A provider of the configuration is asked with its first key, and not changed."""
    async with upstream(says(answer([{"id": "m"}]))) as (url, heads):
        declared = ProviderSettings("box", base_url=f"{url}/v1", surfaces=("chat-completions",), keys=(Secret(KEY),))
        live = await serve(Settings(providers=(declared,)))
        path = f"{PROVIDERS}/aigp_box/discover-models"
        assert (await live.ask("POST", path)).told == {"models": [{"modelId": "m"}], "applied": False, "provider": None}
        assert (await live.ask("POST", f"{path}?apply=true")).code == "declaredInFile"
    assert f"authorization: Bearer {KEY}\r\n".encode() in heads[0]
    assert len(heads) == 1
