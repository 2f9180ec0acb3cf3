"""What a chat answer can tell of a neutral one, whole or streamed: members that stand beside the text."""

from __future__ import annotations

import time
import uuid
from typing import Any

from aigw.wire import signatures
from aigw.wire.formats.chat.sources import annotation
from aigw.wire.formats.chat.stops import INEXACT, word_of
from aigw.wire.formats.chat.write_content import data_url
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Citation,
    Conversation,
    Foreign,
    Media,
    Part,
    ServerToolCall,
    ServerToolResult,
    Stop,
    Thinking,
    Tool,
)
from aigw.wire.shapes import Usage


def is_legacy(asked: Conversation) -> bool:
    """Whether the caller asked with `functions`: then it knows no `tool_calls`, only a `function_call`."""
    tools = [tool for tool in asked.tools if isinstance(tool, Tool)]
    return bool(tools) and all(tool.at.startswith("/functions/") for tool in tools)


def named(id: str | None) -> str:
    """The answer's id, or a new one."""
    return id or f"chatcmpl-{uuid.uuid4().hex}"


def dated(created: int | None) -> int:
    """When it was made, or now: SDKs' types have it required."""
    return int(time.time()) if created is None else created


def place(candidate: int, *names: str | int) -> str:
    """A place in the answer, for the ledger."""
    return f"answer:/candidates/{candidate}" + "".join(f"/{name}" for name in names)


def finish_reason(stop: Stop, candidate: int, ledger: Ledger, *, refused: bool, legacy: bool) -> str:
    """The word for a stop; reported where it does not tell it."""
    word = word_of(stop, refused=refused, legacy=legacy)
    if stop.reason in INEXACT or (stop.reason == "refusal" and not refused):
        ledger.approximate(place(candidate, "stop"), f"{stop.word or stop.reason} is told as {word}")
    if stop.sequence is not None:
        ledger.drop(place(candidate, "stop", "sequence"), "chat answers do not tell which stop sequence it was")
    if stop.detail is not None:
        ledger.drop(place(candidate, "stop", "detail"), "chat answers do not explain why they stopped")
    return word


def report_own(own: dict[str, Any] | None, own_format: str, where: str, ledger: Ledger) -> None:
    """What only the provider's format says, to a caller of this one."""
    if own and own_format != "chat":
        ledger.drop_members(where, own, f"only {own_format or 'the format of the answer'} has it")


def report_part(part: Part, own_format: str, where: str, ledger: Ledger) -> None:
    """The same of a part that is told; what is not told is reported as a whole."""
    if part.own and not isinstance(part, ServerToolCall | ServerToolResult | Foreign):
        report_own(part.own, own_format, where, ledger)


def tier_of(own: dict[str, Any] | None, own_format: str) -> dict[str, Any]:
    """The service tier of a Responses answer, which has the same words for it; taken from what else it says."""
    if own_format != "responses" or not own or "service_tier" not in own:
        return {}
    return {"service_tier": own["service_tier"]}


def kind_of(part: Part) -> str:
    """What a part is, in words for the ledger."""
    if isinstance(part, Foreign):
        kind = part.value.get("type") if isinstance(part.value, dict) else None
        return f"part of the type {kind}" if isinstance(kind, str) else f"part of {part.format}"
    if isinstance(part, ServerToolCall):
        return f"call of the provider's tool {part.name}"
    if isinstance(part, ServerToolResult):
        return f"result of the provider's tool {part.name}"
    return part.kind if isinstance(part, Media) else type(part).__name__


def annotations_of(
    citations: list[Citation], start: int, length: int, where: str, ledger: Ledger
) -> list[dict[str, Any]]:
    """Citations of a text that begins at a character of the content; without a place they are of all of it."""
    told: list[dict[str, Any]] = []
    for citation in citations:
        first = 0 if citation.start is None else citation.start
        last = length if citation.end is None else citation.end
        said = annotation(citation, start + first, start + last)
        if said is None:
            ledger.drop(f"{where}/citations", f"annotations are of web pages, not of a {citation.kind}")
        else:
            told.append(said)
            # Its `type` is the provider's word for what an annotation is.
            rest = [name for name in citation.own or () if name != "type"]
            ledger.drop_members(f"{where}/citations", rest, "annotations have no place for it")
    return told


def sound_of(media: Media) -> dict[str, Any]:
    """`audio` of a message; what no provider keeps does not expire."""
    return {
        "id": media.id or f"audio_{uuid.uuid4().hex}",
        "data": media.source.data or "",
        "expires_at": (media.own or {}).get("expires_at", 0),
        "transcript": media.transcript or "",
    }


def image_of(media: Media, index: int) -> dict[str, Any]:
    """An entry of `images`, as OpenRouter and LiteLLM have them; OpenAI has no images in chat answers."""
    url = media.source.url or data_url(media.source)
    return {"type": "image_url", "image_url": {"url": url}, "index": index}


def signed(thinking: Thinking) -> dict[str, Any]:
    """`extra_content` with the sealed signature of what stands there."""
    return {signatures.CHAT_MEMBER: {"thought_signature": signatures.seal(thinking)}}


def is_heard(part: Part) -> bool:
    """Whether a part is sound as a chat answer can have it."""
    return isinstance(part, Media) and part.kind == "audio" and part.source.data is not None


def is_seen(part: Part) -> bool:
    """Whether a part is a picture that can be told."""
    return isinstance(part, Media) and part.kind == "image" and bool(part.source.url or part.source.data)


def report_usage(usage: Usage, ledger: Ledger) -> None:
    """What of the usage has no figure in chat."""
    if usage.cache_write_1h_tokens:
        ledger.drop("answer:/usage/cache_write_1h_tokens", "cache writes are not told apart by lifetime here")
