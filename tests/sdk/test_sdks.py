"""The official SDKs as callers: what an app sees through the gateway, in two generations of each.

The scenarios are functions of the same name in each driver (`drivers/`); what every SDK must understand of them
stands here once, what only one API has beside it.
"""

from types import ModuleType
from typing import Any

import pytest

# google-genai derives a class from aiohttp's session, which aiohttp discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

# The package each driver needs, and whether its old major (before the one of autumn 2026) tells the same.
SDKS = {
    "openai_chat": ("openai", True),
    "openai_responses": ("openai", True),
    "anthropic_messages": ("anthropic", True),
    "google_gemini": ("google.genai", False),
}

SAID = "You said: hello there my friend"
WEATHER = ["get_weather", '{"city":"use both tools in parallel"}']

# Understood alike through all APIs.
EVERYWHERE: dict[str, Any] = {
    "text": {"said": SAID, "ended": "end", "used": [6, 8]},
    "stream": {"said": SAID, "ended": "end", "used": [6, 8], "streamed": True},
    "tool": {"calls": [["get_weather", '{"city":"use the tool get_weather"}']], "ended": "tool"},
    "parallel": {"calls": [["get_time", "{}"], WEATHER], "ended": "tool"},
    "loop": {"said": "The tool answered: sunny", "ended": "end"},
    "structured": {"summary": "hello there my friend", "score": 1},
    "image": {"said": "I see 1 image(s). You said: what is it"},
    "broken": {"raised": True, "pieces": 3, "told": True},
}

UNAUTHORIZED = {"raised": "AuthenticationError", "status": 401, "code": "invalid_access_key"}
UNKNOWN = {"raised": "NotFoundError", "status": 404, "code": "unknown_model"}
LIMITED = {"raised": "RateLimitError", "status": 429, "retries": 2, "hint": "20"}
HEADERS = {"said": SAID, "provider": "sandbox", "model": "sandbox-small", "attempts": "2", "id": True}
VECTORS = {"vectors": 2, "differ": True, "numbers": True}
LISTED = {"listed": True, "one": "sandbox-small"}

# What one API has of its own, or words in its own way.
OWN: dict[str, dict[str, Any]] = {
    "openai_chat": {
        "bad_key": UNAUTHORIZED,
        "unknown_model": UNKNOWN,
        "rate_limited": LIMITED,
        "overloaded": {"raised": "InternalServerError", "status": 503, "retries": 2, "hint": "20"},
        "refused": {"raised": "BadRequestError", "status": 400, "param": "messages"},
        "broken_event": {"raised": True},
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
        "rate_limited": LIMITED,
        "stored": {"same": True, "said": SAID, "items": 1, "gone": True},
    },
    "anthropic_messages": {
        "bad_key": UNAUTHORIZED,
        "unknown_model": UNKNOWN,
        "rate_limited": LIMITED,
        "overloaded": {
            "raised": "APIStatusError",
            "status": 529,
            "retries": 2,
            "hint": "20",
            "type": "overloaded_error",
        },
        "refused": {"raised": "BadRequestError", "status": 400, "says": True},
        "broken_event": {"raised": True},
        "headers": HEADERS,
        "models": LISTED,
        "count": {"counted": 6},
        "thinking": {"first": "thinking", "signed": True, "said": "You said: go on"},
    },
    "google_gemini": {
        "bad_key": {"raised": "ClientError", "status": 401, "name": "UNAUTHENTICATED", "code": "invalid_access_key"},
        "unknown_model": {"raised": "ClientError", "status": 404, "name": "NOT_FOUND", "code": "unknown_model"},
        "rate_limited": {"raised": "ClientError", "status": 429, "name": "RESOURCE_EXHAUSTED", "code": None},
        "overloaded": {"raised": "ServerError", "status": 503, "name": "UNAVAILABLE", "code": None},
        "models": LISTED,
        "count": {"counted": 6},
        "embeddings": VECTORS,
    },
}

EXPECTED = {driver: EVERYWHERE | own for driver, own in OWN.items()}
CASES = [(driver, scenario) for driver, expected in EXPECTED.items() for scenario in sorted(expected)]
OLD_CASES = [case for case in CASES if SDKS[case[0]][1]]


@pytest.mark.parametrize(("driver", "scenario"), CASES)
async def test_the_current_sdk_understands(driver: str, scenario: str, play: ModuleType, served: Any) -> None:
    """An app on the SDK's current major gets through the gateway what the provider said, errors included."""
    pytest.importorskip(SDKS[driver][0])
    told = await play.play(play.load(driver), scenario, served.base_url, served.key)
    assert told == EXPECTED[driver][scenario]


@pytest.mark.parametrize(("driver", "scenario"), OLD_CASES)
def test_the_old_sdk_understands(driver: str, scenario: str, play_old: Any) -> None:
    """An app that never upgraded its SDK gets the same."""
    assert play_old(driver)[scenario] == EXPECTED[driver][scenario]


@pytest.mark.parametrize("driver", sorted(SDKS))
def test_every_scenario_is_expected(driver: str, play: ModuleType) -> None:
    """No scenario of a driver is forgotten in the table, and none stands there without being played."""
    pytest.importorskip(SDKS[driver][0])
    assert set(play.scenarios(play.load(driver))) == set(EXPECTED[driver])
