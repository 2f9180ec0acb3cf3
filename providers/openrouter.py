"""OpenRouter: many vendors' models behind OpenAI's and Anthropic's dialects. https://openrouter.ai/docs/api-reference

Model ids carry their vendor (`anthropic/claude-sonnet-5`). A caller's `HTTP-Referer` and `X-Title`, which
name its app in OpenRouter's rankings, pass.
"""

from __future__ import annotations

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
)

ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})


class OpenRouter(Provider):
    """Both dialects below one base URL, with a bearer key on both."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        drop = OPENAI_HEADERS if ask.operation.format == "messages" else ANTHROPIC_HEADERS
        return attrs.evolve(super().render(ask), drop=drop)


PROVIDER = OpenRouter(
    id="openrouter",
    name="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS}),
    key_variables=("OPENROUTER_API_KEY",),
)
