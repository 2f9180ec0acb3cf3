"""Google: the Gemini API of AI Studio, and its OpenAI-compatible path. https://ai.google.dev/api

The key never travels in the query: it would end up in every log on the way.

What a model takes follows its version: JSON Schema in full since 2.5, thinking by levels instead of budgets since 3
(https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/openai).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Literal
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
            return Dialect(maker=self.id, model=model, efforts=levels, schema=schema)
        return Dialect(
            maker=self.id,
            model=model,
            refused=OPEN_SAMPLING,
            efforts=levels,
            reasoning=partial(reasoning, levels=levels),
            documents=False,
            strict_tools=False,
            schema=schema,
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
    if "flash" in model:
        return ("minimal", "low", "medium", "high")
    return ("low", "high") if version == LEVELS else ("low", "medium", "high")


def reasoning(asked: Reasoning, levels: tuple[str, ...]) -> tuple[dict[str, Any], str | None]:
    """On the compatible path: `reasoning_effort`, or Gemini's own configuration where thoughts are to be told.

    One excludes the other.
    """
    if not (asks_for_thoughts(asked) or (asked.budget and not levels)):
        return worded(asked, levels or ("none", "minimal", "low", "medium", "high"))
    config: dict[str, Any] = {}
    effort, reason = wanted(asked)
    if levels and effort is not None:
        config["thinking_level"], other = renamed(effort, levels)
        reason = both(reason, other)
    elif effort is not None:
        config["thinking_budget"] = BUDGET_OF.get(effort, -1) if asked.budget is None else asked.budget
        reason = None if asked.effort is None else "an effort became a budget of thinking tokens"
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
