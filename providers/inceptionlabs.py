"""InceptionLabs: diffusion models behind OpenAI's chat dialect. https://docs.inceptionlabs.ai"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aigw.adapter import CHAT_COMPLETIONS, Provider
from aigw.wire.dialect import Dialect
from aigw.wire.efforts import worded

if TYPE_CHECKING:
    from aigw.wire.neutral import Reasoning

EFFORTS = ("instant", "low", "medium", "high")


class InceptionLabs(Provider):
    """OpenAI's dialect, with a word of its own for the least thought."""

    __slots__ = ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """Text alone."""
        return Dialect(maker=self.id, model=model, efforts=EFFORTS, reasoning=reasoning, documents=False, audio=False)


def reasoning(asked: Reasoning) -> tuple[dict[str, Any], str | None]:
    """`reasoning_effort` from instant to high; to think instantly is not to think."""
    if asked.effort == "none" or asked.enabled is False or asked.budget == 0:
        return {"reasoning_effort": "instant"}, None
    return worded(asked, EFFORTS)


PROVIDER = InceptionLabs(
    id="inceptionlabs",
    name="InceptionLabs",
    base_url="https://api.inceptionlabs.ai/v1",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("INCEPTION_API_KEY",),
)
