"""The items of a response's output: what each kind looks like.

An item's id is made of the response's and its place in the output, so that the same answer has the same ids; it bears
a mark, so that it is known again when a caller sends the item back: no provider has ever heard of it.

Source: https://platform.openai.com/docs/api-reference/responses/object#responses-object-output
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.neutral import Media, Thinking, ToolCall
from aigw.wire.signatures import seal

Json = dict[str, Any]

_MARK: Final = "_aigw-"
_STEM: Final = 44
"""Characters of the response's id in an item's: with prefix and place below the 64 that the API takes back."""


class ItemIds:
    """Ids for the items of one response."""

    __slots__ = ("_stem",)

    def __init__(self, response_id: str) -> None:
        # What stands behind the prefix tells responses apart; the alphabet is the API's for ids of items.
        name = response_id.partition("_")[2] or response_id
        self._stem = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)[-_STEM:]

    def make(self, prefix: str, index: int) -> str:
        """The id of the item at an index."""
        return made_id(prefix, f"{self._stem}-{index}")


def made_id(prefix: str, name: str) -> str:
    """An id of an item that nobody knows but us."""
    return f"{prefix}{_MARK}{name}"


def is_made(id: str | None) -> bool:
    """Whether an id was made here."""
    return id is not None and _MARK in id[:12]


def message(id: str, status: str, content: list[Json], phase: str | None) -> Json:
    """What the model says."""
    made: Json = {"id": id, "type": "message", "status": status, "role": "assistant", "content": content}
    if phase is not None:
        made["phase"] = phase
    return made


def output_text(text: str, annotations: list[Json], logprobs: list[Json]) -> Json:
    """A text within a message."""
    return {"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text}


def refusal(text: str) -> Json:
    """A refusal within a message."""
    return {"type": "refusal", "refusal": text}


def reasoning(id: str, thinking: Thinking, text: str, signature: str | None) -> Json:
    """What the model thought. It is always sealed, so that it finds back to its maker."""
    sealed = Thinking(
        signature=signature,
        maker=thinking.maker,
        redacted=thinking.redacted,
        bound=thinking.bound,
        id=thinking.id,
        summary=thinking.summary,
    )
    return {
        "id": id,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}] if text else [],
        "encrypted_content": seal(sealed),
    }


def tool_call(id: str, status: str, call: ToolCall, arguments: str) -> Json:
    """A call of a tool of the caller's."""
    if call.custom:
        head = {"id": id, "type": "custom_tool_call", "status": status}
        return {**head, "call_id": call.id, "name": call.name, "input": arguments}
    head = {"id": id, "type": "function_call", "status": status}
    return {**head, "call_id": call.id, "name": call.name, "arguments": arguments}


def image(id: str, status: str, media: Media, *, home: bool) -> Json:
    """A picture that the model made. `home`: its own members are this format's."""
    made: Json = {"id": id, "type": "image_generation_call", "status": status, "result": media.source.data}
    kind = (media.source.media_type or "").partition("/")[2]
    if kind in ("png", "jpeg", "webp", "gif"):
        made["output_format"] = kind
    return {**made, **(media.own or {})} if home else made


def phase_of(own: Json | None) -> str | None:
    """Whether a message is `commentary` or the `final_answer`; None where the model does not say."""
    phase = own.get("phase") if own else None
    return phase if isinstance(phase, str) else None
