"""OpenAI: the dialect that most others copy. https://platform.openai.com/docs/api-reference"""

from __future__ import annotations

from aigw.adapter import (
    AUDIO,
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    GEMINI,
    IMAGES,
    MESSAGES,
    MODERATIONS,
    REALTIME,
    RESPONSES,
    Provider,
)
from aigw.wire.dialect import OPEN_SAMPLING, Dialect
from aigw.wire.efforts import untold


class OpenAI(Provider):
    """OpenAI's dialect; reasoning models refuse what the catalog says of them."""

    __slots__ = ()

    def order(self) -> tuple[str, ...]:
        """Responses first: only there reasoning comes back and returns on the next turn."""
        return (RESPONSES, CHAT_COMPLETIONS, MESSAGES, GEMINI)

    def dialect(self, surface: str, model: str) -> Dialect:
        """The format's own documentation is OpenAI's; its Responses API takes no sounds."""
        if surface == RESPONSES:
            return Dialect(maker=self.id, model=model, developer=True, custom_tools=True, audio=False)
        return Dialect(
            maker=self.id,
            model=model,
            refused=OPEN_SAMPLING,
            limit_member="max_completion_tokens",
            developer=True,
            custom_tools=True,
            reasoning=untold,
        )


PROVIDER = OpenAI(
    id="openai",
    name="OpenAI",
    base_url="https://api.openai.com/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, COMPLETIONS, EMBEDDINGS, MODERATIONS, IMAGES, AUDIO, REALTIME}),
    key_variables=("OPENAI_API_KEY",),
)
