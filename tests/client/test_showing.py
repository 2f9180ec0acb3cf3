"""Things of the control API as people read them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aigw.client import showing
from aigw.client.resources import CONFIGURATIONS, KEYS, PROVIDERS

Printed = Callable[[], list[list[str]]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """The words of the lines that were printed."""
    return lambda: [line.split() for line in capsys.readouterr().out.splitlines()]


def test_a_list(printed: Printed) -> None:
    """A row a thing; times without their fractions, nothing for null."""
    showing.table(
        KEYS,
        [
            {
                "id": "aigk_1",
                "name": "app",
                "keyRedacted": "a***b",
                "lastUsed": "2026-01-01T00:00:00.123456Z",
                "accessKeyConfiguration": {"name": "team"},
                "expiresAt": None,
            }
        ],
    )
    assert printed()[1] == ["aigk_1", "app", "a***b", "team", "2026-01-01T00:00:00Z"]


def test_long_cells(printed: Printed) -> None:
    """A list of many entries ends with how many more there are; an empty one is told apart from none at all."""
    models = [{"id": "x", "modelId": f"m{at}"} for at in range(5)]
    showing.table(PROVIDERS, [{"id": "i", "providerId": "p", "models": models}, {"id": "j", "models": []}])
    rows = printed()
    assert rows[1] == ["i", "p", "m0,m1,m2,+2"]
    assert rows[2] == ["j", "none"]
    showing.table(CONFIGURATIONS, [{"id": "c", "access": {"providers": {"allow": None}, "models": None}}])
    assert printed()[1] == ["c"]


def test_one_thing(printed: Printed) -> None:
    """A line a field, ids first, without what is empty; a rule as it is written on a command line."""
    keys: list[dict[str, Any]] = [{"id": "aigpk_1"}, {"id": "aigpk_2"}]
    steps = [
        {"type": "user", "keySelectionStrategy": "weighted", "keys": keys},
        {"type": "user", "keySelectionStrategy": "ordered", "keys": keys[:1]},
        {"type": "managed"},
    ]
    rule = {"provider": "openai", "model": "gpt-x", "steps": steps}
    showing.fields(
        {
            "uri": "/x",
            "description": "",
            "router": {"rules": [rule, {"provider": None, "model": "m", "steps": []}]},
            "needsKey": False,
            "token": "aigw-1",
            "id": "c",
        }
    )
    assert printed() == [
        ["id", "c"],
        ["router.rules", "openai:gpt-x=weighted:aigpk_1,aigpk_2+aigpk_1+managed"],
        [":m="],
        ["needsKey", "no"],
    ]


def test_nothing_for_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever names a thing cannot write into the terminal of who looks at it."""
    showing.fields({"name": "a\x1b[2J"})
    showing.table(KEYS, [{"id": "i", "name": "a\x1b[2J"}])
    assert "\x1b" not in capsys.readouterr().out


def test_settings(printed: Printed) -> None:
    """What holds, and who says so."""
    showing.settings(
        {"totalTimeout": "3m", "maxInputTokens": None, "effective": {"totalTimeout": "3m", "maxInputTokens": None}}
    )
    assert printed()[1:] == [["totalTimeout", "3m", "account"], ["maxInputTokens", "none", "gateway"]]


def test_the_difference_of_a_reload(printed: Printed) -> None:
    """A row a key, values as they are written in the file."""
    showing.difference([{"key": "limits.total_timeout", "before": "2m", "after": None}, {"key": "a", "after": [1]}])
    assert printed() == [["KEY", "BEFORE", "AFTER"], ["limits.total_timeout", "2m"], ["a", "[1]"]]
