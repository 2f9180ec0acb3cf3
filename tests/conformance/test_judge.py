"""What is true, what is a lie: decided from two accounts of one answer."""

from __future__ import annotations

import pytest
from attrs import evolve

from aigw.conformance.judge import Kind, judge
from aigw.conformance.outcome import Heard, Outcome
from aigw.sandbox.said import Said
from aigw.sandbox.script import Script, ToolCall, Usage

SCRIPT = Script(pieces=("You ", "said"), usage=Usage(5, 8))
CALLING = Script(pieces=(), usage=Usage(5, 8), finish="tool", calls=(ToolCall("f", '{"b": 1, "a": 2}'),))
HEARD = Heard(text="You said", ended="stop", used=(5, 8), idents=("id-1",))
CALLED = Heard(ended="tool", calls=(("f", '{"a":2,"b":1}'),), used=(5, 8))
OPENING = b'data: {"id": "id-1"}\n\n'


def said(script: Script | None = SCRIPT, opening: bytes = OPENING, **how: bool) -> Said:
    """An answer that was said to its end, but for what is said otherwise."""
    return Said(script, opening=opening, **{"content": True, "ended": True, "closed": True, **how})


WHOLE = said()
FAILED = said(opening=b'{"id":"id-0"}', content=False)
TRUE = [
    ("the same", HEARD, [WHOLE]),
    ("calls in other words", CALLED, [said(CALLING)]),
    ("another attempt", HEARD, [FAILED, WHOLE]),
    ("an id of the gateway's own", evolve(HEARD, idents=("own",)), [WHOLE]),
    ("all but the closing event", HEARD, [said(closed=False)]),
    ("no reason where none was given", evolve(HEARD, ended=None, used=None), [said(ended=False)]),
    ("usage that was not told", evolve(HEARD, used=(0, 0)), [said(counted=False)]),
]
LIES = [
    ("nothing was asked", HEARD, [], "not asked"),
    ("text is missing", evolve(HEARD, text="You "), [WHOLE], "text"),
    ("text is doubled", evolve(HEARD, text="You You said"), [WHOLE], "text"),
    ("a call is missing", evolve(CALLED, calls=()), [said(CALLING)], "calls"),
    ("a reason is made up", HEARD, [said(ended=False)], "reason"),
    ("another reason", evolve(HEARD, ended="length"), [WHOLE], "reason"),
    ("other usage", evolve(HEARD, used=(0, 0)), [WHOLE], "usage"),
    ("usage is missing", evolve(HEARD, used=None), [WHOLE], "usage"),
    ("it began twice", evolve(HEARD, starts=2), [WHOLE], "number of answers"),
    ("two ids", evolve(HEARD, idents=("id-1", "id-2")), [WHOLE], "number of ids"),
    (
        "the id of a failed attempt",
        evolve(HEARD, idents=("id-0",)),
        [said(opening=b'{"id":"id-0"}', content=False), WHOLE],
        "id",
    ),
    ("content was cut", HEARD, [said(content=False)], "to its end"),
    ("there was no end", HEARD, [said(ended=False, closed=False)], "to its end"),
    ("the upstream failed", HEARD, [said(failed=True)], "failed"),
    ("what was never an answer", HEARD, [said(script=None)], "failed"),
    ("an error told by an event alone", Heard(told="error"), [said(failed=True)], "without an exception"),
]


@pytest.mark.parametrize(("heard", "told"), [case[1:] for case in TRUE], ids=[case[0] for case in TRUE])
def test_what_is_true(heard: Heard, told: list[Said]) -> None:
    """An answer is true when one attempt said it so, to its end."""
    assert judge(Outcome(heard=heard), told).kind is Kind.TRUE


@pytest.mark.parametrize(("heard", "told", "why"), [case[1:] for case in LIES], ids=[case[0] for case in LIES])
def test_what_is_a_lie(heard: Heard, told: list[Said], why: str) -> None:
    """Whatever differs from what was said is a lie, and the verdict says what."""
    verdict = judge(Outcome(heard=heard), told)
    assert verdict.kind is Kind.LIE
    assert why in verdict.why


@pytest.mark.parametrize(
    ("outcome", "told", "kind"),
    [
        (Outcome(raised="APIError: cut"), [WHOLE], Kind.RAISED),
        (Outcome(raised="APIError: refused"), [], Kind.UNASKED),
        (Outcome(hung=True), [WHOLE], Kind.HUNG),
        (Outcome(unusable="str"), [WHOLE], Kind.LIE),
        (Outcome(heard=Heard(told="response.failed")), [said(failed=True)], Kind.TOLD),
        (Outcome(heard=Heard(told="response.failed")), [said(content=False)], Kind.LIE),
    ],
)
def test_other_ends(outcome: Outcome, told: list[Said], kind: Kind) -> None:
    """Exceptions are honest, silence is not; a failure as an event is true where the upstream sent it."""
    assert judge(outcome, told).kind is kind


def test_which_verdicts_are_good() -> None:
    """Only a lie and a hang leave a caller in the dark."""
    assert {kind for kind in Kind if not kind.good} == {Kind.LIE, Kind.HUNG}
