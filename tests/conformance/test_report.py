"""Tables, findings and totals."""

from __future__ import annotations

from aigw.conformance.faults import BY_NAME
from aigw.conformance.judge import Kind, Verdict
from aigw.conformance.play import Case, Played
from aigw.conformance.report import document, lines


def played(fault: str, mode: str, kind: Kind, why: str = "") -> Played:
    """One case and its verdict."""
    return Played(Case("chat", "m", mode, BY_NAME[fault]), Verdict(kind, why), ("/v1/chat/completions",))


PLAYED = [
    played("none", "stream", Kind.TRUE),
    played("none", "whole", Kind.TRUE),
    played("cut", "stream", Kind.RAISED),
    played("cut", "whole", Kind.LIE, "text: 'a' instead of 'b'"),
    played("cut", "whole", Kind.RAISED),
    played("stall", "stream", Kind.HUNG, "no end"),
]


def test_the_report() -> None:
    """Faults are rows, the worst of a cell stands first, what was not played stays empty, and each lie is explained."""
    assert list(lines(PLAYED, lambda each: each.case.mode)) == [
        "chat   stream  whole",
        "none   true    true",
        "cut    raised  LIE:1 raised:1",
        "stall  HUNG",
        "",
        "LIE  chat whole m, cut (the connection closes amid the content): text: 'a' instead of 'b'",
        "HUNG  chat stream m, stall (silence amid the content): no end",
        "6 calls: 2 true, 2 raised, 1 lie, 1 hung; 2 callers were left with a lie or with nothing",
    ]


def test_a_good_report_says_so() -> None:
    """Without a lie the last line is good news."""
    told = list(lines(PLAYED[:3], lambda each: each.case.mode))
    assert told[-1] == "3 calls: 2 true, 1 raised; nobody was lied to"


def test_json_has_every_case() -> None:
    """The document has what the table has, and why."""
    told = document(PLAYED)
    assert told["calls"] == 6
    assert told["verdicts"] == {"true": 2, "raised": 2, "told": 0, "unasked": 0, "lie": 1, "hung": 1}
    assert told["cases"][3] == {
        "format": "chat",
        "model": "m",
        "mode": "whole",
        "sdk": "",
        "fault": "cut",
        "lists": ["cut=2c"],
        "verdict": "lie",
        "why": "text: 'a' instead of 'b'",
        "upstream": ["/v1/chat/completions"],
    }


def test_many_findings_are_cut_short() -> None:
    """A gateway that is wrong everywhere does not bury its total."""
    told = list(lines([PLAYED[3]] * 100, lambda each: each.case.mode))
    assert told[-2] == "… and 40 more"
