"""vLLM: an own server behind OpenAI's and Anthropic's dialects. https://docs.vllm.ai/en/stable/serving/

Started with `--api-key` it takes that key as a bearer token on every path below `/v1`, Messages included, and
looks at no other header.
"""

from __future__ import annotations

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RERANK,
    RESPONSES,
    Provider,
)
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import worded


class VLLM(Provider):
    """Both dialects below one base URL; a bearer token on both if there is one."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """OpenAI's, without documents; structured output in Anthropic's needs a forced tool."""
        return Dialect(
            maker=self.id,
            model=model,
            thinking_back="reasoning",
            reasoning=worded,
            json_schema=surface != MESSAGES,
            json_object=surface != MESSAGES,
            documents=False,
            strict_tools=False,
        )


PRESET = VLLM(
    id="vllm",
    name="vLLM",
    base_url="http://localhost:8000/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS, RERANK}),
    needs_key=False,
)
