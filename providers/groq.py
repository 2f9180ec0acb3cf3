"""Groq: OpenAI's dialect below `/openai/v1`. https://console.groq.com/docs/openai

What is not supported is refused with a 400. Thinking is asked for differently by family of models:
https://console.groq.com/docs/reasoning.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aigw.adapter import AUDIO, CHAT_COMPLETIONS, RESPONSES, Provider
from aigw.wire.dialect import OPEN_SAMPLING, Dialect
from aigw.wire.efforts import both, wanted, worded

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

REFUSED = OPEN_SAMPLING | {"logit_bias", "logprobs", "n", "top_logprobs"}

# Families that think, and those that answer by a schema (https://console.groq.com/docs/structured-outputs).
GPT_OSS = "openai/gpt-oss"
QWEN = "qwen/"
STRUCTURED = (GPT_OSS, "meta-llama/llama-4", "moonshotai/kimi-k2")


class Groq(Provider):
    """OpenAI's dialect, with ways of its own to ask for thinking."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """Text and images alone; reasoning returns where the model thinks."""
        return Dialect(
            maker=self.id,
            model=model,
            refused=REFUSED,
            limit_member="max_completion_tokens",
            thinking_back="reasoning" if model.startswith((GPT_OSS, QWEN)) else None,
            reasoning=partial(reasoning, model=model),
            json_schema=model.startswith(STRUCTURED),
            documents=False,
            audio=False,
        )


def reasoning(asked: Reasoning, model: str) -> tuple[dict[str, Any], str | None]:
    """GPT-OSS thinks by effort, Qwen or not at all; others refuse to be asked."""
    hidden = asked.shown == "none"
    if model.startswith(GPT_OSS):
        members, reason = worded(asked, ("low", "medium", "high"))
        return {**members, **({"include_reasoning": False} if hidden else {})}, reason
    effort, reason = wanted(asked)
    if model.startswith(QWEN):
        # Without a format, thoughts come as text between tags.
        form = {"reasoning_format": "hidden" if hidden else "parsed"}
        if effort in (None, "none"):
            return {**form, **({"reasoning_effort": effort} if effort else {})}, None
        return {**form, "reasoning_effort": "default"}, both(reason, "this model thinks or not, to no degree")
    return {}, None if effort in (None, "none") and not asked.enabled else "this model is not known to think"


PROVIDER = Groq(
    id="groq",
    name="Groq",
    base_url="https://api.groq.com/openai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, AUDIO}),
    key_variables=("GROQ_API_KEY",),
)
