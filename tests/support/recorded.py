"""Recorded exchanges, and what a caller of any format must hear of their answers.

What must be kept is read from the case's `expect.json`, which was made by a parser that is not ours. The tables say
how each format spells it; none of them knows the translation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from .heard import Call, Heard, decoded

Json = dict[str, Any]

SURFACES: Mapping[str, str] = {
    "openai-chat": "chat",
    "openai-responses": "responses",
    "anthropic-messages": "messages",
    "gemini-generateContent": "gemini",
}

# What an end means, by the provider's words; a call of a tool makes `tools` of an ordinary end.
_MEANINGS: Mapping[str, str] = {
    **dict.fromkeys(("stop", "eos", "completed", "end_turn", "STOP"), "end"),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "tools"),
    **dict.fromkeys(("length", "max_output_tokens", "max_tokens", "MAX_TOKENS"), "length"),
    **dict.fromkeys(("content_filter", "SAFETY", "RECITATION", "block:MODEL_ARMOR"), "filter"),
    "stop_sequence": "sequence",
    "refusal": "refusal",
    "failed": "error",
    "queued": "queued",
}
# Meaning → the words by which a caller of each format may hear of it.
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "end": {"chat": ("stop",), "responses": ("completed",), "messages": ("end_turn",), "gemini": ("STOP",)},
    "sequence": {"chat": ("stop",), "responses": ("completed",), "messages": ("stop_sequence",), "gemini": ("STOP",)},
    "tools": {"chat": ("tool_calls",), "responses": ("completed",), "messages": ("tool_use",), "gemini": ("STOP",)},
    "length": {
        "chat": ("length",),
        "responses": ("incomplete/max_output_tokens",),
        "messages": ("max_tokens",),
        "gemini": ("MAX_TOKENS",),
    },
    "filter": {
        "chat": ("content_filter",),
        "responses": ("incomplete/content_filter",),
        "messages": ("refusal",),
        "gemini": ("SAFETY", "RECITATION", "PROHIBITED_CONTENT", "block:MODEL_ARMOR"),
    },
    "refusal": {
        "chat": ("content_filter", "stop"),
        "responses": ("completed", "incomplete/content_filter"),
        "messages": ("refusal",),
        "gemini": ("SAFETY", "PROHIBITED_CONTENT"),
    },
}
# Formats whose answers have one candidate.
SINGLE = ("responses", "messages")


@attrs.frozen(eq=False)
class Recorded:
    """One recorded exchange of a conversation format."""

    name: str
    provider: str
    format: str
    status: int
    stream: bool
    request: bytes
    answer: bytes
    expect: Json
    features: frozenset[str]
    origin: str

    @property
    def failed(self) -> bool:
        """Whether the answer is an error from its beginning: a status, not an event."""
        return self.status >= 400


def load(corpus: Path) -> list[Recorded]:
    """All cases of the four formats."""
    index = json.loads((corpus / "index.json").read_text())["cases"]
    return [_case(corpus / entry["case"], entry) for entry in index if entry["surface"] in SURFACES]


def _case(folder: Path, entry: Json) -> Recorded:
    meta = json.loads((folder / "meta.json").read_text())
    return Recorded(
        name=entry["case"].rsplit("/", 1)[1],
        provider=entry["provider"],
        format=SURFACES[entry["surface"]],
        status=entry["status"],
        stream=entry["sse"],
        request=(folder / "request.json").read_bytes(),
        answer=(folder / meta["response"]["file"]).read_bytes(),
        expect=json.loads((folder / "expect.json").read_text()),
        features=frozenset(entry["features"]),
        origin=entry["req"],
    )


def _texts(said: Any) -> dict[int, str]:
    if said is None:
        return {}
    return dict(enumerate(said)) if isinstance(said, list) else {0: said}


def _calls(expect: Json) -> list[Call]:
    said = expect.get("tool_calls", [])
    found = [Call(call["id"], call["name"], _arguments(call["arguments"])) for call in said]
    legacy = expect.get("legacy_function_call")
    return [*found, Call(None, legacy["name"], _arguments(legacy["arguments"]))] if legacy else found


def _arguments(said: Any) -> Any:
    if isinstance(said, dict) and list(said) == ["__unparsed__"]:
        return said["__unparsed__"]
    return decoded(said)


def meanings(case: Recorded) -> list[str]:
    """What the ends of the candidates mean."""
    words = case.expect.get("finish", [])
    found = [_MEANINGS[word] for word in words if word != "incomplete"]
    if _calls(case.expect):
        found[:1] = ["tools" if found[:1] == ["end"] else found[0]] if found else []
    return found


def _sum(*values: Any) -> int:
    return sum(value or 0 for value in values)


def used(case: Recorded) -> dict[str, int] | None:
    """The tokens of an answer, all that went in and all that came out, by the documentation of the provider's API."""
    said: Json = {}
    for usage in case.expect.get("usage", ()):
        usage = usage.get("x_groq", usage)
        said |= {name: value for name, value in usage.items() if value is not None}
    if not any(isinstance(value, int) for value in said.values()):
        return None
    return {"messages": _messages, "gemini": _gemini, "chat": _openai, "responses": _openai}[case.format](said)


