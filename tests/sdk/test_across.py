"""The official SDKs as callers across formats: each reaches providers of every surface and understands the same.

A turn that goes on after a tool is refused by the sandbox unless the thinking in it comes back to the byte, so that the
facts of `thinking` say that signatures survive the way there and back.
"""

from collections.abc import Callable, Collection
from typing import Any

import pytest
from attrs import frozen

from .facts import ERRORS, EXPECTED
from .targets import ACROSS, PROVIDERS, TARGETS

PYTHON = [(driver, "current") for driver in ERRORS]
PYTHON += [(driver, "old") for driver in ("openai_chat", "openai_responses", "anthropic_messages")]

VERCELS = ("ai_openai", "ai_openai_chat", "ai_anthropic", "ai_google", "ai_compatible")
NPM = ("openai_chat", "openai_responses", "anthropic_messages", *VERCELS)
NPM_PLAYED = set(ACROSS) - {"tool", "unwilling", "limited", "cached", "rate_limited", "overloaded"}

THINKING = ("thinking", "thinking_stream")
SURFACES = {surface: [name for name, one in PROVIDERS.items() if one == surface] for surface in PROVIDERS.values()}
UNASKED = [*SURFACES["responses"], *SURFACES["gemini"]]


@frozen
class Otherwise:
    """Where a fact is another one, and why. `facts` replace what is expected; None: nothing is expected."""

    why: str
    drivers: Collection[str]
    providers: Collection[str]
    scenarios: Collection[str]
    facts: dict[str, Any] | None


OTHERWISE = (
    Otherwise(
        "plain servers of chat sign nothing, and their callers' bytes pass",
        ["openai_chat"],
        SURFACES["chat-completions"],
        THINKING,
        {"signed": False},
    ),
    Otherwise(
        "Google's compatible path signs calls in any case",
        ["openai_chat"],
        ["google"],
        THINKING,
        {"signed": True},
    ),
    Otherwise(
        "thinking in `reasoning_content` has no signature that could be told",
        ["google_gemini"],
        ["only-chat", "deepseek"],
        THINKING,
        {"signed": False},
    ),
    Otherwise(
        "Chat Completions has no words that ask for thoughts to be told",
        ["openai_chat", "ai_compatible"],
        UNASKED,
        THINKING,
        {"thought": ""},
    ),
    Otherwise(
        "`display` would ask for summaries, and the AI SDK sends none",
        ["ai_anthropic"],
        SURFACES["responses"],
        THINKING,
        {"thought": ""},
    ),
    Otherwise(
        "the AI SDK's provider of OpenAI's chat does not know the members in which thoughts are told",
        ["ai_openai_chat"],
        list(PROVIDERS),
        THINKING,
        {"thought": ""},
    ),
    Otherwise(
        "Google's compatible path signs calls and tells no thoughts",
        [*ERRORS, *VERCELS],
        ["google"],
        THINKING,
        {"thought": ""},
    ),
    Otherwise(
        "DeepSeek has JSON mode without a schema; chat callers' own schemas pass",
        ["openai_responses", "anthropic_messages", "google_gemini", "ai_openai", "ai_anthropic", "ai_google"],
        ["deepseek"],
        ["structured"],
        None,
    ),
    Otherwise(
        "the AI SDK wraps results for Gemini",
        ["ai_google"],
        list(PROVIDERS),
        ["loop", *THINKING],
        {"said": 'The tool answered: {"name":"get_weather","content":"sunny"}'},
    ),
    Otherwise(
        "the same, with two results",
        ["ai_google"],
        list(PROVIDERS),
        ["parallel"],
        {"said": 'The tool answered: {"name":"get_weather","content":"sunny"}; {"name":"get_time","content":"noon"}'},
    ),
    Otherwise(
        "the AI SDK fetches images for these itself",
        ["ai_google", "ai_compatible"],
        list(PROVIDERS),
        ["image_link"],
        None,
    ),
)


def expected(driver: str, target: str, scenario: str) -> Any:
    """What a scenario tells; None where nothing is expected."""
    facts = EXPECTED[scenario] if scenario in EXPECTED else ERRORS[driver][scenario]
    if scenario in THINKING and driver in VERCELS:
        facts = {key: value for key, value in facts.items() if key != "signed"}
    for each in OTHERWISE:
        told = driver in each.drivers and target.partition("/")[0] in each.providers and scenario in each.scenarios
        if told and each.facts is None:
            return None
        if told and each.facts is not None:
            facts = facts | {key: value for key, value in each.facts.items() if key in facts}
    return facts


def compare(driver: str, target: str, told: dict[str, Any], scenarios: Collection[str]) -> None:
    """Every scenario was played, and tells what is expected."""
    wanted = {name: expected(driver, target, name) for name in scenarios}
    assert {name: told[name] for name, facts in wanted.items() if facts is not None} == {
        name: facts for name, facts in wanted.items() if facts is not None
    }


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("driver", "major"), PYTHON)
def test_an_sdk_reaches_every_surface(
    driver: str, major: str, target: str, play: Callable[[str, str], dict[str, Any]]
) -> None:
    """An app gets from a provider of another format what it would get from one of its own."""
    compare(driver, target, play(driver, major)[target], ACROSS)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("driver", NPM)
def test_an_sdk_of_javascript_reaches_every_surface(driver: str, target: str, play_npm: dict[str, Any]) -> None:
    """So does one written in JavaScript."""
    compare(driver, target, play_npm[driver][target], NPM_PLAYED)
