"""What the sandbox says: decided once, in no dialect, the same for a plain answer and for a stream."""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

import orjson
from attrs import field, frozen

from .faults import Faults
from .schema import sample

Mode = Literal["auto", "none", "any"]
Finish = Literal["stop", "length", "tool", "refusal", "stop_sequence"]

# Streams stay short enough to read in a log whatever the question's length, unless `events` says otherwise.
_MOST_PIECES = 64
_FRAGMENT_LETTERS = 9
# An image or a file counts as this many tokens of input: the low-detail price of an image at OpenAI.
_ATTACHMENT_TOKENS = 85
# What a padded answer leaves to the envelope around the text; the rest is made up with trailing spaces.
_ENVELOPE_BYTES = 4096
_ARGUMENT_LETTERS = 200
# A tool without a schema takes no arguments; they are an object all the same.
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object"}
_ASKS_FOR_TOOL = re.compile(r"\b(?:use|call) (?:the |a |your |both )?tools?\b|\bparallel\b", re.IGNORECASE)
_PARALLEL = re.compile(r"\b(?:parallel|both tools)\b", re.IGNORECASE)
_REFUSAL = "I cannot help with that."
# Letters of two, three and four bytes.
_FOREIGN = " Grüße 日本語 naïve 🙂 Ελληνικά"
# Keys whose strings are not prompt text: binary, opaque or structural.
_WEIGHTLESS = frozenset(
    {
        "type",
        "role",
        "id",
        "data",
        "url",
        "image_url",
        "file_data",
        "signature",
        "encrypted_content",
        "thoughtSignature",
        "thought_signature",
        "call_id",
        "tool_call_id",
        "tool_use_id",
        "extra_content",
        "media_type",
        "mimeType",
        "mime_type",
        "status",
        "format",
    }
)


@frozen
class Tool:
    """A function on offer: its name and the JSON Schema of its arguments."""

    name: str
    schema: Mapping[str, Any] = field(factory=dict)


@frozen
class Toolbox:
    """The tools on offer, whether one must be called, and which ones may be."""

    offered: tuple[Tool, ...] = ()
    mode: Mode = "auto"
    only: frozenset[str] = frozenset()
    parallel: bool = True


@frozen
class Limits:
    """Where the caller wants the answer to stop: output tokens, and texts that end it."""

    tokens: int | None = None
    stops: tuple[str, ...] = ()


@frozen
class Ask:
    """A question in no dialect.

    `text` is the last user text, `weight` the letters of the whole prompt, `results` the tool results it ends
    with, `schema` what a structured answer must satisfy (empty: any object).
    """

    text: str
    weight: int
    images: int = 0
    files: int = 0
    toolbox: Toolbox = Toolbox()
    results: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    thinks: bool = False
    limits: Limits = Limits()


@frozen
class ToolCall:
    """A call the sandbox makes: the tool's name and its arguments as JSON text."""

    name: str
    arguments: str

    def fragments(self) -> list[str]:
        """The arguments as they are streamed: cut without regard for words or escapes."""
        return _fragments(self.arguments)


@frozen
class Usage:
    """Token counts: `input` with everything read from or written to a cache, `output` with reasoning."""

    input: int
    output: int
    reasoning: int = 0
    cached: int = 0
    cache_write: int = 0


@frozen
class Script:
    """One answer: thinking, text in pieces, calls, why it ends, and the stop sequence that ended it."""

    pieces: tuple[str, ...]
    usage: Usage
    finish: Finish = "stop"
    thinking: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    stop: str | None = None

    @property
    def text(self) -> str:
        """The visible text, whole."""
        return "".join(self.pieces)

    @property
    def thought(self) -> str:
        """The thinking, whole."""
        return "".join(self.thinking)


def write(ask: Ask, faults: Faults) -> Script:
    """Decide the answer to a question, with the faults that bend its length, its numbers or its goodwill."""
    thought = f"The user said: {ask.text[:_ARGUMENT_LETTERS]} I will answer." if ask.thinks else ""
    calls = () if faults.refusal else _calls(ask)
    text = "" if calls else _text(ask, faults)
    text, finish, stop = _ended(text, ask.limits, tokens(thought))
    if calls:
        finish = "tool"
    elif faults.refusal:
        finish = "refusal"
    spoken = tokens(text) + tokens(thought) + sum(tokens(call.arguments) for call in calls)
    return Script(
        pieces=_pieces(text, faults.events, structured=ask.schema is not None),
        usage=_usage(ask, faults, spoken, tokens(thought)),
        finish=finish,
        thinking=_pieces(thought, None),
        calls=calls,
        stop=stop,
    )


