"""Groq: OpenAI's dialect below `/openai/v1`. https://console.groq.com/docs/openai"""

from __future__ import annotations

import attrs

from aigw.adapter import AUDIO, CHAT_COMPLETIONS, RESPONSES, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class Groq(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = Groq(
    id="groq",
    name="Groq",
    base_url="https://api.groq.com/openai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, AUDIO}),
    key_variables=("GROQ_API_KEY",),
)
