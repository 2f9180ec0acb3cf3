"""Traits of providers' surfaces: what everybody does who says nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import BUDGET_OF, effort_of, effort_only
from aigw.wire.neutral import Reasoning

AS_EFFORT = "a budget of thinking tokens became an effort"
UNSAID = "how much is thought is not for this format to say without an effort"


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(None, None), (0, "none"), (1, "low"), (1024, "low"), (1025, "medium"), (8192, "medium"), (9000, "high"),
     (24_576, "high"), (1_000_000, "high")],
)  # fmt: skip
def test_effort_of(budget: int | None, effort: str | None) -> None:
    """A budget is the effort that comes nearest."""
    assert effort_of(budget) == effort


def test_efforts_grow_with_budgets() -> None:
    """More effort is a greater budget; the efforts that every model knows come back the same."""
    assert list(BUDGET_OF.values()) == sorted(set(BUDGET_OF.values()))
    for effort in ("none", "low", "medium", "high"):
        assert effort_of(BUDGET_OF[effort]) == effort


@pytest.mark.parametrize(
    ("reasoning", "members", "reason"),
    [
        (Reasoning(), {}, None),
        (Reasoning(effort="xhigh"), {"reasoning_effort": "xhigh"}, None),
        (Reasoning(effort="low", enabled=True), {"reasoning_effort": "low"}, None),
        (Reasoning(effort="low", budget=9000), {"reasoning_effort": "low"}, "the effort alone is told"),
        (Reasoning(enabled=False), {"reasoning_effort": "none"}, None),
        (Reasoning(budget=0), {"reasoning_effort": "none"}, None),
        (Reasoning(budget=9000), {"reasoning_effort": "high"}, AS_EFFORT),
        (Reasoning(enabled=True), {}, UNSAID),
    ],
)
def test_effort_only(reasoning: Reasoning, members: dict[str, Any], reason: str | None) -> None:
    """OpenAI's surface takes an effort; what is said otherwise is translated, and what cannot be is told."""
    assert effort_only(reasoning) == (members, reason)
