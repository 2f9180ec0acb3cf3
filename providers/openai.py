"""OpenAI: the dialect that most others copy. https://platform.openai.com/docs/api-reference"""

from __future__ import annotations

import attrs

from aigw.adapter import (
    AUDIO,
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODERATIONS,
    REALTIME,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
)

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class OpenAI(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = OpenAI(
    id="openai",
    name="OpenAI",
    base_url="https://api.openai.com/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, COMPLETIONS, EMBEDDINGS, MODERATIONS, IMAGES, AUDIO, REALTIME}),
    key_variables=("OPENAI_API_KEY",),
)
