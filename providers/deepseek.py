"""DeepSeek: OpenAI's dialect, a beta path for completions, and Anthropic's dialect on a path of its own.

https://api-docs.deepseek.com/guides/anthropic_api, https://api-docs.deepseek.com/guides/fim_completion
"""

from __future__ import annotations

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    MESSAGES,
    Ask,
    Outgoing,
    Provider,
    join,
    origin_of,
)

ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})

# Where surfaces lie below the base URL, so that they follow it when an operator overrides it.
BELOW = {MESSAGES: "anthropic/v1", COMPLETIONS: "beta"}


class DeepSeek(Provider):
    """A bearer key on OpenAI's dialect, `x-api-key` on Anthropic's."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        drop = OPENAI_HEADERS if ask.operation.format == "messages" else ANTHROPIC_HEADERS
        return attrs.evolve(super().render(ask), drop=drop)

    def surface_url(self, surface: str) -> str:
        """The operator's own URL for a surface, else the surface's place below the base URL."""
        below = BELOW.get(surface)
        if below is None or surface in self.surface_urls:
            return super().surface_url(surface)
        return f"{origin_of(self.base_url)}{join(self.base_url, below)}"

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in the header of the dialect."""
        if ask.key is None or ask.operation.format != "messages":
            return super().auth(ask)
        return (("x-api-key", ask.key.secret.reveal()),)


PROVIDER = DeepSeek(
    id="deepseek",
    name="DeepSeek",
    base_url="https://api.deepseek.com",
    surfaces=frozenset({CHAT_COMPLETIONS, COMPLETIONS, MESSAGES}),
    key_variables=("DEEPSEEK_API_KEY",),
)
