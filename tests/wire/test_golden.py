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


# Features that even the same format cannot give back as they came, and why.
SAID_OTHERWISE = {
    "cache": "the dialect has no cache marks",
    "prefill-refused": "the dialect has no prefilled answers",
    "refused-by-model": "the dialect refuses some members",
    "structured-by-tool": "the dialect has no structured output",
    "thinking-adaptive": "the dialect has other efforts",
    "thinking-of-anthropic": "the signature is another maker's",
    "thinking-of-google": "the signature is another maker's",
    "thinking-of-openai": "the signature is another maker's",
    "thinking-of-openrouter": "the signature is another maker's",
    "thinking-redacted": "the signature is another maker's",
    "untidy": "the history is put in order",
}


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "requests"], ids=str)
def test_a_format_gives_back_its_own(case: Case) -> None:
    """In its own format a request comes back without a loss, but where the dialect or the history says otherwise."""
    expected: dict[str, Any] = json.loads(case.expected.read_bytes())[case.format]
    assert "losses" not in expected or case.feature in SAID_OTHERWISE, expected["losses"]


# What an expected file may say only of these features: whoever rewrites them by mistake is told.
ONLY = {
    '"refused": "': """
        arguments-no-object bad-base64 cache call-without-result orphan-result own-members previous-response wrong-type
    """,
    '"unreadable": ': "failed",
    "\n: failed: ": "error-within response-failed",
    "\n: without an end\n": "cut cut-after-stop",
}


@pytest.mark.parametrize("mark", ONLY)
def test_failures_are_meant(mark: str) -> None:
    """A refusal, an unreadable answer, a failed or endless stream is expected only where the feature is about it."""
    marked = {case.feature for case in CASES if mark in case.expected.read_text(encoding="utf-8")}
    assert marked == set(ONLY[mark].split())
