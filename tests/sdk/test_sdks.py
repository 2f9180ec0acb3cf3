"""The official SDKs as callers: what an app sees through the gateway, in two generations of each.

The scenarios are functions of the same name in each driver (`drivers/`); what every SDK must understand of them
stands here once, what only one API has beside it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from .facts import ERRORS, EXPECTED, SAID, THOUGHT

# The package each driver needs, and whether its old major (before the one of autumn 2026) tells the same.
SDKS = {
    "openai_chat": ("openai", True),
    "openai_responses": ("openai", True),
    "anthropic_messages": ("anthropic", True),
    "google_gemini": ("google.genai", False),
}

UNAUTHORIZED = {"raised": "AuthenticationError", "status": 401, "code": "invalid_access_key"}
UNKNOWN = {"raised": "NotFoundError", "status": 404, "code": "unknown_model"}
HEADERS = {"said": SAID, "provider": "sandbox", "model": "sandbox-small", "attempts": "2", "id": True}
VECTORS = {"vectors": 2, "differ": True, "numbers": True}
LISTED = {"listed": True, "one": "sandbox-small"}

# What one API has of its own, or words in its own way.
OWN: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "bad_key": UNAUTHORIZED,
        "unknown_model": UNKNOWN,
        "refused": {"raised": "BadRequestError", "status": 400, "param": "messages"},
        "broken_event": {"raised": True},
        # `reasoning_content` has no signature.
        "thinking": THOUGHT | {"signed": False},
        "thinking_stream": THOUGHT | {"signed": False},
        "headers": HEADERS,
        "models": LISTED,
        "completion": {"said": "You said: hello there", "ended": "end"},
        "embeddings": VECTORS,
        "transcription": {"said": "You said: talk.wav, 200000 bytes. about birds"},
        "speech": {"bytes": 4096, "begins": "ID3hello"},
    },
    "openai_responses": {
        "bad_key": UNAUTHORIZED,
        "unknown_model": UNKNOWN,
        "stored": {"same": True, "said": SAID, "items": 1, "gone": True},
    },
    "anthropic_messages": {
        "bad_key": UNAUTHORIZED,
        "unknown_model": UNKNOWN,
        "refused": {"raised": "BadRequestError", "status": 400, "says": True},
        "broken_event": {"raised": True},
        "headers": HEADERS,
        "models": LISTED,
        "count": {"counted": 6},
    },
    "google_gemini": {
        "bad_key": {"raised": "ClientError", "status": 401, "name": "UNAUTHENTICATED", "code": "invalid_access_key"},
        "unknown_model": {"raised": "ClientError", "status": 404, "name": "NOT_FOUND", "code": "unknown_model"},
        "models": LISTED,
        "count": {"counted": 6},
        "embeddings": VECTORS,
    },
}

WANTED = {driver: EXPECTED | ERRORS[driver] | own for driver, own in OWN.items()}
CASES = [(driver, scenario) for driver, wanted in WANTED.items() for scenario in sorted(wanted)]
OLD_CASES = [case for case in CASES if SDKS[case[0]][1]]

Play = Callable[[str, str], dict[str, Any]]


@pytest.mark.parametrize(("driver", "scenario"), CASES)
def test_the_current_sdk_understands(driver: str, scenario: str, play: Play) -> None:
    """An app on the SDK's current major gets through the gateway what the provider said, errors included."""
    assert play(driver, "current")[""][scenario] == WANTED[driver][scenario]


@pytest.mark.parametrize(("driver", "scenario"), OLD_CASES)
def test_the_old_sdk_understands(driver: str, scenario: str, play: Play) -> None:
    """An app that never upgraded its SDK gets the same."""
    assert play(driver, "old")[""][scenario] == WANTED[driver][scenario]


@pytest.mark.parametrize("driver", sorted(SDKS))
def test_every_scenario_is_expected(driver: str, play: Play) -> None:
    """No scenario of a driver is forgotten in the table, and none stands there without being played."""
    assert set(play(driver, "current")[""]) == set(WANTED[driver])
