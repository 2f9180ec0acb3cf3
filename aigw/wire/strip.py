"""Takes out of a request's body what the model is known to refuse; every other byte stays as it is.

For requests that pass in the caller's own format. A member at the value it has when it is left out is no wish, and
providers accept it even where they refuse the member otherwise: it stays.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.losses import Loss, child
from aigw.wire.peek import Member, members

# What the absence of a member means; null always means the same as absence.
_DEFAULTS: dict[str, object] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "n": 1,
    "presence_penalty": 0,
    "temperature": 1,
    "top_logprobs": 0,
    "top_p": 1,
}

# A member that means nothing without one that was taken out, and the value that means nearly the same: thinking
# without its budget is adaptive (https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking).
_INSTEAD: dict[str, tuple[str, bytes, bytes, str]] = {
    "thinking.budget_tokens": ("type", b'"enabled"', b'"adaptive"', "the model itself decides how much it thinks")
}

_decode = msgspec.json.Decoder().decode

Edit = tuple[int, int, bytes]


def strip(body: bytes, refused: Collection[str]) -> tuple[bytes, list[Loss]]:
    """The body without refused members, and each of them as a loss.

    `refused` are names of top-level members; a dot leads one level into an object. `n` means values above 1. Raises
    InvalidBody when the body is not a JSON object.
    """
    named = [name for name in refused if b'"%b"' % name.rpartition(".")[2].encode() in body]
    if not named:
        return body, []
    flat = {name for name in named if "." not in name}
    inner: dict[str, set[str]] = {}
    for name in named:
        outside, dot, inside = name.partition(".")
        if dot and outside not in flat:
            inner.setdefault(outside, set()).add(inside)
    losses: list[Loss] = []
    walked = members(body)
    edits: list[Edit] = []
    for key, _, start, end in walked:
        if key in inner:
            edits.append((start, end, _stripped_object(body[start:end], key, inner[key], losses)))
    gone = [_refused(member, body, flat) for member in walked]
    losses += _dropped(walked, gone, "")
    return without(body, walked, gone, edits), losses


def _stripped_object(value: bytes, outside: str, names: set[str], losses: list[Loss]) -> bytes:
    try:
        walked = members(value)
    except InvalidBody:
        return value
    gone = [_refused(member, value, names) for member in walked]
    losses += _dropped(walked, gone, outside)
    edits: list[Edit] = []
    for (inside, *_), is_gone in zip(walked, gone, strict=True):
        member, old, new, reason = _INSTEAD.get(f"{outside}.{inside}", ("", b"", b"", ""))
        for key, _, start, end in walked if is_gone and member else ():
            if key == member and value[start:end] == old:
                edits.append((start, end, new))
                losses.append(Loss(child("", outside, key), "approximated", reason))
    return without(value, walked, gone, edits)


def _refused(member: Member, body: bytes, names: set[str]) -> bool:
    """Whether a member is refused at the value it has."""
    key, _, start, end = member
    if key not in names:
        return False
    try:
        value = _decode(body[start:end])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True  # a number beyond all bounds: no value that means nothing
    return value is not None and not means_nothing(key, value)


def means_nothing(member: str, value: object) -> bool:
    """Whether a member at this value says what its absence says."""
    return member in _DEFAULTS and isinstance(value, bool) == (member == "logprobs") and value == _DEFAULTS[member]


def _dropped(walked: list[Member], gone: list[bool], outside: str) -> list[Loss]:
    names = dict.fromkeys(key for (key, *_), is_gone in zip(walked, gone, strict=True) if is_gone)
    at = child("", outside) if outside else ""
    return [Loss(child(at, name), "dropped", f"the model does not accept {name}") for name in names]


def without(body: bytes, walked: list[Member], gone: list[bool], edits: list[Edit]) -> bytes:
    """An object without some of its members, with other values of some; what stands between the others stays."""
    if not any(gone) and not edits:
        return body
    new = {start: value for start, _, value in edits}
    pieces = [body[: walked[0][1]]]
    after = -1
    for (_, key_start, start, end), is_gone in zip(walked, gone, strict=True):
        if not is_gone:
            # The comma and the space that stood before this member stand there still, unless it is now the first.
            between = body[after:key_start] if len(pieces) > 1 else b""
            pieces += [between, body[key_start:start], new.get(start, body[start:end])]
        after = end
    return b"".join((*pieces, body[after:]))
