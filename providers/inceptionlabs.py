"""InceptionLabs: diffusion models behind OpenAI's chat dialect. https://docs.inceptionlabs.ai"""

from __future__ import annotations

import attrs

from aigw.adapter import CHAT_COMPLETIONS, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class InceptionLabs(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = InceptionLabs(
    id="inceptionlabs",
    name="InceptionLabs",
    base_url="https://api.inceptionlabs.ai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("INCEPTION_API_KEY",),
)
