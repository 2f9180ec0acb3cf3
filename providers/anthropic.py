"""Anthropic: the Messages API. https://docs.anthropic.com/en/api/messages

Every request names an API version. A caller's own passes, because newer versions refuse what older ones take;
a translated request has none and gets the long-lived one, which our translation writes for.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from aigw.adapter import COUNT_TOKENS, MESSAGES, Ask, Operation, Outgoing, Provider

VERSION = "anthropic-version"
VERSION_LENGTH = len(VERSION)
DEFAULT_VERSION = "2023-06-01"
# Left over when an OpenAI-shaped request was translated.
FOREIGN = frozenset({"openai-beta"})


def names_version(headers: Mapping[str, str]) -> bool:
    """Whether the caller says which version it speaks; the names of headers come in any case."""
    if VERSION in headers:
        return True
    # Lower-casing every name would cost more than all the rest; most differ in length already.
    return VERSION in [name.lower() for name in headers if len(name) == VERSION_LENGTH]


class Anthropic(Provider):
    """The key in `x-api-key`, and a version with every request."""

    __slots__ = ()

    async def adapt(self, ask: Ask) -> Outgoing:
        """One of two kept answers: as rendered if the caller names a version, else with the default one."""
        rendered = await super().adapt(ask)
        if names_version(ask.headers):
            return rendered
        versioned = self._rendered.get(rendered)
        if versioned is None:
            versioned = self._rendered[rendered] = with_version(rendered)
        return versioned

    def steady(self, operation: Operation) -> bool:
        """Only Anthropic's dialect looks at the caller's headers."""
        return operation.format != "messages"

    def render(self, ask: Ask) -> Outgoing:
        """As every provider, without the headers of other dialects."""
        return attrs.evolve(super().render(ask), drop=FOREIGN)

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key in `x-api-key`, which every version takes."""
        return (("x-api-key", ask.key.secret.reveal()),) if ask.key else ()


def with_version(rendered: Outgoing) -> Outgoing:
    """The same with the default version, unless the operator's own headers hold one."""
    if any(name.lower() == VERSION for name, _ in rendered.headers):
        return rendered
    return attrs.evolve(rendered, headers=(*rendered.headers, (VERSION, DEFAULT_VERSION)))


PROVIDER = Anthropic(
    id="anthropic",
    name="Anthropic",
    base_url="https://api.anthropic.com/v1",
    surfaces=frozenset({MESSAGES, COUNT_TOKENS}),
    key_variables=("ANTHROPIC_API_KEY",),
)
