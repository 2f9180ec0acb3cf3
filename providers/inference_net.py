"""Inference.net: plain OpenAI dialect. https://docs.inference.net"""

from __future__ import annotations

import attrs

from aigw.adapter import CHAT_COMPLETIONS, EMBEDDINGS, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class InferenceNet(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = InferenceNet(
    id="inference-net",
    name="Inference.net",
    base_url="https://api.inference.net/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, EMBEDDINGS}),
    key_variables=("INFERENCE_API_KEY",),
)
