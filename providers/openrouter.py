"""OpenRouter: many vendors' models behind OpenAI's and Anthropic's dialects. https://openrouter.ai/docs/api-reference

Model ids carry their vendor (`anthropic/claude-sonnet-5`). A caller's `HTTP-Referer` and `X-Title`, which
name its app in OpenRouter's rankings, pass. Reasoning: https://openrouter.ai/docs/use-cases/reasoning-tokens; what
models thought comes and returns in `reasoning_details`, on Chat Completions alone in every vendor's own shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Provider,
)
from aigw.wire.dialect import Dialect

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning


class OpenRouter(Provider):
    """Both dialects below one base URL, with a bearer key on both."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """OpenRouter fits requests to each vendor; cache marks of Anthropic's stand in the parts of chat messages."""
        return Dialect(
            maker=self.id,
            model=model,
            developer=True,
            thinking_back="reasoning_details",
            reasoning=reasoning,
            cache_marks=True,
            json_object=surface != MESSAGES,
        )


def reasoning(asked: Reasoning) -> tuple[dict[str, Any], str | None]:
    """The object `reasoning`: an effort or a number of tokens, never both, or only whether to think."""
    members: dict[str, Any] = {}
    if asked.effort is not None:
        members["effort"] = asked.effort
    elif asked.budget is not None:
        members |= {"max_tokens": asked.budget} if asked.budget else {"effort": "none"}
    elif asked.enabled is not None:
        members["enabled"] = asked.enabled
    if asked.shown == "none":
        members["exclude"] = True
    both = asked.effort is not None and asked.budget is not None
    return ({"reasoning": members} if members else {}), "an effort excludes a budget of tokens" if both else None


PROVIDER = OpenRouter(
    id="openrouter",
    name="OpenRouter",
    base_url="https://openrouter.ai/api/v1",
    surfaces=frozenset({CHAT_COMPLETIONS, RESPONSES, MESSAGES, COMPLETIONS, EMBEDDINGS}),
    key_variables=("OPENROUTER_API_KEY",),
)
