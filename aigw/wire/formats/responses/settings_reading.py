"""What a caller's request says beside its items and tools.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.formats.responses.members import Members, refuse
from aigw.wire.formats.responses.tools import read_choice
from aigw.wire.losses import child
from aigw.wire.neutral import OutputFormat, Reasoning, Settings

LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"

# Member → setting, by the type of its value. The second half of the numbers is of compatible servers (OpenRouter,
# vLLM, LM Studio, xAI), not of OpenAI.
_WHOLE: Final = {
    "max_output_tokens": "max_tokens", "top_logprobs": "top_logprobs", "max_tool_calls": "max_tool_calls",
    "top_k": "top_k", "seed": "seed",
}  # fmt: skip
_NUMBERS: Final = {
    "temperature": "temperature", "top_p": "top_p",
    "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty",
    "repetition_penalty": "repetition_penalty", "min_p": "min_p",
}  # fmt: skip
_TEXTS: Final = {
    "previous_response_id": "previous", "user": "user", "safety_identifier": "safety_identifier",
    "prompt_cache_key": "cache_key", "prompt_cache_retention": "cache_retention", "service_tier": "tier",
}  # fmt: skip
_FLAGS: Final = {"parallel_tool_calls": "parallel_tools", "store": "store"}
EXTENSIONS: Final = frozenset(
    {"top_k", "seed", "frequency_penalty", "presence_penalty", "repetition_penalty", "min_p", "stop"}
)
"""Settings that callers of this format may say though OpenAI's API does not know them."""


class SettingsReader:
    """Takes the settings out of a request's members."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._settings = Settings()
        self.places: dict[str, str] = {}

    def read(self) -> Settings:
        """All of them. Raises InvalidBody."""
        members = self._members
        for table, take in (
            (_WHOLE, members.whole),
            (_NUMBERS, members.number),
            (_TEXTS, members.text),
            (_FLAGS, members.flag),
        ):
            for member, setting in table.items():
                if member in members.value:
                    self._set(setting, take(member), member)
        self._set("metadata", members.table("metadata"), "metadata")
        self._stop()
        self._choice()
        self._include()
        self._reasoning()
        self._text()
        return self._settings

    def _set(self, setting: str, value: Any, *path: str) -> None:
        if value is not None:
            setattr(self._settings, setting, value)
            self.places[setting] = child("", *path)

    def _stop(self) -> None:
        value = self._members.value.get("stop")
        stop = [self._members.text("stop") or ""] if isinstance(value, str) else self._members.texts("stop")
        self._set("stop", stop, "stop")

    def _choice(self) -> None:
        value = self._members.take("tool_choice")
        if value is None:
            return
        choice = read_choice(value, "/tool_choice")
        if choice is None:
            self._members.leave("tool_choice")
        self._set("tool_choice", choice, "tool_choice")

    def _include(self) -> None:
        """What the answer shall include: log probabilities, and what stays with the format."""
        include = self._members.texts("include")
        if not include:
            return
        if LOGPROBS in include:
            self._set("logprobs", True, "include")
        others = [word for word in include if word != LOGPROBS]
        if others:
            self._members.leave("include")
            self._members.value = {**self._members.value, "include": others}

    def _reasoning(self) -> None:
        inner = self._members.inner("reasoning")
        if inner is None:
            return
        reasoning = Reasoning(
            effort=inner.text("effort"),
            # Of OpenRouter: https://openrouter.ai/docs/use-cases/reasoning-tokens
            budget=inner.whole("max_tokens"),
            enabled=inner.flag("enabled"),
            shown=inner.text("summary"),
        )
        if reasoning != Reasoning():
            self._set("reasoning", reasoning, "reasoning")
        self._keep("reasoning", inner)

    def _text(self) -> None:
        inner = self._members.inner("text")
        if inner is None:
            return
        self._set("verbosity", inner.text("verbosity"), "text", "verbosity")
        format = inner.inner("format")
        if format is not None:
            self._set("output", _output(format), "text", "format")
            if format.own():
                inner.leave("format")
                inner.value = {**inner.value, "format": format.own()}
        self._keep("text", inner)

    def _keep(self, name: str, inner: Members) -> None:
        """What is not known of an object stays the format's own, under the object's name."""
        own = inner.own()
        if own:
            self._members.leave(name)
            self._members.value = {**self._members.value, name: own}


def _output(format: Members) -> OutputFormat:
    kind = format.needed("type")
    if kind == "text":
        return OutputFormat(kind="text")
    if kind == "json_object":
        return OutputFormat(kind="json")
    if kind != "json_schema":
        refuse(format.place("type"), f"must be text, json_object or json_schema, not {kind!r}")
    nested = format.inner("json_schema")
    if nested is not None:  # as Chat Completions nests it
        format = nested
    schema = format.table("schema")
    if schema is None:
        refuse(format.place("schema"), "is required")
    return OutputFormat(
        kind="schema",
        schema=schema,
        name=format.text("name"),
        description=format.text("description"),
        strict=format.flag("strict"),
    )
