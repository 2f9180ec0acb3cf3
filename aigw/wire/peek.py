"""Read `model`, `models` and `stream` of a complete JSON body, and splice the model in its bytes.

The usual body names its model once, and msgspec's C decoder reads it while it skips everything else. Where that is
not enough the top-level members are walked: they come from the same decoder as raw slices, so that walking costs per
member, not per byte. Everything that is not replaced keeps its bytes.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

import msgspec

from aigw.errors import InvalidBody

_KEY = re.compile(rb'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")
_OPEN = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*")
_MODEL = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_WHERE = re.compile(r"`\$([^`]+)`")


class _Nothing(msgspec.Struct, gc=False):
    """What is decoded of a body that is only to be checked."""


class _Head(msgspec.Struct, gc=False):
    model: str | msgspec.UnsetType = msgspec.UNSET
    models: list[str] | msgspec.UnsetType = msgspec.UNSET
    stream: Any = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_nothing = msgspec.json.Decoder(_Nothing).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_str = msgspec.json.Decoder(str).decode
_decode_names = msgspec.json.Decoder(list[str]).decode
encode_string = msgspec.json.Encoder().encode
# Walks what was found to be JSON already; numbers are not made, a long one would be refused.
_walk = json.JSONDecoder(strict=False, parse_int=len, parse_float=len).raw_decode

# The members that name models. A parser that takes names in any case (Go's) would obey another spelling, and one
# that takes the first of two members another one than we checked: both are refused.
NAMES = frozenset({"model", "models"})
_READ = NAMES | {"stream"}
_INITIALS = frozenset("mM")

# Counting a text in a body costs 0.6 µs per KiB, three times as much as decoding it: above this many bytes walking
# the members, which finds a second `model` as well, is cheaper.
COUNT_UP_TO = 4096

# Requests have some dozens of members. Each costs a microsecond and 300 bytes to walk: without a limit 32 MiB of them,
# a few hundred KiB when compressed, would hold up everybody for seconds and take a gigabyte.
MAX_MEMBERS = 10_000
# An object has no more members than its bytes have commas, and one. Up to so many are decoded without looking first.
_COMMAS = 100_000

# One member of the top-level object: its key, and where key and value stand.
Member = tuple[str, int, int, int]


# A struct, not attrs: made once per request on the hot path, at a third of the time.
class Peeked(msgspec.Struct, frozen=True, gc=False):
    """What the gateway reads of a request: the candidates' names in order, and whether a stream is wanted.

    `models` holds the entries of the request's own `models`; `listed` says that the field was there, and so
    has to be taken out.
    """

    model: str | None
    models: tuple[str, ...] = ()
    stream: bool = False
    listed: bool = False


def peek(body: bytes, *, strict: bool = False) -> Peeked:
    """Read a complete body. Raises InvalidBody when it is not a JSON object or the fields have wrong types.

    A member that stands twice is read differently by different parsers; what we check and what the provider obeys
    must be the same one, so a second `model` or `models` is refused. `strict` also refuses the spellings that only
    some parsers read as these, for callers who may not call every model.
    """
    if strict or len(body) > COUNT_UP_TO:
        return _peek_members(body)
    try:
        head = _decode_head(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _peek_members(body)
    one, many = head.model is not msgspec.UNSET, head.models is not msgspec.UNSET
    if body.count(b'"model') > one + many:
        return _peek_members(body)
    return Peeked(
        head.model if one else None,  # type: ignore[arg-type]
        tuple(head.models) if many else (),  # type: ignore[arg-type]
        head.stream is True,
        many,
    )


def _peek_members(body: bytes) -> Peeked:
    read: dict[str, bytes] = {}
    for key, _, start, end in members(body):
        if key in _READ:
            if key in read and key in NAMES:
                raise repeated(key)
            read[key] = body[start:end]
        elif key[:1] in _INITIALS:
            check_spelling(key)
    return Peeked(
        name(read["model"]) if "model" in read else None,
        names(read["models"]) if "models" in read else (),
        read.get("stream") == b"true",
        "models" in read,
    )


def name(raw: bytes) -> str:
    """The value of `model`. Raises InvalidBody."""
    try:
        return _decode_str(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidBody("`model` must be a string.", param="model") from None


def names(raw: bytes) -> tuple[str, ...]:
    """The value of `models`. Raises InvalidBody."""
    try:
        return tuple(_decode_names(raw))
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        found = _WHERE.search(str(exc))
        where = f" (look at `models{found[1]}`)" if found else ""
        raise InvalidBody(f"`models` must be an array of strings{where}.", param="models") from None


def repeated(key: str) -> InvalidBody:
    """A member that may stand once stands twice."""
    return InvalidBody(f"The member `{key}` stands more than once in the request body.", param=key)


def too_many() -> InvalidBody:
    """An object with more members than anybody needs."""
    return InvalidBody(f"The request body has more than {MAX_MEMBERS} members.")


def check_spelling(key: str) -> None:
    """Raises InvalidBody for another spelling of a member that names models."""
    meant = key.casefold()
    if meant in NAMES and key != meant:
        raise InvalidBody(f"The member `{key}` must be written `{meant}`.", param=meant)


def members(body: bytes) -> list[Member]:
    """The top-level members in order as `(key, key start, value start, value end)`.

    Raises InvalidBody when the body is not a JSON object.
    """
    decoded = _decoded(body)
    if decoded is None:
        return _with_repeated(body)
    if len(decoded) > MAX_MEMBERS:
        raise too_many()
    found: list[Member] = []
    opened = _OPEN.match(body)
    at = opened.end() if opened else 0
    for key, raw in decoded.items():
        match = _KEY.match(body, at)
        if match is None or _decode_str(match[1]) != key:
            return _with_repeated(body)
        start = match.end()
        end = start + memoryview(raw).nbytes
        follows = _NEXT.match(body, end)
        if follows is None:
            return _with_repeated(body)
        found.append((key, match.start(1), start, end))
        at = follows.end()
    if found and body[at - 1 : at] != b"}":
        return _with_repeated(body)
    return found


def _decoded(body: bytes) -> dict[str, msgspec.Raw] | None:
    """The members, one of each name; None for a JSON object that could have more of them than may be kept."""
    many = len(body) > _COMMAS and body.count(b",") > _COMMAS
    try:
        if not many:
            return _decode_members(body)
        _decode_nothing(body)
    except msgspec.ValidationError:
        raise InvalidBody("The request body must be a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidBody(f"The request body is not valid JSON: {exc}.") from None
    return None


def _with_repeated(body: bytes) -> list[Member]:
    """A walk value by value: the decoder keeps one per key, so the quick one loses step at a member's second time."""
    # In Latin-1 every byte is a character, so positions stay the same.
    text = body.decode("latin-1")
    found: list[Member] = []
    at = body.index(b"{") + 1
    while (match := _KEY.match(body, at)) is not None:
        try:
            _, end = _walk(text, match.end())
        except (RecursionError, ValueError):
            raise InvalidBody("The request body is nested too deeply.") from None
        found.append((_key_text(match[1]), match.start(1), match.end(), end))
        if len(found) > MAX_MEMBERS:
            raise too_many()
        follows = _NEXT.match(body, end)
        assert follows is not None
        at = follows.end()
    return found


