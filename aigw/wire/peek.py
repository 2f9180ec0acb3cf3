"""Read `model`, `models` and `stream` of a complete JSON body, and splice the model in its bytes.

`peek` skips everything else at the speed of msgspec's C decoder. `splice` walks the top-level members to find
where they stand: the members come from the same decoder as raw slices, so that walking costs per member, not
per byte, and everything that is not replaced keeps its bytes.
"""

from __future__ import annotations

import re
from typing import Any

import attrs
import msgspec

from aigw.errors import InvalidBody

_KEY = re.compile(rb'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")
_OPEN = re.compile(rb"[ \t\r\n]*\{")
_AT_PATH = re.compile(r"`\$\.([^`]+)`")


class _Head(msgspec.Struct, gc=False):
    model: str | msgspec.UnsetType = msgspec.UNSET
    models: list[str] | msgspec.UnsetType = msgspec.UNSET
    stream: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_key = msgspec.json.Decoder(str).decode
encode_string = msgspec.json.Encoder().encode


# Plain `define`: made once per request on the hot path.
@attrs.define(eq=True)
class Peeked:
    """What the gateway reads of a request: the candidates' names in order, and whether a stream is wanted.

    `models` holds the entries of the request's own `models`; `listed` says that the field was there, and so
    has to be taken out.
    """

    model: str | None
    models: tuple[str, ...] = ()
    stream: bool = False
    listed: bool = False


def peek(body: bytes) -> Peeked:
    """Read a complete body. Raises InvalidBody when it is not a JSON object or the fields have wrong types."""
    try:
        head = _decode_head(body)
    except msgspec.ValidationError as exc:
        raise _wrong_type(exc) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidBody(f"The request body is not valid JSON: {exc}.") from None
    # A member that stands twice is read differently by different parsers: what we check and what the
    # provider obeys must be the same one.
    if body.count(b'"model"') > 1 or body.count(b'"models"') > 1:
        members(body)
    return Peeked(
        None if head.model is msgspec.UNSET else head.model,
        () if head.models is msgspec.UNSET else tuple(head.models),
        head.stream is True,
        head.models is not msgspec.UNSET,
    )


def _wrong_type(exc: msgspec.ValidationError) -> InvalidBody:
    """The field's name out of msgspec's message, which ends in "- at `$.models[1]`"."""
    found = _AT_PATH.search(str(exc))
    if found is None:
        return InvalidBody("The request body must be a JSON object.")
    where = found[1]
    if where == "model":
        return InvalidBody("`model` must be a string.", param="model")
    return InvalidBody(f"`models` must be an array of strings (look at `{where}`).", param="models")


# One member of the top-level object: its key, and where key and value stand.
Member = tuple[str, int, int, int]


def members(body: bytes) -> list[Member]:
    """The top-level members in order as `(key, key start, value start, value end)`.

    Raises InvalidBody when the body is not a JSON object or a member stands twice.
    """
    try:
        decoded = _decode_members(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidBody(f"The request body is not a valid JSON object: {exc}.") from None
    found: list[Member] = []
    opened = _OPEN.match(body)
    at = opened.end() if opened else 0
    for key, raw in decoded.items():
        match = _KEY.match(body, at)
        if match is None or _decode_key(match[1]) != key:
            raise _twice(body, at)
        end = match.end() + memoryview(raw).nbytes
        follows = _NEXT.match(body, end)
        if follows is None:
            raise _twice(body, at)
        found.append((key, match.start(1), match.end(), end))
        at = follows.end()
    if found and body[at - 1 : at] != b"}":
        raise _twice(body, at)
    return found


def _twice(body: bytes, at: int) -> InvalidBody:
    """The decoder keeps one value per key, so a walk that loses step has met a member a second time."""
    match = _KEY.match(body, at)
    name = _decode_key(match[1]) if match else "?"
    return InvalidBody(f"The member `{name[:64]}` stands more than once in the request body.", param=name[:64])


def splice(body: bytes, model: str | None, *, listed: bool) -> bytes:
    """The body with `model` as its model (None keeps it) and, if `listed`, without `models`.

    All other bytes stay as they are. A body without a `model` member gets one in front.
    """
    cuts: list[tuple[int, int, bytes]] = []
    walked = members(body)
    seen = False
    for position, (key, start, value, end) in enumerate(walked):
        if key == "model" and model is not None:
            seen = True
            cuts.append((value, end, encode_string(model)))
        elif key == "models" and listed:
            cuts.append(_removal(body, walked, position, start, end))
    if model is not None and not seen:
        opened = body.index(b"{") + 1
        rest = b"" if all(key == "models" for key, *_ in walked) else b","
        cuts.insert(0, (opened, opened, b'"model":' + encode_string(model) + rest))
    for start, end, new in reversed(cuts):
        body = body[:start] + new + body[end:]
    return body


def _removal(body: bytes, walked: list[Member], position: int, start: int, end: int) -> tuple[int, int, bytes]:
    """Cut a member with the comma behind it, or, if it is the last, with the one before it."""
    if position + 1 < len(walked):
        return start, walked[position + 1][1], b""
    if position:
        return walked[position - 1][3], end, b""
    return start, end, b""
