"""Moonshot AI: Kimi models behind OpenAI's chat dialect. https://platform.moonshot.ai/docs

Images come as data, not as URLs; what a model thought returns with its tool calls.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from aigw.adapter import CHAT_COMPLETIONS, Provider
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import switched, wanted

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

# The first generations: JSON mode, but no schema, and no switch for thinking.
OLD = ("moonshot-v1", "kimi-k2-", "kimi-latest")


class MoonshotAI(Provider):
    """OpenAI's dialect, with a switch for thinking."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """Text and images alone."""
        old = model.startswith(OLD)
        return Dialect(
            maker=self.id,
            model=model,
            thinking_back="reasoning_content",
            reasoning=partial(by_name, model=model) if old else switched,
            json_schema=not old,
            image_urls=False,
            documents=False,
            audio=False,
        )


def by_name(asked: Reasoning, model: str) -> tuple[dict[str, Any], str | None]:
    """Old models think or not by their name: whoever asks for just that loses nothing."""
    effort, _ = wanted(asked)
    thinks = "thinking" in model
    granted = (effort is None and asked.enabled in (None, thinks)) or (effort == "none" and not thinks)
    return {}, None if granted else "whether this model thinks is in its name"


PROVIDER = MoonshotAI(
    id="moonshotai",
    name="Moonshot AI",
    base_url="https://api.moonshot.ai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("MOONSHOT_API_KEY",),
)