def tokens(text: str) -> int:
    """The sandbox's tokenizer: four letters a token, the last one begun counts."""
    return -(-len(text) // 4)


def weigh(value: Any) -> int:
    """The letters of all prompt text inside a JSON value; binary, ids and signatures weigh nothing."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(weigh, value))
    if isinstance(value, dict):
        return sum(weigh(inner) for key, inner in value.items() if key not in _WEIGHTLESS)
    return 0


def input_tokens(ask: Ask) -> int:
    """What the question counts for, at least one token."""
    return max(1, -(-ask.weight // 4)) + _ATTACHMENT_TOKENS * (ask.images + ask.files)


def _calls(ask: Ask) -> tuple[ToolCall, ...]:
    return tuple(
        ToolCall(
            tool.name,
            orjson.dumps(sample(tool.schema or _NO_ARGUMENTS, ask.text[:_ARGUMENT_LETTERS])).decode(),
        )
        for tool in _chosen(ask)
    )


def _chosen(ask: Ask) -> list[Tool]:
    """Which tools are called.

    None: when results have just come back, when none may be, when none is asked for. The named ones: when the
    text names some. Two: when it says parallel. Otherwise the first.
    """
    box = ask.toolbox
    allowed = [tool for tool in box.offered if not box.only or tool.name in box.only]
    if ask.results or box.mode == "none" or not allowed:
        return []
    chosen = [tool for tool in allowed if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", ask.text)]
    if not chosen and (box.mode == "any" or _ASKS_FOR_TOOL.search(ask.text)):
        chosen = allowed[:1]
    if chosen and _PARALLEL.search(ask.text) and len(chosen) == 1:
        chosen = allowed[:2] if len(allowed) > 1 else chosen * 2
    return chosen if box.parallel else chosen[:1]


def _text(ask: Ask, faults: Faults) -> str:
    if faults.refusal:
        return _REFUSAL
    if ask.schema is not None:
        value = sample(ask.schema, ask.text) if ask.schema else {"answer": ask.text}
        return orjson.dumps(value).decode()
    parts = []
    if ask.images:
        parts.append(f"I see {ask.images} image(s).")
    if ask.files:
        parts.append(f"I read {ask.files} file(s).")
    if ask.results:
        parts.append("The tool answered: " + "; ".join(ask.results))
    elif ask.text:
        parts.append("You said: " + ask.text)
    text = " ".join(parts) or "Hello from the sandbox."
    if faults.foreign or faults.half_letter:
        text += _FOREIGN
    return _longer(text, faults)


def _longer(text: str, faults: Faults) -> str:
    """The text with filler words: up to `words` words, up to `events` pieces, up to about `size` bytes."""
    words = len(text.split())
    wanted = max(faults.words or 0, faults.events or 0)
    if wanted > words:
        text += "".join(f" word{number}" for number in range(words + 1, wanted + 1))
    missing = (faults.size or 0) - _ENVELOPE_BYTES - len(text.encode())
    return text + " filler" * (missing // 7) if missing > 0 else text


def _ended(text: str, limits: Limits, spent: int) -> tuple[str, Finish, str | None]:
    """The text cut at the caller's first stop sequence and at the output limit."""
    places = [(text.find(stop), stop) for stop in limits.stops if stop and stop in text]
    stop = None
    if places:
        place, stop = min(places)
        text = text[:place]
    if limits.tokens is not None and spent + tokens(text) > limits.tokens:
        return text[: 4 * max(0, limits.tokens - spent)], "length", None
    return text, "stop_sequence" if stop else "stop", stop


def _pieces(text: str, wanted: int | None, *, structured: bool = False) -> tuple[str, ...]:
    """The text as deltas: exactly `wanted` when given, else about a word each."""
    words = _fragments(text) if structured else re.findall(r"\s*\S+|\s+$", text)
    most = _MOST_PIECES if wanted is None else wanted
    if wanted is not None and len(words) < wanted:
        words = list(text)
    if len(words) <= most or most == 0:
        return tuple(words) if most else ()
    edges = [len(words) * number // most for number in range(most + 1)]
    return tuple("".join(words[low:high]) for low, high in pairwise(edges))


def _fragments(text: str) -> list[str]:
    step = max(_FRAGMENT_LETTERS, -(-len(text) // _MOST_PIECES))
    return [text[start : start + step] for start in range(0, len(text), step)]


def _usage(ask: Ask, faults: Faults, spoken: int, reasoning: int) -> Usage:
    read = input_tokens(ask) if faults.input_tokens is None else faults.input_tokens
    cached = min(read, faults.cached or 0)
    return Usage(
        input=read,
        output=spoken if faults.output_tokens is None else faults.output_tokens,
        reasoning=reasoning if faults.output_tokens is None else min(reasoning, faults.output_tokens),
        cached=cached,
        cache_write=min(read - cached, faults.cache_write or 0),
    )
