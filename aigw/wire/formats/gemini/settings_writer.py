"""Writes the settings of a request: `generationConfig` and what stands beside it.

Sources: https://ai.google.dev/api/generate-content#v1beta.GenerationConfig,
https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/structured-output
"""

from __future__ import annotations

from typing import Any

from aigw.wire.dialect import BUDGET_OF, effort_of
from aigw.wire.draft import Draft
from aigw.wire.efforts import nearest
from aigw.wire.formats.gemini.names import LEVELS, TIERS
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.losses import child
from aigw.wire.neutral import OutputFormat, Reasoning
from aigw.wire.openapi_schema import to_openapi
from aigw.wire.schema_back import NAMES

MOST_STOPS = 5
"""Stop sequences that the API takes."""

JSON_WITH_FUNCTIONS = "responseMimeType+functionDeclarations"
"""The name under which a dialect refuses JSON output beside functions (models before Gemini 3).

400 "Function calling with a response mime type: 'application/json' is unsupported".
"""

_INT32 = 2**31
_SCHEMA_BELOW = {"chat": ("json_schema", "schema"), "responses": ("schema",), "messages": ("schema",)}


def write_settings(draft: Draft) -> None:
    """Every setting that Gemini has a place for; the draft reports the others."""
    config: dict[str, Any] = {}
    draft.carry("temperature", into=config)
    draft.carry("top_p", "topP", into=config)
    draft.carry("top_k", "topK", into=config)
    draft.carry("n", "candidateCount", into=config)
    _max_tokens(draft, config)
    _stop(draft, config)
    _seed(draft, config)
    draft.carry("presence_penalty", "presencePenalty", into=config)
    draft.carry("frequency_penalty", "frequencyPenalty", into=config)
    draft.carry("logprobs", "responseLogprobs", into=config)
    draft.carry("top_logprobs", "logprobs", into=config)
    _output(draft, config)
    _modalities(draft, config)
    _thinking(draft, config)
    own = draft.conversation.own.get("generationConfig")
    if isinstance(own, dict):
        for name, value in own.items():
            both = isinstance(value, dict) and isinstance(config.get(name), dict)
            config[name] = {**config[name], **value} if both else value
    if config:
        draft.body["generationConfig"] = config
    _tier(draft)
    draft.carry("store")
    draft.take("include_usage")  # every chunk tells it


def _max_tokens(draft: Draft, config: dict[str, Any]) -> None:
    limit, most = draft.take("max_tokens"), draft.dialect.max_output
    if limit is None:
        return
    place = draft.place("max_tokens")
    if most is not None and limit > most:
        draft.ledger.approximate(place, f"the model writes at most {most} tokens")
        limit = most
    draft.put("maxOutputTokens", limit, place, config)


def _stop(draft: Draft, config: dict[str, Any]) -> None:
    stop = draft.take("stop")
    if not stop:
        return
    place = draft.place("stop")
    for index in range(MOST_STOPS, len(stop)):
        draft.ledger.drop(child(place, index), f"Gemini takes {MOST_STOPS} stop sequences")
    draft.put("stopSequences", stop[:MOST_STOPS], place, config)


def _seed(draft: Draft, config: dict[str, Any]) -> None:
    seed = draft.take("seed")
    if seed is None:
        return
    place = draft.place("seed")
    if not -_INT32 <= seed < _INT32:
        draft.ledger.approximate(place, "Gemini's seeds have 32 bits: these are its lowest ones")
        seed = seed % _INT32
    draft.put("seed", seed, place, config)


def _modalities(draft: Draft, config: dict[str, Any]) -> None:
    modalities = draft.take("modalities")
    if modalities is not None:
        value = [word.upper() for word in modalities]
        draft.put("responseModalities", value, draft.place("modalities"), config)
    voice = draft.take("voice")
    if voice is None:
        return
    if draft.conversation.own_format != FORMAT:
        draft.ledger.drop(draft.place("voice"), "Gemini has other voices")
        return
    speech = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice.get("voice")}}}
    draft.put("speechConfig", speech, draft.place("voice"), config)


def _tier(draft: Draft) -> None:
    tier = draft.take("tier")
    if tier is None:
        return
    known = TIERS.get(tier)
    if draft.conversation.own_format == FORMAT:
        known = tier
    if known is None:
        draft.ledger.drop(draft.place("tier"), f"Gemini has no service tier {tier}")
    else:
        draft.put("serviceTier", known, draft.place("tier"))


# -- structured output ------------------------------------------------------------------------------------------------


