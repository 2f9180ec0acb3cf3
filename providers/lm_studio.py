"""LM Studio: local models behind OpenAI's dialect. https://lmstudio.ai/docs/developer/openai-compat

No credential is needed; with "Require Authentication" on, a bearer token.
"""

from __future__ import annotations

import attrs

from aigw.adapter import CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, RESPONSES, Ask, Outgoing, Provider

ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})


class LMStudio(Provider):
    """OpenAI's dialect, and Anthropic's where the operator declares the surface; a bearer token on both."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        drop = OPENAI_HEADERS if ask.operation.format == "messages" else ANTHROPIC_HEADERS
        return attrs.evolve(super().render(ask), drop=drop)


PRESET = LMStudio(
    id="lm_studio",
    name="LM Studio",
    base_url="http://localhost:1234/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, COMPLETIONS, EMBEDDINGS}),
    needs_key=False,
)
