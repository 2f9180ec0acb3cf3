"""Chat Completions through the `openai` package, 1.x and later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import openai

from aigw.conformance.callers import HEADERS, Way
from aigw.conformance.outcome import TOOLS, Ask, Heard, arguments_of, once

_ENDS = {"tool_calls": "tool", "content_filter": "refusal"}
_TOOLS = [
    {"type": "function", "function": {"name": tool.name, "description": tool.about, "parameters": tool.schema}}
    for tool in TOOLS
]


def open_caller(way: Way) -> _Chat:
    """A client that retries nothing by itself."""
    return _Chat(
        openai.AsyncOpenAI(
            base_url=f"{way.url}/v1", api_key=way.key, max_retries=0, timeout=way.patience, default_headers=HEADERS
        )
    )


class _Chat:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def stream(self, ask: Ask) -> list[Any]:
        """Every chunk."""
        create: Any = self._client.chat.completions.create
        chunks = await create(**_request(ask), stream=True, stream_options={"include_usage": True})
        return [chunk async for chunk in chunks]

    async def whole(self, ask: Ask) -> Any:
        """A completion."""
        create: Any = self._client.chat.completions.create
        return await create(**_request(ask))

    def heard(self, came: Any) -> Heard:
        """The first choice, its deltas put together."""
        return _heard_stream(came) if isinstance(came, list) else _heard(came)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


def _request(ask: Ask) -> dict[str, Any]:
    tools = {"tools": _TOOLS} if ask.tools else {}
    return {"model": ask.model, "messages": [{"role": "user", "content": ask.text}], **tools}


def _used(usage: Any) -> tuple[int, int] | None:
    return (usage.prompt_tokens, usage.completion_tokens) if usage else None


def _ended(choice: Any) -> str | None:
    reason: str | None = choice.finish_reason
    return _ENDS.get(reason, reason) if reason else None


def _heard(completion: Any) -> Heard:
    (choice,) = completion.choices
    calls = [(call.function.name, arguments_of(call.function.arguments)) for call in choice.message.tool_calls or ()]
    return Heard(
        text=choice.message.content or "",
        ended=_ended(choice),
        calls=tuple(sorted(calls)),
        used=_used(completion.usage),
        idents=once([completion.id]),
    )


def _heard_stream(chunks: list[Any]) -> Heard:
    choices = [choice for chunk in chunks for choice in chunk.choices or ()]
    used = [_used(chunk.usage) for chunk in chunks if chunk.usage]
    ends = [_ended(choice) for choice in choices if choice.finish_reason]
    return Heard(
        text="".join(choice.delta.content or "" for choice in choices),
        ended=ends[-1] if ends else None,
        calls=_calls(part for choice in choices for part in choice.delta.tool_calls or ()),
        used=used[-1] if used else None,
        idents=once([chunk.id for chunk in chunks if chunk.choices]),
        starts=max(1, len(ends)),
    )


def _calls(parts: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    for part in parts:
        names[part.index] = names.get(part.index, "") + ((part.function and part.function.name) or "")
        arguments[part.index] = arguments.get(part.index, "") + ((part.function and part.function.arguments) or "")
    return tuple(sorted((name, arguments_of(arguments[index])) for index, name in names.items()))
