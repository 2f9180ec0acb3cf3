"""Strategies for conversations, answers and streams in the neutral form, by what a format can carry.

A `Means` says what a format's requests and answers can say without any loss: what `conversations` and `answers` make
of it, the format's own reader must give back when its own writer has written it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import attrs
import msgspec
from hypothesis import strategies as st

from aigw.wire.neutral import (
    Answer,
    AnyTool,
    CacheMark,
    Candidate,
    Citation,
    Conversation,
    CustomTool,
    Logprob,
    Media,
    Part,
    Refusal,
    Role,
    ServerToolCall,
    Settings,
    Source,
    Stop,
    StopReason,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    WebSearch,
)
from aigw.wire.shapes import Usage

Parts = st.SearchStrategy[Part]

# -- small things -----------------------------------------------------------------------------------------------------

_CHARS = st.sampled_from('ab \n"\\{}<:é€\u2028\U0001f600')
texts = st.text(_CHARS, min_size=1, max_size=8)
names = st.from_regex(r"[a-z][a-z0-9_]{0,7}", fullmatch=True)
base64_ = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
urls = names.map(lambda name: f"https://example.org/{name}")
_LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | texts
values = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2))
objects = st.dictionaries(names, values, max_size=2)
arguments = objects.map(json.dumps)
compact = objects.map(lambda value: msgspec.json.encode(value).decode())

SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"q": {"type": "string", "description": "what"}}, "required": ["q"]},
    {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "integer"}},
            "b": {"type": "string", "enum": ["x", "y"]},
            "c": {"type": "object", "properties": {"d": {"type": "number"}}},
        },
    },
]
schemas = st.sampled_from(SCHEMAS)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """None or one of these."""
    return st.none() | strategy


def media(kind: str, *sources: st.SearchStrategy[Source], **more: st.SearchStrategy[Any]) -> Parts:
    """Media of a kind from one of these sources."""
    return st.builds(Media, kind=st.just(kind), source=st.one_of(*sources), **more)


def data(*types: str) -> st.SearchStrategy[Source]:
    """Base64 of one of these media types."""
    return st.builds(Source, data=base64_, media_type=st.sampled_from(types))


def linked(*types: str) -> st.SearchStrategy[Source]:
    """A URL, with one of these media types if any are given."""
    return st.builds(Source, url=urls, media_type=st.sampled_from(types) if types else st.none())


stored = st.builds(Source, file_id=names.map(lambda name: f"file-{name}"))
inline = st.builds(Source, text=texts, media_type=st.just("text/plain"))

plain_texts: Parts = st.builds(Text, text=texts)
refusals: Parts = st.builds(Refusal, text=texts)
linked_citations = st.lists(
    st.builds(Citation, kind=st.just("url"), url=urls, title=names, start=st.just(0), end=st.just(1)),
    min_size=1,
    max_size=2,
    unique_by=lambda citation: citation.url,
)
caches = maybe(st.sampled_from([CacheMark(), CacheMark("5m"), CacheMark("1h")]))


# -- what a format can say --------------------------------------------------------------------------------------------


_SAID = st.lists(plain_texts, max_size=1)
_RETURNED = st.lists(plain_texts, min_size=1, max_size=2)
_TOOLS: st.SearchStrategy[AnyTool] = st.builds(Tool, name=names, description=maybe(texts), parameters=schemas)
_NO_PARTS: st.SearchStrategy[list[Part]] = st.just([])
_USAGES = st.just(Usage(1, 1))


@attrs.frozen(kw_only=True)
class Means:
    """What a format can say without loss.

    Of requests: `instructions` are the roles before the first user's turn; `named` turns may have a name; `shown` are
    the parts of a user's turn, `said` those of an assistant's before its calls, `returned` those of a tool's result;
    `calls` makes a call of an id, `results` what a result has besides; `custom` tools take text; `tools`, `settings`.

    Of answers: `answered` makes the parts of a candidate in an order that the format keeps; `many` candidates;
    `stops`; `usages`; whether it is `dated`.
    """

    format: str
    instructions: tuple[Role, ...] = ("system",)
    named: bool = False
    shown: Parts = plain_texts
    said: st.SearchStrategy[list[Part]] = _SAID
    returned: st.SearchStrategy[list[Part]] = _RETURNED
    arguments: st.SearchStrategy[str] = arguments
    results: Mapping[str, st.SearchStrategy[Any]] = attrs.field(factory=dict)
    custom: bool = False
    tools: st.SearchStrategy[AnyTool] = _TOOLS
    settings: Mapping[str, st.SearchStrategy[Any]] = attrs.field(factory=dict)
    always: tuple[str, ...] = ()
    answered: st.SearchStrategy[list[Part]] = _NO_PARTS
    many: bool = False
    stops: tuple[StopReason, ...] = ("end", "length")
    usages: st.SearchStrategy[Usage] = _USAGES
    dated: bool = True


tokens = st.integers(0, 1000)
fractions = st.sampled_from([0, 0.25, 0.5, 1])


@st.composite
def usages_of(draw: st.DrawFn, *members: str) -> Usage:
    """Figures that are parts of each other as they should be; of the named members, any may be missing."""
    said = {name: draw(tokens) for name in members if draw(st.booleans())}
    within = [said.get("cache_read_tokens", 0), said.get("cache_write_tokens", 0), said.get("input_audio_tokens", 0)]
    if "cache_write_1h_tokens" in said:
        said["cache_write_tokens"] = max(said.get("cache_write_tokens", 0), said["cache_write_1h_tokens"])
        within[1] = said["cache_write_tokens"]
    output = draw(st.integers(1, 9)) + said.get("reasoning_tokens", 0) + said.get("output_audio_tokens", 0)
    return Usage(draw(st.integers(1, 9)) + sum(within), output, **said)  # type: ignore[arg-type]


thoughts = st.builds(Thinking, text=texts)


def signed(maker: str, **more: st.SearchStrategy[Any]) -> Parts:
    """Thoughts with a signature of a maker's."""
    return st.builds(Thinking, text=texts, signature=base64_, maker=st.just(maker), **more)


