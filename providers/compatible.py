"""Any API that speaks OpenAI's, Anthropic's or Gemini's dialect: what a custom provider without a preset is.

The surfaces an operator declares say which dialects it speaks. The credential goes where servers of that
dialect look for it. For Anthropic's they differ: some read only `x-api-key`, others (vLLM, Ollama's cloud)
only a bearer token; so both are sent, to the one host that the operator named. Translated requests keep to what such
servers have in common.
"""

from __future__ import annotations

from aigw.adapter import CHAT_COMPLETIONS, GEMINI, MESSAGES, Ask, VersionedMessages, bearer
from aigw.wire.dialect import OPEN_SAMPLING, Dialect


class Compatible(VersionedMessages):
    """By surface: the credential's header, and Anthropic's version where the caller names none."""

    __slots__ = ()

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

    def dialect(self, surface: str, model: str) -> Dialect:
        """The oldest words of each format: the subset of schemas, a forced tool for structured output in Messages."""
        return Dialect(
            maker=self.id,
            model=model,
            refused=OPEN_SAMPLING if surface == CHAT_COMPLETIONS else frozenset(),
            json_schema=surface != MESSAGES,
            json_object=surface != MESSAGES,
            schema="gemini" if surface == GEMINI else "full",
        )


PRESET = Compatible(
    id="compatible",
    name="Compatible API",
    # Only the operator knows where it is and what it serves.
    base_url="",
    example_url="https://llm.example.com/v1",
    surfaces=frozenset(),
    needs_key=False,
)
