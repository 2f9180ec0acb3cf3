"""vLLM: an own server behind OpenAI's and Anthropic's dialects. https://docs.vllm.ai/en/stable/serving/

Started with `--api-key` it takes that key as a bearer token on every path below `/v1`, Messages included, and
looks at no other header.
"""

from __future__ import annotations

import attrs

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RERANK,
    RESPONSES,
    Ask,
    Outgoing,
    Provider,
)

ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})


class VLLM(Provider):
    """Both dialects below one base URL; a bearer token on both if there is one."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        drop = OPENAI_HEADERS if ask.operation.format == "messages" else ANTHROPIC_HEADERS
        return attrs.evolve(super().render(ask), drop=drop)


PRESET = VLLM(
    id="vllm",
    name="vLLM",
    base_url="http://localhost:8000/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK}),
    needs_key=False,
)
