"""Ollama: local models behind OpenAI's and Anthropic's dialects. https://docs.ollama.com/api/openai-compatibility

No credential is needed locally; Ollama's cloud takes a bearer token in both dialects, not `x-api-key` alone.
"""

from __future__ import annotations

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
)

ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})


class Ollama(Provider):
    """Both dialects below one base URL; a bearer token on both if there is one."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        drop = OPENAI_HEADERS if ask.operation.format == "messages" else ANTHROPIC_HEADERS
        return attrs.evolve(super().render(ask), drop=drop)


PRESET = Ollama(
    id="ollama",
    name="Ollama",
    base_url="http://localhost:11434/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS}),
    needs_key=False,
)
