"""Why an answer stopped, what went wrong and whether it is whole, in the words of every format."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.answer import counts_of, error_of, is_final, stop_of
from aigw.wire.shapes import Answer


def answer(members: dict[str, Any]) -> Answer:
    """The answer as it comes out of JSON."""
    return msgspec.json.decode(msgspec.json.encode(members), type=Answer)


def chat(**choice: Any) -> dict[str, Any]:
    """A chat completion, or a chunk of one."""
    return {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, **choice}]}


def response(**members: Any) -> dict[str, Any]:
    """A Responses object."""
    return {"id": "resp_1", "object": "response", **members}


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        (chat(finish_reason="stop"), "stop"),
        (chat(finish_reason=None), None),
        ({"choices": [{"finish_reason": None}, {"finish_reason": "length"}]}, "length"),
        ({"choices": []}, None),
        ({"type": "message", "stop_reason": "end_turn"}, "end_turn"),
        ({"type": "message_start", "message": {"stop_reason": None}}, None),
        ({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, "tool_use"),
        ({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "stop_reason"}}, None),
        ({"candidates": [{"finishReason": "STOP"}]}, "STOP"),
        ({"candidates": [{"content": {}}]}, None),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY"),
        (response(status="completed"), "completed"),
        (response(status="in_progress"), None),
        (response(status="queued"), None),
        (response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "max_output_tokens"),
        (response(status="incomplete", incomplete_details=None), "incomplete"),
        ({"type": "response.failed", "response": response(status="failed")}, "failed"),
        ({"type": "response.output_text.delta", "delta": "completed"}, None),
        ({"status": "completed"}, None),
        ({"status": 500}, None),
    ],
)
def test_stop_reasons(members: dict[str, Any], stop: str | None) -> None:
    """The upstream's own word for why it stopped, and none while it goes on."""
    assert stop_of(answer(members)) == stop


@pytest.mark.parametrize(
    ("members", "error"),
    [
        (
            {"error": {"message": "no", "type": "insufficient_quota", "code": "insufficient_quota"}},
            "insufficient_quota",
        ),
        ({"error": {"type": "invalid_request_error", "code": "context_length_exceeded"}}, "context_length_exceeded"),
        ({"error": {"type": "invalid_request_error", "code": None}}, "invalid_request_error"),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "overloaded_error"),
        ({"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}, "UNAVAILABLE"),
        ({"error": [{"code": "bad_request"}]}, "error"),
        ({"error": {"code": 401, "type": "authentication_error"}}, "authentication_error"),
        ({"error": {"code": "401", "message": "Access denied"}}, "401"),
        ({"error": {"code": 502, "message": "Provider returned error"}}, "502"),
        ({"error": {"message": "Compute error."}}, "error"),
        ({"error": "Incorrect API key provided: sk-secret"}, "error"),
        ({"error": {"code": "sk-secret and more"}}, "error"),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow down"}, "rate_limit_exceeded"),
        ({"type": "error", "error": {"type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limit_exceeded"),
        ({"object": "error", "type": "invalid_model", "code": "1500"}, "invalid_model"),
        ({"type": "response.failed", "response": response(error={"code": "server_error"})}, "server_error"),
        ({"x_groq": {"error": {"type": "over_capacity"}}}, "over_capacity"),
        (response(error=None), None),
        ({"error": None}, None),
        ({"error": {}}, None),
        (chat(finish_reason="stop"), None),
    ],
)
def test_errors(members: dict[str, Any], error: str | None) -> None:
    """The most telling name of an error, never its message: that may hold what the caller sent."""
    assert error_of(answer(members)) == error


@pytest.mark.parametrize(
    ("members", "final"),
    [
        ({"type": "message_stop"}, True),
        ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, False),
        ({"type": "response.completed"}, True),
        ({"type": "response.incomplete"}, True),
        ({"type": "response.failed"}, True),
        ({"type": "response.output_text.done"}, False),
        ({"type": "transcript.text.done"}, True),
        ({"type": "image_generation.completed"}, True),
        ({"object": "chat.completion.done"}, True),
        ({"candidates": [{"finishReason": "STOP"}]}, True),
        ({"candidates": [{"content": {}}]}, False),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, True),
        (chat(finish_reason="stop"), False),
    ],
)
def test_final_events(members: dict[str, Any], final: bool) -> None:
    """Only the event that a format ends with says that a stream is whole."""
    assert is_final(answer(members)) is final


@pytest.mark.parametrize(
    ("members", "tokens"),
    [
        ({"usage": {"prompt_tokens": 7}}, 7),
        ({"usage": None, "choices": [{"usage": {"prompt_tokens": 7}}]}, 7),
        ({"x_groq": {"id": "req_1", "usage": {"prompt_tokens": 7}}}, 7),
        ({"type": "message_start", "message": {"usage": {"prompt_tokens": 7}}}, 7),
        ({"type": "response.completed", "response": {"usage": {"prompt_tokens": 7}}}, 7),
        ({"meta": {"prompt_tokens": 7}}, 7),
        ({"choices": [{"delta": {"usage": {"prompt_tokens": 7}}}]}, None),
        ({"response": "usage", "message": "usage"}, None),
    ],
)
def test_places_of_usage(members: dict[str, Any], tokens: int | None) -> None:
    """Usage is found in every place that a provider puts it, and in no other."""
    found = counts_of(answer(members))
    assert (found and found.prompt_tokens) == tokens
