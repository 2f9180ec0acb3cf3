"""Log probabilities, both ways. Source: https://ai.google.dev/api/generate-content#LogprobsResult"""

from __future__ import annotations

from typing import Any

from aigw.wire.neutral import Logprob


def odds_of(result: Any) -> list[Logprob]:
    """The tokens of a `logprobsResult`; what is none of them is left out."""
    if not isinstance(result, dict):
        return []
    tops = result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    told: list[Logprob] = []
    chosen = result.get("chosenCandidates")
    for index, item in enumerate(chosen if isinstance(chosen, list) else ()):
        one = _one(item)
        if one is None:
            continue
        top = tops[index].get("candidates") if index < len(tops) and isinstance(tops[index], dict) else None
        if isinstance(top, list):
            one.top = [other for other in map(_one, top) if other is not None]
        told.append(one)
    return told


def _one(item: Any) -> Logprob | None:
    if not isinstance(item, dict):
        return None
    token, odds = item.get("token", ""), item.get("logProbability", 0)
    if not isinstance(token, str) or not isinstance(odds, int | float):
        return None
    return Logprob(token=token, logprob=float(odds))


def result(logprobs: list[Logprob]) -> dict[str, Any]:
    """`logprobsResult` of these tokens."""
    told: dict[str, Any] = {"chosenCandidates": [_told(one) for one in logprobs]}
    if any(one.top is not None for one in logprobs):
        told["topCandidates"] = [{"candidates": [_told(other) for other in one.top or ()]} for one in logprobs]
    return told


def _told(one: Logprob) -> dict[str, Any]:
    return {"token": one.token, "logProbability": one.logprob}
