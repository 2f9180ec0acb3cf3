"""LM Studio: local models behind OpenAI's dialect. https://lmstudio.ai/docs/developer/openai-compat

No credential is needed; with "Require Authentication" on, a bearer token.
"""

from __future__ import annotations

from aigw.adapter import CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES, Provider
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import worded


class LMStudio(Provider):
    """OpenAI's dialect, and Anthropic's where the operator declares the surface; a bearer token on both."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """OpenAI's, without URLs, documents or sounds; structured output in Anthropic's needs a forced tool."""
        return Dialect(
            maker=self.id,
            model=model,
            reasoning=worded,
            json_schema=surface != MESSAGES,
            json_object=False,
            image_urls=False,
            documents=False,
            audio=False,
            strict_tools=False,
        )


PRESET = LMStudio(
    id="lm_studio",
    name="LM Studio",
    base_url="http://localhost:1234/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, COMPLETIONS, EMBEDDINGS}),
    needs_key=False,
)