def calls(arguments_: st.SearchStrategy[str], prefix: str = "call_") -> Parts:
    """Calls of functions; their ids are made different by `distinct`."""
    return st.builds(ToolCall, id=st.just(prefix), name=names, arguments=arguments_)


def distinct(parts: list[Part], suffix: str = "") -> list[Part]:
    """The same parts with ids of calls that differ."""
    return [
        msgspec.structs.replace(part, id=f"{part.id}{suffix}{at}")
        if isinstance(part, ToolCall | ServerToolCall)
        else part
        for at, part in enumerate(parts)
    ]


def _likely(token: str, logprob: float, top: list[Logprob]) -> Logprob:
    return Logprob(token=token, logprob=logprob, bytes=list(token.encode()), top=top)


_logprobs = st.sampled_from([-0.5, 0.0, -12.25])
odds = st.builds(_likely, texts, _logprobs, st.lists(st.builds(_likely, texts, _logprobs, st.just([])), max_size=2))


def in_order(*strategies: st.SearchStrategy[list[Part]]) -> st.SearchStrategy[list[Part]]:
    """The parts of each, one after the other."""
    return st.tuples(*strategies).map(lambda lists: [part for each in lists for part in each])


def apart(parts: list[Part]) -> list[Part]:
    """Without texts and thoughts that follow one of their own kind: in a format that has no parts they are one."""
    kept: list[Part] = []
    for part in parts:
        if not kept or type(kept[-1]) is not type(part) or isinstance(part, ToolCall):
            kept.append(part)
    return kept


def some(strategy: Parts, most: int = 1, least: int = 0) -> st.SearchStrategy[list[Part]]:
    """A few of them."""
    return st.lists(strategy, min_size=least, max_size=most)


# -- conversations ----------------------------------------------------------------------------------------------------


@st.composite
def conversations(draw: st.DrawFn, means: Means) -> Conversation:
    """A conversation that every provider of the format takes and that the format carries whole."""
    turns = [_turn(draw, means, role, some(plain_texts, 2, 1)) for role in means.instructions if draw(st.booleans())]
    for at in range(draw(st.integers(1, 3))):
        turns.append(_turn(draw, means, "user", some(means.shown, 3, 1)))
        if draw(st.booleans()):
            turns += _episode(draw, means, at)
    if turns[-1].role == "assistant":
        turns.append(_turn(draw, means, "user", some(means.shown, 3, 1)))
    turns = [turn for at, turn in enumerate(turns) if turn.parts and (not at or turn.role != turns[at - 1].role)]
    tools = draw(st.lists(means.tools, max_size=3, unique_by=lambda tool: getattr(tool, "name", "")))
    tools += _called(turns, {getattr(tool, "name", "") for tool in tools})
    tools.sort(key=lambda tool: isinstance(tool, WebSearch))  # some formats say it elsewhere
    settings = _settings(draw, means, tools)
    stream = draw(st.booleans())
    places = {name: f"/{name}" for name in means.settings if getattr(settings, name) is not None}
    return Conversation(
        model="m", turns=turns, settings=settings, tools=tools, stream=stream, places=places, own_format=means.format
    )


