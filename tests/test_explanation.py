"""A dry run as people read it."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.explanation import lines, show

CANDIDATE: dict[str, Any] = {
    "provider": "box",
    "model": "m",
    "key": "sk-box***6789",
    "url": "https://box.example/v1",
    "why": "the alias fast of m",
    "keyWhy": "the account's own",
    "strategy": "ordered",
    "hedge": False,
    "limits": {},
}


def answer(**differing: Any) -> dict[str, Any]:
    """An answer with one candidate."""
    usual = {
        "models": ["fast"],
        "accessKey": None,
        "accessKeyId": None,
        "configuration": None,
        "strategy": "ordered",
        "limits": {"total_timeout": "2m"},
        "keyLimits": {},
        "candidates": [CANDIDATE],
        "passedOver": [],
    }
    return {**usual, **differing}


def test_the_same_from_file_and_gateway() -> None:
    """However members are spelled, limits have the names of the configuration."""
    local = answer(limits={"stream_idle_timeout": "30s", "max_body_bytes": 5})
    told = answer(limits={"streamIdleTimeout": "30s", "maxBodyBytes": 5})
    assert list(lines(local)) == list(lines(told))
    assert "limits: stream_idle_timeout 30s, max_body_bytes 5" in list(lines(told))


@pytest.mark.parametrize(
    ("differing", "expected"),
    [
        ({}, "access key: any without a scope of its own"),
        ({"accessKey": "app", "accessKeyId": "aigk_1"}, "access key: app"),
        ({"accessKeyId": "aigk_1"}, "access key: aigk_1"),
        ({"configuration": "aigac_1"}, "configuration of the access key: aigac_1"),
        (
            {"keyLimits": {"requestsPerMinute": 5, "budget": {"amount": "2.50", "period": "day"}}},
            "limits of the access key: requests_per_minute 5, budget 2.50/day",
        ),
        (
            {"candidates": [{**CANDIDATE, "keyWhy": "managed inference"}] * 2},
            "key sk-box***6789 of box: managed inference",
        ),
    ],
)
def test_what_a_key_brings(differing: dict[str, Any], expected: str) -> None:
    """Its name or id, its configuration and limits; whose provider key it is, where that is not usual, once."""
    assert list(lines(answer(**differing))).count(expected) == 1


def test_no_terminal_is_told_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from whoever made them: what cannot be printed is not."""
    show(answer(accessKey="a\x1b[2Jb", candidates=[{**CANDIDATE, "model": "\x1b]0;x\x07"}]))
    assert "\x1b" not in capsys.readouterr().out
