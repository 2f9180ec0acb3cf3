"""A conversation as a chat request for one provider. Source: https://platform.openai.com/docs/api-reference/chat/create"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.dialect import Dialect, effort_only
from aigw.wire.draft import Draft
from aigw.wire.efforts import UNTOLD, both
from aigw.wire.formats.chat.write_content import Contents, merge
from aigw.wire.formats.chat.write_tools import write_output, write_tools
from aigw.wire.formats.chat.write_turns import write_turns
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Reasoning, Text, Turn

_encode = msgspec.json.Encoder().encode

# Settings that are members as they are, in the order in which they are written.
_CARRIED: tuple[tuple[str, str], ...] = (
    ("temperature", ""),
    ("top_p", ""),
    ("top_k", ""),
    ("min_p", ""),
    ("frequency_penalty", ""),
    ("presence_penalty", ""),
    ("repetition_penalty", ""),
    ("logit_bias", ""),
    ("logprobs", ""),
    ("top_logprobs", ""),
    ("n", ""),
    ("seed", ""),
    ("stop", ""),
    ("verbosity", ""),
    ("user", ""),
    ("safety_identifier", ""),
    ("metadata", ""),
    ("store", ""),
    ("cache_key", "prompt_cache_key"),
    ("cache_retention", "prompt_cache_retention"),
)
GOING_ON = "Continue."
# `image` is OpenRouter's.
_MODALITIES = frozenset({"text", "audio", "image"})
# Tiers of OpenAI; `standard_only` is Anthropic's word for what OpenAI calls the default.
_TIERS = {tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")} | {
    "standard_only": "default"
}


def write_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body. Raises InvalidBody where nothing is left to ask."""
    draft = Draft(conversation, dialect, ledger)
    contents = Contents(dialect, ledger)
    messages = write_turns(_answerable(conversation, dialect, ledger), contents)
    if not messages:
        raise InvalidBody("The conversation holds nothing that this provider takes.", param="messages")
    draft.body = {"model": conversation.model, "messages": messages}
    write_tools(draft, contents)
    instruction = write_output(draft)
    if instruction is not None:
        _instruct(messages, instruction)
    _limit(draft)
    for setting, member in _CARRIED:
        draft.carry(setting, member)
    _sound(draft)
    _tier(draft)
    _reason(draft)
    contents.mark(draft.body, draft.take("cache"), "")
    _stream(draft)
    merge(draft.body, conversation.own)
    draft.close("Chat Completions")
    if dialect.amend is not None:
        dialect.amend(draft.body)
    return _encode(draft.body)


def _answerable(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> list[Turn]:
    """The turns; behind the beginning of an answer, a wish to go on where the model does not by itself."""
    turns = conversation.turns
    if not dialect.prefill and turns and turns[-1].role == "assistant":
        ledger.approximate(turns[-1].at, "the model does not continue a turn of its own: it is asked to go on")
        return [*turns, Turn(role="user", parts=[Text(text=GOING_ON)])]
    return turns


def _instruct(messages: list[dict[str, Any]], instruction: str) -> None:
    """Add to the instructions, in the first message: some servers take only one of the system."""
    first = messages[0]
    if first["role"] not in ("system", "developer"):
        messages.insert(0, {"role": "system", "content": instruction})
    elif isinstance(first["content"], str):
        first["content"] = f"{first['content']}\n\n{instruction}"
    else:
        first["content"] = [*first["content"], {"type": "text", "text": instruction}]


def _limit(draft: Draft) -> None:
    limit: int | None = draft.take("max_tokens")
    if limit is None:
        return
    most = draft.dialect.max_output
    if most is not None and limit > most:
        draft.ledger.approximate(draft.place("max_tokens"), f"the model writes at most {most} tokens")
        limit = most
    draft.put(draft.dialect.limit_member, limit, draft.place("max_tokens"))


def _sound(draft: Draft) -> None:
    """Kinds of output; `audio` needs a format, of which streams have one (https://platform.openai.com/docs/guides/audio)."""
    modalities: list[str] | None = draft.take("modalities")
    if modalities is not None:
        place = draft.place("modalities")
        known = [word for word in modalities if word in _MODALITIES or draft.conversation.own_format == "chat"]
        if len(known) < len(modalities):
            draft.ledger.drop(place, "Chat Completions has no such output")
        if known:
            draft.put("modalities", known, place)
    voice: dict[str, Any] | None = draft.take("voice")
    if voice is not None:
        form = voice.get("format")
        if not form:
            form = "pcm16" if draft.conversation.stream else "wav"
            draft.ledger.approximate(draft.place("voice"), f"sound has to have a format here: {form}")
        draft.put("audio", {**voice, "format": form}, draft.place("voice"))


def _tier(draft: Draft) -> None:
    """The service tier: another format's words are translated, the caller's own are its provider's business."""
    tier: str | None = draft.take("tier")
    if tier is None:
        return
    place = draft.place("tier")
    word = tier if draft.conversation.own_format == "chat" else _TIERS.get(tier)
    if word is None:
        draft.ledger.drop(place, f"Chat Completions has no service tier {tier}")
        return
    if word != tier:
        draft.ledger.rewrite(place, f"the service tier {tier} is called {word}")
    draft.put("service_tier", word, place)


def _reason(draft: Draft) -> None:
    reasoning: Reasoning | None = draft.take("reasoning")
    if reasoning is None:
        return
    place = draft.place("reasoning")
    members, reason = draft.dialect.reasoning(reasoning)
    if draft.dialect.reasoning is effort_only and reasoning.shown is not None:
        reason = both(reason, UNTOLD)
    for name, value in members.items():
        draft.put(name, value, place)
    if reason is not None:
        draft.ledger.note(place, "approximated" if members else "dropped", reason)


def _stream(draft: Draft) -> None:
    """Usage is always asked for: the gateway meters it, and tells the caller only where it asked too."""
    draft.take("include_usage")
    if draft.conversation.stream:
        draft.body["stream"] = True
        if draft.dialect.stream_usage:
            draft.body["stream_options"] = {"include_usage": True}
