"""Hyperbolic: open models behind OpenAI's dialect. https://docs.hyperbolic.xyz

Images and speech keep Hyperbolic's own bodies (`model_name`, `text`) and answers (base64 in JSON); speech
also has a path of its own.
"""

from __future__ import annotations

from aigw import operations
from aigw.adapter import AUDIO, CHAT_COMPLETIONS, COMPLETIONS, IMAGES, Ask, Provider
from aigw.wire.dialect import Dialect

SPEECH_PATH = "audio/generation"


class Hyperbolic(Provider):
    """OpenAI's plain dialect, but for the path of speech."""

    __slots__ = ()

    def path(self, ask: Ask) -> str:
        """OpenAI's path, but for speech."""
        return SPEECH_PATH if ask.operation is operations.SPEECH else super().path(ask)

    def dialect(self, surface: str, model: str) -> Dialect:
        """Text and images alone."""
        return Dialect(maker=self.id, model=model, documents=False, audio=False)


PROVIDER = Hyperbolic(
    id="hyperbolic",
    name="Hyperbolic",
    base_url="https://api.hyperbolic.xyz/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, COMPLETIONS, IMAGES, AUDIO}),
    key_variables=("HYPERBOLIC_API_KEY",),
)
