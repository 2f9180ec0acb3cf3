"""Gemini through the `google-genai` package."""

from __future__ import annotations

from typing import Any

import orjson
from google import genai
from google.genai import types

from aigw.conformance.callers import HEADERS, Way
from aigw.conformance.outcome import TOOLS, Ask, Heard, arguments_of, once

_ENDS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "refusal", "PROHIBITED_CONTENT": "refusal"}
_CONFIG = types.GenerateContentConfig(
    tools=[
        types.Tool(
            function_declarations=[
                types.FunctionDeclaration(name=tool.name, description=tool.about, parameters_json_schema=tool.schema)
                for tool in TOOLS
            ]
        )
    ],
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def open_caller(way: Way) -> _Gemini:
    """A client; it retries nothing unless it is told to."""
    options = types.HttpOptions(base_url=way.url, timeout=int(way.patience * 1000), headers=HEADERS)
    return _Gemini(genai.Client(api_key=way.key, http_options=options))


class _Gemini:
    def __init__(self, client: genai.Client) -> None:
        self._client = client

    async def stream(self, ask: Ask) -> list[Any]:
        """Every chunk."""
        generate: Any = self._client.aio.models.generate_content_stream
        return [chunk async for chunk in await generate(**_request(ask))]

    async def whole(self, ask: Ask) -> Any:
        """Generated content."""
        generate: Any = self._client.aio.models.generate_content
        return [await generate(**_request(ask))]

    def heard(self, came: Any) -> Heard:
        """The first candidate, its chunks put together."""
        candidates = [chunk.candidates[0] for chunk in came if chunk.candidates]
        parts = [part for each in candidates if each.content for part in each.content.parts or ()]
        calls = [(part.function_call.name, _json(part.function_call.args)) for part in parts if part.function_call]
        reasons = [each.finish_reason.value for each in candidates if each.finish_reason]
        ended = _ENDS.get(reasons[-1], reasons[-1]) if reasons else None
        usages = [chunk.usage_metadata for chunk in came if chunk.usage_metadata]
        return Heard(
            text="".join(part.text for part in parts if part.text and not part.thought),
            ended="tool" if calls and ended == "stop" else ended,
            calls=tuple(sorted(calls)),
            used=_used(usages[-1]) if usages else None,
            idents=once([chunk.response_id for chunk in came]),
            starts=max(1, len(reasons)),
        )

    async def close(self) -> None:
        """Close the client."""
        await self._client.aio.aclose()
        self._client.close()


def _request(ask: Ask) -> dict[str, Any]:
    return {"model": ask.model, "contents": ask.text, **({"config": _CONFIG} if ask.tools else {})}


def _json(arguments: Any) -> str:
    return arguments_of(orjson.dumps(arguments or {}).decode())


def _used(usage: Any) -> tuple[int, int]:
    return usage.prompt_token_count or 0, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