def _turn(draw: st.DrawFn, means: Means, role: Role, parts: st.SearchStrategy[list[Part]]) -> Turn:
    name = draw(maybe(names)) if means.named and role != "tool" else None
    return Turn(role=role, parts=draw(parts), name=name)


def _episode(draw: st.DrawFn, means: Means, at: int) -> list[Turn]:
    """What an assistant says, and perhaps its calls with all their results."""
    said = _turn(draw, means, "assistant", means.said)
    made = distinct(draw(some(calls(means.arguments), 3)), f"{at}_")
    if means.custom:
        made = [
            msgspec.structs.replace(call, custom=True, arguments=draw(texts)) if draw(st.booleans()) else call
            for call in made
        ]
    said.parts = [*said.parts, *made]
    if not said.parts:
        said.parts = [Text(text="Yes.")]
    results: list[Part] = []
    for call in made:
        assert isinstance(call, ToolCall)
        more = {name: draw(strategy) for name, strategy in means.results.items()}
        parts = draw(means.returned)
        results.append(ToolResult(call_id=call.id, parts=parts, name=call.name, custom=call.custom, **more))
    return [said, Turn(role="tool", parts=results)] if results else [said]


def _called(turns: list[Turn], known: set[str]) -> list[AnyTool]:
    """The tools that are called and not yet among those that are there: callers declare what they let be called."""
    called = {part.name: part for turn in turns for part in turn.parts if isinstance(part, ToolCall)}
    return [
        CustomTool(name=name) if part.custom else Tool(name=name, parameters=SCHEMAS[0])
        for name, part in called.items()
        if name not in known
    ]


def _settings(draw: st.DrawFn, means: Means, tools: list[AnyTool]) -> Settings:
    said = {
        name: draw(strategy)
        for name, strategy in means.settings.items()
        if name in means.always or draw(st.integers(0, 3)) == 0
    }
    if "top_logprobs" in said:
        said["logprobs"] = True
    functions = [tool.name for tool in tools if isinstance(tool, Tool)]
    choice = said.get("tool_choice")
    if choice is not None and functions:
        if choice.mode == "tool":
            said["tool_choice"] = ToolChoice(mode="tool", name=draw(st.sampled_from(functions)))
        elif choice.allowed is not None:
            said["tool_choice"] = ToolChoice(mode=choice.mode, allowed=functions)
    if not functions:
        said = {name: value for name, value in said.items() if name not in ("tool_choice", "parallel_tools")}
    return Settings(**said)


# -- answers ----------------------------------------------------------------------------------------------------------


@st.composite
def answers(draw: st.DrawFn, means: Means) -> Answer:
    """An answer that the format carries whole."""
    candidates = [_candidate(draw, means, index) for index in range(draw(st.integers(1, 2)) if means.many else 1)]
    return Answer(
        candidates=candidates,
        id=draw(names.map(lambda name: f"id_{name}")),
        model=draw(names),
        created=1_700_000_000 if means.dated else None,
        usage=draw(maybe(means.usages)),
    )


def _candidate(draw: st.DrawFn, means: Means, index: int) -> Candidate:
    parts = distinct(draw(means.answered), f"{index}_")
    called = any(isinstance(part, ToolCall) for part in parts)
    reason: StopReason = "tools" if called else draw(st.sampled_from(means.stops))
    if reason == "end" and any(isinstance(part, Refusal) for part in parts):
        reason = "refusal"
    return Candidate(parts=parts, stop=Stop(reason=reason), index=index)


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Part], list[tuple[int, str]]]:
    """A text, perhaps, and up to five calls; and the order in which pieces of them come, as in OpenAI's chat.

    Calls begin one after the other; the text comes whenever it comes.
    """
    parts: list[Part] = [
        ToolCall(id=f"call_{at}", name=draw(names), arguments=draw(arguments)) for at in range(draw(st.integers(0, 5)))
    ]
    if not parts or draw(st.booleans()):
        parts.insert(0, Text(text=draw(texts)))
    rest = [_pieces(draw, part) for part in parts]
    order: list[tuple[int, str]] = []
    begun = 0 if isinstance(parts[0], ToolCall) else 1  # the next part that is a call and has not begun
    while any(rest):
        number = draw(st.sampled_from([at for at, pieces in enumerate(rest) if pieces and at <= begun]))
        begun = max(begun, number + 1)
        order.append((number, rest[number].pop(0)))
    return parts, order


def _pieces(draw: st.DrawFn, part: Part) -> list[str]:
    text: str = part.arguments if isinstance(part, ToolCall) else part.text  # type: ignore[attr-defined]
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[a:b] for a, b in pairwise([0, *cuts, len(text)]) if a < b]
