"""Hyperbolic: open models behind OpenAI's dialect. https://docs.hyperbolic.xyz

Images and speech keep Hyperbolic's own bodies (`model_name`, `text`) and answers (base64 in JSON); speech
also has a path of its own.
"""

from __future__ import annotations

import attrs

from aigw import operations
from aigw.adapter import AUDIO, CHAT_COMPLETIONS, COMPLETIONS, IMAGES, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})

SPEECH_PATH = "audio/generation"


class Hyperbolic(Provider):
    """OpenAI's dialect, but for the path of speech; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)

    def path(self, ask: Ask) -> str:
        """OpenAI's path, but for speech."""
        return SPEECH_PATH if ask.operation is operations.SPEECH else super().path(ask)


PROVIDER = Hyperbolic(
    id="hyperbolic",
    name="Hyperbolic",
    base_url="https://api.hyperbolic.xyz/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, COMPLETIONS, IMAGES, AUDIO}),
    key_variables=("HYPERBOLIC_API_KEY",),
)
