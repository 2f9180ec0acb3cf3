"""Any API that speaks OpenAI's, Anthropic's or Gemini's dialect: what a custom provider without a preset is.

The surfaces an operator declares say which dialects it speaks. The credential goes where servers of that
dialect look for it. For Anthropic's they differ: some read only `x-api-key`, others (vLLM, Ollama's cloud)
only a bearer token; so both are sent, to the one host that the operator named.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from aigw.adapter import Ask, Operation, Outgoing, Provider, bearer

# Headers of a dialect by its wire format; every other format is one of OpenAI's.
ANTHROPIC_HEADERS = frozenset({"anthropic-beta", "anthropic-version"})
OPENAI_HEADERS = frozenset({"openai-beta"})
FOREIGN = {"messages": OPENAI_HEADERS, "gemini": ANTHROPIC_HEADERS | OPENAI_HEADERS}

VERSION = "anthropic-version"
VERSION_LENGTH = len(VERSION)
DEFAULT_VERSION = "2023-06-01"


def names_version(headers: Mapping[str, str]) -> bool:
    """Whether the caller says which version it speaks; the names of headers come in any case."""
    if VERSION in headers:
        return True
    # Lower-casing every name would cost more than all the rest; most differ in length already.
    return VERSION in [name.lower() for name in headers if len(name) == VERSION_LENGTH]


class Compatible(Provider):
    """By surface: the credential's header, and Anthropic's version where the caller names none."""

    __slots__ = ()

    async def adapt(self, ask: Ask) -> Outgoing:
        """In Anthropic's dialect one of two kept answers, with a version or without."""
        rendered = await super().adapt(ask)
        if ask.operation.format != "messages" or names_version(ask.headers):
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
        drop = FOREIGN.get(ask.operation.format, ANTHROPIC_HEADERS)
        return attrs.evolve(super().render(ask), drop=drop)

    def auth(self, ask: Ask) -> tuple[tuple[str, str], ...]:
        """The key where servers of the dialect look for it."""
        if ask.key is None:
            return ()
        secret = ask.key.secret.reveal()
        if ask.operation.format == "gemini":
            return (("x-goog-api-key", secret),)
        if ask.operation.format == "messages":
            return (("x-api-key", secret), *bearer(ask.key))
        return bearer(ask.key)


def with_version(rendered: Outgoing) -> Outgoing:
    """The same with the default version, unless the operator's own headers hold one."""
    if any(name.lower() == VERSION for name, _ in rendered.headers):
        return rendered
    return attrs.evolve(rendered, headers=(*rendered.headers, (VERSION, DEFAULT_VERSION)))


PRESET = Compatible(
    id="compatible",
    name="Compatible API",
    # Only the operator knows where it is and what it serves.
    base_url="",
    surfaces=frozenset(),
    needs_key=False,
)
