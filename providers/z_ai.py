"""Z.ai: GLM models behind OpenAI's chat dialect; the version in the path is 4. https://docs.z.ai

Thinking is a switch, with an effort beside it since GLM 5.2; what a model thought returns with its tool calls
(https://docs.z.ai/guides/capabilities/thinking-mode).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from aigw.adapter import CHAT_COMPLETIONS, Provider
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import switched

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

_NUMBERS = re.compile(r"glm-(\d+)(?:\.(\d+))?")

EFFORTS = ("low", "high", "max")
EFFORTS_SINCE = (5, 2)


class ZAI(Provider):
    """OpenAI's dialect, with a switch for thinking."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """JSON mode without a schema; text and images alone."""
        efforts = efforts_of(model)
        return Dialect(
            maker=self.id,
            model=model,
            efforts=efforts,
            thinking_back="reasoning_content",
            reasoning=partial(reasoning, efforts=efforts),
            json_schema=False,
            documents=False,
            audio=False,
            strict_tools=False,
        )


def efforts_of(model: str) -> tuple[str, ...]:
    """The efforts that a model knows beside the switch."""
    found = _NUMBERS.match(model)
    return EFFORTS if found and (int(found[1]), int(found[2] or 0)) >= EFFORTS_SINCE else ()


def reasoning(asked: Reasoning, efforts: tuple[str, ...]) -> tuple[dict[str, Any], str | None]:
    """`thinking.type`, and `reasoning_effort` where the model knows it; thoughts are always told."""
    return switched(asked, efforts)


PROVIDER = ZAI(
    id="z-ai",
    name="Z.ai",
    base_url="https://api.z.ai/api/paas/v4",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("ZAI_API_KEY", "ZHIPU_API_KEY"),
)
