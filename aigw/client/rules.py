"""How is a routing rule written on a command line? `TARGET=STEP+STEP`, as in `openai=first,second+managed`.

TARGET is a provider (`openai`), a model of one (`openai:gpt-5.4`) or a model wherever it is (`:gpt-5.4`). A STEP is
`managed`, or provider keys by id or name with commas between them, before them a strategy if they are not taken in
order: `openai=round_robin:first,second`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aigw.settings import STRATEGIES

MANAGED = "managed"

FindKey = Callable[[str], str]


def rule(text: str, key: FindKey) -> dict[str, Any]:
    """A rule as the control API takes it. `key` gives the id of a provider key. Raises ValueError."""
    target, equals, steps = text.partition("=")
    provider, _, model = target.partition(":")
    if not equals or not (provider or model) or not steps:
        raise ValueError("must be TARGET=STEPS, as in openai=first,second+managed")
    found: dict[str, Any] = {"provider": provider} if provider else {}
    if model:
        found["model"] = model
    return {**found, "steps": [_step(each.strip(), key) for each in steps.split("+")]}


def _step(text: str, key: FindKey) -> dict[str, Any]:
    if text == MANAGED:
        return {"type": MANAGED}
    head, colon, rest = text.partition(":")
    strategy, names = (head, rest) if colon else (STRATEGIES[0], text)
    if strategy not in STRATEGIES:
        raise ValueError(f"{strategy!r} is no strategy: {', '.join(STRATEGIES)}")
    keys = [each.strip() for each in names.split(",")]
    if not all(keys):
        raise ValueError("has a step without a key: names with commas between them, or managed")
    return {"type": "user", "keySelectionStrategy": strategy, "keys": [{"id": key(each)} for each in keys]}


def named_keys(router: Any, key: FindKey) -> None:
    """Put ids in the place of names, in the rules of a document. What is not shaped like rules stays as it is."""
    for each in _inside(_inside([router], "rules"), "steps"):
        for entry in each.get("keys", ()) if isinstance(each, dict) and isinstance(each.get("keys"), list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("id"), str):
                entry["id"] = key(entry["id"])


def _inside(things: list[Any], member: str) -> list[Any]:
    lists = [each[member] for each in things if isinstance(each, dict) and isinstance(each.get(member), list)]
    return [entry for found in lists for entry in found]
