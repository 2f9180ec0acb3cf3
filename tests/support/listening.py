"""What apps get of a stream through the official SDKs, in this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import anthropic
import attrs
import httpx2
import openai
from google import genai
from google.genai import types

from .gate import TOKEN, Gate, OpenGate
from .streams import ASKED
from .upstream import Upstream, Visit


@attrs.frozen
class Heard:
    """What an app got: the text, and why it ended in the API's own word."""

    text: str
    ended: str | None


@contextlib.asynccontextmanager
async def _openai(url: str) -> AsyncIterator[Any]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


@contextlib.asynccontextmanager
async def _anthropic(url: str) -> AsyncIterator[Any]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=TOKEN, max_retries=0) as client:
        yield client


@contextlib.asynccontextmanager
async def _google(url: str) -> AsyncIterator[Any]:
    own = httpx2.AsyncClient()  # aiohttp, its default, leaves connections behind where it raises
    client = genai.Client(api_key=TOKEN, http_options=types.HttpOptions(base_url=url, httpx_async_client=own))
    try:
        yield client.aio
    finally:
        await client.aio.aclose()
        client.close()
        await own.aclose()


async def _chat(client: Any) -> Heard:
    text, ended = "", None
    turns = [{"role": "user", "content": "hi"}]
    async for each in await client.chat.completions.create(model="up:m", messages=turns, stream=True):
        for choice in each.choices:
            text += choice.delta.content or ""
            ended = choice.finish_reason or ended
    return Heard(text, ended)


async def _responses(client: Any) -> Heard:
    text, ended = "", None
    async for each in await client.responses.create(model="up:m", input="hi", stream=True):
        if each.type == "response.output_text.delta":
            text += each.delta
        elif each.type == "response.completed":
            ended = each.response.status
    return Heard(text, ended)


async def _messages(client: Any) -> Heard:
    turns = [{"role": "user", "content": "hi"}]
    async with client.messages.stream(model="up:m", messages=turns, max_tokens=99) as stream:
        final = await stream.get_final_message()
    return Heard("".join(block.text for block in final.content if block.type == "text"), final.stop_reason)


async def _gemini(client: Any) -> Heard:
    text, ended = "", None
    async for each in await client.models.generate_content_stream(model="up:m", contents="hi"):
        for candidate in each.candidates or ():
            parts = (candidate.content.parts if candidate.content else None) or ()
            text += "".join(part.text or "" for part in parts)
            ended = candidate.finish_reason.value if candidate.finish_reason else ended
    return Heard(text, ended)


Opened = Callable[[str], contextlib.AbstractAsyncContextManager[Any]]
SDKS: Mapping[str, tuple[Opened, Callable[[Any], Awaitable[Heard]]]] = {
    "chat": (_openai, _chat),
    "responses": (_openai, _responses),
    "messages": (_anthropic, _messages),
    "gemini": (_google, _gemini),
}
ENDED = {"chat": "stop", "responses": "completed", "messages": "end_turn", "gemini": "STOP"}
SURFACE = {"chat": "chat-completions", "responses": "responses", "messages": "messages", "gemini": "gemini"}


async def behind(gateway: OpenGate, upstream: Upstream, name: str, **details: Any) -> Gate:
    """A gateway whose only provider speaks one format, and is asked however often it has failed."""
    base = {"base_url": upstream.base_url, "surfaces": (SURFACE[name],), "keys": ["sk-up-0123456789"]}
    return await gateway(providers={"up": base}, failover={"breaker_failures": 0}, **details)


async def begun_stream(gate: Gate, upstream: Upstream, ours: str, begun: bytes) -> tuple[Any, Visit]:
    """A caller, byte by byte, and an upstream that has begun its stream."""
    path, body = ASKED[ours]
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(begun)
    return caller, visit
