"""Everything that a caller's request says beside its messages and tools.

Sources: https://platform.openai.com/docs/api-reference/chat/create; OpenRouter's `reasoning`, `top_k`, `min_p`,
`repetition_penalty` (https://openrouter.ai/docs/api-reference/parameters); `thinking` as DeepSeek, Moonshot, Z.ai and
LiteLLM take it.
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.chat.members import Members, refuse
from aigw.wire.formats.chat.tools import read_choice
from aigw.wire.losses import Ledger
from aigw.wire.neutral import OutputFormat, Reasoning, Settings

# The member of a request, how it is read, and the setting that it is.
_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("temperature", "number", "temperature"),
    ("top_p", "number", "top_p"),
    ("top_k", "whole", "top_k"),
    ("min_p", "number", "min_p"),
    ("frequency_penalty", "number", "frequency_penalty"),
    ("presence_penalty", "number", "presence_penalty"),
    ("repetition_penalty", "number", "repetition_penalty"),
    ("logprobs", "flag", "logprobs"),
    ("top_logprobs", "whole", "top_logprobs"),
    ("n", "whole", "n"),
    ("seed", "whole", "seed"),
    ("verbosity", "text", "verbosity"),
    ("parallel_tool_calls", "flag", "parallel_tools"),
    ("user", "text", "user"),
    ("safety_identifier", "text", "safety_identifier"),
    ("metadata", "table", "metadata"),
    ("service_tier", "text", "tier"),
    ("store", "flag", "store"),
    ("modalities", "texts", "modalities"),
    ("audio", "table", "voice"),
    ("prompt_cache_key", "text", "cache_key"),
    ("prompt_cache_retention", "text", "cache_retention"),
)
_SHOWN = {"summarized": "auto", "omitted": "none"}


def read_settings(members: Members, ledger: Ledger) -> tuple[Settings, dict[str, str]]:
    """The settings and their places."""
    settings = Settings()
    places: dict[str, str] = {}

    def say(setting: str, value: Any, place: str) -> None:
        if value is not None:
            setattr(settings, setting, value)
            places[setting] = f"{places[setting]} {place}" if setting in places else place

    for name, kind, setting in _SCALARS:
        if members.value.get(name) is not None:
            say(setting, getattr(members, kind)(name), members.place(name))
        else:
            members.take(name)
    _limit(members, ledger, say)
    say("logit_bias", _bias(members), members.place("logit_bias"))
    say("stop", _stop(members), members.place("stop"))
    say("output", _output(members), members.place("response_format"))
    say("cache", members.cache(), members.place("cache_control"))
    say("tool_choice", *read_choice(members, ledger))
    _reasoning(members, say)
    options = members.inner("stream_options")
    if options is not None:
        say("include_usage", options.flag("include_usage"), options.place("include_usage"))
    return settings, places


def _limit(members: Members, ledger: Ledger, say: Any) -> None:
    """`max_completion_tokens` is the newer name and wins; both saying the same is one setting."""
    older, newer = members.whole("max_tokens"), members.whole("max_completion_tokens")
    if newer is not None:
        say("max_tokens", newer, members.place("max_completion_tokens"))
    if newer is None or older == newer:
        say("max_tokens", older, members.place("max_tokens"))
    elif older is not None:
        ledger.drop(members.place("max_tokens"), "max_completion_tokens says otherwise and wins")


def _bias(members: Members) -> dict[str, float] | None:
    biases = members.inner("logit_bias")
    if biases is None:
        return None
    return {name: number for name in biases.value if (number := biases.number(name)) is not None}


def _stop(members: Members) -> list[str] | None:
    value = members.take("stop")
    return [value] if isinstance(value, str) else members.texts("stop")


def _output(members: Members) -> OutputFormat | None:
    """`response_format`; types that only some servers know (grammars …) stay the caller's own."""
    form = members.inner("response_format")
    if form is None:
        return None
    kind = form.needed("type")
    if kind == "text":
        return OutputFormat(kind="text")
    if kind == "json_object":
        return OutputFormat(kind="json", schema=_schema(form, "schema"))
    if kind == "json_schema":
        inner = form.needed_inner("json_schema")
        return OutputFormat(
            kind="schema",
            schema=_schema(inner, "schema"),
            name=inner.text("name"),
            description=inner.text("description"),
            strict=inner.flag("strict"),
        )
    members.leave("response_format")
    return None


def _schema(members: Members, name: str) -> dict[str, Any] | None:
    """A JSON Schema; `true` is one that anything satisfies."""
    value = members.take(name)
    if isinstance(value, bool):
        return {}
    if value is not None and not isinstance(value, dict):
        refuse(members.place(name), "must be a JSON Schema (an object)")
    return value


def _reasoning(members: Members, say: Any) -> None:
    """Whatever says how much is thought, as one setting with the places of all."""
    reasoning = Reasoning()
    places: list[str] = []
    effort = members.take("reasoning_effort")
    if isinstance(effort, dict):  # LiteLLM's: {effort, summary}
        _asked(Members(effort, members.place("reasoning_effort")), reasoning)
    elif effort is not None:
        reasoning.effort = members.text("reasoning_effort")
    if effort is not None:
        places.append(members.place("reasoning_effort"))
    for name, read in (("reasoning", _asked), ("thinking", _thinking)):
        inner = members.inner(name)
        if inner is not None:
            read(inner, reasoning)
            places.append(inner.at)
    shown = members.flag("include_reasoning")
    if shown is not None:
        reasoning.shown = "auto" if shown else "none"
        places.append(members.place("include_reasoning"))
    if places and reasoning != Reasoning():
        say("reasoning", reasoning, " ".join(places))


def _asked(members: Members, reasoning: Reasoning) -> None:
    """OpenRouter's `reasoning`: effort, max_tokens, enabled, exclude; `summary` as in Responses."""
    reasoning.effort = members.text("effort") or reasoning.effort
    reasoning.budget = members.whole("max_tokens")
    reasoning.enabled = members.flag("enabled")
    exclude = members.flag("exclude")
    reasoning.shown = members.text("summary") or reasoning.shown
    if exclude is not None:
        reasoning.shown = "none" if exclude else reasoning.shown or "auto"


def _thinking(members: Members, reasoning: Reasoning) -> None:
    """`thinking`: `{type: enabled | disabled | adaptive, budget_tokens}`."""
    kind = members.needed("type")
    if kind not in ("enabled", "disabled", "adaptive"):
        refuse(members.place("type"), f"is {kind!r}: it must be enabled, disabled or adaptive")
    reasoning.enabled = kind != "disabled"
    reasoning.adaptive = kind == "adaptive"
    budget = members.whole("budget_tokens")
    reasoning.budget = reasoning.budget if budget is None else budget
    display = members.text("display")
    reasoning.shown = _SHOWN.get(display, display) if display else reasoning.shown
