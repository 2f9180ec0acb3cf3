"""Z.ai: GLM models behind OpenAI's chat dialect; the version in the path is 4. https://docs.z.ai"""

from __future__ import annotations

import attrs

from aigw.adapter import CHAT_COMPLETIONS, Ask, Outgoing, Provider

# Left over when an Anthropic-shaped request was translated.
FOREIGN = frozenset({"anthropic-beta", "anthropic-version"})


class ZAI(Provider):
    """OpenAI's dialect; headers of other dialects stay behind."""

    __slots__ = ()

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)


PROVIDER = ZAI(
    id="z-ai",
    name="Z.ai",
    base_url="https://api.z.ai/api/paas/v4",
    surfaces=frozenset({CHAT_COMPLETIONS}),
    key_variables=("ZAI_API_KEY", "ZHIPU_API_KEY"),
)
