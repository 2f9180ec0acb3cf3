"""Google: the Gemini API of AI Studio, and its OpenAI-compatible path. https://ai.google.dev/api

The key never travels in the query: it would end up in every log on the way.
"""

from __future__ import annotations

from urllib.parse import quote, unquote_plus

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    Ask,
    Outgoing,
    Provider,
    join,
    origin_of,
)

# Left over when a request in another dialect was translated; the compatible path speaks OpenAI's.
FOREIGN_TO_GEMINI = frozenset({"anthropic-beta", "anthropic-version", "openai-beta"})
FOREIGN_TO_OPENAI = frozenset({"anthropic-beta", "anthropic-version"})

# Where the compatible API lies below the base URL, so that it follows when an operator overrides it.
COMPATIBLE = "openai"

# What a model may be named under: `models/gemini-2.5-flash` is `gemini-2.5-flash`.
COLLECTIONS = frozenset({"models", "tunedModels"})

# Query parameters that Google takes a credential from.
CREDENTIALS = frozenset({"access_token", "key"})


class Google(Provider):
    """`x-goog-api-key` on the native path, a bearer key on the compatible one."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects and without credentials in the query."""
        rendered = super().render(ask)
        drop = FOREIGN_TO_GEMINI if ask.operation.surface == GEMINI else FOREIGN_TO_OPENAI
        return attrs.evolve(rendered, target=without_credentials(rendered.target), drop=drop)

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

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in the header of the path."""
        if ask.key is None or ask.operation.surface != GEMINI:
            return super().auth(ask)
        return (("x-goog-api-key", ask.key.secret.reveal()),)


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
