"""A provider's whole answer: its output items as parts.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire import counts
from aigw.wire.complaint import complaint
from aigw.wire.dialect import Dialect
from aigw.wire.formats.responses.annotations import citation_of, logprobs_of
from aigw.wire.formats.responses.input_reading import PARAGRAPHS
from aigw.wire.formats.responses.searches import read_search
from aigw.wire.formats.responses.stops import read_stop
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Foreign,
    Media,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Counts, Usage

Json = dict[str, Any]

_decode: Final = msgspec.json.Decoder().decode
_OVER: Final = frozenset({"completed", "incomplete"})
# What a response repeats of its request, and what has a place in the neutral form.
_PLACED: Final = frozenset({
    "id", "object", "created_at", "completed_at", "status", "error", "incomplete_details", "output", "output_text",
    "usage", "model", "background", "instructions", "max_output_tokens", "max_tool_calls", "parallel_tool_calls",
    "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier", "store",
    "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user", "metadata",
    "presence_penalty", "frequency_penalty",
})  # fmt: skip
_OF_IMAGES: Final = frozenset({"type", "id", "status", "result", "output_format"})
_IMAGE_TYPES: Final = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}


def read_answer(data: bytes, dialect: Dialect) -> Answer:
    """The answer in a body. Raises ValueError for what is none, or is one that failed or is not there yet."""
    try:
        response = _decode(data)
    except RecursionError as error:
        raise ValueError(f"the body cannot be read: {error}") from None
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        raise ValueError("the body is no response")
    status = response.get("status")
    # Servers that know no status answer only when they are done.
    if status is not None and not (isinstance(status, str) and status in _OVER):
        raise ValueError(f"the response is {status}: {complaint(data) or 'nothing is said of it'}")
    parts = [part for item in response["output"] for part in item_parts(item, dialect.maker)]
    return Answer(
        candidates=[Candidate(parts=parts, stop=stop_of(response, parts))],
        id=text_of(response.get("id")),
        model=text_of(response.get("model")),
        created=created_of(response),
        usage=usage_of(response),
        own=own_of(response),
        own_format="responses",
    )


def stop_of(response: Json, parts: list[Part]) -> Any:
    """Why it ended."""
    calls = any(isinstance(part, ToolCall) for part in parts)
    return read_stop(response, calls=calls, refuses=any(isinstance(part, Refusal) for part in parts))


def item_parts(item: Any, maker: str) -> list[Part]:
    """The parts that one output item holds; `maker` is who made it."""
    if not isinstance(item, dict):
        return []
    kind = item.get("type")
    if kind == "message":
        return _message(item)
    if kind == "reasoning":
        thinking = thinking_of(item, maker)
        return [] if thinking is None else [thinking]
    if kind == "function_call":
        return [call_of(item, custom=False)]
    if kind == "custom_tool_call":
        return [call_of(item, custom=True)]
    if kind == "web_search_call":
        return read_search(item, maker)
    if kind == "image_generation_call" and text_of(item.get("result")):
        return [_image(item)]
    return [Foreign(format="responses", value=item)] if isinstance(kind, str) else []


def content_part(value: Any) -> Part | None:
    """One part of a message's content; None for what is none."""
    if not isinstance(value, dict):
        return None
    if value.get("type") == "refusal":
        return Refusal(text=text_of(value.get("refusal")) or "")
    if value.get("type") not in ("output_text", "text"):
        return Foreign(format="responses", value=value)
    annotations = value.get("annotations")
    citations = [
        found
        for annotation in (annotations if isinstance(annotations, list) else ())
        if (found := citation_of(annotation)) is not None
    ]
    return Text(
        text=text_of(value.get("text")) or "",
        citations=citations or None,
        logprobs=logprobs_of(value.get("logprobs")),
    )


def thinking_of(item: Json, maker: str) -> Thinking | None:
    """A reasoning item; None for one that says nothing and is not sealed."""
    said, summary = paragraphs(item.get("content")), paragraphs(item.get("summary"))
    sealed = text_of(item.get("encrypted_content"))
    if not (said or summary or sealed):
        return None
    return Thinking(
        text=said or summary,
        signature=sealed,
        maker=maker,
        redacted=not (said or summary),
        id=text_of(item.get("id")),
        summary=not said,
    )


def paragraphs(values: Any) -> str:
    """The texts of a summary, or of reasoning, as one."""
    if not isinstance(values, list):
        return ""
    return PARAGRAPHS.join(value["text"] for value in values if isinstance(value, dict) and text_of(value.get("text")))


def call_of(item: Json, *, custom: bool) -> ToolCall:
    """A call of a tool of the caller's."""
    arguments = text_of(item.get("input" if custom else "arguments"))
    id = text_of(item.get("call_id")) or text_of(item.get("id")) or ""
    return ToolCall(id=id, name=text_of(item.get("name")) or "", arguments=arguments or "", custom=custom)


def created_of(response: Json) -> int | None:
    """When it was made, in whole seconds; zero stands for unknown."""
    created = response.get("created_at")
    return int(created) if isinstance(created, int | float) and 0 < created < 2**53 else None


def usage_of(response: Json) -> Usage | None:
    """What it used; None where that is not told."""
    told = response.get("usage")
    if not isinstance(told, dict):
        return None
    try:
        return counts.usage(msgspec.convert(told, Counts))
    except msgspec.ValidationError:
        return None


def own_of(response: Json) -> Json | None:
    """What only this format says of an answer."""
    return {name: value for name, value in response.items() if name not in _PLACED and value is not None} or None


def _message(item: Json) -> list[Part]:
    content = item.get("content")
    if isinstance(content, str):
        return [Text(text=content)] if content else []
    found = [content_part(value) for value in content] if isinstance(content, list) else []
    parts = [part for part in found if part is not None]
    if parts and text_of(item.get("phase")):
        parts[0].own = {"phase": item["phase"]}
    return parts


def _image(item: Json) -> Media:
    kind = _IMAGE_TYPES.get(text_of(item.get("output_format")) or "png", "image/png")
    source = Source(data=item["result"], media_type=kind)
    own = {name: value for name, value in item.items() if name not in _OF_IMAGES and value is not None}
    return Media(kind="image", source=source, id=text_of(item.get("id")), own=own or None)


def text_of(value: Any) -> str | None:
    """A string that says something, else None."""
    return value if isinstance(value, str) and value else None
