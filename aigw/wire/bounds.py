"""Keeps a request within what an account may ask for and what a surface takes; every other byte stays as it is.

`cap` holds the limit of output tokens down, whatever member says it. A request that names none gets one: a cap that
silence evades is none. `restrict` takes out members that a surface is known not to take; those that hold the
conversation itself always stay.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.losses import Loss, child
from aigw.wire.peek import Member, members
from aigw.wire.strip import means_nothing, without

# Members that servers of open models read beside the usual ones, or instead of them.
_ALSO = frozenset({"n_predict", "max_new_tokens"})

# Anthropic's least budget of thinking, which has to be below the limit
# (https://platform.claude.com/docs/en/build-with-claude/extended-thinking).
LEAST_BUDGET = 1024

# What says what is wanted, and not how. Whoever does not take these does not serve the surface.
_SUBSTANCE = frozenset(
    {
        *("model", "models", "stream"),
        *("messages", "input", "prompt", "contents", "content", "requests", "query", "documents"),
        *("system", "instructions", "systeminstruction"),
    }
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

Edit = tuple[int, int, bytes]


class Limit(NamedTuple):
    """Where a surface's requests say how many tokens the answer may have: `names`, the usual one first, in an object
    of one of the names `within`, if it is not the request itself.
    """

    names: tuple[str, ...]
    within: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """The place of the usual one."""
        return child("", *self.within[:1], self.names[0])


COMPLETIONS = Limit(("max_tokens",))
LIMITS = {
    "chat": Limit(("max_tokens", "max_completion_tokens")),
    "responses": Limit(("max_output_tokens",)),
    "messages": Limit(("max_tokens",)),
    "gemini": Limit(("maxOutputTokens", "max_output_tokens"), ("generationConfig", "generation_config")),
}
"""By the wire format of a conversation."""

# Servers that take names in any case obey another spelling.
_FOLDED = {
    limit: frozenset(name.casefold() for name in limit.names) | _ALSO for limit in (COMPLETIONS, *LIMITS.values())
}


def cap(
    body: bytes, limit: Limit, most: int, *, usual: str = "", writes: int | None = None
) -> tuple[bytes, list[Loss]]:
    """The body with a limit of at most `most` tokens, and what that changed.

    `usual` is the member that a request without any gets; it gets none if the model itself `writes` no more. Raises
    InvalidBody when the body is not a JSON object.
    """
    capping = _Capping(limit, most, usual or limit.names[0])
    walked = members(body)
    silent = writes is None or writes > most
    if limit.within:
        edits = capping.within(body, walked, silent=silent)
    else:
        edits = capping.edits(body, walked, "", silent=silent)
    if edits:
        edits += _lower_budget(body, walked, most, capping.losses)
    return _edited(body, edits), capping.losses


class _Capping:
    """One request's limit, held down; `losses` tell what that changed."""

    def __init__(self, limit: Limit, most: int, usual: str) -> None:
        self.losses: list[Loss] = []
        self._limit = limit
        self._most = most
        self._new = b"%d" % most
        self._usual = usual
        self._folded = _FOLDED[limit]

    @property
    def _reason(self) -> str:
        return f"at most {self._most} output tokens are allowed here (max_output_tokens)"

    def edits(self, body: bytes, walked: list[Member], at: str, *, silent: bool) -> list[Edit]:
        """What has to change of the members that say it; where none says it and `silent`, one that does."""
        edits: list[Edit] = []
        said = False
        null: Member | None = None
        for member in walked:
            key, _, start, end = member
            if key.casefold() not in self._folded:
                continue
            value = _value(body[start:end])
            if value is None:
                null = member if key in self._limit.names else null
                continue
            said = said or key in self._limit.names
            if self._exceeds(value):
                edits.append((start, end, self._new))
                self.losses.append(Loss(child(at, key), "approximated", self._reason))
        if silent and not said:
            edits.append(self._said(body, walked, null, at))
        return edits

    def _exceeds(self, value: object) -> bool:
        """Whether it is more than may be; so is what is no number, and one below zero means no limit to some."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        return not 0 <= value <= self._most

    def _said(self, body: bytes, walked: list[Member], null: Member | None, at: str) -> Edit:
        name = self._usual if null is None else null[0]
        self._note_unsaid(child(at, name))
        return _added(body, walked, name, self._new) if null is None else (null[2], null[3], self._new)

    def within(self, body: bytes, walked: list[Member], *, silent: bool) -> list[Edit]:
        """As `edits`, in each object that may hold the limit; without any there will be one."""
        holders = [member for member in walked if member[0] in self._limit.within]
        edits: list[Edit] = []
        for place, (key, _, start, end) in enumerate(holders, 1):
            # Of several the last one counts.
            last = place == len(holders)
            value = b"{}" if last and body[start:end] == b"null" else body[start:end]
            try:
                found = self.edits(value, members(value), child("", key), silent=silent and last)
            except InvalidBody:
                continue
            if found:
                edits.append((start, end, _edited(value, found)))
        if not holders and silent:
            self._note_unsaid(self._limit.pointer)
            edits.append(_added(body, walked, self._limit.within[0], _encode({self._usual: self._most})))
        return edits

    def _note_unsaid(self, pointer: str) -> None:
        self.losses.append(Loss(pointer, "approximated", f"it was not said, and {self._reason}"))


def _added(body: bytes, walked: list[Member], name: str, value: bytes) -> Edit:
    """A member behind the last one of an object."""
    text = b"%b:%b" % (_encode(name), value)
    if walked:
        at = walked[-1][3]
        return at, at, b"," + text
    at = body.index(b"{") + 1
    return at, at, text


def _lower_budget(body: bytes, walked: list[Member], most: int, losses: list[Loss]) -> list[Edit]:
    """Thinking of Anthropic's API: its budget has to stay below the limit; where there is no room, it is off."""
    edits: list[Edit] = []
    for key, _, start, end in walked:
        thinking = _value(body[start:end]) if key == "thinking" else None
        budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
        if not isinstance(budget, int) or budget < most:
            continue
        if most <= LEAST_BUDGET:
            edits.append((start, end, b'{"type":"disabled"}'))
            losses.append(Loss("/thinking", "dropped", f"{most} output tokens leave no room for it"))
            continue
        for name, _, inner, stop in members(body[start:end]):
            if name == "budget_tokens":
                edits.append((start + inner, start + stop, b"%d" % (most - 1)))
        losses.append(Loss("/thinking/budget_tokens", "approximated", f"it has to be below {most} output tokens"))
    return edits


