"""Reads an `Answer` out of bytes: whole, of unexpected types, or torn.

A decoder that skips everything else reads a body in less than a microsecond per KiB. What it refuses, because
a server put another type where ours is expected, is read again the slow way and fitted field by field. Of a
body that broke off, or was too large to keep, as much is read as both ends allow.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from aigw.wire.answer import counts_of
from aigw.wire.shapes import (
    MAX_COUNT,
    Answer,
    CacheCreation,
    Candidate,
    Choice,
    Counts,
    Delta,
    Details,
    Modality,
    Reason,
)

_BROKEN = (msgspec.MsgspecError, UnicodeError, RecursionError)

_decode = msgspec.json.Decoder(Answer).decode
_decode_list = msgspec.json.Decoder(list[Answer]).decode
_decode_any = msgspec.json.Decoder().decode
_raw_decode = json.JSONDecoder().raw_decode


def read(data: bytes) -> Answer | None:
    """Return what a complete JSON object says, None when `data` is not one."""
    try:
        return _decode(data)
    except msgspec.ValidationError:
        found = _loosely(data)
        return _fit(Answer, found) if isinstance(found, dict) else None
    except _BROKEN:
        return None


def read_list(data: bytes) -> list[Answer] | None:
    """Return the objects of a complete JSON array (a Gemini stream without `alt=sse`), None when it is not one."""
    try:
        return _decode_list(data)
    except msgspec.ValidationError:
        found = _loosely(data)
        return [_fit(Answer, item) for item in found if isinstance(item, dict)] if isinstance(found, list) else None
    except _BROKEN:
        return None


_NESTED: dict[str, type[msgspec.Struct]] = {
    **dict.fromkeys(("usage", "usageMetadata", "meta", "billed_units", "tokens", "iterations"), Counts),
    **dict.fromkeys(("message", "response", "x_groq"), Answer),
    **dict.fromkeys(("incomplete_details", "promptFeedback"), Reason),
    **dict.fromkeys(("promptTokensDetails", "candidatesTokensDetails"), Modality),
    **dict.fromkeys(("prompt_tokens_details", "completion_tokens_details", "input_tokens_details"), Details),
    **dict.fromkeys(("input_token_details", "output_tokens_details"), Details),
    "choices": Choice,
    "candidates": Candidate,
    "delta": Delta,
    "cache_creation": CacheCreation,
}
_LISTS = frozenset({"choices", "candidates", "iterations", "promptTokensDetails", "candidatesTokensDetails"})
_WORDS = frozenset(
    {
        *("id", "object", "type", "model", "stop_reason", "finish_reason", "finishReason", "reason"),
        *("blockReason", "modelVersion", "responseId", "modality"),
    }
)
_AS_IS = frozenset({"status", "error", "code", "index"})

S = TypeVar("S", bound=msgspec.Struct)


def _fit(kind: type[S], members: dict[str, Any]) -> S:
    """Return a `kind` with the members that have its types; the others are as good as absent."""
    fitted = kind()
    for field, name in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        value = _fit_value(name, members.get(name))
        if value is not None:
            setattr(fitted, field, value)
    return fitted


def _fit_value(name: str, value: Any) -> Any:
    nested = _NESTED.get(name)
    if value is None or name in _AS_IS:
        return value
    if name in _LISTS and nested is not None:
        items = value if isinstance(value, list) else []
        return [_fit(nested, item) for item in items if isinstance(item, dict)]
    if nested is not None:
        return _fit(nested, value) if isinstance(value, dict) else None
    if name in _WORDS:
        return value if isinstance(value, str) else None
    return _fit_number(name, value)


def _fit_number(name: str, value: Any) -> int | Decimal | None:
    """Take a count also from a float without fraction or a string of digits; seconds from any number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value)[:32])
    except ArithmeticError:
        return None
    if not number.is_finite() or not 0 <= number <= MAX_COUNT:
        return None
    if name == "seconds":
        return number
    return int(number) if number == number.to_integral_value() else None


def _loosely(data: bytes) -> Any:
    try:
        return _decode_any(data)
    except _BROKEN:
        return None


