"""A conversation, as a provider's request.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire.dialect import Dialect, effort_of
from aigw.wire.draft import Draft
from aigw.wire.efforts import nearest
from aigw.wire.formats.responses.input_writing import InputWriter
from aigw.wire.formats.responses.settings_reading import ENCRYPTED, EXTENSIONS, LOGPROBS
from aigw.wire.formats.responses.text_writing import write_text
from aigw.wire.formats.responses.tools import write_choice, write_tools
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Reasoning

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode

_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
_TIER_OF: Final = {"standard": "default", "standard_only": "default"}
_SUMMARIES: Final = frozenset({"auto", "concise", "detailed"})


def write_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body for a provider."""
    draft = Draft(conversation, dialect, ledger)
    body = draft.body
    writer = InputWriter(draft)
    writer.write(conversation.turns)
    body["model"] = conversation.model
    if writer.instructions is not None:
        body["instructions"] = writer.instructions
    body["input"] = writer.items
    _write_tools(draft)
    _write_sampling(draft)
    write_text(draft)
    reasons = _write_reasoning(draft)
    _write_names(draft)
    _write_keeping(draft, reasons=reasons)
    if conversation.stream:
        body["stream"] = True
    draft.take("include_usage")  # it always is
    draft.close("the Responses API")
    _write_own(draft)
    if dialect.amend is not None:
        dialect.amend(body)
    return _encode(body)


def _write_tools(draft: Draft) -> None:
    tools = write_tools(draft)
    if tools:
        draft.body["tools"] = tools
    choice = draft.take("tool_choice")
    if choice is not None:
        draft.put("tool_choice", write_choice(choice, draft.conversation.tools), draft.place("tool_choice"))
    draft.carry("parallel_tools", "parallel_tool_calls")
    draft.carry("max_tool_calls")


def _write_sampling(draft: Draft) -> None:
    limit = draft.take("max_tokens")
    most = draft.dialect.max_output
    if limit is not None:
        if most is not None and limit > most:
            draft.ledger.approximate(draft.place("max_tokens"), f"the model writes at most {most} tokens")
            limit = most
        draft.put("max_output_tokens", limit, draft.place("max_tokens"))
    for name in ("temperature", "top_p", "top_logprobs"):
        draft.carry(name)
    if draft.conversation.own_format == "responses":
        for name in sorted(EXTENSIONS):
            draft.carry(name)
    modalities = draft.take("modalities")
    if modalities is not None and any(str(modality).lower() != "text" for modality in modalities):
        draft.ledger.drop(draft.place("modalities"), "the answer is text")


def _write_reasoning(draft: Draft) -> bool:
    """`reasoning`; whether the model may reason."""
    wanted: Reasoning | None = draft.take("reasoning")
    if wanted is None:
        return bool(draft.dialect.efforts)
    place = draft.place("reasoning")
    effort = _effort(wanted, draft, place)
    written: Json = {}
    if effort is not None:
        written["effort"] = effort
    elif wanted.enabled or wanted.adaptive:
        draft.ledger.approximate(place, "how much is thought is the model's own measure")
    if wanted.shown in _SUMMARIES:
        if "reasoning.summary" in draft.dialect.refused:
            draft.ledger.drop(place, "the model tells no summary of its reasoning")
        else:
            written["summary"] = wanted.shown
    if written:
        draft.put("reasoning", written, place)
    return effort != "none"


def _effort(wanted: Reasoning, draft: Draft, place: str) -> str | None:
    effort = wanted.effort
    if effort is None:
        effort = "none" if wanted.enabled is False else effort_of(wanted.budget)
        if wanted.budget:
            draft.ledger.approximate(place, "a budget of thinking tokens became an effort")
    elif wanted.budget:
        draft.ledger.drop(place, "a budget of thinking tokens beside an effort")
    if effort is None:
        return None
    word = nearest(effort, draft.dialect.efforts)
    if word != effort:
        known = ", ".join(draft.dialect.efforts)
        draft.ledger.approximate(place, f"the effort {effort} became {word}: the model knows {known}")
    return word


def _write_names(draft: Draft) -> None:
    """Who asks, and what for."""
    metadata = draft.take("metadata")
    if metadata is not None:
        place = draft.place("metadata")
        texts = {name: value for name, value in metadata.items() if isinstance(value, str)}
        others = [name for name in metadata if name not in texts]
        draft.ledger.drop_members(place, others, "metadata are texts here")
        draft.put("metadata", texts, place)
    for setting, member in (
        ("user", "user"),
        ("safety_identifier", "safety_identifier"),
        ("cache_key", "prompt_cache_key"),
        ("cache_retention", "prompt_cache_retention"),
    ):
        draft.carry(setting, member)
    _write_tier(draft)


def _write_tier(draft: Draft) -> None:
    tier = draft.take("tier")
    if tier is None:
        return
    place = draft.place("tier")
    word = tier if draft.conversation.own_format == "responses" else _TIER_OF.get(tier.lower(), tier.lower())
    if word not in _TIERS and draft.conversation.own_format != "responses":
        draft.ledger.drop(place, f"there is no service tier {tier}")
        return
    if word != tier:
        draft.ledger.approximate(place, f"the service tier {tier} is {word} here")
    draft.put("service_tier", word, place)


def _write_keeping(draft: Draft, *, reasons: bool) -> None:
    """What the provider keeps, and what it gives back so that nothing need be kept.

    Here answers are stored by default; everywhere else they are not.
    """
    home = draft.conversation.own_format == "responses"
    refused = draft.dialect.refused
    previous = draft.take("previous")
    if previous is not None:
        draft.put("previous_response_id", previous, draft.place("previous"))
    store = draft.take("store")
    if store is not None:
        draft.put("store", store, draft.place("store"))
    elif not home and "store" not in refused:
        draft.body["store"] = False
    include = []
    if reasons and not home and "include" not in refused:
        include.append(ENCRYPTED)
    logprobs = draft.take("logprobs")
    if logprobs:
        if not refused.isdisjoint(("include", "logprobs", LOGPROBS)):
            draft.ledger.drop(draft.place("logprobs"), "the model does not tell log probabilities")
        else:
            include.append(LOGPROBS)
    if include:
        draft.body["include"] = include


def _write_own(draft: Draft) -> None:
    """What only this format has, back at its place."""
    body = draft.body
    for name, value in draft.conversation.own.items():
        known = body.get(name)
        if isinstance(known, dict) and isinstance(value, dict):
            body[name] = {**value, **known}
            if isinstance(value.get("format"), dict) and isinstance(known.get("format"), dict):
                body[name]["format"] = {**value["format"], **known["format"]}
        elif isinstance(known, list) and isinstance(value, list):
            body[name] = [*known, *value]
        else:
            body[name] = value
