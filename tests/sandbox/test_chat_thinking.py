"""The ways in which thinking stands in Chat Completions."""

from typing import Any

import pytest

from aigw.sandbox.chat_thinking import Way, beside_call, deltas, way, whole


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"model": "m"}, None),
        ({"model": "m", "reasoning_effort": "low"}, None),
        ({"model": "m-think"}, None),
        ({"model": "m-think", "reasoning_effort": "none"}, None),
        ({"model": "m-think", "reasoning_effort": "low"}, "content"),
        ({"model": "m", "thinking": {"type": "enabled"}}, "content"),
        ({"model": "m", "thinking": {"type": "disabled"}}, None),
        ({"model": "m", "reasoning": {"effort": "low"}}, "details"),
        ({"model": "m", "reasoning": {"max_tokens": 99}}, "details"),
        ({"model": "m", "reasoning": {"effort": "none"}}, None),
        ({"model": "m", "reasoning": {"enabled": False}}, None),
        ({"model": "gemini", "reasoning_effort": "low"}, "calls"),
        ({"model": "gemini", "extra_body": {"google": {}}}, "calls"),
        ({"model": "gemini"}, None),
        ({"model": "m!thinking-back", "reasoning_effort": "low"}, None),
    ],
)
def test_how_a_request_wants_it(body: dict[str, Any], expected: Way | None) -> None:
    """What the request says tells the provider it is meant for."""
    assert way(body) == expected


@pytest.mark.parametrize("name", ["content", "details", "calls"])
def test_a_stream_adds_up(name: Way) -> None:
    """The pieces of a thought, put together, are what a whole message has of it."""
    message: dict[str, Any] = {}
    for delta in deltas(name, ("one ", "two")):
        for key, value in delta.items():
            if isinstance(value, str):
                message[key] = message.get(key, "") + value
            else:
                before = message.get(key, [{}])[0]
                text = before.get("text", "") + value[0].get("text", "")
                message[key] = [{**before, **value[0], "text": text}]
    assert message == whole(name, "one two")


def test_only_google_signs_calls() -> None:
    """Beside calls there is something in Google's way alone."""
    assert [bool(beside_call(name, "x")) for name in ("content", "details", "calls")] == [False, False, True]
