"""Every pair of formats, feature by feature, against files that say what comes out: see golden/README.md."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..support.golden import NAMES, PIECE, Case, cases, leftovers, made
from ..support.golden_files import difference

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case) -> None:
    """What every format makes of a case is what its expected file says; `scripts/golden --update` rewrites it."""
    assert difference(case) == ""


def test_no_file_is_left_over() -> None:
    """Every expected file has the case that it is of."""
    assert leftovers() == []


@pytest.mark.parametrize("kind", ["requests", "answers", "streams", "errors"])
def test_every_pair_is_there(kind: str) -> None:
    """Each format says something of each kind, and every other one hears it."""
    assert {case.format for case in CASES if case.kind == kind} == set(NAMES)


def test_streams_are_cut_anywhere() -> None:
    """The golden streams arrive in pieces that no event ends with."""
    lengths = {
        len(block) for case in CASES if case.kind == "streams" for block in case.given.read_bytes().split(b"\n\n")
    }
    assert sum(length % PIECE == 0 for length in lengths) < len(lengths) / 4


def test_cases_are_the_same_in_every_run() -> None:
    """Nothing random is left in what the files hold."""
    case = next(case for case in CASES if case.kind == "streams")
    assert made(case) == made(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "requests"], ids=str)
def test_a_format_gives_back_its_own(case: Case) -> None:
    """In a caller's own format a request comes back with everything it said: no loss but those that tidy histories."""
    expected: dict[str, Any] = json.loads(case.expected.read_bytes())[case.format]
    assert "losses" not in expected or case.feature in TIDIED, expected["losses"]


# Features whose dialect or whose history makes even the same format say it otherwise.
TIDIED: frozenset[str] = frozenset()