# The members after the content, by the key that may stand first among them, and what has to stand before it to
# make a document of the rest: the rest closes exactly the brackets that this opens, or it is another, nested,
# member of that name.
_Endings = tuple[tuple[bytes, bytes], ...]
_REST: _Endings = (
    (b'"finish_reason"', b'{"choices":[{'),
    (b'"finishReason"', b'{"candidates":[{'),
    (b'"stop_reason"', b"{"),
    (b'"usage"', b"{"),
    (b'"usageMetadata"', b"{"),
)
_REST_OF_EVENT: _Endings = (*_REST, (b'"usage"', b'{"response":{'))
_REST_OF_LIST: _Endings = ((b'"finishReason"', b'[{"candidates":[{'), (b'"usageMetadata"', b"[{"))
_MAX_LOOKALIKES = 8  # per key, from the end; each costs a scan of the tail


def glean(front: bytes, tail: bytes, *, event: bool = False) -> tuple[Answer, bool]:
    """Return what both ends of a body say whose middle was not kept, and whether it was complete.

    `front` and `tail` may overlap (a body that breaks off is all front). `event` says that it is the data of
    a Responses event, so that the usage may stand one level deeper.
    """
    endings: _Endings = _REST_OF_EVENT if event else _REST
    found, _ = _partial(front.decode("utf-8", "replace"), 0, depth=4)
    if isinstance(found, list):
        answer, endings = _newest([_fit(Answer, item) for item in found if isinstance(item, dict)]), _REST_OF_LIST
    else:
        answer = _fit(Answer, found if isinstance(found, dict) else {})
    complete = False
    for key, opening in endings:
        rest = _read_rest(tail, key, opening)
        if rest is not None:
            complete = True
            _overlay(answer, rest)
    return answer, complete


def _newest(answers: list[Answer]) -> Answer:
    """Return the last that has usage: the very last may be half there."""
    for answer in reversed(answers):
        if counts_of(answer) is not None:
            return answer
    return answers[-1] if answers else Answer()


def _read_rest(tail: bytes, key: bytes, opening: bytes) -> Answer | None:
    at = len(tail)
    for _ in range(_MAX_LOOKALIKES):
        at = tail.rfind(key, 0, at)
        if at < 0:
            return None
        rest = opening + tail[at:]
        if opening.startswith(b"["):
            items = read_list(rest)
            found = items[-1] if items else None
        else:
            found = read(rest)
        if found is not None:
            return found
    return None


def _overlay(answer: Answer, newer: Answer) -> None:
    for name in Answer.__struct_fields__:
        value, before = getattr(newer, name), getattr(answer, name)
        if isinstance(value, Answer) and isinstance(before, Answer):
            _overlay(before, value)
        elif value is not None:
            setattr(answer, name, value)


_MAX_MEMBERS = 64  # of an object or array that broke off; answers have forty, embeddings thousands

_SPACE = re.compile(r"[ \t\r\n]*")


def _partial(text: str, at: int, depth: int) -> tuple[Any, int]:
    """Read JSON that may break off, `depth` levels deep; return what is there and its end, -1 when it broke off."""
    at = _skip(text, at)
    try:
        value, end = _raw_decode(text, at)
    except (ValueError, RecursionError):
        if depth and text.startswith("{", at):
            return _partial_object(text, at + 1, depth - 1), -1
        if depth and text.startswith("[", at):
            return _partial_list(text, at + 1, depth - 1), -1
        return None, -1
    # A number at the very end may go on.
    return (None, -1) if end == len(text) and isinstance(value, int | float) else (value, end)


def _partial_object(text: str, at: int, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while at > 0 and len(found) < _MAX_MEMBERS:
        key, at = _partial(text, at, 0)
        if at < 0 or not isinstance(key, str):
            break
        at = _skip(text, at)
        if not text.startswith(":", at):
            break
        found[key], at = _partial(text, at + 1, depth)
        at = _after_comma(text, at)
    return found


def _partial_list(text: str, at: int, depth: int) -> list[Any]:
    found: list[Any] = []
    while at > 0 and len(found) < _MAX_MEMBERS:
        item, at = _partial(text, at, depth)
        if item is not None:
            found.append(item)
        at = _after_comma(text, at)
    return found


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at) if at >= 0 else -1
    return at + 1 if at >= 0 and text.startswith(",", at) else -1
