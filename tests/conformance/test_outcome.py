"""Outcomes on their way from one process to another, and what makes them comparable."""

from __future__ import annotations

import json

import pytest

from aigw.conformance.outcome import Ask, Heard, Outcome, arguments_of, once

HEARD = Heard(text="ü", ended="tool", calls=(("f", "{}"),), used=(1, 2), idents=("a", "b"), starts=2, told="error")


@pytest.mark.parametrize(
    "outcome",
    [Outcome(heard=HEARD), Outcome(heard=Heard()), Outcome(raised="x"), Outcome(hung=True), Outcome(unusable="str")],
)
def test_an_outcome_survives_a_process(outcome: Outcome) -> None:
    """What comes back from another process is what was sent."""
    assert Outcome.load(json.loads(json.dumps(outcome.dump()))) == outcome


@pytest.mark.parametrize(
    ("text", "compares"),
    [('{"b": 1,\n "a": "ü"}', '{"a":"ü","b":1}'), ("", "{}"), ('{"half', '{"half'), ("[2]", "[2]")],
)
def test_arguments_compare_by_what_they_mean(text: str, compares: str) -> None:
    """Order and spaces of JSON do not matter; what is no JSON stays as it is."""
    assert arguments_of(text) == compares


def test_ids_are_told_once() -> None:
    """An id on every chunk is one id; chunks without one have none."""
    assert once(["a", None, "a", "", "b"]) == ("a", "b")


def test_every_question_says_its_word() -> None:
    """The upstream knows by the word which case a request belongs to."""
    assert all("scene0" in Ask("m", "scene0", tools=tools).text for tools in (False, True))
