"""Inference.net: plain OpenAI dialect. https://docs.inference.net"""

from __future__ import annotations

from aigw.adapter import CHAT_COMPLETIONS, EMBEDDINGS, Provider
from aigw.wire.dialect import Dialect


class InferenceNet(Provider):
    """OpenAI's plain dialect."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """Text and images alone."""
        return Dialect(maker=self.id, model=model, documents=False, audio=False)


PROVIDER = InferenceNet(
    id="inference-net",
    name="Inference.net",
    base_url="https://api.inference.net/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, EMBEDDINGS}),
    key_variables=("INFERENCE_API_KEY",),
)
