"""How a provider's use of a format differs from the format's own documentation: traits, not code paths by name.

Providers declare one per surface and model (`Provider.dialect`); what the catalog knows of the model is filled in by
whoever plans. Formats read the traits and nothing else of a provider.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning


# Given what the caller asks for: the members of a chat request that say it, and what could not be said (a reason), if
# anything.
ReasoningHook: TypeAlias = "Callable[[Reasoning], tuple[dict[str, Any], str | None]]"
# A last look at a request's body, before it is encoded; may change it in place.
AmendHook = Callable[[dict[str, Any]], None]


def effort_only(reasoning: Reasoning) -> tuple[dict[str, Any], str | None]:
    """OpenAI's way in Chat Completions: `reasoning_effort`, and nothing else."""
    if reasoning.effort is not None:
        return {"reasoning_effort": reasoning.effort}, "the effort alone is told" if reasoning.budget else None
    if reasoning.enabled is False or reasoning.budget == 0:
        return {"reasoning_effort": "none"}, None
    effort = effort_of(reasoning.budget)
    if effort is not None:
        return {"reasoning_effort": effort}, "a budget of thinking tokens became an effort"
    return {}, "how much is thought is not for this format to say without an effort" if reasoning.enabled else None


# A budget of thinking tokens as an effort, and back. The figures are those of other gateways (LiteLLM, OpenRouter and
# Google's own compatible endpoint agree on them within a factor of two); there is no standard.
_BUDGETS: tuple[tuple[int, str], ...] = ((1024, "low"), (8192, "medium"), (24_576, "high"))
BUDGET_OF = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 32_768, "max": 65_536}


def effort_of(budget: int | None) -> str | None:
    """The effort that comes nearest to a budget of thinking tokens; None for none said."""
    if budget is None:
        return None
    if budget == 0:
        return "none"
    return next((effort for most, effort in _BUDGETS if budget <= most), "high")


@attrs.frozen(kw_only=True)
class Dialect:
    """One surface of one provider, for one model.

    `maker` is the provider's id: whose signatures are its own. `refused` are request members that the model does not
    accept, in the surface's own words (a dot leads into an object, `n` means values above 1). `efforts` are the
    reasoning efforts it is known to take, least first; empty when unknown. `max_output` is the most tokens it
    writes.

    Of Chat Completions: `limit_member` names the limit of tokens; `developer` says that the role exists;
    `thinking_back` is the member in which thinking of earlier turns returns (None: it must not); `reasoning` asks for
    thinking; `stream_usage`: usage in a stream has to be asked for by `stream_options`, and that is understood;
    `cache_marks`: parts of messages (and tools) take Anthropic's `cache_control`.

    Of Gemini: `budgets` are the fewest and the most tokens of thinking that it takes (fewest 0: it can be off).

    Of all: `json_schema`, `json_object` (a member for structured output is understood; else a forced tool serves),
    `image_urls` (images may be URLs), `documents` (files are taken in messages), `audio` (sounds are), `strict_tools`
    (`strict` is understood), `schema` (what tool schemas may hold: full JSON Schema, or Gemini's OpenAPI subset),
    `custom_tools` (tools may take free text, OpenAI's `custom`; else they are declared as functions of one text),
    `prefill` (a conversation may end with a turn of the assistant), `adaptive` (thinking is adaptive with an effort;
    a budget is refused).
    """

    maker: str = ""
    model: str = ""
    refused: frozenset[str] = frozenset()
    efforts: tuple[str, ...] = ()
    max_output: int | None = None
    limit_member: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    developer: bool = False
    thinking_back: Literal["reasoning_content", "reasoning", "reasoning_details"] | None = None
    reasoning: ReasoningHook = effort_only
    stream_usage: bool = True
    cache_marks: bool = False
    budgets: tuple[int, int] | None = None
    json_schema: bool = True
    json_object: bool = True
    image_urls: bool = True
    documents: bool = True
    audio: bool = True
    strict_tools: bool = True
    custom_tools: bool = False
    schema: Literal["full", "gemini"] = "full"
    prefill: bool = True
    adaptive: bool = False
    amend: AmendHook | None = None


OPEN_SAMPLING = frozenset({"min_p", "repetition_penalty", "top_k"})
"""Members of Chat Completions that servers of open models added to OpenAI's; who does not know them refuses them."""

PLAIN = Dialect()
"""A provider that does what the format's documentation says."""
