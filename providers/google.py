"""Google: the Gemini API of AI Studio, and its OpenAI-compatible path. https://ai.google.dev/api

The key never travels in the query: it would end up in every log on the way.

What a model takes follows its version: JSON Schema in full and a budget for thinking since 2.5; levels instead, media
in results of functions, and JSON beside functions since 3; no penalties and no last turn of its own since 3.6.

Sources: https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/openai,
https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6, and of the least level since 3.7
https://github.com/fishjar/kiss-translator/issues/1048
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, unquote_plus

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    MESSAGES,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
    join,
    origin_of,
)
from aigw.wire.dialect import BUDGET_OF, OPEN_SAMPLING, Dialect
from aigw.wire.efforts import asks_for_thoughts, both, renamed, wanted, worded

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

# Where the compatible API lies below the base URL, so that it follows when an operator overrides it.
COMPATIBLE = "openai"

# What a model may be named under: `models/gemini-2.5-flash` is `gemini-2.5-flash`.
COLLECTIONS = frozenset({"models", "tunedModels"})

# Query parameters that Google takes a credential from.
CREDENTIALS = frozenset({"access_token", "key"})

_NUMBERS = re.compile(r"gemini-(\d+)(?:\.(\d+))?")

Version = tuple[int, int]

FULL_SCHEMA: Version = (2, 5)
LEVELS: Version = (3, 0)
STRICT: Version = (3, 6)
NOT_MINIMAL: Version = (3, 7)

# What the native surface refuses, by the words of its writer.
_BEFORE_LEVELS = frozenset({"functionResponse.parts", "responseMimeType+functionDeclarations"})
_WHERE_STRICT = frozenset({"frequencyPenalty", "presencePenalty"})
# And the compatible one.
_PENALTIES = frozenset({"frequency_penalty", "presence_penalty"})


class Google(Provider):
    """`x-goog-api-key` on the native path, a bearer key on the compatible one."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without credentials in the query."""
        rendered = super().render(ask)
        return attrs.evolve(rendered, target=without_credentials(rendered.target))

    def surface_url(self, surface: str) -> str:
        """The operator's own URL for a surface; else the base URL, or the compatible path below it."""
        if surface == GEMINI or surface in self.surface_urls:
            return super().surface_url(surface)
        return f"{origin_of(self.base_url)}{join(self.base_url, COMPATIBLE)}"

    def path(self, ask: Ask) -> str:
        """Natively `models/x:verb`, whether the model is called `x` or `models/x`; `tunedModels/x` stays."""
        if ask.operation.surface != GEMINI:
            return super().path(ask)
        collection, _, name = ask.model.partition("/")
        if collection not in COLLECTIONS:
            collection, name = "models", ask.model
        # A slash is no part of a name: left alone, `x/../y` would be another path.
        named = f"{collection}/{quote(name, safe='@')}"
        return ask.operation.path.replace("models/{model}", named)

    def order(self) -> tuple[str, ...]:
        """Natively first: the compatible path knows neither documents nor the provider's own tools."""
        return (GEMINI, CHAT_COMPLETIONS, MESSAGES, RESPONSES)

    def dialect(self, surface: str, model: str) -> Dialect:
        """What the version in the model's name says."""
        version, levels = version_of(model), levels_of(model)
        schema: Literal["full", "gemini"] = "full" if version >= FULL_SCHEMA else "gemini"
        if surface == GEMINI:
            return Dialect(
                maker=self.id,
                model=model,
                refused=refused_of(model),
                efforts=levels,
                budgets=budgets_of(model),
                schema=schema,
                prefill=not strict(model),
            )
        return Dialect(
            maker=self.id,
            model=model,
            refused=OPEN_SAMPLING | _PENALTIES if strict(model) else OPEN_SAMPLING,
            efforts=levels,
            reasoning=partial(reasoning, levels=levels, budgets=budgets_of(model)),
            documents=False,
            strict_tools=False,
            schema=schema,
            prefill=not strict(model),
        )

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in the header of the path."""
        if ask.key is None or ask.operation.surface != GEMINI:
            return super().auth(ask)
        return (("x-goog-api-key", ask.key.secret.reveal()),)


def version_of(model: str) -> Version:
    """The version in a model's name; an alias of the latest is new, what says nothing (a tuned model) is old."""
    found = _NUMBERS.search(model)
    if found:
        return int(found[1]), int(found[2] or 0)
    return (99, 0) if model.endswith("-latest") else (0, 0)


def levels_of(model: str) -> tuple[str, ...]:
    """The levels of thinking that a model knows; none before Gemini 3, which counted tokens."""
    version = version_of(model)
    if version < LEVELS:
        return ()
    if "flash" in model and version < NOT_MINIMAL:
        return ("minimal", "low", "medium", "high")
    return ("low", "high") if version == LEVELS else ("low", "medium", "high")


def budgets_of(model: str) -> tuple[int, int] | None:
    """The tokens of thinking that a model takes; 0 switches it off where it can be off. None where nobody says."""
    if version_of(model) != FULL_SCHEMA:
        return None
    return (128, 32_768) if "pro" in model else (0, 24_576)


def strict(model: str) -> bool:
    """Whether a model is one of those that refuse what older ones ignored."""
    version = version_of(model)
    return version >= STRICT or (version == (3, 5) and "flash-lite" in model)


def refused_of(model: str) -> frozenset[str]:
    """What a model refuses on the native path."""
    version = version_of(model)
    if version < LEVELS:
        return _BEFORE_LEVELS
    return _WHERE_STRICT if strict(model) else frozenset()


def reasoning(
    asked: Reasoning, levels: tuple[str, ...], budgets: tuple[int, int] | None
) -> tuple[dict[str, Any], str | None]:
    """On the compatible path: `reasoning_effort`, or Gemini's own configuration where thoughts are to be told.

    One excludes the other.
    """
    least, most = budgets or (0, BUDGET_OF["max"])
    if not (asks_for_thoughts(asked) or (asked.budget and not levels)):
        efforts = ("minimal", "low", "medium", "high")
        return worded(asked, levels or (efforts if least else ("none", *efforts)))
    config: dict[str, Any] = {}
    effort, reason = wanted(asked)
    if levels and effort is not None:
        config["thinking_level"], other = renamed(effort, levels)
        reason = both(reason, other)
    elif effort is not None:
        budget = BUDGET_OF.get(effort, -1) if asked.budget is None else asked.budget
        config["thinking_budget"] = budget if budget < 0 else min(max(budget, least), most)
        reason = None if asked.effort is None else "an effort became a budget of thinking tokens"
        if config["thinking_budget"] != budget:
            reason = both(reason, f"the model thinks with {least} to {most} tokens")
    if asks_for_thoughts(asked):
        config["include_thoughts"] = True
    return {"extra_body": {"google": {"thinking_config": config}}}, reason


def without_credentials(target: str) -> str:
    """The request target without the query parameters that Google reads as a credential."""
    path, _, query = target.partition("?")
    kept = [part for part in query.split("&") if unquote_plus(part.partition("=")[0]) not in CREDENTIALS]
    return f"{path}?{'&'.join(kept)}" if any(kept) else path


PROVIDER = Google(
    id="google",
    name="Google",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    surfaces=frozenset({GEMINI, CHAT_COMPLETIONS, EMBEDDINGS}),
    # Google's own SDKs let the first win.
    key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
)