def _key_text(raw: bytes) -> str:
    try:
        return _decode_str(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidBody(f"The request body is not valid JSON: {exc}.") from None


def splice(body: bytes, model: str | None, *, listed: bool) -> bytes:
    """The body with `model` as its model (None keeps it) and, if `listed`, without `models`.

    All other bytes stay as they are. A body without a `model` member gets one in front. Raises InvalidBody when the
    body is not a JSON object.
    """
    if model is not None and not listed and (found := _MODEL.search(body)) is not None:
        spliced = body[: found.start(1)] + encode_string(model) + body[found.end(1) :]
        # What was found could have stood in a nested object: then the model is still the old one.
        with suppress(msgspec.DecodeError):
            if _decode_head(spliced).model == model != _decode_head(body).model:
                return spliced
    return _splice_members(body, model, listed)


def _splice_members(body: bytes, model: str | None, listed: bool) -> bytes:
    cuts: list[tuple[int, int, bytes]] = []
    walked = members(body)
    seen = False
    for position, (key, start, value, end) in enumerate(walked):
        if key == "model" and model is not None:
            seen = True
            cuts.append((value, end, encode_string(model)))
        elif key == "models" and listed:
            cuts.append(_removal(walked, position, start, end))
    if model is not None and not seen:
        opened = body.index(b"{") + 1
        rest = b"" if all(listed and key == "models" for key, *_ in walked) else b","
        cuts.insert(0, (opened, opened, b'"model":' + encode_string(model) + rest))
    for start, end, new in reversed(cuts):
        body = body[:start] + new + body[end:]
    return body


def blank(body: bytes) -> bytes:
    """The body with spaces in the place of `models`, for one whose length is announced already."""
    walked = members(body)
    for position, (key, start, _, end) in enumerate(walked):
        if key == "models":
            start, end, _ = _removal(walked, position, start, end)
            body = body[:start] + b" " * (end - start) + body[end:]
    return body


def _removal(walked: list[Member], position: int, start: int, end: int) -> tuple[int, int, bytes]:
    """Cut a member with the comma behind it, or, if it is the last, with the one before it."""
    if position + 1 < len(walked):
        return start, walked[position + 1][1], b""
    if position:
        return walked[position - 1][3], end, b""
    return start, end, b""
