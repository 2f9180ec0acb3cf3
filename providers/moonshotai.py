"""Moonshot AI: Kimi models behind OpenAI's chat dialect. https://platform.moonshot.ai/docs"""

from __future__ import annotations

import attrs

from aigw.adapter import CHAT_COMPLETIONS, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class MoonshotAI(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = MoonshotAI(
    id="moonshotai",
    name="Moonshot AI",
    base_url="https://api.moonshot.ai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("MOONSHOT_API_KEY",),
)
