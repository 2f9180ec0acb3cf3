"""Routing rules as they are written on a command line."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.client.rules import named_keys, rule


def key(name: str) -> str:
    """The id of a key of this name."""
    return f"id-{name}"


def user(*names: str, strategy: str = "ordered") -> dict[str, Any]:
    """A step with the account's own keys."""
    return {"type": "user", "keySelectionStrategy": strategy, "keys": [{"id": key(name)} for name in names]}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("openai=a", {"provider": "openai", "steps": [user("a")]}),
        ("openai=a, b+managed", {"provider": "openai", "steps": [user("a", "b"), {"type": "managed"}]}),
        ("openai:gpt-x=managed", {"provider": "openai", "model": "gpt-x", "steps": [{"type": "managed"}]}),
        (":gpt-x=a", {"model": "gpt-x", "steps": [user("a")]}),
        ("o=round_robin:a,b", {"provider": "o", "steps": [user("a", "b", strategy="round_robin")]}),
        ("o:llama:8b=a", {"provider": "o", "model": "llama:8b", "steps": [user("a")]}),
    ],
)
def test_rules(text: str, made: dict[str, Any]) -> None:
    """A target, then steps; keys by their names."""
    assert rule(text, key) == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openai", "TARGET=STEPS"),
        ("=a", "TARGET=STEPS"),
        (":=a", "TARGET=STEPS"),
        ("openai=", "TARGET=STEPS"),
        ("openai=a,,b", "without a key"),
        ("openai=a+", "without a key"),
        ("openai=fastest:a", "no strategy"),
    ],
)
def test_no_rules(text: str, said: str) -> None:
    """What is wrong is told, with how it is written."""
    with pytest.raises(ValueError, match=said):
        rule(text, key)


def test_names_in_a_document() -> None:
    """Names of keys become ids; a key written in full stays."""
    router: dict[str, Any] = {
        "rules": [{"steps": [{"keys": [{"id": "a"}, {"name": "n", "value": "v"}]}, {"type": "x"}]}]
    }
    named_keys(router, key)
    assert router["rules"][0]["steps"][0]["keys"] == [{"id": "id-a"}, {"name": "n", "value": "v"}]


@pytest.mark.parametrize("odd", [None, 1, [], {"rules": 1}, {"rules": [1, {"steps": [1, {"keys": [1, {"id": 2}]}]}]}])
def test_odd_documents(odd: Any) -> None:
    """What is not shaped like rules is left to the API, which says what is wrong."""
    before = repr(odd)
    named_keys(odd, key)
    assert repr(odd) == before
