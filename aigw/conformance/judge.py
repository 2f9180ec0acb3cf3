"""Was the caller told the truth? Decided from what it was left with and from what the upstream really said."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from attrs import frozen

from aigw.conformance.outcome import Heard, Outcome, arguments_of
from aigw.sandbox.said import Said
from aigw.sandbox.script import Script

_ENDS = {"stop_sequence": "stop"}
_MOST_SHOWN = 160


class Kind(enum.Enum):
    """What a call comes to.

    TRUE: an answer, the one that the upstream gave. RAISED: an exception. TOLD: no exception, but the upstream's own
    event of failure as the stream's end. UNASKED: an exception, and the upstream was not asked: nothing was tested.
    LIE: what looks like an answer and is not the upstream's. HUNG: neither.
    """

    TRUE = "true"
    RAISED = "raised"
    TOLD = "told"
    UNASKED = "unasked"
    LIE = "lie"
    HUNG = "hung"

    @property
    def good(self) -> bool:
        """Whether the caller knows where it is."""
        return self not in (Kind.LIE, Kind.HUNG)


@frozen
class Verdict:
    """What a call came to, and why."""

    kind: Kind
    why: str = ""


def judge(outcome: Outcome, told: Sequence[Said]) -> Verdict:
    """The verdict on one call, behind which the upstream gave these answers, in order."""
    if outcome.hung:
        return Verdict(Kind.HUNG, "neither an end nor an exception in time")
    if outcome.raised is not None:
        return Verdict(Kind.RAISED if told else Kind.UNASKED, outcome.raised[:_MOST_SHOWN])
    if outcome.heard is None:
        return Verdict(Kind.LIE, f"no exception, and no answer: {outcome.unusable}"[:_MOST_SHOWN])
    return _answered(outcome.heard, told)


def _answered(heard: Heard, told: Sequence[Said]) -> Verdict:
    if heard.told is not None:
        own = heard.told == "response.failed" and any(said.failed for said in told)
        return Verdict(Kind.TOLD if own else Kind.LIE, f"an error as an event, without an exception: {heard.told}")
    differences = [difference(heard, said, told) for said in told]
    if None in differences:
        return Verdict(Kind.TRUE)
    last = differences[-1] if differences else None
    return Verdict(Kind.LIE, last or "an answer, though the upstream was not asked")


def difference(heard: Heard, said: Said, told: Sequence[Said]) -> str | None:
    """What an answer tells that this answer of the upstream does not; None when it is the same, to its end."""
    script = said.script
    if script is None or said.failed:
        return f"the upstream failed, and the caller got an answer: {_shown(heard.text)}"
    if not said.content or not (said.ended or said.closed):
        return f"the upstream did not say it to its end, and there was no exception: {_shown(heard.text)}"
    others = {other.ident for other in told if other is not said} - {said.ident, ""}
    checks: tuple[tuple[str, object, object], ...] = (
        ("text", script.text, heard.text),
        ("calls", _calls(script), heard.calls),
        ("reason for ending", _ENDS.get(script.finish, script.finish) if said.ended else None, heard.ended),
        (
            "usage",
            (script.usage.input, script.usage.output),
            heard.used if said.ended and said.counted else _used(script),
        ),
        ("number of answers", 1, heard.starts),
        ("number of ids", True, len(heard.idents) <= 1),
        ("answer's id", set(), others & set(heard.idents)),
    )
    return next(
        (f"{name}: {_shown(came)} instead of {_shown(meant)}" for name, meant, came in checks if came != meant), None
    )


def _used(script: Script) -> tuple[int, int]:
    return script.usage.input, script.usage.output


def _calls(script: Script) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((call.name, arguments_of(call.arguments)) for call in script.calls))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
