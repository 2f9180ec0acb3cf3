"""A whole answer of the deltas of its stream, and the deltas of a whole answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Logprob,
    Part,
    Refusal,
    ServerToolCall,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage

_replace = msgspec.structs.replace

# The member that a part's Grow adds to.
_GROWS: dict[type[Part], str] = {
    Text: "text",
    Refusal: "text",
    Thinking: "text",
    ToolCall: "arguments",
    ServerToolCall: "arguments",
}


def folded(deltas: Iterable[Delta]) -> Answer:
    """The answer that a whole stream, as `sequence.py` gives it, amounts to.

    Raises ValueError where the stream has no `Finish`, or a `Fail`.
    """
    fold = _Fold()
    for delta in deltas:
        fold.add(delta)
    if not fold.finished:
        raise ValueError("the stream has no end")
    return fold.answer()


def unfolded(answer: Answer) -> list[Delta]:
    """A whole answer as the deltas of a complete stream; `folded` gives it back.

    A candidate that has neither parts nor a stop says nothing in a stream.
    """
    deltas: list[Delta] = [Begin(answer.id, answer.model, answer.created, answer.own, answer.own_format)]
    for candidate in answer.candidates:
        for number, part in enumerate(candidate.parts):
            deltas += _steps(part, number, candidate.index)
        if candidate.stop is not None:
            deltas.append(Stopped(candidate.stop, candidate.index, candidate.own))
    if answer.usage is not None:
        deltas.append(Tally(answer.usage))
    deltas.append(Finish())
    return deltas


def _steps(part: Part, number: int, candidate: int) -> list[Delta]:
    """One part, from its Open to its Close."""
    steps: list[Delta] = []
    head = part
    member = _GROWS.get(type(part))
    if member is not None and getattr(part, member):
        steps.append(Grow(number, getattr(part, member), candidate))
        head = _replace(head, **{member: ""})
    if isinstance(head, Thinking) and head.signature:
        steps.append(Sign(number, head.signature, candidate))
        head = _replace(head, signature=None)
    if isinstance(head, Text | Refusal) and head.logprobs:
        steps.append(Odds(number, head.logprobs, candidate))
        head = _replace(head, logprobs=None)
    if isinstance(head, Text) and head.citations:
        steps += [Cite(number, citation, candidate) for citation in head.citations]
        head = _replace(head, citations=None)
    return [Open(number, head, candidate), *steps, Close(number, candidate)]


class _Growing:
    """A part that is open."""

    def __init__(self, head: Part) -> None:
        self._head = head
        self.texts: list[str] = []
        self.signature: list[str] = []
        self.citations: list[Citation] = []
        self.logprobs: list[Logprob] = []

    def part(self) -> Part:
        """The part as far as it was told. The head itself stays as it is: it is the reader's."""
        head = self._head
        members: dict[str, Any] = {}
        if self.texts:
            member = _GROWS[type(head)]
            members[member] = getattr(head, member) + "".join(self.texts)
        if self.signature:
            members["signature"] = (getattr(head, "signature", None) or "") + "".join(self.signature)
        if self.citations:
            members["citations"] = [*(getattr(head, "citations", None) or ()), *self.citations]
        if self.logprobs and isinstance(head, Text | Refusal):
            members["logprobs"] = [*(head.logprobs or ()), *self.logprobs]
        return _replace(head, **members) if members else head


class _Fold:
    def __init__(self) -> None:
        self.finished = False
        self._answer = Answer()
        self._candidates: dict[int, Candidate] = {}
        self._open: dict[int, _Growing] = {}

    def answer(self) -> Answer:
        for index in list(self._open):
            self._close(index)
        self._answer.candidates = [self._candidates[index] for index in sorted(self._candidates)]
        return self._answer

    def add(self, delta: Delta) -> None:
        if isinstance(delta, Grow):
            self._open[delta.candidate].texts.append(delta.text)
        elif isinstance(delta, Open):
            self._close(delta.candidate)
            self._open[delta.candidate] = _Growing(delta.head)
        elif isinstance(delta, Close):
            self._close(delta.candidate)
        elif isinstance(delta, Sign | Cite | Odds):
            self._adorn(delta)
        else:
            self._frame(delta)

    def _adorn(self, delta: Sign | Cite | Odds) -> None:
        growing = self._open[delta.candidate]
        if isinstance(delta, Sign):
            growing.signature.append(delta.signature)
        elif isinstance(delta, Cite):
            growing.citations.append(delta.citation)
        else:
            growing.logprobs += delta.logprobs

    def _frame(self, delta: Delta) -> None:
        answer = self._answer
        if isinstance(delta, Begin):
            answer.id, answer.model, answer.created = delta.id, delta.model, delta.created
            answer.own, answer.own_format = delta.own, delta.own_format
        elif isinstance(delta, Stopped):
            candidate = self._candidate(delta.candidate)
            candidate.stop, candidate.own = delta.stop, delta.own
        elif isinstance(delta, Tally):
            answer.usage = delta.usage if answer.usage is None else _merged(answer.usage, delta.usage)
        elif isinstance(delta, Finish):
            self.finished = True
            if delta.own:
                answer.own = {**(answer.own or {}), **delta.own}
        elif isinstance(delta, Fail):
            raise ValueError(f"the upstream reported an error: {delta.trouble.message}")

    def _candidate(self, index: int) -> Candidate:
        candidate = self._candidates.get(index)
        if candidate is None:
            # A list of its own: msgspec copies an empty default.
            candidate = self._candidates[index] = Candidate(index=index)
        return candidate

    def _close(self, index: int) -> None:
        growing = self._open.pop(index, None)
        if growing is not None:
            self._candidate(index).parts.append(growing.part())


def _merged(older: Usage, newer: Usage) -> Usage:
    """The newer figures; what they do not say, from the older. A prompt does not shrink to nothing."""
    filled = {
        name: before
        for name in Usage.__struct_fields__
        if (before := getattr(older, name)) is not None
        and ((now := getattr(newer, name)) is None or (now == 0 and name == "input_tokens"))
    }
    return _replace(newer, **filled) if filled else newer
