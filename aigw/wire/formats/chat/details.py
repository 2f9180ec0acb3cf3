"""`reasoning_details`: reasoning with what its maker wants back, as OpenRouter has them and as we tell other makers'.

OpenRouter's are objects of the types `reasoning.text`, `reasoning.summary` and `reasoning.encrypted` that have to come
back unmodified and in their order (https://openrouter.ai/docs/use-cases/reasoning-tokens). The JSON text of each is the
signature of a Thinking. Ours (`"format":"aigw"`) carry a seal, and `after` says what they follow in the turn, if they
do not begin it: `content` or the id of a tool call.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import signatures
from aigw.wire.neutral import Thinking

FORMAT = "aigw"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


_GROWING = ("text", "summary", "data")


class Detail:
    """One detail in the making: texts go on, other members are replaced. Its pieces are joined once."""

    __slots__ = ("_members", "_pieces")

    def __init__(self, entry: dict[str, Any]) -> None:
        self._members: dict[str, Any] = {}
        self._pieces: dict[str, list[str]] = {}
        self.add(entry)

    def add(self, entry: dict[str, Any]) -> None:
        """A further piece."""
        members = self._members
        for name, value in entry.items():
            if name in _GROWING and isinstance(value, str):
                members[name] = value
                self._pieces.setdefault(name, []).append(value)
            elif value is not None or name not in members:
                members[name] = value

    def goes_on(self, entry: dict[str, Any], *, numbered: bool) -> bool:
        """Whether an entry is a further piece; `numbered`: only if both say so by their `index`."""
        members = self._members
        index = entry.get("index")
        if (numbered and index is None) or index != members.get("index") or entry.get("type") != members.get("type"):
            return False
        ended = bool(members.get("signature") or self._pieces.get("data"))
        return not ended and members.get("id") == entry.get("id", members.get("id"))

    def whole(self) -> dict[str, Any]:
        """The detail, its members in the order in which they came."""
        return {**self._members, **{name: "".join(pieces) for name, pieces in self._pieces.items()}}


def merged(entries: list[Any]) -> list[tuple[int, dict[str, Any]]]:
    """The details that a list stands for, each with the place of its first piece.

    A caller that collects a stream has the pieces: those of one type and `index` that follow each other are one.
    """
    details: list[tuple[int, Detail]] = []
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            continue
        if details and details[-1][1].goes_on(entry, numbered=True):
            details[-1][1].add(entry)
        else:
            details.append((place, Detail(entry)))
    return [(place, detail.whole()) for place, detail in details]


def after(detail: dict[str, Any]) -> str | None:
    """What one of ours comes after in its turn: `content` or the id of a call; None for the beginning."""
    place = detail.get("after") if detail.get("format") == FORMAT else None
    return place if isinstance(place, str) else None


def text_of(detail: dict[str, Any]) -> str:
    """What of a detail can be shown."""
    for name in ("text", "summary"):
        value = detail.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def verbatim(detail: dict[str, Any]) -> str:
    """A detail as a signature."""
    return _encode(detail).decode()


def read(detail: dict[str, Any], at: str) -> Thinking:
    """A caller's detail: unsealed if it carries a seal, else of a maker that is not known."""
    held = detail.get("signature") or detail.get("data")
    sealed = signatures.unseal(held) if isinstance(held, str) else None
    if sealed is not None:
        return msgspec.structs.replace(sealed, text=text_of(detail), at=at)
    if detail.get("format") == FORMAT:
        return Thinking(text=text_of(detail), at=at)
    thinking = told(detail, "chat")
    thinking.text = text_of(detail)
    thinking.signature = verbatim(detail)
    thinking.at = at
    return thinking


def told(detail: dict[str, Any], maker: str) -> Thinking:
    """The head of a Thinking that a provider's detail begins: its text and its signature follow."""
    kind = detail.get("type")
    return Thinking(maker=maker, redacted=kind == "reasoning.encrypted", summary=kind == "reasoning.summary")


def original(thinking: Thinking, index: int) -> dict[str, Any]:
    """The detail that goes back to its maker: its own, or one made of what there is."""
    if thinking.signature:
        try:
            return _decode(thinking.signature)
        except (msgspec.DecodeError, ValueError):
            return {"type": "reasoning.text", "text": thinking.text, "signature": thinking.signature, "index": index}
    return {"type": "reasoning.text", "text": thinking.text, "index": index}


def sealed(thinking: Thinking, index: int, after: str | None = None) -> dict[str, Any]:
    """A detail for a caller: the text and a seal around its maker's signature."""
    held = bool(thinking.signature or thinking.redacted or thinking.id)
    detail: dict[str, Any]
    if thinking.text and not thinking.redacted:
        detail = {"type": "reasoning.text", "text": thinking.text}
        if held:
            detail["signature"] = signatures.seal(thinking)
    else:
        detail = {"type": "reasoning.encrypted", "data": signatures.seal(thinking)}
    detail["format"] = FORMAT
    detail["index"] = index
    if after is not None:
        detail["after"] = after
    return detail
