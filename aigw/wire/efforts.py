"""Reasoning efforts across vocabularies: what a caller asks for, in the words that a model knows.

Providers' dialects are made of these pieces; each takes a `Reasoning` and gives members of a Chat Completions request
and, in a sentence, what they do not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aigw.wire.dialect import effort_of

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

SCALE = ("none", "instant", "minimal", "low", "medium", "high", "xhigh", "max")
"""Every word for an effort that any provider has, least first (`instant` is InceptionLabs's)."""

AS_EFFORT = "a budget of thinking tokens became an effort"
EFFORT_ALONE = "the effort alone is told"
UNTOLD = "what the model thinks is not told on this surface"


def wanted(reasoning: Reasoning) -> tuple[str | None, str | None]:
    """The effort that is asked for in whatever way, None for none said; and what was lost in calling it one."""
    if reasoning.effort is not None:
        return reasoning.effort, EFFORT_ALONE if reasoning.budget else None
    if reasoning.enabled is False:
        return "none", None
    effort = effort_of(reasoning.budget)
    return effort, AS_EFFORT if reasoning.budget else None


def nearest(effort: str, among: Sequence[str]) -> str:
    """The word that comes nearest: the same, else the next greater one, else the greatest.

    More rather than less: too little thought makes wrong answers, too much only slow ones. But whoever asks for no
    thought at all gets the least there is.
    """
    if effort in among or not among:
        return effort
    ranked = sorted(among, key=rank)
    return next((word for word in ranked if rank(word) >= rank(effort)), ranked[-1])


def rank(effort: str) -> float:
    """The place of a word on the scale; an unknown word stands in the middle."""
    return SCALE.index(effort) if effort in SCALE else SCALE.index("medium")


def renamed(effort: str, among: Sequence[str]) -> tuple[str, str | None]:
    """The nearest word, and the reason for a loss if it is another one."""
    word = nearest(effort, among)
    return word, None if word == effort else f"the effort {effort} became {word}: the model knows {', '.join(among)}"


def both(*reasons: str | None) -> str | None:
    """Several reasons in one, None if there is none."""
    return "; ".join(reason for reason in reasons if reason) or None


def asks_for_thoughts(reasoning: Reasoning) -> bool:
    """Whether the caller wants to be told what the model thinks."""
    return reasoning.shown not in (None, "none")


def switched(reasoning: Reasoning, efforts: Sequence[str] = ()) -> tuple[dict[str, Any], str | None]:
    """`thinking.type` enabled or disabled, and `reasoning_effort` where the model has `efforts` beside it."""
    effort, reason = wanted(reasoning)
    if effort == "none":
        return {"thinking": {"type": "disabled"}}, reason
    if effort is None:
        return ({"thinking": {"type": "enabled"}} if reasoning.enabled else {}), None
    if not efforts:
        return {"thinking": {"type": "enabled"}}, both(reason, f"the effort {effort} became thinking: it is on or off")
    word, other = renamed(effort, efforts)
    return {"thinking": {"type": "enabled"}, "reasoning_effort": word}, both(reason, other)


def untold(reasoning: Reasoning) -> tuple[dict[str, Any], str | None]:
    """`reasoning_effort` alone, where a wish to see thoughts cannot be granted."""
    members, reason = worded(reasoning)
    return members, both(reason, UNTOLD if asks_for_thoughts(reasoning) else None)


def worded(reasoning: Reasoning, efforts: Sequence[str] = ()) -> tuple[dict[str, Any], str | None]:
    """`reasoning_effort` alone, in the words of a model that has `efforts` (none known: in the caller's)."""
    effort, reason = wanted(reasoning)
    if effort is None:
        return {}, None
    word, other = renamed(effort, efforts)
    return {"reasoning_effort": word}, both(reason, other)