def _output(draft: Draft, config: dict[str, Any]) -> None:
    output: OutputFormat | None = draft.take("output")
    if output is None:
        return
    place = draft.place("output")
    if output.kind == "text":
        draft.put("responseMimeType", "text/plain", place, config)
        return
    if not draft.dialect.json_object:
        draft.ledger.drop(place, "the model cannot be held to JSON")
        return
    if JSON_WITH_FUNCTIONS in draft.dialect.refused and _functions(draft):
        draft.ledger.drop(place, "the model cannot be held to JSON where there are functions")
        return
    draft.put("responseMimeType", "application/json", place, config)
    if output.kind != "schema" or output.schema is None:
        _unnamed(output, draft)
        return
    if not draft.dialect.json_schema:
        draft.ledger.drop(place, "the model cannot be held to a schema")
    elif draft.dialect.schema == "full":
        draft.put("responseJsonSchema", _named(output, output.schema, draft), place, config)
    else:
        place, home = _schema_place(draft), draft.conversation.own_format == FORMAT
        schema = to_openapi(output.schema, place, draft.ledger, NAMES if home else {})
        draft.put("responseSchema", _named(output, schema, draft), place, config)


def _functions(draft: Draft) -> bool:
    return any("functionDeclarations" in tool for tool in draft.body.get("tools", ()))


def _named(output: OutputFormat, schema: dict[str, Any], draft: Draft) -> dict[str, Any]:
    """The schema with what is said about it, which has no other place."""
    told = dict(schema)
    for member, name, value in _about(output):
        if told.setdefault(member, value) != value:
            place = _schema_place(draft).rpartition("/")[0]
            draft.ledger.drop(child(place, name), f"the schema has a {member} of its own")
    return told


def _unnamed(output: OutputFormat, draft: Draft) -> None:
    """Report what is said about a schema that is not there."""
    for _, name, _ in _about(output):
        draft.ledger.drop(child(_schema_place(draft).rpartition("/")[0], name), "there is no schema that it is said of")


def _about(output: OutputFormat) -> list[tuple[str, str, str]]:
    """The keyword that can say it, what the caller calls it, and what is said."""
    said = ("title", "name", output.name), ("description", "description", output.description)
    return [(member, name, value) for member, name, value in said if value is not None]


def _schema_place(draft: Draft) -> str:
    place = draft.place("output").rpartition(" ")[2]
    return child(place, *_SCHEMA_BELOW.get(draft.conversation.own_format, ()))


# -- thinking ---------------------------------------------------------------------------------------------------------


def _thinking(draft: Draft, config: dict[str, Any]) -> None:
    asked: Reasoning | None = draft.take("reasoning")
    if asked is None:
        return
    thinking = _amount(asked, draft)
    if asked.shown is not None:
        thinking["includeThoughts"] = asked.shown != "none"
        if asked.shown in ("concise", "detailed"):
            draft.ledger.approximate(draft.place("reasoning"), "Gemini tells its thoughts in one way only")
    elif thinking.get("thinkingBudget") and asked.effort is None:
        # Who gives a budget, or lets the model decide on it, is shown the thoughts in the formats that have that.
        thinking["includeThoughts"] = True
    if thinking:
        draft.put("thinkingConfig", thinking, draft.place("reasoning"), config)


def _amount(asked: Reasoning, draft: Draft) -> dict[str, Any]:
    """How much is thought: a budget if one is said, else a level where the model has levels, else a budget again."""
    efforts, place = draft.dialect.efforts, draft.place("reasoning")
    effort = asked.effort
    if asked.budget is not None:
        if not (efforts and (draft.dialect.adaptive or asked.budget == 0)):
            if effort is not None:
                draft.ledger.drop(place, "a budget is said too, and Gemini takes one of the two")
            return _budget(asked.budget, place, draft)
        if asked.budget:
            draft.ledger.approximate(place, "a budget of thinking tokens became a level")
        effort = effort or effort_of(asked.budget)
    elif effort is None:
        if asked.enabled is None and not asked.adaptive:
            return {}
        if asked.enabled is not False:
            return {"thinkingBudget": -1}
        effort = "none"
    return _level(effort or "none", efforts, place, draft)


def _level(effort: str, efforts: tuple[str, ...], place: str, draft: Draft) -> dict[str, Any]:
    if effort in LEVELS and draft.conversation.own_format == FORMAT:
        return {"thinkingLevel": effort.upper()}
    if not efforts:
        if effort != "none":
            draft.ledger.approximate(place, f"the effort {effort} became a budget of thinking tokens")
        return _budget(BUDGET_OF.get(effort, BUDGET_OF["medium"]), place, draft)
    if effort == "none" and "none" in efforts:
        return {"thinkingBudget": 0}
    known = [word for word in efforts if word in LEVELS] or ["low", "high"]
    level = nearest(effort, known)
    if level != effort:
        draft.ledger.approximate(place, f"the effort {effort} became the level {level}: the model knows no such one")
    return {"thinkingLevel": level.upper()}


def _budget(tokens: int, place: str, draft: Draft) -> dict[str, Any]:
    """A budget within what the model takes; -1 lets it decide."""
    if draft.dialect.budgets is None or tokens < 0:
        return {"thinkingBudget": tokens}
    least, most = draft.dialect.budgets
    taken = min(max(tokens, least), most)
    if taken != tokens:
        draft.ledger.approximate(place, f"the model thinks with {least} to {most} tokens")
    return {"thinkingBudget": taken}
