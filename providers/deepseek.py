"""DeepSeek: OpenAI's dialect, a beta path for completions, and Anthropic's dialect on a path of its own.

https://api-docs.deepseek.com/guides/anthropic_api, https://api-docs.deepseek.com/guides/fim_completion; thinking:
https://api-docs.deepseek.com/guides/thinking_mode. Its models read text alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aigw.adapter import (
    CHAT_COMPLETIONS,
    COMPLETIONS,
    MESSAGES,
    Ask,
    Provider,
    join,
    origin_of,
)
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import switched

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

# Where surfaces lie below the base URL, so that they follow it when an operator overrides it.
BELOW = {MESSAGES: "anthropic/v1", COMPLETIONS: "beta"}

EFFORTS = ("high", "max")

# The alias of the model without thinking. The others want back what they thought before they called a tool.
UNTHINKING = "deepseek-chat"


class DeepSeek(Provider):
    """A bearer key on OpenAI's dialect, `x-api-key` on Anthropic's."""

    __slots__ = ()

    def surface_url(self, surface: str) -> str:
        """The operator's own URL for a surface, else the surface's place below the base URL."""
        below = BELOW.get(surface)
        if below is None or surface in self.surface_urls:
            return super().surface_url(surface)
        return f"{origin_of(self.base_url)}{join(self.base_url, below)}"

    def dialect(self, surface: str, model: str) -> Dialect:
        """JSON mode without a schema on OpenAI's dialect, neither on Anthropic's; a prefilled answer needs the beta."""
        return Dialect(
            maker=self.id,
            model=model,
            efforts=EFFORTS,
            thinking_back=None if model == UNTHINKING else "reasoning_content",
            reasoning=reasoning,
            json_schema=False,
            json_object=surface != MESSAGES,
            documents=False,
            audio=False,
            strict_tools=False,
            prefill=surface == MESSAGES,
        )

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in the header of the dialect."""
        if ask.key is None or ask.operation.format != "messages":
            return super().auth(ask)
        return (("x-api-key", ask.key.secret.reveal()),)


def reasoning(asked: Reasoning) -> tuple[dict[str, Any], str | None]:
    """`thinking.type`, with `reasoning_effort` high or max; thoughts are always told."""
    return switched(asked, EFFORTS)


PROVIDER = DeepSeek(
    id="deepseek",
    name="DeepSeek",
    base_url="https://api.deepseek.com",
    surfaces=frozenset({CHAT_COMPLETIONS, COMPLETIONS, MESSAGES}),
    key_variables=("DEEPSEEK_API_KEY",),
)
