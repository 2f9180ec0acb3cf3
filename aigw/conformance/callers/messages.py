"""Messages through the `anthropic` package, 0.x and later."""

from __future__ import annotations

from typing import Any

import anthropic
import orjson

from aigw.conformance.callers import HEADERS, Way
from aigw.conformance.outcome import TOOLS, Ask, Heard, arguments_of, once

_ENDS = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool"}
_TOOLS = [{"name": tool.name, "description": tool.about, "input_schema": tool.schema} for tool in TOOLS]
_MOST_TOKENS = 1000
_INPUTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def open_caller(way: Way) -> _Messages:
    """A client that retries nothing by itself."""
    return _Messages(
        anthropic.AsyncAnthropic(
            base_url=way.url, api_key=way.key, max_retries=0, timeout=way.patience, default_headers=HEADERS
        )
    )


class _Messages:
    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        self._client = client

    async def stream(self, ask: Ask) -> list[Any]:
        """Every event."""
        create: Any = self._client.messages.create
        return [event async for event in await create(**_request(ask), stream=True)]

    async def whole(self, ask: Ask) -> Any:
        """A message."""
        create: Any = self._client.messages.create
        return await create(**_request(ask))

    def heard(self, came: Any) -> Heard:
        """The message, its events put together."""
        return _heard_stream(came) if isinstance(came, list) else _heard(came)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


def _request(ask: Ask) -> dict[str, Any]:
    tools = {"tools": _TOOLS} if ask.tools else {}
    messages = [{"role": "user", "content": ask.text}]
    return {"model": ask.model, "max_tokens": _MOST_TOKENS, "messages": messages, **tools}


def _ended(reason: str | None) -> str | None:
    return _ENDS.get(reason, reason) if reason else None


def _input(usage: Any) -> int:
    return sum(getattr(usage, name, None) or 0 for name in _INPUTS)


def _heard(message: Any) -> Heard:
    calls = [(block.name, arguments_of(_json(block.input))) for block in message.content if block.type == "tool_use"]
    return Heard(
        text="".join(block.text for block in message.content if block.type == "text"),
        ended=_ended(message.stop_reason),
        calls=tuple(sorted(calls)),
        used=(_input(message.usage), message.usage.output_tokens),
        idents=once([message.id]),
    )


def _heard_stream(events: list[Any]) -> Heard:
    starts = [event.message for event in events if event.type == "message_start"]
    deltas = [event for event in events if event.type == "message_delta"]
    reasons = [event.delta.stop_reason for event in deltas if event.delta.stop_reason]
    used = None
    if starts and deltas:
        used = (_input(deltas[-1].usage) or _input(starts[-1].usage), deltas[-1].usage.output_tokens)
    return Heard(
        text="".join(event.delta.text for event in _deltas(events, "text_delta")),
        ended=_ended(reasons[-1]) if reasons else None,
        calls=_calls(events),
        used=used,
        idents=once([message.id for message in starts]),
        starts=len(starts),
    )


def _deltas(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.type == "content_block_delta" and event.delta.type == kind]


def _calls(events: list[Any]) -> tuple[tuple[str, str], ...]:
    calls = []
    for event in events:
        if event.type == "content_block_start" and event.content_block.type == "tool_use":
            deltas = [each for each in _deltas(events, "input_json_delta") if each.index == event.index]
            arguments = "".join(each.delta.partial_json for each in deltas)
            calls.append((event.content_block.name, arguments_of(arguments)))
    return tuple(sorted(calls))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
