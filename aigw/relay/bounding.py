"""What an account allows a request to hold, and what a surface takes: tokens of input and output, members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from aigw.adapter import COMPLETIONS, CONVERSE, GEMINI, Operation
from aigw.errors import InvalidBody, TooLarge
from aigw.relay.request import Request
from aigw.routing.plan import Candidate
from aigw.wire import bounds, estimate
from aigw.wire.dialect import Dialect
from aigw.wire.lane import Asking, decoded
from aigw.wire.losses import Loss
from aigw.wire.neutral import Conversation

# No byte of a request is estimated at more than this many tokens: a video by its address is 5,000 in some thirty bytes.
# What is small enough by that is not read.
MOST_PER_BYTE = 200

# Members of requests by the settings that they say; those that are not here say the setting of their own name.
_SETTINGS = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "maxOutputTokens": "max_tokens",
    "reasoning_effort": "reasoning",
    "thinking": "reasoning",
    "budget_tokens": "reasoning",
    "thinkingConfig": "reasoning",
    "output_config": "reasoning",
    "stop_sequences": "stop",
    "stopSequences": "stop",
    "response_format": "output",
    "responseMimeType": "output",
    "responseJsonSchema": "output",
    "text": "output",
    "toolConfig": "tool_choice",
    "parallel_tool_calls": "parallel_tools",
    "topP": "top_p",
    "topK": "top_k",
    "candidateCount": "n",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "service_tier": "tier",
    "prompt_cache_key": "cache_key",
}


def check_input(request: Request, tokens: int, most: int) -> None:
    """Raises TooLarge for a request whose input has more than `most` tokens, as far as one can tell."""
    if tokens > most:
        raise TooLarge(
            f"The request's input has about {tokens} tokens, and {most} are allowed here (max_input_tokens; estimated"
            " from its text, its media by their size). Send less of it.",
            param=None if request.operation.task != CONVERSE else _INPUTS.get(request.format.name),
        )


_INPUTS = {"chat": "messages", "messages": "messages", "responses": "input", "gemini": "contents"}


def is_small(request: Request, most: int) -> bool:
    """Whether a request cannot have so many tokens, whatever it says."""
    return request.body.size() * MOST_PER_BYTE <= most


def weight(conversation: Conversation | None, request: Request) -> int:
    """About how many tokens the input of a request has; without a conversation, by all texts and numbers in it."""
    if conversation is not None:
        return estimate.weight(conversation)
    body = request.body.original()
    try:
        value = decoded(body)
    except InvalidBody:
        return estimate.text(body.decode("utf-8", "replace"))
    value.pop("model", None)
    return estimate.loosely(value)


def bounded(
    candidate: Candidate, operation: Operation, body: bytes, dialect: Dialect | None
) -> tuple[bytes, list[Loss]]:
    """A body as this candidate's surface takes it and the account's cap on output allows it; the same if it does.

    Raises InvalidBody when the body is not a JSON object. A form is left as it is.
    """
    losses: list[Loss] = []
    accepts = _accepted(candidate, operation)
    if accepts is not None and body.lstrip()[:1] == b"{":
        body, losses = bounds.restrict(body, accepts)
    most = None if candidate.caps is None else candidate.caps.max_output_tokens
    if most is None:
        return body, losses
    limit = _limit(operation)
    if limit is not None:
        usual = dialect.limit_member if dialect is not None and operation.surface != COMPLETIONS else limit.names[0]
        usual = _usual(usual, limit, accepts)
        writes = candidate.facts.max_output if candidate.facts is not None else None
        body, further = bounds.cap(body, limit, most, usual=usual, writes=writes)
        losses += further
    return body, losses


def _accepted(candidate: Candidate, operation: Operation) -> frozenset[str] | None:
    """What the surface takes. Of Gemini's surface that is said of conversations: counting and embedding differ."""
    if operation.surface == GEMINI and operation.task != CONVERSE:
        return None
    return candidate.provider.accepts.get(operation.surface)


def _limit(operation: Operation) -> bounds.Limit | None:
    if operation.surface == COMPLETIONS:
        return bounds.COMPLETIONS
    return bounds.LIMITS[operation.format] if operation.task == CONVERSE else None


def _usual(usual: str, limit: bounds.Limit, accepts: frozenset[str] | None) -> str:
    """The member to say a limit with: one that the surface has, and that it takes where that is known."""
    names = sorted(limit.names, key=lambda name: name != usual)
    return next((name for name in names if accepts is None or name in accepts), names[0])


def as_said(losses: Iterable[Loss], asking: Asking) -> Iterator[Loss]:
    """Losses of a written body by the places in the caller's request; what the caller did not say it does not lose."""
    places = asking.conversation.places
    for loss in losses:
        name = loss.pointer.rpartition("/")[2]
        setting = _SETTINGS.get(name, name)
        place = places.get(setting)
        if place is None and setting == "tools" and asking.conversation.tools:
            place = "/tools"
        if place is None and setting == "max_tokens" and loss.action == "approximated":
            place = bounds.LIMITS[asking.format.name].pointer
        for each in (place or "").split(" "):
            if each:
                yield msgspec.structs.replace(loss, pointer=each)
