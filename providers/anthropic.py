"""Anthropic: the Messages API. https://docs.anthropic.com/en/api/messages

Every request names an API version. A caller's own passes, because newer versions refuse what older ones take;
a translated request has none and gets the long-lived one, which our translation writes for.

What a model takes follows its version, which stands in its name: structured outputs since 4.5, no prefilled answers
since 4.6, adaptive thinking alone and no sampling since 4.7.
"""

from __future__ import annotations

import re

from aigw.adapter import COUNT_TOKENS, MESSAGES, Ask, VersionedMessages
from aigw.wire.dialect import Dialect

# `claude-3-5-sonnet-20241022`, `claude-opus-4-7`, `claude-fable-5`: the numbers before or after the family's name,
# of which a date is none.
_NUMBERS = re.compile(r"-(\d{1,2})(?:[-.](\d{1,2}))?(?=-|@|:|$)")

Version = tuple[int, int]

STRUCTURED: Version = (4, 5)
NO_PREFILL: Version = (4, 6)
ADAPTIVE: Version = (4, 7)

# Before these there is no `output_config.effort`.
EFFORTS: tuple[tuple[Version, tuple[str, ...]], ...] = (
    ((4, 7), ("low", "medium", "high", "xhigh", "max")),
    ((4, 6), ("low", "medium", "high", "max")),
)

# What models with adaptive thinking do not accept, whatever the API version.
REFUSED = frozenset({"temperature", "thinking.budget_tokens", "top_k", "top_p"})


class Anthropic(VersionedMessages):
    """The key in `x-api-key`, and a version with every request."""

    __slots__ = ()

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in `x-api-key`, which every version takes."""
        return (("x-api-key", ask.key.secret.reveal()),) if ask.key else ()

    def dialect(self, surface: str, model: str) -> Dialect:
        """What the version in the model's name says; a name without one is a new model."""
        version = version_of(model)
        return Dialect(
            maker=self.id,
            model=model,
            refused=REFUSED if version >= ADAPTIVE else frozenset(),
            efforts=next((efforts for since, efforts in EFFORTS if version >= since), ()),
            json_schema=version >= STRUCTURED,
            json_object=False,
            strict_tools=version >= STRUCTURED,
            prefill=version < NO_PREFILL,
            adaptive=version >= ADAPTIVE,
            audio=False,
        )


def version_of(model: str) -> Version:
    """The version in a model's name."""
    found = _NUMBERS.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)


PROVIDER = Anthropic(
    id="anthropic",
    name="Anthropic",
    base_url="https://api.anthropic.com/v1",
    surfaces=frozenset({MESSAGES, COUNT_TOKENS}),
    key_variables=("ANTHROPIC_API_KEY",),
)