def _messages(said: Json) -> dict[str, int]:
    read, write = said.get("cache_read_input_tokens", 0), said.get("cache_creation_input_tokens", 0)
    reasoning = (said.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    into, out = said["input_tokens"] + read + write, said["output_tokens"]
    # What a compaction took is billed, and stands in none of the figures beside it.
    for step in said.get("iterations") or ():
        if step["type"] == "compaction":
            into, out = into + step["input_tokens"], out + step["output_tokens"]
    return {"input": into, "output": out, "cache_read": read, "cache_write": write, "reasoning": reasoning}


def _gemini(said: Json) -> dict[str, int]:
    thoughts = said.get("thoughtsTokenCount", 0)
    return {
        "input": _sum(said.get("promptTokenCount"), said.get("toolUsePromptTokenCount")),
        "output": _sum(said.get("candidatesTokenCount"), thoughts),
        "cache_read": said.get("cachedContentTokenCount", 0),
        "cache_write": 0,
        "reasoning": thoughts,
    }


def _openai(said: Json) -> dict[str, int]:
    """Some servers leave reasoning out of the completion; the total or the reasoning itself shows."""
    into = said.get("prompt_tokens_details") or said.get("input_tokens_details") or {}
    out = said.get("completion_tokens_details") or said.get("output_tokens_details") or {}
    prompt = said["prompt_tokens"] if "prompt_tokens" in said else said["input_tokens"]
    completion = said["completion_tokens"] if "completion_tokens" in said else said.get("output_tokens", 0)
    reasoning = out.get("reasoning_tokens") or said.get("reasoning_tokens") or 0
    outside = said.get("total_tokens", 0) - prompt - completion
    if reasoning > completion and outside <= 0:
        outside = reasoning
    names = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
    return {
        "input": prompt,
        "output": completion + max(outside, 0),
        "cache_read": max([into.get("cached_tokens") or 0, *(said.get(name) or 0 for name in names)]),
        "cache_write": _sum(into.get("cache_write_tokens") or said.get("cache_creation_input_tokens")),
        "reasoning": reasoning or max(outside, 0),
    }


def _squeezed(texts: dict[int, str]) -> dict[int, str]:
    """Texts without white space: paragraphs of a summary are joined by one format or another differently."""
    without = {at: "".join(text.split()) for at, text in texts.items()}
    return {at: text for at, text in without.items() if text}


def differences(case: Recorded, caller: str, heard: Heard) -> list[str]:
    """What a caller of a format did not hear as the recorded answer says it."""
    expect = case.expect
    # expect.json knows nothing of reasoning that stands only in `reasoning_details`.
    apart = b"reasoning_details" in case.answer
    found = [*_content(expect, caller, heard, apart), *_ends(case, caller, heard)]
    for member in ("id", "model"):
        if expect.get(member) and getattr(heard, member) != expect[member]:
            found.append(f"{member} {getattr(heard, member)!r} instead of {expect[member]!r}")
    want = used(case)
    if want is not None and caller == "gemini":
        want["cache_write"] = 0  # it has no word for them; they are part of the prompt all the same
    if want is not None and heard.usage != want:
        found.append(f"usage {heard.usage} instead of {want}")
    return found


def _content(expect: Json, caller: str, heard: Heard, told_apart: bool) -> list[str]:
    found = []
    texts, thoughts = _texts(expect.get("text")), _texts(expect.get("reasoning"))
    if not thoughts and told_apart:
        thoughts = heard.thoughts
    refusal = expect.get("refusal")
    said = dict(heard.texts)
    if refusal and caller in ("messages", "gemini"):
        texts[0] = texts.get(0, "") + refusal  # these formats have no other place for it
    elif (refusal or "") != heard.refusals.get(0, ""):
        found.append(f"refusal {heard.refusals} instead of {refusal!r}")
    if caller in SINGLE:
        texts, thoughts = ({0: kept[0]} if kept.get(0) else {} for kept in (texts, thoughts))
    if {at: text for at, text in said.items() if text} != {at: text for at, text in texts.items() if text}:
        found.append(f"text {said!r:.200} instead of {texts!r:.200}")
    if _squeezed(heard.thoughts) != _squeezed(thoughts):
        found.append(f"reasoning {heard.thoughts!r:.200} instead of {thoughts!r:.200}")
    return [*found, *_tools(_calls(expect), heard.calls.get(0, []), caller)]


def _as_object(arguments: Any) -> Any:
    """How free text, or JSON that was cut, is put into formats whose arguments are objects."""
    return next(iter(arguments.values())) if isinstance(arguments, dict) and set(arguments) in _WRAPS else arguments


_WRAPS = ({"input"}, {"INVALID_JSON"})


def _tools(want: list[Call], got: list[Call], caller: str) -> list[str]:
    free = any(isinstance(call.arguments, str) for call in want) and caller in ("messages", "gemini")
    said = [(call.name, _as_object(call.arguments) if free else call.arguments) for call in got]
    if [(call.name, call.arguments) for call in want] != said:
        return [f"calls {got} instead of {want}"]
    pairs = zip(got, want, strict=True)
    found = [f"id {left.id} instead of {right.id}" for left, right in pairs if right.id and left.id != right.id]
    if len({call.id for call in got}) != len(got) and caller != "gemini":
        found.append(f"the same id twice: {got}")
    return found


def _ends(case: Recorded, caller: str, heard: Heard) -> list[str]:
    want = [WORDS[meaning][caller] if meaning in WORDS else () for meaning in meanings(case)]
    if want and case.expect.get("refusal"):
        want[0] += WORDS["refusal"][caller]
    if not case.expect.get("finish"):
        want = [(*WORDS["end"][caller], "OTHER")]  # a proper end without a word for it
    if caller in SINGLE:
        want = want[:1]
    got = [heard.stops[at] for at in sorted(heard.stops)]
    if len(got) != len(want) or any(word not in words for word, words in zip(got, want, strict=True)):
        return [f"stops {got} instead of {want} ({case.expect.get('finish')})"]
    return [] if heard.ended else ["no end"]
