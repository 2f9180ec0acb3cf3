"""What a chunk of a Gemini stream may hold, as far as it is looked at; everything else is left where it is."""

from __future__ import annotations

from typing import Any

import msgspec

NOTHING = msgspec.Raw(b"")
"""What is not there; msgspec knows no Raw that may be None."""


class Call(msgspec.Struct, rename="camel", gc=False):
    """A function call, whole or (on Vertex AI) in pieces."""

    name: str | None = None
    args: msgspec.Raw = NOTHING
    id: str | None = None
    partial_args: list[Any] | None = None
    will_continue: bool | None = None


class Piece(msgspec.Struct, rename="camel", gc=False):
    """A part. One without text and function call is read once more, as it stands."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None


class Content(msgspec.Struct, gc=False):
    """The parts that are new."""

    parts: list[Piece] | None = None


class Candidate(msgspec.Struct, rename="camel", gc=False):
    """What is new of one candidate."""

    content: Content | None = None
    index: int = 0
    finish_reason: str | None = None
    finish_message: str | None = None
    grounding_metadata: Any = None
    citation_metadata: Any = None
    logprobs_result: Any = None
    safety_ratings: Any = None
    url_context_metadata: Any = None
    avg_logprobs: Any = None


class Chunk(msgspec.Struct, rename="camel", gc=False):
    """One event of a stream: a GenerateContentResponse, or an error."""

    candidates: list[Candidate] | None = None
    usage_metadata: msgspec.Raw = NOTHING
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    prompt_feedback: Any = None
    error: Any = None


OWN = (
    ("safety_ratings", "safetyRatings"),
    ("url_context_metadata", "urlContextMetadata"),
    ("avg_logprobs", "avgLogprobs"),
)
"""Members of a candidate that only Gemini has, as they are called here and there."""
