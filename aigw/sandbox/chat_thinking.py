"""Thinking in Chat Completions, which has no place for it: in each of the ways in which providers gave it one.

`content`: DeepSeek's `reasoning_content`, which has to come back in a loop of tools when `thinking` asked for it
(https://api-docs.deepseek.com/guides/thinking_mode). `details`: OpenRouter's `reasoning` and `reasoning_details`
(https://openrouter.ai/docs/use-cases/reasoning-tokens). `calls`: Google's signatures beside tool calls
(https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from .errors import Refused
from .reply import Json
from .thinking import opened, sign

Way: TypeAlias = Literal["content", "details", "calls"]
_PLACE = "chat"
# The member that holds what OpenAI's format has no place for, in requests and beside calls.
_EXTRA = "google"
# Since this version Google demands its signatures.
_DEMANDING = "gemini-3"


def way(body: Json) -> Way | None:
    """How this request wants thinking told; None for no thinking."""
    model = str(body.get("model")).partition("!")[0]
    asked = body.get("reasoning_effort") not in (None, "none")
    reasoning = body.get("reasoning")
    if isinstance(reasoning, Mapping):
        return None if reasoning.get("effort") == "none" or reasoning.get("enabled") is False else "details"
    if _is_deepseeks(body):
        return "content"
    if "gemini" in model and (asked or _EXTRA in (body.get("extra_body") or {})):
        return "calls"
    return "content" if asked and "think" in model else None


def whole(way: Way, thought: str) -> Json:
    """What a message with this thought has of it."""
    if way == "details":
        return {"reasoning": thought, "reasoning_details": [{**_detail(thought), "signature": sign(_PLACE, thought)}]}
    return {"reasoning_content": thought} if way == "content" else {}


def deltas(way: Way, pieces: tuple[str, ...]) -> Iterator[Json]:
    """The same in a stream; OpenRouter's signature comes last, by itself."""
    for piece in pieces:
        if way == "content":
            yield {"reasoning_content": piece}
        elif way == "details":
            yield {"reasoning": piece, "reasoning_details": [_detail(piece)]}
    if way == "details" and pieces:
        signature = sign(_PLACE, "".join(pieces))
        detail = {key: value for key, value in _detail("").items() if key != "text"}
        yield {"reasoning_details": [{**detail, "signature": signature}]}


def beside_call(way: Way, thought: str) -> Json:
    """What the first call after a thought has beside it."""
    return {"extra_content": {_EXTRA: {"thought_signature": sign(_PLACE, thought)}}} if way == "calls" else {}


def check(body: Json, thought: Callable[[object], str | None] | None, *, strict: bool) -> None:
    """Thinking that comes back is as it was given out; in a loop of tools it does come back where that is demanded.

    `thought` tells what a call's id was made after, None where no thinking is asked for; `strict` demands it in every
    way. Raises Refused (400).
    """
    for number, message in enumerate(body["messages"]):
        if not isinstance(message, Mapping) or message.get("role") != "assistant":
            continue
        for place, detail in enumerate(_joined(message.get("reasoning_details") or ())):
            _genuine(detail, f"messages[{number}].reasoning_details[{place}]")
        calls = message.get("tool_calls") or ()
        for place, call in enumerate(calls):
            signature = _beside(call)
            if signature is not None and not _is_ours(signature):
                raise Refused(400, f"messages[{number}].tool_calls[{place}]: Thought signature is not valid.")
        known = next(filter(None, (thought(call.get("id")) for call in calls)), None) if thought else None
        if known is not None:
            _complete(body, message, number, known, strict=strict)


def _complete(body: Json, message: Mapping[str, Any], number: int, thought: str, *, strict: bool) -> None:
    asked = way(body)
    if asked == "details" and strict and not message.get("reasoning_details"):
        raise Refused(400, f"messages[{number}].reasoning_details: the thinking before the tool calls is missing")
    strict = strict or _DEMANDING in str(body["model"])
    if asked == "calls" and strict and _beside(message["tool_calls"][0]) is None:
        name = message["tool_calls"][0]["function"]["name"]
        missing = "Function call is missing a thought_signature in functionCall parts."
        raise Refused(400, f"{missing} Additional data, function call `default_api:{name}` , position {number + 1}.")
    demanded = _is_deepseeks(body) or (strict and asked == "content")
    if demanded and message.get("reasoning_content") != thought:
        raise Refused(400, f"Missing `reasoning_content` field in the assistant message at message index {number}.")


def _genuine(detail: Mapping[str, Any], where: str) -> None:
    signed = opened(detail.get("signature"))
    if signed is None or signed.place != _PLACE:
        raise Refused(400, f"{where}: Invalid `signature` in `thinking` block")
    if detail != {**_detail(signed.thought), "signature": detail["signature"]}:
        raise Refused(400, f"{where}: `thinking` blocks in the latest assistant message cannot be modified.")


def _joined(details: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Details from a stream may come back in its pieces: those of one index are one."""
    found: dict[object, Json] = {}
    for detail in details:
        before = found.get(detail.get("index"), {})
        text = before.get("text", "") + (detail.get("text") or "")
        found[detail.get("index")] = {**before, **detail, "text": text}
    return list(found.values())


def _detail(text: str) -> Json:
    return {"type": "reasoning.text", "text": text, "format": "sandbox-v1", "index": 0}


def _is_deepseeks(body: Json) -> bool:
    switch = body.get("thinking")
    return isinstance(switch, Mapping) and switch.get("type") == "enabled"


def _beside(call: Mapping[str, Any]) -> object:
    return ((call.get("extra_content") or {}).get(_EXTRA) or {}).get("thought_signature")


def _is_ours(signature: object) -> bool:
    signed = opened(signature)
    return signed is not None and signed.place == _PLACE
