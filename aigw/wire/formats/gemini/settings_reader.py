"""Reads the settings of a request: `generationConfig` and what stands beside it.

Sources: https://ai.google.dev/api/generate-content#v1beta.GenerationConfig,
https://ai.google.dev/gemini-api/docs/thinking
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.gemini.members import Members, number, wrong
from aigw.wire.formats.gemini.names import LEVELS
from aigw.wire.losses import child
from aigw.wire.neutral import OutputFormat, Reasoning, Settings
from aigw.wire.schema_back import from_openapi

_INTEGERS = {"candidateCount": "n", "maxOutputTokens": "max_tokens", "seed": "seed", "logprobs": "top_logprobs"}
_NUMBERS = {
    "temperature": "temperature",
    "topP": "top_p",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_JSON = "application/json"
_CONFIG = "generationConfig"


class SettingsReader:
    """Collects the settings of one request, their places, and what only Gemini has."""

    __slots__ = ("own", "places", "settings")

    def __init__(self) -> None:
        self.settings = Settings()
        self.places: dict[str, str] = {}
        self.own: dict[str, Any] = {}

    def say(self, name: str, value: Any, place: str) -> None:
        """A setting is said, maybe in a second place."""
        setattr(self.settings, name, value)
        before = self.places.get(name)
        self.places[name] = f"{before} {place}" if before else place

    def keep(self, group: str, name: str, value: Any, place: str) -> None:
        """A member of an object that only Gemini has; `places` tells where, under the name of the object."""
        self.own.setdefault(group, {})[name] = value
        before = self.places.get(group)
        self.places[group] = f"{before} {place}" if before else place

    def read_top(self, request: Members) -> None:
        """The settings that stand beside `generationConfig`."""
        tier = request.text("serviceTier")
        if tier is not None:
            self.say("tier", tier.lower(), request.place("serviceTier"))
        store = request.flag("store")
        if store is not None:
            self.say("store", store, request.place("store"))

    def read_config(self, request: Members) -> None:
        """`generationConfig`."""
        config = request.inner(_CONFIG)
        if config is None:
            return
        for member, name in _INTEGERS.items():
            self._say(config, member, name, config.integer(member))
        for member, name in _NUMBERS.items():
            self._say(config, member, name, config.number(member))
        self._say(config, "stopSequences", "stop", config.texts("stopSequences") or None)
        self._say(config, "responseLogprobs", "logprobs", config.flag("responseLogprobs"))
        modalities = config.texts("responseModalities")
        self._say(config, "responseModalities", "modalities", [word.lower() for word in modalities or ()] or None)
        self._top_k(config)
        self._thinking(config)
        self._output(config)
        self._speech(config)
        for name, value in (config.rest() or {}).items():
            self.keep(_CONFIG, name, value, child(config.at, name))

    def _say(self, config: Members, member: str, name: str, value: Any) -> None:
        if value is not None:
            self.say(name, value, config.place(member))

    def _top_k(self, config: Members) -> None:
        value = config.take("topK")
        if value is None:
            return
        place = config.place("topK")
        found = number(value, place)
        if int(found) == found:
            self.say("top_k", int(found), place)
        else:
            self.keep(_CONFIG, "topK", value, place)

    def _thinking(self, config: Members) -> None:
        thinking = config.inner("thinkingConfig")
        if thinking is None:
            return
        reasoning = Reasoning()
        budget, shown = thinking.integer("thinkingBudget"), thinking.flag("includeThoughts")
        level = (thinking.text("thinkingLevel") or "").lower()
        if budget == -1:
            reasoning.adaptive = reasoning.enabled = True
        else:
            reasoning.budget = budget
        if shown is not None:
            reasoning.shown = "auto" if shown else "none"
        if level in LEVELS:
            reasoning.effort = level
        elif level not in ("", "thinking_level_unspecified"):
            raise wrong(thinking.place("thinkingLevel"), "must be MINIMAL, LOW, MEDIUM, HIGH or XHIGH")
        if reasoning != Reasoning():
            self.say("reasoning", reasoning, thinking.at)
        for name, value in (thinking.rest() or {}).items():
            self.own.setdefault(_CONFIG, {}).setdefault("thinkingConfig", {})[name] = value
            before = self.places.get(_CONFIG)
            place = child(thinking.at, name)
            self.places[_CONFIG] = f"{before} {place}" if before else place

    def _output(self, config: Members) -> None:
        """The type of the answer and its schema; a bare value of an enumeration is Gemini's own."""
        mime = config.text("responseMimeType")
        full = config.object("responseJsonSchema")
        full_place = config.place("responseJsonSchema")
        if full is None:
            full, full_place = config.object("_responseJsonSchema"), config.place("_responseJsonSchema")
        subset = config.object("responseSchema")
        place = config.place("responseMimeType")
        if mime not in (None, _JSON, "text/plain"):
            self.keep(_CONFIG, "responseMimeType", mime, place)
            if full is not None:
                self.keep(_CONFIG, "responseJsonSchema", full, full_place)
            if subset is not None:
                self.keep(_CONFIG, "responseSchema", subset, config.place("responseSchema"))
            return
        if mime is not None:
            self.say("output", OutputFormat(kind="json" if mime == _JSON else "text"), place)
        if full is not None:
            self.say("output", OutputFormat(kind="schema", schema=full), full_place)
        elif subset is not None:
            self.say("output", OutputFormat(kind="schema", schema=from_openapi(subset)), config.place("responseSchema"))

    def _speech(self, config: Members) -> None:
        """The one voice of a speaker; more than that is Gemini's own."""
        value = config.object("speechConfig")
        if value is None:
            return
        place = config.place("speechConfig")
        speech = Members(value, place)
        voice = speech.inner("voiceConfig")
        prebuilt = voice.inner("prebuiltVoiceConfig") if voice is not None else None
        name = prebuilt.text("voiceName") if prebuilt is not None else None
        further = speech.rest() or (voice and voice.rest()) or (prebuilt and prebuilt.rest())
        if name is None or further:
            self.keep(_CONFIG, "speechConfig", value, place)
        else:
            self.say("voice", {"voice": name}, place)