def _value(raw: bytes) -> Any:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw  # a number beyond all bounds


def _edited(body: bytes, edits: list[Edit]) -> bytes:
    for start, end, new in sorted(edits, reverse=True):
        body = body[:start] + new + body[end:]
    return body


def restrict(body: bytes, accepts: Collection[str]) -> tuple[bytes, list[Loss]]:
    """The body without members that are not among `accepts`, and those of them as losses that said anything.

    Names compare without case and underscores, as Gemini's have two spellings. Of its `generationConfig` those members
    stay that are named themselves. Raises InvalidBody when the body is not a JSON object.
    """
    taken = {_plain(name) for name in accepts} | _SUBSTANCE
    walked = members(body)
    gone = [_plain(key) not in taken for key, *_ in walked]
    losses: list[Loss] = []
    edits: list[Edit] = []
    for place, (key, _, start, end) in enumerate(walked):
        if gone[place] and _plain(key) == "generationconfig":
            inner = _restricted(body[start:end], key, taken, losses)
            if inner is not None:
                gone[place] = False
                edits.append((start, end, inner))
                continue
        if gone[place]:
            _note(losses, "", key, body[start:end])
    return without(body, walked, gone, edits), losses


def _restricted(value: bytes, outside: str, taken: Collection[str], losses: list[Loss]) -> bytes | None:
    """An object within with the members of it that are taken; None if there is none, or it is no object."""
    try:
        walked = members(value)
    except InvalidBody:
        return None
    gone = [_plain(key) not in taken and f"{_plain(outside)}.{_plain(key)}" not in taken for key, *_ in walked]
    if all(gone):
        return None
    for (key, _, start, end), is_gone in zip(walked, gone, strict=True):
        if is_gone:
            _note(losses, child("", outside), key, value[start:end])
    return without(value, walked, gone, [])


def _note(losses: list[Loss], at: str, key: str, raw: bytes) -> None:
    value = _value(raw)
    if value is not None and not means_nothing(key, value):
        losses.append(Loss(child(at, key), "dropped", "the provider does not take it (supportedParams)"))


def _plain(name: str) -> str:
    return name.replace("_", "").casefold()
