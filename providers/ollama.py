"""Ollama: local models behind OpenAI's and Anthropic's dialects. https://docs.ollama.com/api/openai-compatibility

No credential is needed locally; Ollama's cloud takes a bearer token in both dialects, not `x-api-key` alone.
"""

from __future__ import annotations

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Provider,
)
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import worded


class Ollama(Provider):
    """Both dialects below one base URL; a bearer token on both if there is one."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """OpenAI's, without URLs, documents or sounds; structured output in Anthropic's needs a forced tool."""
        return Dialect(
            maker=self.id,
            model=model,
            thinking_back="reasoning",
            reasoning=worded,
            json_schema=surface != MESSAGES,
            json_object=surface != MESSAGES,
            image_urls=False,
            documents=False,
            audio=False,
            strict_tools=False,
        )


PRESET = Ollama(
    id="ollama",
    name="Ollama",
    base_url="http://localhost:11434/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS}),
    needs_key=False,
)
