"""Log probabilities."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.gemini.odds import odds_of, result
from aigw.wire.neutral import Logprob


def test_both_ways() -> None:
    """Tokens with and without alternatives are the same after writing and reading."""
    told = [
        Logprob(token="a", logprob=-1.0, top=[Logprob(token="b", logprob=-2.0)]),
        Logprob(token="c", logprob=0.0, top=[]),
    ]
    assert odds_of(result(told)) == told
    plain = [Logprob(token="a", logprob=-1.0)]
    assert odds_of(result(plain)) == plain


@pytest.mark.parametrize("odd", [None, 5, {}, {"chosenCandidates": [5, {"token": 5}]}, {"topCandidates": 5}])
def test_oddities(odd: Any) -> None:
    """What is no token is none."""
    assert odds_of(odd) == []
