"""The Responses API through the `openai` package, 1.x and later."""

from __future__ import annotations

from typing import Any

import openai
from attrs import evolve

from aigw.conformance.callers import HEADERS, Way
from aigw.conformance.outcome import TOOLS, Ask, Heard, arguments_of, once

_TOOLS = [
    {"type": "function", "name": tool.name, "description": tool.about, "parameters": tool.schema, "strict": False}
    for tool in TOOLS
]
_ENDS = ("response.completed", "response.incomplete", "response.cancelled")
_FAILURES = ("error", "response.failed")


def open_caller(way: Way) -> _Responses:
    """A client that retries nothing by itself."""
    return _Responses(
        openai.AsyncOpenAI(
            base_url=f"{way.url}/v1", api_key=way.key, max_retries=0, timeout=way.patience, default_headers=HEADERS
        )
    )


class _Responses:
    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self._client = client

    async def stream(self, ask: Ask) -> list[Any]:
        """Every event."""
        create: Any = self._client.responses.create
        return [event async for event in await create(**_request(ask), stream=True)]

    async def whole(self, ask: Ask) -> Any:
        """A response."""
        create: Any = self._client.responses.create
        return await create(**_request(ask))

    def heard(self, came: Any) -> Heard:
        """What the last event says the response is, and whether the deltas said the same."""
        return _heard_stream(came) if isinstance(came, list) else _heard(came)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()


def _request(ask: Ask) -> dict[str, Any]:
    return {"model": ask.model, "input": ask.text, **({"tools": _TOOLS} if ask.tools else {})}


def _heard(response: Any) -> Heard:
    calls = [(item.name, arguments_of(item.arguments)) for item in response.output if item.type == "function_call"]
    ended = {"completed": "tool" if calls else "stop", "incomplete": "length"}.get(response.status, response.status)
    usage = response.usage
    return Heard(
        text=response.output_text,
        ended=ended,
        calls=tuple(sorted(calls)),
        used=(usage.input_tokens, usage.output_tokens) if usage else None,
        idents=once([response.id]),
        told=None if response.error is None else response.error.message,
    )


def _heard_stream(events: list[Any]) -> Heard:
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    failures = [event.type for event in events if event.type in _FAILURES]
    ends = [event.response for event in events if event.type in _ENDS]
    if failures or not ends:
        return Heard(text=said, told=failures[-1] if failures else None)
    heard = _heard(ends[-1])
    responses = [event.response.id for event in events if getattr(event, "response", None) is not None]
    return evolve(
        heard,
        text=said if said == heard.text else f"{said} (in the deltas), {heard.text} (at the end)",
        idents=once(responses),
        starts=sum(event.type == "response.created" for event in events),
    )
