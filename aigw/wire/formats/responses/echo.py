"""The response object around an answer: what was asked, repeated, and what became of it.

OpenAI fills in its defaults where a request is silent. Where the default is another provider's, it is not known here,
and null is said instead of a guess.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

from aigw.wire.formats.responses.stops import error_of, status_of
from aigw.wire.formats.responses.tools import echo_tools, write_choice
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Conversation, OutputFormat, Stop, Text
from aigw.wire.shapes import Usage

Json = dict[str, Any]

_UNTOLD: Final = ("cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens")
_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})


class Echo:
    """Responses to one request. `id`, `model` and `created` are those of the answer, where it tells them."""

    def __init__(self, asked: Conversation, id: str | None, model: str | None, created: int | None) -> None:
        self.id = id or f"resp_{uuid.uuid4().hex}"
        self._head: Json = {
            "id": self.id,
            "object": "response",
            "created_at": created if created is not None else int(time.time()),
        }
        self._model = model or asked.model
        self._asked = _asked(asked)
        self.tier: Any = None

    def response(self, status: str, output: list[Json]) -> Json:
        """A response that goes on."""
        tier = self.tier if isinstance(self.tier, str) and self.tier in _TIERS else None
        return {
            **self._head,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self._model,
            "output": output,
            **self._asked,
            "service_tier": tier,
            "usage": None,
        }

    def over(self, stop: Stop | None, output: list[Json], usage: Usage | None) -> Json:
        """A response that is over."""
        status, details = status_of(stop, refuses=refuses(output))
        made = self.response(status, output)
        made["incomplete_details"] = details
        if status == "failed" and stop is not None:
            made["error"] = error_of(stop)
        made["usage"] = _usage(usage)
        return made


def note_usage(usage: Usage | None, ledger: Ledger) -> None:
    """Note the figures that a response has no place for."""
    for name in _UNTOLD:
        if usage is not None and getattr(usage, name):
            ledger.drop(child("answer:", "usage", name), "the usage of a response is not split as far")


def refuses(output: list[Json]) -> bool:
    """Whether the answer holds a refusal."""
    parts = [item.get("content") for item in output]
    return any(
        isinstance(content, dict) and content.get("type") == "refusal"
        for part in parts
        if isinstance(part, list)
        for content in part
    )


def _asked(asked: Conversation) -> Json:
    settings = asked.settings
    own = asked.own if asked.own_format == "responses" else {}
    choice = settings.tool_choice
    reasoning = settings.reasoning
    parallel = settings.parallel_tools
    return {
        "instructions": _instructions(asked),
        "max_output_tokens": settings.max_tokens,
        "max_tool_calls": settings.max_tool_calls,
        "metadata": settings.metadata or {},
        "parallel_tool_calls": True if parallel is None else parallel,
        "previous_response_id": settings.previous,
        "prompt_cache_key": settings.cache_key,
        "prompt_cache_retention": settings.cache_retention,
        "reasoning": {
            "effort": reasoning.effort if reasoning is not None else None,
            "summary": reasoning.shown if reasoning is not None else None,
        },
        "safety_identifier": settings.safety_identifier,
        # Nothing was: the answer cannot be asked for again.
        "store": False,
        "temperature": settings.temperature,
        "text": _text(settings.output, settings.verbosity),
        "tool_choice": own.get("tool_choice", "auto") if choice is None else write_choice(choice, asked.tools),
        "tools": echo_tools(asked.tools),
        "top_logprobs": settings.top_logprobs,
        "top_p": settings.top_p,
        "truncation": own.get("truncation", "disabled"),
        "user": settings.user,
    }


def _instructions(asked: Conversation) -> str | None:
    for turn in asked.turns[:1]:
        if turn.at == "/instructions":
            return "".join(part.text for part in turn.parts if isinstance(part, Text))
    return None


def _text(output: OutputFormat | None, verbosity: str | None) -> Json:
    format: Json = {"type": "text"}
    if output is not None and output.kind == "json":
        format = {"type": "json_object"}
    elif output is not None and output.kind == "schema":
        format = {
            "type": "json_schema",
            "name": output.name or "",
            "description": output.description,
            "schema": output.schema or {},
            "strict": output.strict,
        }
    return {"format": format} if verbosity is None else {"format": format, "verbosity": verbosity}


def _usage(usage: Usage | None) -> Json | None:
    if usage is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    return {
        "input_tokens": usage.input_tokens or 0,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read_tokens or 0,
            "cache_write_tokens": usage.cache_write_tokens or 0,
        },
        "output_tokens": usage.output_tokens or 0,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": usage.total,
    }
