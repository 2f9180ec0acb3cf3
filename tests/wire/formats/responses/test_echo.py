"""The response around an answer repeats what was asked."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.responses import FORMAT
from aigw.wire.formats.responses.echo import Echo
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Stop
from aigw.wire.shapes import Usage

from ....support import specs


def echo(body: dict[str, Any], id: str | None = "resp_1") -> Echo:
    """The echo of a request."""
    asked = FORMAT.read_request({"input": "hi", **body}, "m", Ledger(), stream=False)
    return Echo(asked, id, "m-1", 1_700_000_000)


def test_a_silent_request() -> None:
    """Defaults of the format are filled in, those of a model are not guessed; nothing is stored."""
    response = echo({}).over(Stop(reason="end"), [], None)
    assert response == {
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": "completed",
        "background": False, "error": None, "incomplete_details": None, "model": "m-1", "output": [],
        "instructions": None, "max_output_tokens": None, "max_tool_calls": None, "metadata": {},
        "parallel_tool_calls": True, "previous_response_id": None, "prompt_cache_key": None,
        "prompt_cache_retention": None, "reasoning": {"effort": None, "summary": None}, "safety_identifier": None,
        "store": False, "temperature": None, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
        "top_logprobs": None, "top_p": None, "truncation": "disabled", "user": None, "service_tier": None,
        "usage": None,
    }  # fmt: skip


SCHEMA = {"type": "object"}


@pytest.mark.parametrize(
    ("body", "members"),
    [
        ({"instructions": "Be brief."}, {"instructions": "Be brief."}),
        ({"temperature": 0.5, "top_p": 0.1, "max_output_tokens": 9}, None),
        ({"max_tool_calls": 2, "parallel_tool_calls": False, "top_logprobs": 1}, None),
        ({"metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k"}, None),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, None),
        ({"text": {"format": {"type": "json_object"}, "verbosity": "low"}}, None),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}}},
            {"text": {"format": {"type": "json_schema", "name": "n", "description": None, "schema": SCHEMA,
                                 "strict": None}}},
        ),
        ({"tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}],
          "tool_choice": {"type": "function", "name": "f"}}, None),
        ({"tool_choice": {"type": "file_search"}, "truncation": "auto"}, None),
        ({"store": True}, {"store": False}),
        ({"previous_response_id": "resp_0"}, None),
    ],
)  # fmt: skip
def test_what_was_asked(body: dict[str, Any], members: dict[str, Any] | None) -> None:
    """What the request says the response repeats, and it is a response by the SDK's own types."""
    response = echo(body).over(Stop(reason="end"), [], None)
    expected = body if members is None else members
    assert {name: response[name] for name in expected} == expected
    assert specs.answer_checker("responses").faults(response) == []


def test_instructions_of_other_formats() -> None:
    """Only what was said as instructions is repeated as such."""
    assert echo({"input": [{"role": "system", "content": "s"}]}).over(None, [], None)["instructions"] is None


@pytest.mark.parametrize(
    ("usage", "written"),
    [
        (None, None),
        (Usage(), None),
        (
            Usage(30, 20, cache_read_tokens=5, cache_write_tokens=6, reasoning_tokens=7),
            {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 6},
             "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 7}, "total_tokens": 50},
        ),
        (
            Usage(None, 2),
            {"input_tokens": 0, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
             "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2},
        ),
    ],
)  # fmt: skip
def test_usage(usage: Usage | None, written: Any) -> None:
    """Usage has all details that the SDK's types have; none where nothing was told."""
    assert echo({}).over(Stop(reason="end"), [], usage)["usage"] == written


def test_failures_and_tiers() -> None:
    """An answer that failed says how; a tier is said if it is one of the format's."""
    failed = echo({})
    failed.tier = "priority"
    response = failed.over(Stop(reason="error", detail="Broken."), [], None)
    assert (response["status"], response["error"]["message"]) == ("failed", "Broken.")
    assert response["service_tier"] == "priority"
    failed.tier = ["priority"]
    assert failed.response("in_progress", [])["service_tier"] is None
    failed.tier = "on_demand"
    assert failed.response("in_progress", [])["service_tier"] is None


def test_what_is_not_told() -> None:
    """An id, a model and a time are made up where the provider tells none."""
    response = Echo(Conversation(model="m", turns=[]), None, None, None).response("in_progress", [])
    assert response["id"].startswith("resp_")
    assert response["model"] == "m"
    assert response["created_at"] > 1_700_000_000
