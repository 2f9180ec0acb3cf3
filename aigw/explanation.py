"""How is a dry run of a request shown to people? What would be asked as a table, the rest in sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from aigw.printing import print_table, printable

_COLUMNS = ("provider", "model", "key", "url", "why")
_USUAL_STRATEGY = "ordered"
# Where a key comes from, where that needs no word: whoever asks has the one, and sees the other in the table.
_USUAL_KEYS = frozenset({"the account's own", "the provider takes none"})


def show(answer: Mapping[str, Any]) -> None:
    """Print what `aigw.explain` or a running gateway answered."""
    if candidates := answer["candidates"]:
        print_table([name.upper() for name in _COLUMNS], [[each[name] for name in _COLUMNS] for each in candidates])
    for line in lines(answer):
        print(printable(line))


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The rest of an answer, below the table of its candidates."""
    if refusal := answer.get("refusal"):
        yield f"no candidate: {refusal['code']} ({refusal['status']}): {refusal['message']}"
    for each in answer["passedOver"] if len(answer["models"]) > 1 else ():
        yield f"passed over {each['model']}: {each['code']}: {each['message']}"
    yield from _caller(answer)
    yield f"strategy: {answer['strategy']}: keys in the order they are configured, then the next model"
    yield f"limits: {_listed(answer['limits'])}"
    for each in answer["candidates"]:
        if own := each["limits"]:
            yield f"limits of {each['provider']}: {_listed(own)}"
    yield from dict.fromkeys(filter(None, map(_policy, answer["candidates"])))
    yield from dict.fromkeys(filter(None, map(_origin, answer["candidates"])))


def _caller(answer: Mapping[str, Any]) -> Iterator[str]:
    """The access key, and what it brings with it."""
    yield f"access key: {answer['accessKey'] or answer['accessKeyId'] or 'any without a scope of its own'}"
    if answer["configuration"]:
        yield f"configuration of the access key: {answer['configuration']}"
    if answer["keyLimits"]:
        yield f"limits of the access key: {_listed(answer['keyLimits'])}"


def _policy(candidate: Mapping[str, Any]) -> str:
    """What is not usual in how a provider's candidates are chosen and asked, in words; empty where all is."""
    words = []
    if candidate["strategy"] != _USUAL_STRATEGY:
        words.append(f"keys by {candidate['strategy']}, not in the order shown")
    if candidate["hedge"]:
        words.append("a second candidate is asked where a stream is late")
    return f"{candidate['provider']}: {'; '.join(words)}" if words else ""


def _origin(candidate: Mapping[str, Any]) -> str:
    """Whose key it is, where that is not usual."""
    why = candidate["keyWhy"]
    return "" if why in _USUAL_KEYS else f"key {candidate['key']} of {candidate['provider']}: {why}"


def _listed(limits: Mapping[str, Any]) -> str:
    """Limits by their names in the configuration, however the answer spells them."""
    return ", ".join(f"{_snake(name)} {_value(value)}" for name, value in limits.items())


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _value(value: Any) -> str:
    """A value in a line; a budget as it is given."""
    if isinstance(value, Mapping):
        return "/".join(str(each) for each in value.values())
    return str(value)
